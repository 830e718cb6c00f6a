"""``transfer-eval languages``: what is installed, missing or broken, and installing it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import click

from transfer_eval.commands import _options as options
from transfer_eval.language import Install, Language, load_all


@click.command(short_help="List languages: installed, missing, broken; install toolchains.")
@click.option("--install", metavar="LANGS", help="Install the toolchains of these (or: all).")
@click.option("--warm", metavar="LANGS", help="Build the prepared artefacts of these (or: all) now.")
@options.as_json
def command(install: str | None, warm: str | None, as_json: bool) -> None:
    """List the languages and their toolchains, install some, or build what makes some faster.

    --install uses apt (as root or with sudo), npm and pip, and leaves what is here alone.
    """
    if install is not None:
        _install(install, as_json)
    if warm is not None:
        _warm(warm)
    if install is not None or warm is not None:
        return
    rows = [row(language) for language in load_all().values()]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        _print_table(rows)


def _install(names: str, as_json: bool) -> None:
    from transfer_eval.errors import UserError
    from transfer_eval.install import install

    wanted = list(load_all().values()) if names.strip().lower() == "all" else options.languages(names)
    lacking = install(wanted, lambda line: click.echo(line, err=True))
    if as_json:
        click.echo(json.dumps([row(language) for language in wanted], indent=2))
    if lacking:
        raise UserError(f"still not usable: {', '.join(language.name for language in lacking)}")


def _warm(names: str) -> None:
    """Build artefacts, saying what came of each.

    Raises:
        UserError: one could not be built.
    """
    import time

    from transfer_eval.errors import UserError
    from transfer_eval.execution.artefacts import Artefacts
    from transfer_eval.execution.job import located_or_refuse

    artefacts, failed = Artefacts(), []
    for language in options.languages(names):
        located = located_or_refuse(language)
        for step in (language.compile, language.run):
            if step is None or step.warm is None or step.warm.artefact is None:
                continue
            start = time.monotonic()
            built = artefacts.build(language, located, step.warm.artefact)
            said = built.problem or f"{built.folder} ({time.monotonic() - start:.0f} s)"
            click.echo(f"{language.name}: {said}", err=True)
            failed += [language.name] if built.folder is None else []
    if failed:
        raise UserError(f"could not be built: {', '.join(failed)}; these languages run without")


def row(language: Language) -> Mapping[str, object]:
    """One language as ``--json`` shows it."""
    from transfer_eval.toolchain import State, locate

    located = locate(language)
    here = located.state is State.INSTALLED
    return {
        "name": language.name,
        "aliases": list(language.names[1:]),
        "state": located.state.value,
        "version": located.version,
        "warm": language.warm,
        "translator": type(language.translator).__name__,
        "hint": "" if here else f"{located.problem}; {hint(language.toolchain.install)}",
    }


def hint(install: Install) -> str:
    """How the toolchain is had by hand, by package manager."""
    apt = f"apt-get install {' '.join(install.apt)}" if install.apt else ""
    apt += f" (from Debian {install.apt_suite})" if install.apt_suite else ""
    ways = [apt]
    for manager, packages in (
        ("npm install -g", install.npm),
        ("pip install", install.pip),
        ("brew install", install.brew),
    ):
        ways.append(f"{manager} {' '.join(packages)}" if packages else "")
    return " | ".join(way for way in [*ways, install.hint] if way)


def _print_table(rows: Sequence[Mapping[str, object]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("language", "state", "version", "warm", "also called", "hint"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("language", "state"))
    colours = {"installed": "green", "missing": "yellow", "broken": "red"}
    for one in rows:
        state = str(one["state"])
        names = one["aliases"] if isinstance(one["aliases"], list) else []
        aliases = ", ".join(name for name in names if "." not in name)  # --json has the file-like ones too
        colour = colours[state]
        table.add_row(
            str(one["name"]),
            f"[{colour}]{state}[/]",
            str(one["version"]),
            "yes" if one["warm"] else "",
            aliases,
            str(one["hint"]).replace("[", r"\["),
        )
    Console().print(table)
