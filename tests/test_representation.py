"""Hidden states are pooled over the program alone; what is measured of them is what written-out examples say."""

from __future__ import annotations

import csv
import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from transfer_eval.cli import group
from transfer_eval.errors import UserError
from transfer_eval.language import find
from transfer_eval.training.representation import analysis, geometry
from transfer_eval.training.representation.programs import Parallel, parallel
from transfer_eval.training.representation.projection import project

SUITE = "generated:test:depth=2-3:count=16"
NAMES = ("python", "lua", "ruby")


def functions(problems: int, languages: int = 3, noise: float = 0.0, seed: int = 0) -> geometry.Array:
    """A random direction for each function, the same in all languages up to noise."""
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((1, problems, 64))
    return shared + noise * rng.standard_normal((languages, problems, 64))


def found(vectors: geometry.Array) -> tuple[float, float]:
    """Top-1 and MRR over all pairs of languages."""
    both = geometry.retrieval(geometry.cosines(vectors))
    top1, mrr = (float(geometry.between_languages(by_pair).mean()) for by_pair in both)
    return top1, mrr


def test_cosines_are_those_one_works_out_by_hand() -> None:
    cosine = geometry.cosines(np.array([[[1.0, 0.0], [3.0, 4.0]], [[0.0, 2.0], [0.0, 0.0]]]))
    assert cosine[0, 0, 0, 1] == pytest.approx(0.6)
    assert cosine[0, 1, 1, 0] == pytest.approx(0.8)
    assert cosine[0, 0, 0, 0] == pytest.approx(1)
    assert not cosine[1, 1].any()  # a vector of zeros


def test_ranks_are_those_one_works_out_by_hand() -> None:
    by_pair = np.zeros((2, 3, 2, 3))
    by_pair[0, :, 1] = [[0.9, 0.1, 0.2], [0.8, 0.5, 0.9], [0.3, 0.7, 0.7]]  # ranks 1, 3, and first or second
    top1, mrr = geometry.retrieval(by_pair)
    assert top1[0, 1] == pytest.approx([1, 0, 1 / 2])
    assert mrr[0, 1] == pytest.approx([1, 1 / 3, (1 + 1 / 2) / 2])


def test_means_of_pairs_are_those_one_works_out_by_hand() -> None:
    vectors = np.array([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 1.0]]])
    cosine, half = geometry.cosines(vectors), 0.5**0.5
    once = np.ones((1, 2))
    assert geometry.equivalent(cosine) == pytest.approx([1, half])
    assert geometry.mean_of_pairs(geometry.same_language(cosine), once) == pytest.approx([(0 + half) / 2])
    assert geometry.mean_of_pairs(geometry.random_pairs(cosine), once) == pytest.approx([(half + 0) / 2])
    twice = np.array([[2.0, 1.0, 0.0]])  # pairs of a problem with itself are left out
    values = np.array([[9.0, 1.0, 5.0], [3.0, 9.0, 5.0], [5.0, 5.0, 9.0]])
    assert geometry.mean_of_pairs(values, twice) == pytest.approx([2])


def test_shares_of_problems_have_the_mean_of_pairs_and_vary_as_it_does() -> None:
    cosine = geometry.cosines(np.random.default_rng(2).standard_normal((3, 40, 4)) + 0.5)
    for pairs in (geometry.same_language(cosine), geometry.random_pairs(cosine)):
        shares = geometry.shares_of_problems(pairs)
        means = geometry.mean_of_pairs(pairs, geometry.draws(40))
        assert shares.mean() == pytest.approx(means[0])
        assert shares.std() / 40**0.5 == pytest.approx(means[1:].std(), rel=0.1)


def test_equivalents_in_one_place_are_all_found() -> None:
    assert found(functions(20)) == pytest.approx((1, 1))


def test_random_vectors_are_found_by_chance() -> None:
    many = [found(np.random.default_rng(seed).standard_normal((3, 40, 16))) for seed in range(20)]
    assert np.mean(many, axis=0) == pytest.approx(geometry.chance(40), rel=0.2)


