"""``transfer-eval corpus``: the same problems solved in many languages, each program kept because it passed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from transfer_eval.commands import _engine
from transfer_eval.commands import _options as options
from transfer_eval.errors import UserError
from transfer_eval.language import find

if TYPE_CHECKING:
    from transfer_eval.language import Language
    from transfer_eval.suite import Suite
    from transfer_eval.training.corpus.building import Builder

_SOURCES = "originals:PATH|suite:NAME|generated:train:depth=1-3:count=N|programs:SET[:SPLIT]"


@click.group(short_help="Build a parallel corpus for training; check it against suites.")
def command() -> None:
    """Parallel programs: verified by running, without near-duplicates, and without what suites ask."""


@command.command()
@click.option("--source", required=True, metavar=_SOURCES, help="Where the problems come from.")
@options.langs()
@options.limit
@click.option("--place", help="With programs: a file or folder of the set, in the place of the Hub.")
@click.option("--from", "reference", default="python", show_default=True, help="The language of the known programs.")
@options.answering(default=None)
@click.option("--keep", type=click.IntRange(1), default=1, show_default=True, help="Programs per problem and language.")
@click.option(
    "--alike", type=click.FloatRange(0, 1, min_open=True), default=0.85, show_default=True, metavar="SHARE",
    help="Problems whose programs have so much in common are one.",
)  # fmt: skip
@click.option("--against", multiple=True, metavar="SUITE", help="Leave out what this suite asks; may be repeated.")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder of the build.")
@_engine.flags
def build(source: str, langs: str, reference: str, keep: int, alike: float, out: Path, **flags: Any) -> int:
    """Verify the known programs of problems, and those that a model translates from them (with --model).

    With programs:SET, the problems are over stdin and stdout, and the model writes whole programs for them.

    OUT/dataset is the corpus, OUT/report.json what came of every candidate. An interrupted build goes on when the same
    command is given again.
    """
    from transfer_eval.execution.job import located_or_refuse
    from transfer_eval.files import write_json
    from transfer_eval.suite import load
    from transfer_eval.tables import print_yields
    from transfer_eval.training.corpus.building import Builder, yields
    from transfer_eval.training.corpus.finishing import FOLDER, Rules, finish

    sandbox = _engine.chosen(flags)
    first = find(reference)
    languages = list(dict.fromkeys([first, *options.languages(langs, sandbox)]))
    for language in languages:
        located_or_refuse(language, sandbox)
    rules = Rules(most=keep, alike=alike, suites=[load(name, languages) for name in flags["against"]])
    with _engine.opened(flags) as pool:
        builder = Builder(out, pool)
        refused: Mapping[str, object]
        if source.partition(":")[0] == "programs":
            refused, model = _fill_programs(builder, source, languages, flags, out)
        else:
            suite = _problems(source, languages, flags["limit"])
            refused, model = suite.refused, _fill(builder, suite, first, flags, out)
    table = yields(builder, keep)
    print_yields(table)
    finished = finish(builder.samples, rules, out / FOLDER)
    names = [language.name for language in languages]
    asked = {"source": source, "languages": names, "model": model, "keep": keep, "alike": alike}
    report = {"asked": asked, "yield": [row.row() for row in table], "refused": refused, **finished.row()}
    write_json(out / "report.json", report)
    out_of = f"{len(finished.duplicates)} near-duplicate, {len(finished.contamination.found)} that suites ask"
    click.echo(f"{len(finished.samples)} programs -> {out / FOLDER}; problems left out: {out_of}")
    return _engine.conclude(pool)


def _problems(source: str, languages: Sequence[Language], limit: int | None) -> Suite:
    from transfer_eval.suite import load

    kind, _, name = source.partition(":")
    if kind not in ("originals", "suite", "generated") or not name:
        raise UserError(f"unknown source {source!r}: give {_SOURCES.replace('|', ' or ')}")
    return load(source if kind == "generated" else name, languages, limit)


def _fill(builder: Builder, suite: Suite, first: Language, flags: dict[str, Any], out: Path) -> object:
    """Put every candidate to the test; returns the identity of the model that was asked, if one was."""
    from transfer_eval.suite import translated_from
    from transfer_eval.training.corpus.known import verify_references
    from transfer_eval.training.corpus.translations import Translating, translate_all

    wanted = options.sampling(flags)
    for name, tasks in suite.tasks.items():
        verify_references(tasks, suite.name, find(name), builder)
    if flags["model"] is None:
        return None
    backend, style = options.answerer(flags)
    plan = Translating(
        suite=translated_from(suite, first), backend=backend, sampling=backend.settings(wanted), style=style, folder=out
    )
    translate_all(plan, builder)
    return dict(backend.identity)


def _fill_programs(
    builder: Builder, source: str, languages: Sequence[Language], flags: dict[str, Any], out: Path
) -> tuple[Mapping[str, str], object]:
    """The same of whole programs; returns what the set has that cannot be judged, and the model's identity."""
    from transfer_eval.training import sets
    from transfer_eval.training.corpus.programs import verify_known, write_all

    _, name, split = f"{source}::".split(":")[:3]
    loaded = sets.load(name, flags["place"], split or "train", flags["limit"])
    verify_known(loaded.programs, languages, builder)
    if flags["model"] is None:
        return loaded.refused, None
    wanted = options.sampling(flags)
    backend, style = options.answerer(flags)
    write_all(
        loaded.programs, languages, builder, backend=backend, sampling=backend.settings(wanted), style=style, folder=out
    )
    return loaded.refused, dict(backend.identity)


@command.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--suite", "names", multiple=True, default=("humaneval",), show_default=True, help="May be repeated.")
@options.langs(required=False)
@click.option("--refuse", is_flag=True, help="Fail if anything is found.")
def check(folder: Path, names: Sequence[str], langs: str | None, refuse: bool) -> None:
    """Say which problems of the corpus in FOLDER are in a suite: by description, prompts and reference solutions.

    The suite is taken in Python, where its references are, and in LANGS.
    """
    from transfer_eval.suite import load
    from transfer_eval.training.corpus import contamination
    from transfer_eval.training.corpus.finishing import read

    languages = list(dict.fromkeys([find("python"), *(options.languages(langs) if langs else [])]))
    suites = [load(name, languages) for name in names]
    _, report = contamination.check(read(folder), suites, "refuse" if refuse else "report")
    for hit in report.hits:
        click.echo(hit)
    click.echo(f"{len(report.found)} of {report.problems} problems of the corpus are in {', '.join(names)}")
    if report.too_short:
        click.echo(f"too short to compare: {', '.join(report.too_short)}")
