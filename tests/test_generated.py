"""Generated problems: right programs in every language that has a dialect, splits that share nothing, no chance."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import needs
from transfer_eval import signature
from transfer_eval.composition import SECOND, Application, Composition
from transfer_eval.dialect import Dialect
from transfer_eval.errors import Untranslatable, UserError
from transfer_eval.execution.pool import Pool
from transfer_eval.language import Language, find, load_all
from transfer_eval.program import assemble
from transfer_eval.prompt import Style, from_source, write
from transfer_eval.suite import load
from transfer_eval.task import Source
from transfer_eval.tasks.generated import Generated, Recipe, Split, body, generate, parse, program, task
from transfer_eval.tasks.generated.behaviour import (
    LARGEST,
    applications,
    every_step_matters,
    observe,
    split_of_behaviour,
    without_a_step,
)
from transfer_eval.tasks.generated.card import census_table, operations_table
from transfer_eval.tasks.generated.operations import BY_NAME, OPERATIONS
from transfer_eval.translation import reword
from transfer_eval.validation import validate
from transfer_eval.verdict import Verdict, judge
from transfer_eval.whole_program import result_row

SPEAKERS = [language for language in load_all().values() if language.dialect is not None]
CARD = Path(__file__).parent.parent / "tasks" / "generated" / "README.md"


@cache
def some(split: Split, depths: tuple[int, int] = (1, 4), count: int = 1500) -> list[Generated]:
    return generate(Recipe(split=split, depths=depths), count)


def kinds(generated: Generated) -> set[tuple[str, bool]]:
    """Which operations occur, with a constant or with the second parameter."""
    return {(step.operation.name, step.constant is SECOND) for step in generated.composition.steps}


@cache
def covering() -> list[Generated]:
    """A few problems in which every operation occurs, with a constant and, where it can, with the parameter."""
    wanted = {(a.operation.name, a.constant is SECOND) for a in applications()}
    chosen = []
    while wanted:
        chosen.append(max(some(Split.TRAIN), key=lambda one: len(kinds(one) & wanted)))
        assert kinds(chosen[-1]) & wanted
        wanted -= kinds(chosen[-1])
    return chosen


@pytest.mark.parametrize("language", SPEAKERS, ids=lambda language: language.name)
def test_every_operation_is_written_right(language: Language, pool: Pool) -> None:
    tasks = [task(generated, needs(language.name)) for generated in covering()]
    report = validate(tasks, language, pool)
    assert report.problems == []
    assert report.references_passed == report.empty_failed == len(tasks)


@pytest.mark.parametrize("language", SPEAKERS, ids=lambda language: language.name)
def test_programs_are_what_a_completion_would_be(language: Language) -> None:
    for generated in covering():
        declared = signature.read(task(generated, language))
        assert declared is not None and declared.find(program(generated, language)) is not None
        assert program(generated, language).startswith(task(generated, language).prompt + body(generated, language))
        for stop in language.translator.stop_tokens:
            assert stop not in body(generated, language), "a model that writes this would be cut short"


@pytest.mark.parametrize("name", ["python", "lua"])
def test_a_body_without_a_step_fails(name: str, pool: Pool) -> None:
    language = needs(name)
    assert language.dialect is not None
    futures = []
    for generated in covering():
        for shorter in without_a_step(generated.composition):
            if shorter.parameters == generated.composition.parameters:
                attempt = assemble(task(generated, language), language.dialect.body(shorter), language)
                futures.append((generated.composition, shorter, pool.submit(attempt, language)))
    assert len(futures) > 10
    for right, shorter, future in futures:
        verdict = result_row(language, future)["verdict"]
        assert verdict not in (Verdict.PASSED.value, Verdict.HARNESS_FAULT.value), f"{right} as {shorter}"


def test_dialects_are_complete_and_name_what_they_lack() -> None:
    assert len(SPEAKERS) >= 10
    for language in SPEAKERS:
        assert language.dialect is not None
        assert list(language.dialect.steps) == list(BY_NAME), language.name
    composition = Composition((Application(BY_NAME["sum"]),))
    with pytest.raises(Untranslatable, match="'sum'"):
        Dialect(steps={}).body(composition)


def test_bindings_are_declared_once() -> None:
    dialect = Dialect(
        steps={"add": "k <- k + {c}", "sum": "k <- 0\nfor x in xs: k += x"},
        declare="var {name}: {type} = {value}", assign="{name} = {value}", types={"k": "int"}, variable="${name}",
        give="return {value};", start="\n", indent="  ", end="}\n",
    )  # fmt: skip
    composition = Composition((Application(BY_NAME["sum"]), Application(BY_NAME["add"], SECOND)))
    assert dialect.body(composition) == (
        "\n  var k: int = 0\n  for x in xs: k += x\n  k = k + $n\n  return $k;\n}\n"
    )  # fmt: skip


def test_splits_share_neither_skeletons_nor_behaviours() -> None:
    skeletons, behaviours = {}, {}
    for split in Split:
        compositions = [generated.composition for generated in some(split)]
        skeletons[split] = {composition.skeleton for composition in compositions}
        behaviours[split] = {observe(composition) for composition in compositions}
        assert len(behaviours[split]) == len(compositions), "no two problems of a recipe do the same"
    for one in Split:
        for other in Split:
            assert one is other or not skeletons[one] & skeletons[other]
            assert one is other or not behaviours[one] & behaviours[other]


def test_single_steps_and_all_that_does_the_same_are_training() -> None:
    singles = {generated.composition.skeleton[0] for generated in some(Split.TRAIN, (1, 1), 170)}
    assert singles == set(BY_NAME)
    for split in (Split.VALIDATION, Split.TEST):
        assert min(len(generated.composition.steps) for generated in some(split)) == 2
    for application in applications():
        behaviour = observe(Composition((application,)))
        assert behaviour is None or split_of_behaviour(behaviour) is Split.TRAIN


@pytest.mark.parametrize("split", Split)
def test_cases_are_exact_and_tell_a_problem_from_its_neighbours(split: Split) -> None:
    for generated in some(split):
        composition, cases = generated.composition, generated.problem.cases
        assert every_step_matters(composition)
        assert len({repr(case.expected) for case in cases}) > 1
        assert len({repr(case.arguments) for case in cases}) == len(cases)
        for case in cases:
            *_, last = composition.trace(*case.arguments)
            assert last == case.expected
            assert all(abs(n) <= LARGEST for n in numbers(list(composition.trace(*case.arguments))))
        for shorter in without_a_step(composition):
            second = (None,) if not composition.is_open else ()
            assert any(list(shorter.trace(*case.arguments, *second))[-1] != case.expected for case in cases)


def numbers(value: object) -> list[int]:
    if isinstance(value, list):
        return [number for item in value for number in numbers(item)]
    return [value] if isinstance(value, int) else []


DIGEST = """
import hashlib, sys
from transfer_eval.language import load_all
from transfer_eval.tasks.generated import Recipe, Split, body, generate, program
digest = hashlib.sha256()
for split in Split:
    for one in generate(Recipe(split=split, depths=(1, 4), seed=3, examples=1), 150):
        digest.update(repr(one.problem).encode())
        for language in load_all().values():
            if language.dialect is not None:
                digest.update((program(one, language) + body(one, language)).encode())