def test_vectors_all_alike_are_found_by_chance_and_no_better() -> None:
    assert found(np.ones((3, 12, 4))) == pytest.approx(geometry.chance(12))
    assert geometry.chance(4) == pytest.approx((1 / 4, (1 + 1 / 2 + 1 / 3 + 1 / 4) / 4))


def offset(vectors: geometry.Array, size: float) -> geometry.Array:
    """Each language moved by a vector of its own."""
    moves = np.random.default_rng(7).standard_normal((len(vectors), 1, vectors.shape[-1]))
    return vectors + size * moves


def test_a_language_apart_hurts_raw_retrieval_and_not_centred() -> None:
    vectors = functions(60, noise=0.8)
    moved = offset(vectors, 8.0)
    before, _ = found(geometry.centred(vectors))
    assert found(moved)[0] < found(vectors)[0] - 0.1
    assert found(geometry.centred(moved))[0] == pytest.approx(before)


def test_silhouettes_tell_functions_from_languages() -> None:
    by_function, by_language = map(np.mean, geometry.silhouettes(geometry.cosines(functions(20, noise=0.1))))
    assert by_function > 0.9
    assert by_language < 0
    apart = offset(functions(20, noise=1.0), 20.0)
    by_function, by_language = map(np.mean, geometry.silhouettes(geometry.cosines(apart)))
    assert by_function < 0
    assert by_language > 0.5


def test_silhouettes_are_the_definition() -> None:
    vectors = np.array([[[1.0, 0.0], [0.6, 0.8]], [[0.8, 0.6], [0.0, 1.0]]])  # two languages, two functions
    d = 1 - np.array([[1, 0.6, 0.8, 0], [0.6, 1, 0.96, 0.8], [0.8, 0.96, 1, 0.6], [0, 0.8, 0.6, 1]])
    own, other = d[0, 2], (d[0, 1] + d[0, 3]) / 2  # the first function's programs are 0 and 2
    first = (other - own) / max(own, other)
    own, other = d[2, 0], (d[2, 1] + d[2, 3]) / 2
    second = (other - own) / max(own, other)
    by_function, _ = geometry.silhouettes(geometry.cosines(vectors))
    assert by_function[0] == pytest.approx((first + second) / 2)


def test_intervals_are_the_bootstraps_and_hold_the_value() -> None:
    values = np.random.default_rng(1).standard_normal(100)
    value, low, high = geometry.interval(geometry.mean_of_problems(values, geometry.draws(100)))
    assert value == pytest.approx(values.mean())
    half = 1.96 * values.std() / 10
    assert (low, high) == pytest.approx((value - half, value + half), abs=0.15 * half)
    again = geometry.interval(geometry.mean_of_problems(values, geometry.draws(100)))
    assert again == (value, low, high)


def problems_of(count: int) -> Parallel:
    names = tuple(f"function {number}" for number in range(count))
    return Parallel("made up", NAMES, names, (("",) * count,) * 3, (("",) * count,) * 3, {})


def test_rows_are_of_every_layer_pair_and_checkpoint() -> None:
    bad, good = (functions(20, noise=noise)[None].repeat(2, axis=0).astype(np.float32) for noise in (3.0, 0.1))
    rows = analysis.analyse(problems_of(20), {"before": bad, "after": good})
    levels = [row for row in rows if not row.against]
    assert len(levels) == 2 * 2 * 2 * (2 * (1 + 6) + 7)  # checkpoints, layers, spaces; retrieval by pairs, the rest
    assert all(row.low <= row.value <= row.high for row in rows)
    (change,) = [
        row for row in rows if (row.against, row.layer, row.space, row.measure) == ("before", 1, "raw", analysis.TOP1)
    ]
    one, other = (analysis.curve(rows, model, "raw", analysis.TOP1)[1] for model in ("before", "after"))
    assert change.value == pytest.approx(other.value - one.value)
    assert change.low > 0.3
    assert one.chance == pytest.approx(1 / 20)
    assert analysis.best_layer(rows, "after") == 1  # the only one above the embeddings
    with pytest.raises(UserError, match="finite"):
        analysis.analyse(problems_of(20), {"broken": bad * np.nan})


