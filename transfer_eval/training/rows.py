"""From settings to the rows of a run: known programs for supervised training, tasks for rewards."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from transfer_eval.errors import Untranslatable, UserError
from transfer_eval.execution.pool import Pool
from transfer_eval.extraction import closer_in_tests
from transfer_eval.files import Journal
from transfer_eval.language import Language, find
from transfer_eval.program import assemble
from transfer_eval.prompt import Style, ask_program, write
from transfer_eval.suite import Suite, load, translated_from
from transfer_eval.task import Task
from transfer_eval.training import sets
from transfer_eval.training.assignment import of_stdio, of_task
from transfer_eval.training.corpus.building import JOURNAL
from transfer_eval.training.corpus.finishing import read
from transfer_eval.training.corpus.sample import Sample
from transfer_eval.training.mixture import Solved
from transfer_eval.training.sets.reading import Loaded
from transfer_eval.training.settings import RlData
from transfer_eval.training.verification import questions
from transfer_eval.translation import translate
from transfer_eval.verdict import Verdict, judge


def of_corpus(path: Path) -> list[Solved]:
    """The samples of a corpus folder that go on after their prompt; all of them passed when it was built.

    Raises:
        UserError: there is no corpus, or it is malformed.
    """
    samples = read(path)
    return [_of_sample(sample) for sample in samples if sample.passed and not sample.whole]


def _of_sample(sample: Sample) -> Solved:
    language = find(sample.language)
    task = Task(
        name=sample.problem, language=language.extension, prompt=sample.prompt, tests="",
        stop_tokens=language.translator.stop_tokens, description=sample.description,
    )  # fmt: skip
    return Solved(task, language, sample.completion)


def of_suite(suite: Suite, pool: Pool | None) -> list[Solved]:
    """The reference solutions of a suite; with a ``pool``, those that pass their tests there.

    Raises:
        UserError: the suite has no reference solution, or a toolchain is missing.
    """
    known = [(task, find(name)) for name, tasks in suite.tasks.items() for task in tasks if task.solution is not None]
    if not known:
        raise UserError(f"the suite {suite.name!r} has no reference solutions in these languages")
    if pool is not None:
        known = list(_passing(known, pool))
    return [Solved(task, language, _closed(task, language)) for task, language in known]


def _passing(known: Sequence[tuple[Task, Language]], pool: Pool) -> Iterator[tuple[Task, Language]]:
    futures = [pool.submit(assemble(task, task.solution or "", language), language) for task, language in known]
    for (task, language), future in zip(known, futures, strict=True):
        if judge(future.result(), language) is Verdict.PASSED:
            yield task, language


def _closed(task: Task, language: Language) -> str:
    """The solution with what the tests would close it by."""
    closer = closer_in_tests(task, language)
    return f"{(task.solution or '').rstrip()}\n{closer}\n" if closer else task.solution or ""


def tasks_of(suite: str, languages: Sequence[str], sources: Sequence[str] = (), limit: int | None = None) -> list[Task]:
    """The tasks of a suite in some languages; with ``sources``, as translations from each of these.

    Raises:
        UserError: there is no such suite or language, or nothing to translate from.
    """
    targets = [find(name) for name in languages]
    origins = [find(name) for name in sources]
    loaded = load(suite, list(dict.fromkeys([*targets, *origins])), limit)
    if not origins:
        return [task for language in targets for task in loaded.tasks[language.name]]
    turned = [translated_from(loaded, origin) for origin in origins]
    return [task for of in turned for language in targets for task in of.tasks.get(language.name, ())]


def reward_rows(
    tasks: Sequence[Task], style: Style, parts: Mapping[tuple[str, str], Sequence[str]] | None = None
) -> list[dict[str, Any]]:
    """Rows for a reward trainer: ``prompt`` as evaluation shows it, ``task`` as the reward reads it."""
    rows = []
    for task in tasks:
        shown = write(task, find(task.language), style)
        prompt: object = shown.text if style is Style.COMPLETION else [dict(message) for message in shown.messages]
        cell = of_task(task, (parts or {}).get((task.name, task.language), ()))
        rows.append({"prompt": prompt, "task": cell, "name": task.name, "language": task.language})
    return rows


def answered(prompt: str, answer: str, style: Style) -> dict[str, Any]:
    """A row for supervised training of what is asked in words and is no task."""
    if style is Style.COMPLETION:
        return {"prompt": prompt, "completion": answer}
    return {
        "prompt": [{"role": "user", "content": prompt}],
        "completion": [{"role": "assistant", "content": answer}],
    }


def of_settings(data: RlData, style: Style) -> list[dict[str, Any]]:
    """The rows that the settings ask for.

    Raises:
        UserError: what they name is not to be had, or nothing in it is for these languages.
    """
    languages = [find(name) for name in data.languages]
    rows: list[dict[str, Any]] = []
    if data.suite is not None:
        rows += reward_rows(tasks_of(data.suite, data.languages, data.sources, data.limit), style)
    if data.programs is not None:
        rows += program_rows(sets.load(data.programs, data.place, data.split, data.limit), languages, style)
    if data.verify is not None:
        rows += verification_rows(Path(data.verify), languages, style)[: data.limit]
    if not rows:
        raise UserError(f"no rows in {', '.join(data.languages)}")
    return rows


def program_rows(loaded: Loaded, languages: Sequence[Language], style: Style) -> list[dict[str, Any]]:
    """Rows of a public set: whole programs, and functions where a language can express them."""
    rows = []
    for language in languages:
        for problem in loaded.programs:
            text = ask_program(problem.statement, language, style)
            prompt: object = text if style is Style.COMPLETION else [{"role": "user", "content": text}]
            cell = of_stdio(problem, language)
            rows.append({"prompt": prompt, "task": cell, "name": problem.name, "language": language.name})
        for function in loaded.functions:
            with contextlib.suppress(Untranslatable):
                rows += reward_rows([translate(function, language)], style)
    return rows


def verification_rows(
    folder: Path, languages: Sequence[Language], style: Style, *, once: bool = False, most: int | None = None
) -> list[dict[str, Any]]:
    """Questions about the programs of a corpus's journal, which has those that failed as well.

    Args:
        once: at most one about a problem in a language.
        most: at most so many in a language.

    Raises:
        UserError: there is none, or it has not both kinds in any of the languages.
    """
    journal = Journal(folder / JOURNAL)
    if not journal.path.exists():
        raise UserError(f"{folder}: no corpus was built there, it has no {JOURNAL}")
    wanted = {language.name for language in languages}
    samples = [sample for sample in map(Sample.from_row, journal.rows()) if sample.language in wanted]
    return [question.reward_row(style) for question in questions(samples, once=once, most=most)]


def style_of(wanted: str, tokenizer: Any) -> Style:
    """``auto`` is a chat where the tokenizer has a template for it.

    Raises:
        UserError: a chat is wanted and there is no template.
    """
    has = bool(getattr(tokenizer, "chat_template", None))
    if wanted == "chat" and not has:
        raise UserError("this model has no chat template; set style = 'completion'")
    if wanted == "auto":
        return Style.CHAT if has else Style.COMPLETION
    return Style(wanted)
