"""``transfer-eval cache``: what is kept from run to run, and forgetting it."""

from __future__ import annotations

import json

import click

from transfer_eval.commands import _options as options


@click.group(short_help="What is kept from run to run: results, prepared artefacts.")
def command() -> None:
    """Results of equal programs and prepared artefacts are kept in a folder of their own.

    TRANSFER_EVAL_CACHE names another folder; TRANSFER_EVAL_CACHE_MB and TRANSFER_EVAL_ARTEFACTS_MB bound the two.
    """


@command.command()
@options.as_json
def info(as_json: bool) -> None:
    """Show what is kept, and where."""
    from transfer_eval.execution.artefacts import Artefacts, size_of
    from transfer_eval.execution.cache import Cache

    cache = Cache()
    found = cache.info()
    cache.close()
    artefacts = Artefacts()
    folders = [path for path in sorted(artefacts.folder.glob("*")) if path.is_dir()]
    sizes = {folder.name: size_of(folder) / (1 << 20) for folder in folders}
    if as_json:
        row = {"executions": found.executions, "megabytes": round(found.megabytes, 1), "path": str(found.path)}
        click.echo(json.dumps({**row, "languages": found.by_language, "artefacts": sizes}, indent=2))
        return
    click.echo(f"{found.path}: {found.executions} executions, {found.megabytes:.1f} MB")
    for language, count in found.by_language.items():
        click.echo(f"  {language}: {count}")
    click.echo(f"{artefacts.folder}: {len(sizes)} artefacts, {sum(sizes.values()):.1f} MB")
    for name, size in sizes.items():
        click.echo(f"  {name}: {size:.1f} MB")


@command.command()
@click.option("--artefacts", is_flag=True, help="Remove the prepared artefacts too.")
def clear(artefacts: bool) -> None:
    """Forget all results."""
    from transfer_eval.execution.artefacts import Artefacts
    from transfer_eval.execution.cache import Cache

    cache = Cache()
    count = cache.info().executions
    cache.clear()
    cache.close()
    click.echo(f"{count} executions forgotten")
    if artefacts:
        Artefacts().clear()
        click.echo("artefacts removed")