def test_the_programs_say_in_no_word_what_they_do() -> None:
    languages = [find(name) for name in NAMES]
    bare, told = parallel(SUITE, languages), parallel(SUITE, languages, described=True)
    assert bare.problems == told.problems
    assert bare.bodies == told.bodies
    assert len(bare.problems) == len(bare.bodies[0]) == 16
    for named, without, described in zip(NAMES, bare.heads, told.heads, strict=True):
        before = {re.split(r"\bf\b", head)[0] for head in without}  # what stands before the function's name
        assert len(before) <= 2, named  # with and without an import, and no more
        assert all(len(one) < len(other) for one, other in zip(without, described, strict=True))


@pytest.mark.parametrize(
    ("suite", "langs", "said"),
    [
        ("humaneval", NAMES, "right programs"),
        (SUITE, ("lua",), "two"),
        (SUITE, ("python", "c"), "no dialect"),
        ("generated:test:count=4", NAMES, "4 problems"),
    ],
)
def test_what_cannot_be_compared_is_refused(suite: str, langs: tuple[str, ...], said: str) -> None:
    with pytest.raises(UserError, match=said):
        parallel(suite, [find(name) for name in langs])


def test_a_projection_keeps_what_is_flat() -> None:
    flat = np.random.default_rng(0).standard_normal((2, 15, 2))
    turned = flat @ np.linalg.qr(np.random.default_rng(1).standard_normal((5, 5)))[0][:2]
    projection = project(turned)
    assert projection.points.shape == (2, 15, 2)

    def distances(points: Any) -> Any:
        rows = points.reshape(30, 2)
        return np.linalg.norm(rows[:, None] - rows[None], axis=-1)

    assert distances(projection.points) == pytest.approx(distances(flat))
    assert project(turned, "tsne").points == pytest.approx(project(turned, "tsne").points)


@pytest.mark.parametrize(
    ("method", "library", "line"),
    [
        ("umap", "umap", "pip install umap-learn"),
        ("tsne", "sklearn.manifold", r"pip install 'transfer-eval\[report\]'"),
    ],
)
def test_a_missing_library_is_said_with_its_line(
    method: str, library: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UserError, match=line):
        project(functions(12), method)


@pytest.fixture(scope="module")
def network() -> tuple[Any, Any]:
    pytest.importorskip("torch", reason="the extra [train] is not installed")
    from transfer_eval.training import model
    from transfer_eval.training.settings import NewModel

    texts = [body for of in parallel(SUITE, [find(name) for name in NAMES]).bodies for body in of]
    new = NewModel(hidden=32, layers=2, heads=2, intermediate=64, vocabulary=400, context=256)
    return model.create(new, texts, seed=3)


PROGRAMS = ("a = 1\n", "def f(xs):\n    return sorted(xs)[::-1]\n", "x", "local function f(k)\n    return k * k\nend\n")


def test_pooling_is_the_mean_of_the_programs_own_tokens(network: tuple[Any, Any]) -> None:
    import torch

    from transfer_eval.training.representation.states import states

    model, tokenizer = network
    pooled = states(model, tokenizer, PROGRAMS)
    assert pooled.shape == (3, len(PROGRAMS), 32)
    assert pooled.dtype == np.float32
    for number, program in enumerate(PROGRAMS):
        with torch.no_grad():  # alone, without padding, through the whole model
            outputs = model(torch.tensor([tokenizer(program)["input_ids"]]), output_hidden_states=True)
        for layer, hidden in enumerate(outputs.hidden_states):
            assert pooled[layer, number] == pytest.approx(hidden[0].mean(dim=0).numpy(), abs=1e-5)


@pytest.mark.parametrize("batch", [1, 3])
def test_batches_change_nothing(network: tuple[Any, Any], batch: int) -> None:
    from transfer_eval.training.representation.states import states

    whole = states(*network, PROGRAMS)
    assert states(*network, PROGRAMS, batch=batch) == pytest.approx(whole, abs=1e-5)
    assert states(*network, PROGRAMS[::-1], batch=batch)[:, ::-1] == pytest.approx(whole, abs=1e-5)


