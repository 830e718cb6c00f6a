"""What training does to the latent space: measured once a stage, gathered, read strictly, and told with intervals."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.test_experiment import toy
from tests.test_experiment_page import HOSTILE, Reader
from tests.test_experiment_statistics import BEFORE, planted, write
from transfer_eval.errors import UserError
from transfer_eval.training.experiment import exams, hidden, latent, running, table
from transfer_eval.training.experiment.claims import CLAIMS
from transfer_eval.training.experiment.findings import Outcome, find
from transfer_eval.training.experiment.latent import Model
from transfer_eval.training.experiment.page import publish
from transfer_eval.training.experiment.preset import Experiment
from transfer_eval.training.experiment.results import read
from transfer_eval.training.experiment.stages import Stage, stages
from transfer_eval.training.experiment.tabulation import tables
from transfer_eval.training.experiment.transfer import analyse

pytest.importorskip("sklearn", reason="the [report] extra is not installed")
pytest.importorskip("scipy", reason="the [report] extra is not installed")

LANGUAGES, FUNCTIONS, SEEDS = ("python", "java", "go"), 12, 3
SUITE = "generated:test:depth=2:count=14:operations=add,subtract,multiply,square,absolute"


def seen(folder: Path, together: Mapping[str, float], chance: int = 0) -> Path:
    """Raw results whose equivalents are the nearer the larger ``together`` of the arm is."""
    write(folder, {("shared", "base"): BEFORE, **planted(parallel=0.2)}, seeds=SEEDS, problems=10)
    random = np.random.default_rng(chance)
    shared = random.standard_normal((1, FUNCTIONS, 16))
    measured: list[tuple[Any, ...]] = []
    projected: list[tuple[Any, ...]] = []
    with (folder / "outcomes.csv").open() as file:
        models = sorted({(row["arm"], row["stage"]) for row in csv.DictReader(file)})
    for arm, stage in models:
        for seed in range(SEEDS):
            place = (arm, stage, seed)
            for layer in (0, 1, 2):
                alone = random.standard_normal((len(LANGUAGES), FUNCTIONS, 16))
                vectors = together.get(arm, 0.5) * shared + alone
                measured += [(*place, *row) for row in hidden._measured(layer, vectors)]
            if seed == 0:
                projected += [(*place, *row) for row in hidden._projected(2, LANGUAGES, vectors)]
    (folder / latent.FILE).write_text(table.text(latent.COLUMNS, measured))
    (folder / latent.PROJECTION_FILE).write_text(table.text(latent.PROJECTION, projected))
    facts = json.loads((folder / "experiment.json").read_text())
    names = [HOSTILE, *(f"f{number}" for number in range(1, FUNCTIONS))]
    facts[latent.FACTS] = {"suite": "toy", "languages": LANGUAGES, "functions": names, "refused": {}}
    (folder / "experiment.json").write_text(json.dumps(facts))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seen(tmp_path_factory.mktemp("raw"), {"mono": 0.5, "multi": 0.5, "parallel": 2.0})


def outcomes(folder: Path) -> dict[tuple[str, str | None], Outcome]:
    found = find(analyse(read(folder)))
    return {(of.claim.measure, of.claim.against): of.outcome for of in found if of.claim.of_space}


def test_planted_effects_are_found(folder: Path, tmp_path: Path) -> None:
    found = outcomes(folder)
    assert set(found.values()) == {Outcome.HOLDS} and len(found) == 8
    opposite = outcomes(seen(tmp_path, {"mono": 2.0, "multi": 2.0, "parallel": 0.5}))
    assert set(opposite.values()) == {Outcome.DOES_NOT_HOLD}


def test_what_was_not_looked_at_is_said_so(tmp_path: Path) -> None:
    found = outcomes(write(tmp_path, planted(parallel=0.2), seeds=2, problems=10))
    assert set(found.values()) == {Outcome.NOT_MEASURED} and len(found) == 8
    assert "representation.csv" not in tables(tmp_path)


def rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(tables(folder)["representation.csv"].splitlines()))


def test_the_table_has_levels_and_paired_differences(folder: Path) -> None:
    made = {(*list(row.values())[:6],): row for row in rows(folder)}

    def value(*place: str) -> float:
        return float(made[place]["value"])

    for layer in ("0", "1", "2", "above 0"):
        after, before = (value("parallel", stage, "", "", layer, "retrieval_top1") for stage in ("rl", "sft"))
        assert value("parallel", "rl", "parallel", "sft", layer, "retrieval_top1") == pytest.approx(
            after - before, abs=2e-4
        )
    less_multi = made["parallel", "sft", "multi", "sft", "above 0", "contrast_random"]
    assert float(less_multi["low"]) > 0 and less_multi["chance"] == "0.0000"
    level = made["mono", "sft", "", "", "1", "retrieval_top1"]
    assert float(level["chance"]) == pytest.approx(1 / FUNCTIONS, abs=1e-4)
    mean = np.mean([value("mono", "sft", "", "", layer, "silhouette_function") for layer in ("1", "2")])
    assert value("mono", "sft", "", "", "above 0", "silhouette_function") == pytest.approx(mean, abs=1e-4)
    for row in made.values():
        assert float(row["low"]) <= float(row["value"]) <= float(row["high"])


def test_values_are_means_of_the_raw_ones(folder: Path) -> None:
    with (folder / latent.FILE).open() as file:
        raw = [row for row in csv.DictReader(file) if (row["arm"], row["stage"], row["layer"]) == ("mono", "rl", "2")]
    assert len(raw) == SEEDS * FUNCTIONS
    told = {
        row["measure"]: float(row["value"])
        for row in rows(folder)
        if (row["arm"], row["stage"], row["layer"], row["less_arm"]) == ("mono", "rl", "2", "")
    }
    for measure in latent.MEASURES:
        assert told[measure] == pytest.approx(np.mean([float(row[measure]) for row in raw]), abs=6e-5)
    assert told["contrast_random"] == pytest.approx(told["cosine_equivalent"] - told["cosine_random"], abs=2e-4)


def test_all_is_rebuilt_from_the_raw_files(folder: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    page = Reader(publish(folder, first).read_text())
    copy = tmp_path / "raw"
    copy.mkdir()
    for path in folder.iterdir():
        header, *lines = path.read_text().splitlines()
        turned = [header, *reversed(lines)] if path.suffix == ".csv" else [header, *lines]
        (copy / path.name).write_text("\n".join(turned) + "\n")
    publish(copy, second)
    for path in (path for path in first.rglob("*") if path.is_file()):
        assert path.read_bytes() == (second / path.relative_to(first)).read_bytes(), path.name
    drawn = sorted(
        path.stem for path in (first / "plots").glob("*.svg") if path.stem.startswith(("latent", "programs"))
    )
    assert drawn == [
        "latent-space-by-layer-after-rl", "latent-space-by-layer-after-sft",
        *(f"programs-on-a-plane-{arm}-seed-0-layer-2" for arm in ("base", "mono", "multi", "parallel")),
    ]  # fmt: skip
    assert page.tags.count("img") == 2 + 6
    assert "script" not in page.tags
    for told in (HOSTILE, "Latent space", "chance finds 8.3%", "Equivalents cluster more tightly", "by chance"):
        assert told in page.text


Lines = list[str]


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        (latent.FILE, lambda lines: lines + lines[-1:], "a second row of shared/base/2/2/11"),
        (latent.FILE, lambda lines: lines[:-1], "nothing of shared/base/2/2/11"),
        (latent.FILE, lambda lines: lines[:1], "no rows"),
        (latent.FILE, lambda lines: [x for x in lines if ",1,0," not in x], "nothing of mono/rl/0/1/0"),
        (latent.FILE, lambda lines: [*lines, lines[-1].replace("shared", "other")], "other/base/2/2/11 is of nothing"),
        (latent.FILE, lambda lines: [*lines, lines[-1].replace(",2,11,", ",2,12,")], "base/2/2/12 is of nothing"),
        (latent.FILE, lambda lines: [*lines[:-1], lines[-1].rsplit(",", 1)[0] + ",nan"], "no finite number"),
        (latent.FILE, lambda lines: ["x" + lines[0], *lines[1:]], "the columns are"),
        (latent.PROJECTION_FILE, lambda lines: lines[:-1], "nothing of shared/base/centred/go/0/2/11"),
        (latent.PROJECTION_FILE, lambda lines: [x.replace("sft,0,", "sft,1,") for x in lines], "of nothing|nothing of"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused(
    folder: Path, tmp_path: Path, file: str, change: Callable[[Lines], Lines], said: str
) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / file).write_text("\n".join(change((folder / file).read_text().splitlines())) + "\n")
    with pytest.raises(UserError, match=said):
        read(tmp_path)


def test_files_that_nothing_is_said_of_are_refused(folder: Path, tmp_path: Path) -> None:
    write(tmp_path, planted(parallel=0.2), seeds=SEEDS, problems=10)
    (tmp_path / latent.FILE).write_text((folder / latent.FILE).read_text())
    with pytest.raises(UserError, match=r"experiment\.json does not say"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"suit": SUITE}, "suit"),
        ({"languages": ["python"]}, "at least two languages"),
        ({"languages": ["python", "py"]}, "each once"),
        ({"layers": [1, 1]}, "a layer is named twice"),
        ({"layers": [-1]}, "greater than or equal to 0"),
        ({"problems": 9}, "greater than or equal to 10"),
    ],
)
def test_the_table_of_a_preset_is_read_strictly(asked: Mapping[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        toy(representation={"suite": SUITE, **asked})


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Training and asking that take no time; the folders that were trained."""
    pytest.importorskip("torch", reason="the [train] extra is not installed")
    from transfer_eval.training import model
    from transfer_eval.training.settings import NewModel

    new = NewModel(hidden=16, layers=2, heads=2, intermediate=32, vocabulary=300, context=256)
    made: list[Path] = []

    def train(kind: str, settings: Any, folder: Path) -> bool:
        if (folder / "config.json").exists():
            return False
        model.save(*model.create(new, ["def f(xs):\n    return xs\n"], seed=settings.seed), folder)
        made.append(folder)
        return True

    monkeypatch.setattr(running, "train", train)
    monkeypatch.setattr(running, "_backend", lambda *_: None)
    monkeypatch.setattr(exams, "sit", lambda *_: [("generation", "", "python", "p0", 1)])
    return made


