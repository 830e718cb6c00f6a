"""``transfer-eval doctor``: conformance programs through the real path."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from transfer_eval.commands import _options as options


@click.command(short_help="Run good, bad and hostile programs; say whether verdicts are right.")
@options.langs(required=False)
@options.sandbox
@options.jobs
@options.as_json
def command(langs: str | None, sandbox: str, jobs: int | None, as_json: bool) -> int:
    """Put each language through twelve known behaviours: right, wrong, endless, hungry, forging …

    Exits 3 if any verdict is not the right one.
    """
    from transfer_eval.doctor import examine
    from transfer_eval.execution.pool import Pool
    from transfer_eval.execution.sandbox import choose

    chosen = choose(sandbox)
    languages = options.languages(langs or "all")
    if not as_json:
        click.echo(f"sandbox: {chosen.kind.value} {chosen.version}")
    findings = []
    with Pool(chosen, jobs) as pool:
        for finding in examine(languages, pool):
            findings.append(finding)
            if not as_json:
                mark = click.style("ok ", fg="green") if finding.right else click.style("BAD", fg="red")
                detail = "" if finding.right else f"  {finding.detail}"
                line = f"{finding.language:12} {finding.behaviour:10} {finding.verdict.value:14}"
                click.echo(f"{mark} {line} {finding.seconds:6.2f} s{detail}")
    wrong = sum(not finding.right for finding in findings)
    if as_json:
        click.echo(json.dumps([asdict(f) | {"verdict": f.verdict.value} for f in findings], indent=2))
    else:
        click.echo(f"{len(findings) - wrong} right, {wrong} wrong, {len(languages)} languages")
    sys.stdout.flush()
    return 3 if wrong else 0
