"""The published experiments: their tables and pages are what their raw results give, today as then."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from transfer_eval.training.experiment import preset
from transfer_eval.training.experiment.page import publish
from transfer_eval.training.experiment.stages import stages
from transfer_eval.training.experiment.table import read

PUBLISHED = Path(__file__).parent.parent / "results" / "reproduction"
FOLDERS = sorted(path.parent for path in PUBLISHED.glob("*/raw"))


def test_both_experiments_are_published() -> None:
    assert [folder.name for folder in FOLDERS] == ["oorl-tiny", "parallel-sft-tiny"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_tables_are_rebuilt_from_raw_results(folder: Path, tmp_path: Path) -> None:
    publish(folder / "raw", tmp_path)
    published = {path.name: path.read_text() for path in folder.glob("*.csv")}
    assert "comparisons.csv" in published and "findings.csv" in published
    assert {path.name: path.read_text() for path in tmp_path.glob("*.csv")} == published


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_they_are_of_the_bundled_preset_and_five_seeds(folder: Path) -> None:
    facts = json.loads((folder / "raw" / "experiment.json").read_text())
    assert facts["seeds"] == [0, 1, 2, 3, 4]
    declared = preset.read(facts["name"], "tiny")
    wanted = {(s.arm, s.name, str(s.seed), s.key) for seed in facts["seeds"] for s in stages(declared, seed)}
    columns = ("arm", "stage", "seed", "key", "weights_sha256")
    kept = [row for _, row in read(folder / "raw" / "models.csv", columns)]
    assert {(row["arm"], row["stage"], row["seed"], row["key"]) for row in kept} == wanted
    assert len({row["weights_sha256"] for row in kept}) == len(kept)
