"""``transfer-eval leaderboard``: the CSV of many runs, derived anew from their results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from transfer_eval.commands import _options as options


@click.command(short_help="Write the leaderboard CSV of many runs.")
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--csv", "csv_path", required=True, type=click.Path(path_type=Path), help="The file to write.")
@options.verdicts
def command(folders: Sequence[Path], csv_path: Path, verdicts: str) -> None:
    """Collect pass@1 of every dataset below FOLDERS."""
    from transfer_eval.leaderboard import build, write_csv
    from transfer_eval.score import read_datasets

    board = build(read_datasets(folders), [1], verdicts)
    write_csv(board, csv_path)
    click.echo(f"{len(board.rows)} rows -> {csv_path}")