def ran(experiment: Experiment, store: running.Store) -> list[Stage]:
    return [stage for seed in (0, 1) for stage in running.run(experiment, seed, store)]


def test_a_finished_store_is_looked_at_without_training(trained: list[Path], tmp_path: Path) -> None:
    store, asked = running.Store(tmp_path / "store"), {"suite": SUITE, "problems": 10}
    plain, curious = toy(), toy(representation=asked)
    made = ran(plain, store)
    assert len(trained) == len(made) == 12
    running.gather(plain, [0, 1], store, tmp_path, {})
    assert not (tmp_path / "raw" / latent.FILE).exists()
    with pytest.raises(UserError, match="no seed is finished"):
        running.gather(curious, [0, 1], store, tmp_path, {})
    assert [stage.key for stage in stages(curious, 0)] == [stage.key for stage in stages(plain, 0)]
    ran(curious, store)
    assert len(trained) == 12, "nothing is trained again"
    written = {path: path.stat().st_mtime_ns for path in store.folder.rglob("*") if path.is_file()}
    assert running.gather(curious, [0, 1], store, tmp_path, {"preset": "toy"}) == [0, 1]
    ran(curious, store)
    assert written == {path: path.stat().st_mtime_ns for path in store.folder.rglob("*") if path.is_file()}
    found = read(tmp_path / "raw").latent
    assert found is not None and found.layers == (0, 1, 2) and len(found.functions) == 10
    assert {model for model, _ in found.pictures} == {Model(stage.arm, stage.name) for stage in made}
    running.gather(plain, [0, 1], store, tmp_path, {})
    assert not (tmp_path / "raw" / latent.FILE).exists(), "of a preset that asked"


