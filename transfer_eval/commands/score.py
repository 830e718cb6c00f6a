"""``transfer-eval score``: pass@k with intervals from results files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from transfer_eval.commands import _options as options


@click.command(short_help="pass@k with intervals; --multipl-e prints upstream's columns.")
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--k", "ks", default="1", show_default=True, metavar="K[,K…]", help="Which k.")
@click.option("--csv", "csv_path", type=click.Path(path_type=Path), help="Also write the leaderboard CSV.")
@click.option("--multipl-e", is_flag=True, help="Print what MultiPL-E's pass_k.py prints, byte for byte.")
@options.verdicts
def command(folders: Sequence[Path], ks: str, csv_path: Path | None, multipl_e: bool, verdicts: str) -> None:
    """Score folders of results files (each folder, or those below it, is one dataset)."""
    wanted = _ks(ks)
    if multipl_e:
        _print_upstream(folders, wanted)
        return
    from transfer_eval.leaderboard import build, write_csv
    from transfer_eval.score import read_datasets
    from transfer_eval.tables import print_board

    board = build(read_datasets(folders), wanted, verdicts)
    print_board(board)
    if csv_path is not None:
        write_csv(board, csv_path)
        click.echo(f"written: {csv_path}")


def _ks(text: str) -> list[int]:
    try:
        ks = [int(part) for part in text.split(",")]
    except ValueError:
        raise click.UsageError(f"--k {text}: not numbers") from None
    if min(ks) < 1:
        raise click.UsageError("--k must be at least 1")
    return ks


def _print_upstream(folders: Sequence[Path], ks: Sequence[int]) -> None:
    from transfer_eval.score import UPSTREAM_HEADER, upstream_rows

    lines = [line for folder in folders for line in upstream_rows(folder, ks[0] if ks != [1] else None)]
    click.echo("\n".join([UPSTREAM_HEADER, *lines]))
