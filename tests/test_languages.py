"""Every language is tested by being there: the same twelve behaviours, and a frame that can fail."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from tests.conftest import needs
from transfer_eval.doctor import EXPECTED, PROBLEM, limits_of, toy_task
from transfer_eval.execution.pool import Pool
from transfer_eval.language import Conformance, find, load_all
from transfer_eval.program import arm, assemble
from transfer_eval.translation import translate
from transfer_eval.verdict import Verdict, judge, multipl_e_status

NAMES = sorted(load_all())
BEHAVIOURS = [field.name for field in fields(Conformance)]


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
@pytest.mark.parametrize("name", NAMES)
def test_conformance(pool: Pool, name: str, behaviour: str) -> None:
    language = needs(name)
    limits = limits_of(behaviour, language)
    program = assemble(toy_task(language), getattr(language.conformance, behaviour), language)
    execution = pool.submit(program, language, limits).result()
    assert judge(execution, language) in EXPECTED[behaviour], execution


@pytest.mark.parametrize("name", NAMES)
def test_good_and_wrong_have_upstream_statuses(pool: Pool, name: str) -> None:
    language = needs(name)
    for behaviour, ok in (("good", True), ("wrong", False)):
        program = assemble(toy_task(language), getattr(language.conformance, behaviour), language)
        status, exit_code = multipl_e_status(pool.submit(program, language).result(), language)
        assert (status == "OK" and exit_code == 0) == ok, behaviour


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_completion_fails(pool: Pool, name: str) -> None:
    language = needs(name)
    execution = pool.submit(assemble(toy_task(language), "", language), language).result()
    assert judge(execution, language) is not Verdict.PASSED


@pytest.mark.parametrize("name", NAMES)
def test_each_single_case_can_fail(pool: Pool, name: str) -> None:
    """One wrong expectation among right ones fails the good solution: no assertion is decoration."""
    language = needs(name)
    futures = []
    for index, case in enumerate(PROBLEM.cases):
        cases = [*PROBLEM.cases]
        cases[index] = replace(case, expected=4242)
        task = translate(replace(PROBLEM, cases=tuple(cases)), language)
        futures.append(pool.submit(assemble(task, language.conformance.good, language), language))
    for future in futures:
        assert judge(future.result(), language) is Verdict.WRONG


@pytest.mark.parametrize("name", NAMES)
def test_the_token_is_never_in_the_source(name: str) -> None:
    language = find(name)
    armed = arm(assemble(toy_task(language), language.conformance.good, language), language)
    assert armed.token is not None
    assert armed.token not in armed.text
    again = arm(assemble(toy_task(language), language.conformance.good, language), language)
    assert again.token != armed.token


@pytest.mark.parametrize("name", NAMES)
def test_names_and_hints(name: str) -> None:
    language = find(name)
    assert language.name == name
    assert language.fences, "models must know how to fence it"
    install = language.toolchain.install
    assert any((install.apt, install.npm, install.pip)), "no way to install it here"
    assert language.toolchain.docker
    for alias in language.names:
        assert find(alias) is language
