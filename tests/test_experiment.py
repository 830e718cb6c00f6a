"""Experiments are assembled into stages whose keys are made of what decides their outcome, and run to raw results."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import needs
from transfer_eval.errors import UserError
from transfer_eval.files import Journal
from transfer_eval.training.experiment import preset, running
from transfer_eval.training.experiment.preset import Experiment
from transfer_eval.training.experiment.stages import Stage, stages

OPERATIONS = "operations=add,subtract,multiply,square,absolute"
SMALL = {"hidden": 32, "layers": 2, "heads": 2, "intermediate": 64, "vocabulary": 320, "context": 256}
STEP = {"learning_rate": 1e-3, "batch": 8, "steps": 2, "threads": 1}
TOY: dict[str, Any] = {
    "name": "parallel-sft",
    "arms": ["mono", "parallel"],
    "oracle": ["lua"],
    "seeds": 1,
    "languages": {"source": "python", "seen": ["python", "perl"], "unseen": ["lua"]},
    "measuring": {
        "suite": f"generated:test:depth=2:count=3:{OPERATIONS}",
        "max_tokens": 24,
        "translate_from": ["python"],
    },
    "base": {
        "model": {"new": SMALL},
        "data": {"suite": f"generated:train:depth=1-2:count=20:{OPERATIONS}", "verify": False},
        "optimisation": STEP,
    },
    "sft": {
        "data": {"suite": f"generated:train:depth=1-2:count=20:phrases=1:{OPERATIONS}", "verify": False},
        "optimisation": STEP,
    },
    "rl": {
        "data": {"suite": f"generated:train:depth=2:count=4:phrases=1:{OPERATIONS}"},
        "policy": {"rollouts": 4, "max_tokens": 24},
        "optimisation": STEP,
    },
}


def toy(**changes: Any) -> Experiment:
    return Experiment.model_validate({**TOY, **changes})


def by_place(experiment: Experiment, seed: int = 0) -> dict[tuple[str, str], Stage]:
    return {(stage.arm, stage.name): stage for stage in stages(experiment, seed)}


def test_parallel_sft_is_base_mixtures_rl_and_oracle() -> None:
    made = by_place(toy())
    assert list(made) == [
        ("shared", "base"), ("mono", "sft"), ("mono", "rl"), ("parallel", "sft"), ("parallel", "rl"),
        ("oracle-lua", "oracle"),
    ]  # fmt: skip
    base = made["shared", "base"].assembled(None)
    assert base.data.mixture == "multi"  # type: ignore[attr-defined]
    assert base.data.languages == ("python", "perl", "lua")  # type: ignore[attr-defined]
    sft = made["parallel", "sft"]
    assert sft.assembled("p").data.languages == ("python", "perl")  # type: ignore[attr-defined]  # no target in it
    assert made["mono", "rl"].parent is made["mono", "sft"]
    assert made["oracle-lua", "oracle"].parent is sft
    assert made["oracle-lua", "oracle"].assembled("p").data.languages == ("lua",)  # type: ignore[attr-defined]


def test_keys_follow_what_decides() -> None:
    one, other = by_place(toy()), by_place(toy(rl={**TOY["rl"], "policy": {"rollouts": 8}}))
    same = {place for place in one if one[place].key == other[place].key}
    assert same == {("shared", "base"), ("mono", "sft"), ("parallel", "sft")}
    assert not {stage.key for stage in one.values()} & {stage.key for stage in by_place(toy(), seed=1).values()}
    assert len({stage.key for stage in one.values()}) == len(one)


def test_oorl_has_the_rows_the_paper_lacks() -> None:
    experiment = toy(name="oorl", arms=["rl", "rl+dpo", "rl+gepo", "gepo", "rl+gepo-lambda0"], groups={"path": "g"})
    made = by_place(experiment)
    settings = {arm: stage.assembled("p") for (arm, _), stage in made.items() if stage.kind == "oorl"}
    assert settings["rl"].gepo_weight == 0  # type: ignore[attr-defined]
    assert settings["rl+dpo"].groups.pairs  # type: ignore[attr-defined]
    assert settings["gepo"].rl_weight == 0  # type: ignore[attr-defined]
    assert settings["rl+gepo-lambda0"].groups.variance_weight == 0  # type: ignore[attr-defined]
    assert settings["rl+gepo"].gepo_weight == 0.01  # type: ignore[attr-defined]
    assert ("none", "sft") in made
    with pytest.raises(UserError, match="unknown arm 'what'"):
        by_place(toy(name="oorl", arms=["what"], groups={"path": "g"}))


def test_oorl_may_make_its_own_intermediate_code() -> None:
    ir = {"functions": 20, "read": 10, "longest": 800}
    made = by_place(toy(name="oorl", arms=["rl+gepo"], groups={"winners": 1}, ir=ir))
    base, gepo = made["shared", "base"], made["rl+gepo", "rl"]
    assert base.functions and gepo.functions and base.functions.file != gepo.functions.file
    assert base.assembled(None, "read.jsonl").data.groups == "read.jsonl"  # type: ignore[attr-defined]
    assert gepo.assembled("p", "groups.jsonl").groups.path == "groups.jsonl"  # type: ignore[attr-defined]
    assert made["none", "sft"].functions is None
    others = by_place(toy(name="oorl", arms=["rl+gepo"], groups={"winners": 1}, ir={**ir, "read": 11}))
    assert others["shared", "base"].key != base.key
    for wrong in ({"groups": {}}, {"groups": {"path": "g"}, "ir": ir}):
        with pytest.raises(ValueError, match=r"either ir or groups\.path"):
            toy(name="oorl", arms=["rl+gepo"], **wrong)


def test_what_is_wrong_names_its_stage(tmp_path: Path) -> None:
    bad = by_place(toy(rl={**TOY["rl"], "polcy": {}}))["mono", "rl"]
    with pytest.raises(UserError, match=r"stage mono/rl: unknown key 'polcy'"):
        bad.assembled("p")
    for changes, said in (
        ({"languages": {"source": "lua", "seen": ["python"]}}, "source must be among"),
        ({"languages": {"source": "python", "seen": ["python"], "unseen": ["py"]}}, "two groups"),
        ({"base": None}, "either model or base"),
        ({"groups": {"path": "g"}}, "groups are for oorl"),
    ):
        with pytest.raises(ValueError, match=said):
            toy(**changes)
    with pytest.raises(UserError, match="no preset 'huge'"):
        preset.read("parallel-sft", "huge")


@pytest.mark.parametrize(
    ("experiment", "name"), [(kind, name) for kind in ("parallel-sft", "oorl") for name in preset.names(kind)]
)
def test_every_preset_can_be_assembled(experiment: str, name: str) -> None:
    for stage in stages(preset.read(experiment, name), 0):
        stage.assembled("parent" if stage.parent else None)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_seed_runs_once_and_its_results_are_gathered(tmp_path: Path) -> None:
    for name in ("python", "perl", "lua"):
        needs(name)
    experiment, store = toy(), running.Store(tmp_path / "store")
    assert len(list(running.run(experiment, 0, store))) == 6
    assert running.gather(experiment, [0, 1], store, tmp_path, {"preset": "toy"}) == [0]
    rows = list(csv.DictReader((tmp_path / "raw" / "outcomes.csv").read_text().splitlines()))
    # Six models, three problems: generation in three languages, translation from one into two.
    assert len(rows) == 6 * 3 * (3 + 2)
    assert {row["task"] for row in rows} == {"generation", "translation"}
    first = {path: path.read_bytes() for path in (tmp_path / "raw").iterdir()}
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*.safetensors")}
    list(running.run(experiment, 0, store))  # nothing is trained or asked again
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*.safetensors")}
    running.gather(experiment, [0], store, tmp_path, {"preset": "toy"})
    assert first == {path: path.read_bytes() for path in (tmp_path / "raw").iterdir()}
    with pytest.raises(UserError, match="no seed is finished"):
        running.gather(experiment, [5], store, tmp_path, {})


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_oorl_runs_on_intermediate_code_of_its_own(tmp_path: Path) -> None:
    for name in ("python", "perl", "lua", "c", "llvm"):
        needs(name)
    base = {**TOY["base"], "model": {"new": {**SMALL, "context": 2048}}, "max_length": 2048}
    experiment = toy(
        name="oorl", arms=["rl", "rl+gepo", "gepo"], oracle=[], base=base,
        sft={**TOY["sft"], "data": {**TOY["sft"]["data"], "format": "pairs"}},
        groups={"winners": 1, "losers": 1, "max_length": 2048}, ir={"functions": 3, "read": 3, "longest": 1200},
    )  # fmt: skip
    store = running.Store(tmp_path / "store")
    made = list(running.run(experiment, 0, store))
    assert [stage.arm for stage in made] == ["shared", "none", "rl", "rl+gepo", "gepo"]
    first = next(Journal(store.model(made[0]) / "metrics.jsonl").rows())
    assert first["data/examples"] > 20  # 20 problems, and the texts of its own functions
    assert running.gather(experiment, [0], store, tmp_path, {}) == [0]
    with (tmp_path / "raw" / "curves.csv").open() as file:
        told = {(row["arm"], row["metric"]) for row in csv.DictReader(file)}
    assert {("rl", "reward"), ("rl+gepo", "reward"), ("rl+gepo", "gepo/loss"), ("gepo", "gepo/loss")} <= told
    assert ("rl", "gepo/loss") not in told and ("gepo", "reward") not in told
