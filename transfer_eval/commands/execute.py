"""``transfer-eval execute``: completions files or whole programs in, verdicts out."""

from __future__ import annotations

import collections
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from transfer_eval.commands import _engine
from transfer_eval.errors import UserError


@click.command(short_help="Execute MultiPL-E completions files, or whole programs.")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--output-dir", type=click.Path(path_type=Path), help="Where results files go.  [default: beside PATH]")
@click.option("--programs", type=click.Path(path_type=Path), help="Whole programs: lines of {id, language, program}.")
@click.option("--out", type=click.Path(path_type=Path), help="Output for --programs, one line each.")
@_engine.flags
def command(path: Path | None, output_dir: Path | None, programs: Path | None, out: Path | None, **engine: Any) -> int:
    """Execute every completion in PATH (a completions file, or a folder of them).

    Results go to NAME.results.json(.gz); what is there already is not run again.
    """
    if (path is None) == (programs is None):
        raise click.UsageError("give either PATH or --programs FILE --out OUT")
    if programs is not None:
        if out is None:
            raise click.UsageError("--programs needs --out")
        return _programs(programs, out, engine)
    assert path is not None, "one of the two is given"
    return _completions(path, output_dir, engine)


def _programs(programs: Path, out: Path, engine: Mapping[str, Any]) -> int:
    from transfer_eval.files import write_lines
    from transfer_eval.whole_program import check_rows, execute_rows

    check_rows(programs, _engine.chosen(engine))
    counts: collections.Counter[str] = collections.Counter()
    with _engine.opened(engine) as pool:

        def lines() -> Iterator[str]:
            for row in execute_rows(programs, pool):
                counts[row["verdict"]] += 1
                yield json.dumps(row)

        write_lines(out, lines())
    click.echo(f"{sum(counts.values())} programs: {_summary(counts)} -> {out}", err=True)
    return _engine.conclude(pool)


def _completions(path: Path, output_dir: Path | None, engine: Mapping[str, Any]) -> int:
    from transfer_eval.completions import completions_files, read_completions, results_path
    from transfer_eval.execution.job import located_or_refuse
    from transfer_eval.grading import Grader, check_writable
    from transfer_eval.language import Language

    files = list(completions_files(path))
    sandbox = _engine.chosen(engine)
    for language in {read_completions(file).language for file in files}:
        located_or_refuse(language, sandbox)
    counts: collections.Counter[str] = collections.Counter()

    def count(language: Language, result: Mapping[str, Any]) -> None:
        counts[str(result.get("verdict", result.get("status")))] += 1

    root = path if path.is_dir() else path.parent
    check_writable(output_dir or root)
    with _engine.opened(engine) as pool:
        grader = Grader(pool, count)
        for file in files:
            grader.add(file, results_path(file, output_dir, root))
        grader.wait()
    if not counts:
        raise UserError(f"{path}: nothing to execute")
    click.echo(f"{len(files)} files, {sum(counts.values())} programs: {_summary(counts)}", err=True)
    return _engine.conclude(pool)


def _summary(counts: collections.Counter[str]) -> str:
    return ", ".join(f"{number} {verdict}" for verdict, number in counts.most_common()) or "nothing"
