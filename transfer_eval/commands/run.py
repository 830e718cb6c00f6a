"""``transfer-eval run``: a model on a suite in many languages, from prompts to the leaderboard."""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from transfer_eval.commands import _engine
from transfer_eval.commands import _options as options

if TYPE_CHECKING:
    from transfer_eval.pipeline import Plan


@click.command(short_help="Generate, execute and score: the main command.")
@options.generation
@options.results
@_engine.flags
@options.verdicts
@click.option("--executor", type=click.Choice(["local"]), default="local", show_default=True, help="Where workers are.")
@click.option("--csv", "csv_path", type=click.Path(path_type=Path), help="The CSV.  [default: RESULTS/leaderboard.csv]")
def command(results: Path, verdicts: str, executor: str, csv_path: Path | None, **flags: Any) -> int:
    """Evaluate a model in many languages, from prompts to the leaderboard.

    MODEL is a Hub id, a directory, a GGUF file, replay:PATH or the embedded default, smollm2. An interrupted
    run goes on where it stopped when the same command is given again.
    """
    from rich.console import Console

    from transfer_eval.leaderboard import build, write_csv
    from transfer_eval.pipeline import run
    from transfer_eval.progress import Progress
    from transfer_eval.score import read_dataset
    from transfer_eval.tables import print_board

    plan = options.plan(results, flags, _engine.chosen(flags))
    console = Console(stderr=True)
    with _engine.opened(flags) as pool, Progress(console) as progress:
        console.print(f"sandbox: {pool.sandbox}; style: {plan.style.value}", highlight=False)
        folders = run(plan, pool, progress)
    board = build([read_dataset(folder) for folder in folders], [1], verdicts)
    print_board(board)
    path = csv_path or results / "leaderboard.csv"
    write_csv(board, path)
    _summarise(plan, folders, progress.seconds)
    click.echo(f"leaderboard: {path}")
    return _engine.conclude(pool)


def _summarise(plan: Plan, folders: Sequence[Path], seconds: float) -> None:
    """What was skipped and why, and how the answers ended."""
    from transfer_eval.score import read_dataset

    for language, folder in zip(plan.languages, folders, strict=True):
        verdicts = collections.Counter(
            str(result.get("verdict")) for problem in read_dataset(folder).problems for result in problem.results
        )
        counts = ", ".join(f"{number} {verdict}" for verdict, number in verdicts.most_common())
        click.echo(f"{language.name}: {counts}", err=True)
    for (problem, reason), names in _skipped(plan).items():
        click.echo(f"skipped in {', '.join(names)}: {problem}: {reason}", err=True)
    click.echo(f"{seconds:.0f} s in all", err=True)


def _skipped(plan: Plan) -> Mapping[tuple[str, str], list[str]]:
    """Refused problems with their reason, and the languages that refuse them for it."""
    skipped: dict[tuple[str, str], list[str]] = {}
    for language, refused in plan.suite.refused.items():
        for problem_and_reason in refused.items():
            skipped.setdefault(problem_and_reason, []).append(language)
    return skipped