print(digest.hexdigest())
"""


def test_equal_recipes_give_equal_problems_in_any_process() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_problems_stay_what_they_were() -> None:
    """Published numbers name a recipe: who changes what it gives, changes this line and says so in the changelog."""
    problems = [generated.problem for generated in generate(Recipe(split=Split.TEST, depths=(2, 3)), 100)]
    text = json.dumps([[p.name, p.description, [[c.arguments, c.expected] for c in p.cases]] for p in problems])
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "8fca5fa0fc29a689"


def test_a_longer_run_begins_like_a_shorter_one() -> None:
    recipe = Recipe(split=Split.VALIDATION, depths=(2, 3), seed=5)
    assert generate(recipe, 60)[:20] == generate(recipe, 20)


def test_two_sets_of_phrases_say_the_same_things_in_other_words() -> None:
    phrases = [phrase for operation in OPERATIONS for phrase in operation.phrases]
    assert len(set(phrases)) == len(phrases)
    for language in load_all().values():
        assert [reword(phrase, language.translator.terms, language.title) for phrase in phrases] == phrases
    for operation in OPERATIONS:
        assert all(("{c}" in phrase) == bool(operation.constants) for phrase in operation.phrases)
    plain, other = (generate(Recipe(split=Split.TEST, depths=(2, 3), phrases=set_), 50) for set_ in (0, 1))
    for one, two in zip(plain, other, strict=True):
        assert one.composition == two.composition and one.problem.cases == two.problem.cases
        assert one.problem.description != two.problem.description


def test_examples_are_cases_in_the_language() -> None:
    generated = generate(Recipe(split=Split.TRAIN, depths=(1, 1), operations=("sum",), examples=2), 1)[0]
    prompt = task(generated, find("lua")).prompt
    assert prompt.startswith("-- Take the sum.\n-- >>> f({")
    assert prompt.count(">>>") == 2


def test_a_description_may_stand_before_the_prompt(pool: Pool) -> None:
    needs("ruby")
    ruby = find("ruby")
    inside = load("generated:test:count=3", [ruby]).tasks["ruby"]
    first = load("generated:test:count=3:first=1", [ruby]).tasks["ruby"]
    for asked, other in zip(first, inside, strict=True):
        assert asked.description == other.description
        assert asked.description in other.prompt and asked.description not in asked.prompt
        for style in Style:
            shown = write(asked, ruby, style).shown
            assert shown.startswith(asked.description) and shown.count(asked.description) == 1
        assert asked.solution is not None
        whole = assemble(asked, asked.solution, ruby)
        assert asked.description not in whole.source
        assert judge(pool.submit(whole, ruby).result(), ruby) is Verdict.PASSED
        translated = write(from_source(asked, Source("lua", "return 1")), ruby, Style.COMPLETION).shown
        assert translated.startswith(asked.description) and translated.count(asked.description) == 1


def test_the_suite_has_a_solution_wherever_there_is_a_dialect() -> None:
    suite = load(
        "generated:validation:depth=3-4:count=7:seed=2:phrases=1:cases=3:examples=1", list(load_all().values())
    )
    for language in load_all().values():
        tasks = suite.tasks[language.name]
        assert len(tasks) + len(suite.refused[language.name]) == 7
        assert language.dialect is None or len(tasks) == 7
        assert all((one.solution is None) == (language.dialect is None) for one in tasks)
    assert [one.name for one in load("generated", [find("lua")], 2).tasks["lua"]] == ["Generated_0_f", "Generated_1_f"]
    assert parse("") == (Recipe(split=Split.TEST, depths=(2, 3)), 100)


@pytest.mark.parametrize(
    ("options", "named"),
    [("exam", "exam"), ("test:deep=3", "deep=3"), ("test:seed", "'seed'"), ("count=x", "'x'"), ("count=0", "count 0"),
     ("depth=3-2", "3-2"), ("depth=1", "single step"), ("train:depth=0-1", "0-1"), ("phrases=2", "phrases 2"),
     ("seed=1:seed=2", "twice"), ("operations=sum,fly", "'fly'"), ("cases=1", "2 cases"), ("test:", "''"),
     ("first=2", "'2'"), ("first=1:examples=1", "before the prompt")],
)  # fmt: skip
def test_what_is_no_recipe_is_named(options: str, named: str) -> None:
    with pytest.raises(UserError, match=named):
        parse(options)


def test_an_exhausted_recipe_says_what_it_had() -> None:
    with pytest.raises(UserError, match="gives 2 different problems, not 3"):
        generate(Recipe(split=Split.TRAIN, depths=(1, 1), operations=("upper", "lower")), 3)


def test_steps_that_do_not_fit_are_no_composition() -> None:
    with pytest.raises(ValueError, match="upper, sum"):
        Composition((Application(BY_NAME["upper"]), Application(BY_NAME["sum"])))


def test_the_card_says_what_is_there() -> None:
    card = CARD.read_text()
    assert operations_table() in card
    assert census_table(2) in card
    example = Composition((Application(BY_NAME["add_each"], 8), Application(BY_NAME["contains"], 1)))
    dialect = find("lua").dialect
    assert dialect is not None
    assert f"-- {example.describe(0)}\nlocal function f(xs)\n{dialect.body(example)}" in card
