"""The conformance run: known programs through the real path, before any model is scored.

Every language is put through the same twelve behaviours (:class:`transfer_eval.language.Conformance`)
as answers to one toy problem in its own translated prompt and tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

from transfer_eval.execution.pool import Pool
from transfer_eval.language import Conformance, Language, Limits
from transfer_eval.problem import Case, Parameter, Problem
from transfer_eval.program import assemble
from transfer_eval.task import Task
from transfer_eval.translation import translate
from transfer_eval.types import INT
from transfer_eval.verdict import Verdict
from transfer_eval.whole_program import result_row

_ENDLESS = frozenset({"loop", "memory", "fork", "flood"})

PROBLEM = Problem(
    name="doctor_0_add",
    function="add",
    parameters=(Parameter("x", INT), Parameter("y", INT)),
    returns=INT,
    description="Add two integers.\n>>> add(2, 3)\n5",
    cases=tuple(Case((x, y), x + y) for x, y in ((2, 3), (0, 0), (-1, 5), (1000, 337))),
)

_FAILED = frozenset({Verdict.WRONG, Verdict.CRASHED})
_KILLED = frozenset({Verdict.TIMED_OUT, Verdict.OUT_OF_MEMORY, Verdict.OUTPUT_LIMIT, Verdict.CRASHED})
EXPECTED: dict[str, frozenset[Verdict]] = {
    "good": frozenset({Verdict.PASSED}),
    "wrong": _FAILED,
    "syntax": frozenset({Verdict.UNCOMPILED, Verdict.CRASHED}),
    "loop": frozenset({Verdict.TIMED_OUT}),
    "memory": frozenset({Verdict.OUT_OF_MEMORY, Verdict.CRASHED, Verdict.TIMED_OUT}),
    "fork": _KILLED,
    "flood": frozenset({Verdict.OUTPUT_LIMIT, Verdict.TIMED_OUT}),
    "good_flood": frozenset({Verdict.PASSED}),
    "non_utf8": frozenset({Verdict.PASSED}),
    "stdin": frozenset({Verdict.PASSED}),
    "exit_zero": frozenset({Verdict.NO_PROOF, *_FAILED}),
    "forge": frozenset({Verdict.NO_PROOF, *_FAILED}),
}
"""What verdicts are right for each behaviour."""


@dataclass(frozen=True)
class Finding:
    """One behaviour of one language: what was said of it, and whether that is right. ``way`` is warm or cold."""

    language: str
    way: str
    behaviour: str
    verdict: Verdict
    right: bool
    seconds: float
    detail: str


def examine(languages: Sequence[Language], pool: Pool) -> Iterator[Finding]:
    """Run every behaviour of every language in the pool's way, yielding findings in order.

    Raises:
        UserError: a toolchain is not here.
    """
    waiting = []
    way = "warm" if pool.ways.warm else "cold"
    for language in languages:
        task = translate(PROBLEM, language)
        for behaviour in fields(Conformance):
            limits = limits_of(behaviour.name, language)
            program = assemble(task, getattr(language.conformance, behaviour.name), language)
            label = f"{language.name} {behaviour.name}"
            waiting.append((language, behaviour.name, pool.submit(program, language, limits, label=label)))
    for language, name, future in waiting:
        row = result_row(language, future)
        verdict = Verdict(row["verdict"])
        detail = (row.get("stderr") or row.get("stdout") or "").strip()[-300:]
        yield Finding(
            language.name, way, name, verdict, verdict in EXPECTED[name], row.get("wall_seconds", 0.0), detail
        )


def limits_of(behaviour: str, language: Language) -> Limits:
    """The language's own limits, but shorter ones for what never ends."""
    return replace(language.limits, cpu_seconds=3.0, wall_seconds=6.0) if behaviour in _ENDLESS else language.limits


def toy_task(language: Language) -> Task:
    """The toy problem as a task, for tests and examples."""
    return translate(PROBLEM, language)
