"""Problems made by chaining operations, with right programs in every language that has a dialect.

``generate`` makes the problems of a recipe, ``task``, ``body`` and ``program`` write one in a language,
``parse`` reads a recipe from a suite's name (``generated:test:depth=2-3``). ``README.md`` beside this
file tells what the problems are.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice

from transfer_eval.composition import INTS, SECOND, Application, Composition, Operation
from transfer_eval.errors import Untranslatable, UserError
from transfer_eval.language import Language
from transfer_eval.problem import Problem
from transfer_eval.task import Task
from transfer_eval.translation import DOCTEST, translate
from transfer_eval.types import BOOL, INT, STR, Type

from .behaviour import Split as Split
from .behaviour import every_step_matters, observe, split_of_behaviour, split_of_skeleton
from .cases import between, choose, pick
from .operations import OPERATIONS
from .recipe import Recipe as Recipe
from .recipe import parse as parse

FUNCTION = "f"
_STARTS = (INTS, INTS, INTS, INTS, INT, INT, STR, STR, STR, BOOL)  # lists and texts have the most to say
_OPEN = 0.3  # how often a step that can leaves its constant to the caller
_PATIENCE = 50_000  # compositions in a row that are no new problem, before the recipe counts as exhausted


@dataclass(frozen=True)
class Generated:
    """A problem and the composition that solves it. ``first``: its description stands before the prompt, not in it."""

    problem: Problem
    composition: Composition
    first: bool = False

    @property
    def prompted(self) -> Problem:
        """The problem as its prompt shows it."""
        return replace(self.problem, description="") if self.first else self.problem


def generate(recipe: Recipe, count: int) -> list[Generated]:
    """The first ``count`` problems of a recipe, no two of which do the same.

    Raises:
        UserError: the recipe does not have so many.
    """
    found = [
        Generated(_problem(recipe, number, composition), composition, recipe.first)
        for number, composition in enumerate(islice(_compositions(recipe), count))
    ]
    if len(found) < count:
        raise UserError(f"the recipe gives {len(found)} different problems, not {count}: allow more steps")
    return found


def _compositions(recipe: Recipe) -> Iterator[Composition]:
    """The compositions of a recipe in the order in which chance brings them, each behaviour once."""
    rng = random.Random(f"compositions {recipe.seed} {recipe.split.value}")
    tried: set[Composition] = set()
    seen: set[str] = set()
    idle = 0
    while idle < _PATIENCE:
        idle += 1
        operations = _draw(recipe, rng)
        if not operations or split_of_skeleton(tuple(operation.name for operation in operations)) is not recipe.split:
            continue
        composition = Composition(_complete(operations, rng))
        if composition in tried:
            continue
        tried.add(composition)
        behaviour = observe(composition)
        if behaviour is None or behaviour in seen or split_of_behaviour(behaviour) is not recipe.split:
            continue
        if every_step_matters(composition):
            seen.add(behaviour)
            idle = 0
            yield composition


def _draw(recipe: Recipe, rng: random.Random) -> list[Operation]:
    """Random operations that make a chain; none where the recipe's operations lead nowhere."""
    type_ = pick(rng, _STARTS)
    operations: list[Operation] = []
    for _ in range(between(rng, *recipe.depths)):
        ways = _ways(recipe.operations, type_)
        if not ways:
            return []
        operations.append(pick(rng, ways))
        type_ = operations[-1].gives
    return operations


def _complete(operations: Sequence[Operation], rng: random.Random) -> tuple[Application, ...]:
    """Steps with random constants, at most one of them left to the caller."""
    steps: list[Application] = []
    is_open = False
    for operation in operations:
        if operation.open and not is_open and rng.random() < _OPEN:
            is_open = True
            steps.append(Application(operation, SECOND))
        else:
            steps.append(Application(operation, pick(rng, operation.constants) if operation.constants else None))
    return tuple(steps)


@cache
def _ways(names: tuple[str, ...], takes: Type) -> tuple[Operation, ...]:
    return tuple(o for o in OPERATIONS if o.takes == takes and (not names or o.name in names))


def _problem(recipe: Recipe, number: int, composition: Composition) -> Problem:
    cases = choose(composition, recipe.cases, random.Random(f"cases {recipe.seed} {composition}"))
    shown = [
        f"\n{DOCTEST} {FUNCTION}({', '.join(map(repr, case.arguments))})\n{case.expected!r}"
        for case in cases[1 : recipe.examples + 1]
    ]
    return Problem(
        name=f"Generated_{number}_{FUNCTION}",
        function=FUNCTION,
        parameters=composition.parameters,
        returns=composition.gives,
        description=composition.describe(recipe.phrases) + "".join(shown),
        cases=cases,
        location=f"{recipe.split.value}: {composition}",
    )


def task(generated: Generated, language: Language) -> Task:
    """The problem in a language, with its solution if the language has a dialect.

    Raises:
        Untranslatable: the language cannot express the problem, or its dialect lacks an operation.
    """
    solution = body(generated, language) if language.dialect is not None else None
    translated = translate(generated.prompted, language)
    description = generated.problem.description
    return replace(translated, solution=solution, description=description, described_first=generated.first)


def body(generated: Generated, language: Language) -> str:
    """What follows ``translate(generated.prompted, language).prompt``, up to where the tests begin.

    Raises:
        Untranslatable: the language has no dialect, or its dialect lacks an operation.
    """
    if language.dialect is None:
        raise Untranslatable(f"{language.title} has no dialect")
    return language.dialect.body(generated.composition)


def program(generated: Generated, language: Language) -> str:
    """The whole function as a corpus wants it: prompt, body, and what closes the function.

    Raises:
        Untranslatable: the language has no dialect, or cannot express the problem.
    """
    closer = language.translator.closer
    return (
        translate(generated.prompted, language).prompt + body(generated, language) + (f"{closer}\n" if closer else "")
    )