def test_programs_that_are_not_to_be_had_are_told_before_training(trained: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="humaneval: no right programs"):
        list(running.run(toy(representation={"suite": "humaneval"}), 0, running.Store(tmp_path)))
    assert not trained


def test_layers_are_chosen_and_absent_ones_refused(trained: list[Path], tmp_path: Path) -> None:
    store, asked = running.Store(tmp_path / "store"), {"suite": SUITE, "problems": 10, "languages": ["python", "lua"]}
    experiment = toy(representation={**asked, "layers": [2], "projected": 1}, arms=["parallel"], oracle=[])
    list(running.run(experiment, 0, store))
    record = json.loads(next(store.folder.rglob("representation-*.json")).read_text())
    assert record["languages"] == ["python", "lua"]
    assert {row[0] for row in record["measured"]} == {2} and {row[1] for row in record["projected"]} == {1}
    for absent in ({"layers": [3]}, {"projected": 3}):
        with pytest.raises(UserError, match="the layers 0 to 2, and no 3"):
            list(running.run(toy(representation={**asked, **absent}), 0, store))


def test_claims_name_arms_once() -> None:
    of_space = [(claim.measure, claim.arm, claim.against) for claim in CLAIMS if claim.of_space]
    assert len(set(of_space)) == len(of_space) == 8
