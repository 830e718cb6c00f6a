"""Task + code -> Program, and how a program is armed with a proof of its end.

A pass needs evidence: a number that cannot be guessed, printed on a line of its own after the last
assertion. It is the sum of two secrets, so it never stands in the source, and a running program
cannot read its source anyway (:attr:`transfer_eval.language.Step.feed`).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from transfer_eval.language import Language
from transfer_eval.task import Task

_GROUP = re.compile(r"\\g<(\w+)>")  # the only escape a replacement knows; other backslashes are the language's


@dataclass(frozen=True)
class Program:
    """A complete program: what MultiPL-E would run, byte for byte.

    ``tests_at`` is where the tests begin in ``source`` if that is known.
    """

    language: str
    source: str
    tests_at: int | None = None


@dataclass(frozen=True)
class Armed:
    """A program ready to run: ``token`` is the line that proves its end, None if the frame is unknown."""

    text: str
    token: str | None


def assemble(task: Task, code: str, language: Language, *, whole: bool = False) -> Program:
    """``prompt + completion + newline + tests`` (MultiPL-E's assembly, exactly one newline added).

    ``whole`` says that ``code`` holds the complete function, so the prompt is left out.
    """
    before = code + "\n" if whole else task.prompt + code + "\n"
    return Program(language.name, before + task.tests, len(before))


def arm(program: Program, language: Language) -> Armed:
    """Put a fresh proof at the end of the program's tests."""
    first, second = (secrets.randbelow(10**14) + 10**14 for _ in range(2))
    proof = language.proof
    statement = proof.statement.replace("{a}", str(first)).replace("{b}", str(second))
    text = _with_prefix(program.source, language.prefix)
    split = (program.tests_at or 0) + len(text) - len(program.source)
    before, tests = text[:split], text[split:]
    begin = _last_match(proof.begins, tests)
    ends = proof.ends
    if begin is None:
        ends = proof.ends[-1:]  # not MultiPL-E's frame: only the last way fits any program
    else:
        before, tests = before + tests[:begin] + proof.rearm, tests[begin:]
    ended = _end(ends, tests, statement, (str(first), str(second)))
    if ended is None:
        return Armed(text, None)
    return Armed(before + ended, str(first + second))


def _end(ends: Sequence[tuple[str, str]], tests: str, statement: str, secret: tuple[str, str]) -> str | None:
    for pattern, replacement in ends:
        match = re.search(pattern, tests, re.MULTILINE)
        if match:
            filled = replacement
            for reference in _GROUP.findall(replacement):
                filled = filled.replace(f"\\g<{reference}>", match[int(reference)])
            filled = filled.replace("{statement}", statement)
            filled = filled.replace("{a}", secret[0]).replace("{b}", secret[1])
            return tests[: match.start()] + filled + tests[match.end() :]
    return None


def _last_match(pattern: str, text: str) -> int | None:
    starts = [match.start() for match in re.finditer(pattern, text, re.MULTILINE)]
    return starts[-1] if starts else None


def _with_prefix(source: str, prefix: str) -> str:
    return source if source.lstrip().startswith(prefix.strip()) else prefix + source