class Beginning:
    """A tokenizer that puts a token before each text unless told not to, as Llama's does."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer

    def __call__(self, text: str, add_special_tokens: bool = True) -> Mapping[str, list[int]]:
        ids = self.tokenizer(text)["input_ids"]
        return {"input_ids": [0, *ids] if add_special_tokens else ids}


@pytest.mark.parametrize("before", ["added", "given"])
def test_what_stands_before_is_seen_and_not_counted(network: tuple[Any, Any], before: str) -> None:
    from transfer_eval.training.representation.states import states

    model, tokenizer = network
    without = states(model, tokenizer, PROGRAMS)
    if before == "added":
        with_it = states(model, Beginning(tokenizer), PROGRAMS)
    else:
        with_it = states(model, tokenizer, PROGRAMS, ["def f(k):\n", "x", "", "function"])
    assert with_it[0] == pytest.approx(without[0], abs=1e-6)  # the bags of tokens are the same
    assert np.abs(with_it[1, 0] - without[1, 0]).max() > 1e-3  # and each token saw the ones before


def test_what_does_not_fit_is_refused(network: tuple[Any, Any]) -> None:
    from transfer_eval.training.representation.states import states

    with pytest.raises(UserError, match="256"):
        states(*network, ["x" * 4000])
    with pytest.raises(UserError, match="without a token"):
        states(*network, [""])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_command_writes_tables_and_pictures(network: tuple[Any, Any], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra [report] is not installed")
    import torch

    from transfer_eval.training import model

    start, tokenizer = network
    for name, scale in (("one", 1.0), ("two", 0.5)):
        with torch.no_grad():
            start.get_input_embeddings().weight.mul_(scale)
        model.save(start, tokenizer, tmp_path / name)
    command = ["analyze", str(tmp_path / "one"), str(tmp_path / "two"), "--langs", ",".join(NAMES), "--suite", SUITE]
    out = tmp_path / "out"
    said = CliRunner().invoke(group, [*command, "--limit", "12", "--out", str(out)], catch_exceptions=False)
    assert said.exit_code == 0
    assert "chance: top-1 0.083" in said.output
    rows = list(csv.DictReader((out / "representation.csv").read_text().splitlines()))
    assert tuple(rows[0]) == analysis.COLUMNS
    assert {row["model"] for row in rows} == {"one", "two"}
    assert {row["layer"] for row in rows} == {"0", "1", "2"}
    facts = json.loads((out / "representation.json").read_text())
    assert facts["languages"] == list(NAMES)
    assert facts["checkpoints"] == {name: str(tmp_path / name) for name in ("one", "two")}
    assert len(facts["problems"]) == 12
    assert len(facts["rows"]) == len(rows)
    bags = [
        row["value"] for row in rows if (row["layer"], row["measure"], row["against"]) == ("0", "cosine_random", "")
    ]
    assert len(bags) == 4  # two checkpoints, raw and centred
    assert bags[:2] == bags[2:]  # a scale of all embeddings changes no cosine between them
    for name in ("layers", "projection", "projection-centred"):
        assert _inked(out / f"{name}.png") > 0.01
        drawn = ElementTree.parse(out / f"{name}.svg").getroot()
        assert len(list(drawn.iter("{http://www.w3.org/2000/svg}use"))) > 30
    before = (out / "representation.csv").read_bytes(), (out / "layers.svg").read_bytes()
    CliRunner().invoke(group, [*command, "--limit", "12", "--out", str(out)], catch_exceptions=False)
    assert ((out / "representation.csv").read_bytes(), (out / "layers.svg").read_bytes()) == before


def _inked(path: Path) -> float:
    """The share of a picture that is not white."""
    from matplotlib.image import imread

    return float((imread(path)[..., :3] < 0.9).any(axis=-1).mean())


def test_a_checkpoint_that_is_none_is_said_so(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the extra [train] is not installed")
    with pytest.raises(UserError, match=r"no config\.json"):
        CliRunner().invoke(
            group, ["analyze", str(tmp_path), "--langs", "python,lua", "--suite", SUITE], catch_exceptions=False
        )
