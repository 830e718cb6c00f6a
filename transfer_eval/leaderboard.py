"""Scores <-> leaderboard CSV: one row per model, suite, language and k; columns are stable.

The leaderboard is derived: rebuilt from results files, never edited.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transfer_eval.files import write_bytes
from transfer_eval.score import Dataset, Score, common_problems, score

COLUMNS = (
    "model", "suite", "language", "k", "pass_at_k", "ci_low", "ci_high", "ci_method", "common_pass_at_k",
    "n_common", "n_problems", "n_samples", "n_passed", "n_infra", "n_truncated", "n_skipped", "verdicts",
    "temperature", "top_p", "max_tokens", "seed", "style", "suite_hash", "plugin", "toolchain", "sandbox",
    "package", "host", "revision",
)  # fmt: skip
"""The columns, in order. ``common_*`` counts only problems common to all languages of that model and suite."""


@dataclass(frozen=True)
class Board:
    """The rows, and per (model, suite, k) the mean over languages on their common problems."""

    rows: Sequence[Mapping[str, object]]
    averages: Mapping[tuple[str, str, int], tuple[float, int, int]]  # value, languages, common problems


def build(datasets: Sequence[Dataset], ks: Sequence[int], verdicts: str) -> Board:
    """The leaderboard of ``datasets``.

    Raises:
        UserError: some k is larger than the samples at hand.
    """
    groups: dict[tuple[str, str], list[Dataset]] = defaultdict(list)
    for dataset in datasets:
        groups[model_of(dataset), suite_of(dataset)].append(dataset)
    rows: list[Mapping[str, object]] = []
    averages = {}
    for (model, suite), group in sorted(groups.items()):
        common = common_problems(group)
        for k in ks:
            on_common = [score(d, k, verdicts, common).estimate.value if common else None for d in group]
            rows += [_row(score(d, k, verdicts), c, len(common)) for d, c in zip(group, on_common, strict=True)]
            values = [value for value in on_common if value is not None]
            if values:
                averages[model, suite, k] = (sum(values) / len(values), len(group), len(common))
    return Board(rows, averages)


def model_of(dataset: Dataset) -> str:
    """The model's name; for files of other tools, the folder's."""
    return str(dataset.run.get("model", {}).get("model") or dataset.folder.name)


def suite_of(dataset: Dataset) -> str:
    """The suite's name; for files of other tools, what the problems' names begin with."""
    names = [problem.name for problem in dataset.problems]
    return str(dataset.run.get("suite") or (names[0].split("_")[0] if names else "?"))


def _row(result: Score, on_common: float | None, n_common: int) -> Mapping[str, object]:
    run, fields = result.dataset.run, result.dataset.fields
    execution: Mapping[str, Any] = fields.get("execution", {})
    values: dict[str, object] = {
        "model": model_of(result.dataset),
        "suite": suite_of(result.dataset),
        "language": result.dataset.language,
        "k": result.k,
        "pass_at_k": _number(result.estimate.value),
        "ci_low": _number(result.estimate.low),
        "ci_high": _number(result.estimate.high),
        "ci_method": result.estimate.method,
        "common_pass_at_k": _number(on_common),
        "n_common": n_common,
        "n_problems": result.problems,
        "n_samples": result.samples,
        "n_passed": result.passes,
        "n_infra": result.infra,
        "n_truncated": result.truncated,
        "n_skipped": result.skipped,
        "verdicts": result.verdicts,
        "suite_hash": run.get("suite_hash", ""),
        "revision": run.get("model", {}).get("revision", ""),
    }
    for key in ("temperature", "top_p", "max_tokens"):
        values[key] = fields.get(key, "")
    for key in ("seed", "style"):
        values[key] = run.get(key, "")
    for key in ("plugin", "toolchain", "sandbox", "package", "host"):
        values[key] = execution.get(key, "")
    return {column: values[column] for column in COLUMNS}


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"


def write_csv(board: Board, path: Path) -> None:
    """Write the rows.

    Raises:
        UserError: the file cannot be written.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(board.rows)
    write_bytes(path, text.getvalue().encode())
