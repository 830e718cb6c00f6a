"""Scores as a person reads them in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from transfer_eval.leaderboard import Board


def print_board(board: Board, console: Console | None = None) -> None:
    """The leaderboard as a table, the average over languages below it."""
    console = console or Console()
    table = Table(box=None, pad_edge=False)
    for heading, justify in (
        ("model", "left"), ("suite", "left"), ("language", "left"), ("pass@k", "right"), ("95 % interval", "right"),
        ("problems", "right"), ("passed", "right"), ("truncated", "right"), ("infra", "right"), ("skipped", "right"),
    ):  # fmt: skip
        table.add_column(heading, justify="right" if justify == "right" else "left")
    for row in board.rows:
        low, high = (f"{float(str(row[key])):.1%}" for key in ("ci_low", "ci_high"))
        table.add_row(
            str(row["model"]), str(row["suite"]), str(row["language"]),
            f"@{row['k']} {float(str(row['pass_at_k'])):.1%}", f"{low} to {high}", str(row["n_problems"]),
            f"{row['n_passed']}/{row['n_samples']}", *(str(row[f"n_{of}"]) for of in ("truncated", "infra", "skipped")),
        )  # fmt: skip
    console.print(table)
    for (model, suite, k), (value, languages, problems) in board.averages.items():
        if languages > 1:
            console.print(
                f"mean over {languages} languages on the {problems} problems common to all:"
                f" {model}, {suite}: pass@{k} {value:.1%}"
            )
