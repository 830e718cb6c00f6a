"""Strict verdicts need evidence; compat statuses are upstream's, quirk by quirk."""

from __future__ import annotations

from dataclasses import replace

import pytest

from transfer_eval.execution.execution import Ended, Execution, StepResult
from transfer_eval.language import Judgement, Language, Rule, Upstream, find, load_all
from transfer_eval.verdict import Verdict, judge, multipl_e_status

STEP = StepResult(
    ended=Ended.EXITED, exit_code=0, stdout="", stderr="", cpu_seconds=0.1, wall_seconds=0.2, max_rss_mb=3.0
)


def ran(proved: bool | None = True, **changes: object) -> Execution:
    return Execution(compile=None, run=replace(STEP, **changes), proved=proved)  # type: ignore[arg-type]


def language(**changes: object) -> Language:
    return replace(find("python"), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("execution", "verdict"),
    [
        (ran(), Verdict.PASSED),
        (ran(proved=False), Verdict.NO_PROOF),
        (ran(proved=None), Verdict.NO_PROOF),
        (ran(exit_code=1), Verdict.CRASHED),
        (ran(exit_code=1, proved=True), Verdict.CRASHED),
        (ran(exit_code=-9), Verdict.CRASHED),
        (ran(exit_code=1, stderr="AssertionError\n"), Verdict.WRONG),
        (ran(exit_code=1, stderr="SyntaxError: no\n"), Verdict.UNCOMPILED),
        (ran(exit_code=1, stderr="MemoryError\n"), Verdict.OUT_OF_MEMORY),
        (ran(ended=Ended.CPU_LIMIT, exit_code=-24), Verdict.TIMED_OUT),
        (ran(ended=Ended.WALL_LIMIT, exit_code=-9), Verdict.TIMED_OUT),
        (ran(ended=Ended.MEMORY_LIMIT, exit_code=-9), Verdict.OUT_OF_MEMORY),
        (ran(ended=Ended.OUTPUT_LIMIT, exit_code=-9), Verdict.OUTPUT_LIMIT),
        (ran(ended=Ended.WALL_LIMIT, exit_code=0, proved=True), Verdict.TIMED_OUT),
        (Execution(compile=replace(STEP, exit_code=1), run=None, proved=False), Verdict.UNCOMPILED),
        (Execution(compile=replace(STEP, ended=Ended.WALL_LIMIT), run=None, proved=False), Verdict.TIMED_OUT),
    ],
)
def test_strict(execution: Execution, verdict: Verdict) -> None:
    assert judge(execution, find("python")) is verdict


def test_exit_zero_can_fail_where_the_toolchain_says_so() -> None:
    sloppy = language(judgement=Judgement(exit_zero_fails="FAILURE"))
    assert judge(ran(stdout="FAILURE"), sloppy) is not Verdict.PASSED


def test_no_language_says_passed_to_a_failure() -> None:
    for plugin in load_all().values():
        assert judge(ran(exit_code=1), plugin) is not Verdict.PASSED
        assert judge(ran(proved=False), plugin) is not Verdict.PASSED


@pytest.mark.parametrize(
    ("name", "execution", "status"),
    [
        ("python", ran(), ("OK", 0)),
        ("python", ran(exit_code=1), ("Exception", 1)),
        ("python", ran(exit_code=1, stderr="SyntaxError"), ("SyntaxError", 1)),
        ("python", ran(ended=Ended.CPU_LIMIT, exit_code=-24), ("Timeout", -1)),
        ("php", ran(ended=Ended.CPU_LIMIT, exit_code=-24), ("Exception", -1)),
        ("php", ran(stdout="PHP Parse error: x", exit_code=255), ("SyntaxError", 255)),
        ("go", ran(stdout="--- FAIL: TestX\nFAIL", exit_code=0), ("Exception", 0)),
        ("go", ran(ended=Ended.WALL_LIMIT, exit_code=-9), ("Timeout", None)),
        ("julia", ran(exit_code=1, stderr="Test Failed"), ("SyntaxError", 1)),
        ("julia", ran(exit_code=1), ("Exception", 1)),
        ("ruby", ran(exit_code=1), ("Exception", 1)),
        ("ruby", ran(exit_code=1, stderr="boom"), ("SyntaxError", 1)),
        ("r", ran(exit_code=1, stderr="unexpected symbol"), ("SyntaxError", 1)),
        ("r", ran(exit_code=1), ("AssertionError", 1)),
        ("javascript", ran(exit_code=1, stderr="code: 'ERR_ASSERTION'"), ("AssertionError", 1)),
        ("javascript", ran(exit_code=1, stderr="ReferenceError: x"), ("ReferenceError", 1)),
        ("perl", ran(stdout="ERROR"), ("Exception", 0)),
        ("bash", ran(exit_code=2, stderr="syntax error near"), ("SyntaxError", 2)),
        ("rust", Execution(compile=replace(STEP, ended=Ended.WALL_LIMIT), run=None, proved=False), ("Timeout", -1)),
        ("cpp", Execution(compile=replace(STEP, ended=Ended.WALL_LIMIT), run=None, proved=False), ("SyntaxError", -1)),
    ],
)
def test_compat(name: str, execution: Execution, status: tuple[str, int | None]) -> None:
    assert multipl_e_status(execution, find(name)) == status


def test_the_first_rule_wins() -> None:
    rules = (Rule(status="A", exit="any", stream="stdout", has="x"), Rule(status="B", exit="any"))
    plugin = language(upstream=Upstream(rules=rules))
    assert multipl_e_status(ran(stdout="x"), plugin)[0] == "A"
    assert multipl_e_status(ran(stderr="x"), plugin)[0] == "B"
