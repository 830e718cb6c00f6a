"""``transfer-eval doctor``: conformance programs through the real path."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from transfer_eval.commands import _engine
from transfer_eval.commands import _options as options

if TYPE_CHECKING:
    from transfer_eval.doctor import Finding


@click.command(short_help="Run good, bad and hostile programs; say whether verdicts are right.")
@options.langs(required=False)
@_engine.without_cache
@options.as_json
def command(langs: str | None, as_json: bool, **engine: Any) -> int:
    """Put each language through twelve known behaviours: right, wrong, endless, hungry, forging …

    Languages that have a warm way are examined in it and without. Exits 3 if any verdict is not the right one.
    """
    from transfer_eval.doctor import examine

    sandbox = _engine.chosen(engine)
    languages = options.languages(langs or "all", sandbox)
    findings = []
    for cold in (False, True) if sandbox.on_host else (True,):  # toolchains of elsewhere have no warm way
        examined = [language for language in languages if cold or language.warm]
        with _engine.opened({**engine, "cold": cold}, cache=False) as pool:
            if cold and not as_json:
                click.echo(f"sandbox: {pool.sandbox}")
            for finding in examine(examined, pool):
                findings.append(finding)
                if not as_json:
                    click.echo(_line(finding))
    wrong = sum(not finding.right for finding in findings)
    if as_json:
        click.echo(json.dumps([asdict(f) | {"verdict": f.verdict.value} for f in findings], indent=2))
    else:
        click.echo(f"{len(findings) - wrong} right, {wrong} wrong, {len(languages)} languages")
    sys.stdout.flush()
    return 3 if wrong else 0


def _line(finding: Finding) -> str:
    mark = click.style("ok ", fg="green") if finding.right else click.style("BAD", fg="red")
    detail = "" if finding.right else f"  {finding.detail}"
    what = f"{finding.language:12} {finding.way} {finding.behaviour:10} {finding.verdict.value:14}"
    return f"{mark} {what} {finding.seconds:6.2f} s{detail}"
