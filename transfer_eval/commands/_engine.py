"""Flags of every subcommand that runs programs, and what is said at its end of how they were run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from transfer_eval.execution.pool import Disagreement, Pool
    from transfer_eval.execution.sandbox import Sandbox

_FLAGS = (
    click.option(
        "--sandbox",
        default="auto",
        show_default=True,
        metavar="auto|bwrap|docker|podman|none",
        help="Where programs run; auto is bwrap.",
    ),
    click.option(
        "--image",
        metavar="NAME",
        help="With docker or podman, one image for all.  [default: TRANSFER_EVAL_IMAGE, else each language's own]",
    ),
    click.option("--jobs", type=click.IntRange(1), help="Programs to run at once.  [default: the cores]"),
    click.option("--cold", is_flag=True, help="No servers, no prepared artefacts, no cache: all from nothing."),
    click.option("--no-cache", is_flag=True, envvar="TRANSFER_EVAL_NO_CACHE", help="Take no earlier results."),
    click.option(
        "--audit",
        type=click.FloatRange(0, 1),
        default=0.0,
        metavar="SHARE",
        help="Run so many of the warm and cached ones again, cold; exit 3 if one ends differently.",
    ),
)


def flags(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--sandbox --image --jobs --cold --no-cache --audit``, which go to :func:`opened`."""
    for flag in reversed(_FLAGS):
        function = flag(function)
    return function


def without_cache(function: Callable[..., Any]) -> Callable[..., Any]:
    """Only ``--sandbox --image --jobs``: for what has to run everything whatever was run before."""
    for flag in reversed(_FLAGS[:3]):
        function = flag(function)
    return function


def chosen(engine: Mapping[str, Any]) -> Sandbox:
    """The sandbox that the flags ask for.

    Raises:
        UserError: it does not work here.
    """
    from transfer_eval.execution.sandbox import choose

    return choose(engine["sandbox"], engine["image"])


@contextmanager
def opened(engine: Mapping[str, Any], *, cache: bool = True) -> Iterator[Pool]:
    """The workers that the flags describe.

    Raises:
        UserError: the sandbox asked for does not work here.
    """
    from transfer_eval.execution.cache import Cache
    from transfer_eval.execution.pool import Pool, Ways

    sandbox = chosen(engine)
    cold = engine.get("cold", False)
    kept = Cache() if cache and not cold and not engine.get("no_cache") else None
    ways = Ways(warm=not cold, cache=kept, audit=engine.get("audit", 0.0))
    with Pool(sandbox, engine["jobs"], ways) as pool:
        yield pool


def conclude(pool: Pool) -> int:
    """Say how the programs were run; the exit code: 3 if the audit found a disagreement."""
    report = pool.report
    parts = [f"{report.executed} executed"]
    if report.cached:
        parts.append(f"{report.cached} known from equal programs")
    if report.retried:
        parts.append(f"{report.retried} timeouts run again alone, {len(report.flips)} of them ended")
    if report.audited:
        parts.append(f"{report.audited} audited, {len(report.disagreements)} disagree")
    click.echo("; ".join(parts), err=True)
    for reason, count in report.lost.most_common():
        click.echo(f"a server was lost {count} times, which costs time only: {reason}", err=True)
    for label in report.flips:
        click.echo(f"ended when run alone: {label}", err=True)
    for disagreement in report.disagreements:
        _show(disagreement)
    return 3 if report.disagreements else 0


def _show(found: Disagreement) -> None:
    """A program that ended differently when run cold, with both endings."""
    click.echo(f"--- AUDIT: {found.label} ends differently when run cold ---", err=True)
    for title, execution in (("believed", found.believed), ("cold", found.cold)):
        last = execution.last
        proof = "proved" if execution.proved else "not proved"
        click.echo(f"{title}: {last.ended.value}, exit code {last.exit_code}, {proof}", err=True)
        click.echo((last.stderr.strip() or last.stdout.strip())[-500:], err=True)
    click.echo(found.program.source, err=True)
    click.echo("--- end ---", err=True)
