"""Whole programs over stdin and stdout for the problems of a public set: known ones, and those that a model writes.

Nobody says which are right but running them on the problem's cases. What fails stays in the journal: questions whether
a program is correct (:mod:`transfer_eval.training.verification`) need both kinds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from transfer_eval import stdio
from transfer_eval.execution.execution import Execution
from transfer_eval.extraction import Reason, extract_program
from transfer_eval.generation import Backend, Sampling
from transfer_eval.language import Language, Limits, find
from transfer_eval.program import Program
from transfer_eval.prompt import FENCE_END, Prompt, Style, ask_program
from transfer_eval.stdio import StdioProblem
from transfer_eval.task import Task
from transfer_eval.training.corpus.answering import answers, provenance
from transfer_eval.training.corpus.building import Builder
from transfer_eval.training.corpus.candidate import Candidate
from transfer_eval.verdict import Verdict

KNOWN, WRITTEN = "reference", "program"
"""What the provenance calls them."""


@dataclass(frozen=True, kw_only=True)
class ProgramCandidate(Candidate):
    """A whole program for a problem over stdin and stdout."""

    problem: StdioProblem

    @property
    def program(self) -> Program:
        """What is run on every case."""
        return self.problem.program(self.code, self.language)

    @property
    def limits(self) -> Limits | None:
        """The problem's, of each run."""
        return self.problem.limits

    def judge(self, execution: Execution) -> Verdict:
        """Of the first case that fails, if one does."""
        return stdio.judge(execution, self.language, self.problem).verdict


def verify_known(problems: Sequence[StdioProblem], languages: Sequence[Language], builder: Builder) -> None:
    """Judge the known solutions of problems that are in one of the languages.

    Raises:
        UserError: a toolchain is not here; the journal cannot be written.
    """
    for problem in problems:
        for number, (name, program) in enumerate(problem.solutions):
            if (language := find(name)) in languages:
                origin = f"solution {number:04d} of {problem.name}"
                builder.put(_candidate(problem, language, program, {"source": KNOWN, "origin": origin}))
    builder.wait()


def write_all(
    problems: Sequence[StdioProblem],
    languages: Sequence[Language],
    builder: Builder,
    *,
    backend: Backend,
    sampling: Sampling,
    style: Style,
    folder: Path,
) -> None:
    """Ask a model for a program for every problem in every language, judging answers as they come.

    Raises:
        UserError: the folder holds answers of another model or other settings; a toolchain is not here; a file cannot
            be written. What was done stays, and a second call goes on from there.
    """
    asked = {(problem.name, language.extension): (problem, language) for language in languages for problem in problems}
    prompts = [_prompt(problem, language, style) for problem, language in asked.values()]
    for generation in answers(backend, prompts, sampling, folder):
        found = asked.get((generation.name, generation.language))
        if found is None:
            continue  # of an earlier build that asked for more
        extraction = extract_program(generation, found[1])
        if extraction.reason is Reason.NO_ANSWER:
            builder.faults[found[1].name, WRITTEN] += 1
        else:
            builder.put(_candidate(*found, extraction.code, provenance(generation, WRITTEN)))
    builder.wait()


def _prompt(problem: StdioProblem, language: Language, style: Style) -> Prompt:
    text, task = ask_program(problem.statement, language, style), _task(problem, language)
    if style is Style.CHAT:
        return Prompt(task, style, messages=({"role": "user", "content": text},))
    return Prompt(task, style, text=text)


def _candidate(problem: StdioProblem, language: Language, code: str, origin: dict[str, Any]) -> ProgramCandidate:
    task = _task(problem, language)
    return ProgramCandidate(task=task, language=language, code=code, whole=True, provenance=origin, problem=problem)


def _task(problem: StdioProblem, language: Language) -> Task:
    """The problem as samples tell of it; its cases by their hash, which is all that a sample keeps of tests."""
    cases = json.dumps([asdict(case) for case in problem.cases])
    return Task(
        name=problem.name, language=language.extension, prompt="", stop_tokens=(FENCE_END,),
        tests=hashlib.sha256(cases.encode()).hexdigest(), description=problem.statement,
    )  # fmt: skip
