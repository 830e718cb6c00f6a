"""``transfer-eval generate``: prompts in, MultiPL-E completions files out."""

from __future__ import annotations

from pathlib import Path

import click

from transfer_eval.commands import _options as options


@click.command(short_help="Only generate: write MultiPL-E completions files.")
@options.generation
@options.results
def command(results: Path, **flags: object) -> None:
    """Ask a model for answers and write them as MultiPL-E completions files, to be executed elsewhere."""
    from transfer_eval.pipeline import generate
    from transfer_eval.progress import Progress

    plan = options.plan(results, flags)
    with Progress() as progress:
        files = sum(1 for _ in generate(plan, progress))
    click.echo(f"{files} completions files in:")
    for language in plan.languages:
        click.echo(f"  {plan.folder(language)}")
