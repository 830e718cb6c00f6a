"""A Candidate: code that might become a sample, fitted to its task so that it can be run and learned from.

A whole function is taken apart again where it declares just what the prompt declares: then what follows the
declaration is the completion. What is run is what will be kept.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from transfer_eval.arrangement import arrange
from transfer_eval.chunks import bare
from transfer_eval.execution.execution import Execution
from transfer_eval.extraction import Reason, closer_in_tests, extract
from transfer_eval.generation import Generation
from transfer_eval.language import Language, Limits
from transfer_eval.program import Program, assemble
from transfer_eval.signature import block_comments, masked, read
from transfer_eval.task import Task
from transfer_eval.training.corpus.sample import Sample
from transfer_eval.verdict import Verdict, judge


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Code for a task; ``whole`` code replaces the prompt, other code follows it. Empty: there was none."""

    task: Task
    language: Language
    code: str
    whole: bool
    provenance: Mapping[str, Any]

    @property
    def program(self) -> Program:
        """What is run."""
        return assemble(self.task, self.code, self.language, whole=self.whole)

    @property
    def limits(self) -> Limits | None:
        """Of its run, where they are not the language's."""
        return None

    def judge(self, execution: Execution) -> Verdict:
        """What came of it."""
        return judge(execution, self.language)

    def sample(self, verdict: Verdict) -> Sample:
        """The row for the corpus. The function is closed where the tests had to do it, for nobody else will."""
        closer = closer_in_tests(self.task, self.language)
        code = f"{self.code.rstrip()}\n{closer}\n" if closer and self.code else self.code
        return Sample(
            problem=self.task.name,
            language=self.language.name,
            description=self.task.description,
            prompt=self.task.prompt,
            completion="" if self.whole else code,
            program=code if self.whole else self.task.prompt + code,
            whole=self.whole,
            verdict=verdict.value,
            tests=hashlib.sha256(self.task.tests.encode()).hexdigest()[:16],
            provenance=self.provenance,
        )


def of_program(program: str, task: Task, language: Language, provenance: Mapping[str, Any]) -> Candidate:
    """A whole function that solves ``task``, by whoever wrote it."""
    signature = read(task)
    if signature is not None and signature.find(program) is not None:
        program = arrange(program, task, signature, closer_in_tests(task, language).strip()).code
    return _fitted(program, task, language, provenance)


def of_generation(
    generation: Generation, task: Task, language: Language, provenance: Mapping[str, Any]
) -> Candidate | None:
    """A model's answer, read as evaluation reads it; None if the backend gave none."""
    extraction = extract(generation, task, language)
    if extraction.reason is Reason.NO_ANSWER:
        return None
    if extraction.whole:
        return _fitted(extraction.code, task, language, provenance)
    return Candidate(task=task, language=language, code=extraction.code, whole=False, provenance=provenance)


def _fitted(code: str, task: Task, language: Language, provenance: Mapping[str, Any]) -> Candidate:
    completion = after_prompt(code, task)
    whole = completion is None
    return Candidate(
        task=task,
        language=language,
        code=code if completion is None else completion,
        whole=whole,
        provenance=provenance,
    )


def after_prompt(code: str, task: Task) -> str | None:
    """What a whole function says after the task's prompt; None if it declares something else than the prompt.

    Comments and layout of the declaration are nobody's concern, so that an answer that repeats the prompt
    in other words still fits.
    """
    signature = read(task)
    start = signature.find(code) if signature else None
    if signature is None or start is None or bare(code[:start]) != bare(task.prompt[: signature.start]):
        return None
    declared = re.findall(r"\w+|[^\w\s]", masked(task.prompt)[signature.start :])
    own, theirs = (_end_of(declared, text, at) for text, at in ((task.prompt, signature.start), (code, start)))
    if own is None or theirs is None:
        return None
    body = code[theirs:]
    leading = next(iter(block_comments(body)), None)
    if leading and not body[: leading[0]].strip():
        body = body[leading[1] :]  # a docstring stands after the declaration; the prompt has its own
    margin = _margin(task.prompt[own:])
    if margin is not None and margin != _margin(body):
        return None  # a docstring has the indentation that the body must have
    return re.sub(r"\A[ \t]*\n", "", body) if task.prompt.endswith("\n") else body


def _end_of(words: Sequence[str], text: str, start: int) -> int | None:
    """Where in ``text`` the statement of these words ends, blanks aside; None if it says something else."""
    match = re.compile(r"\s*" + r"\s*".join(map(re.escape, words))).match(masked(text), start)
    return match.end() if match else None


def _margin(text: str) -> str | None:
    """The indentation of the first line that has something on it, after the line that ``text`` begins in."""
    match = re.search(r"\n([ \t]*)\S", text)
    return match[1] if match else None
