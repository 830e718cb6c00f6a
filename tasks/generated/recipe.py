"""A recipe: everything that decides which problems are generated, and how a suite's name says one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from transfer_eval.errors import UserError

from .behaviour import Split
from .operations import BY_NAME

DEPTHS, COUNT = (2, 3), 100  # of a suite whose name does not say otherwise


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Equal recipes give equal problems, on any machine and any Python from 3.10 on.

    Attributes:
        split: which part of all compositions they are from. Single steps are in the training split only.
        depths: the least and the greatest number of steps.
        phrases: which of the two sets of phrases describes them.
        operations: the names of the operations they are made of; all if empty.
        seed: another seed gives other problems of the same kind.
        cases: calls a problem is tested with, beside one edge case; there may be more.
        examples: how many of them the description shows.
        first: whether the description stands before the prompt, in words alone, and not in a comment of it.

    Raises:
        UserError: no problem can be made so.
    """

    split: Split
    depths: tuple[int, int] = (1, 3)
    phrases: int = 0
    operations: tuple[str, ...] = ()
    seed: int = 0
    cases: int = 5
    examples: int = 0
    first: bool = False

    def __post_init__(self) -> None:
        low, high = self.depths
        if not 1 <= low <= high:
            raise UserError(f"depth {low}-{high}: give two numbers of steps, the smaller first")
        if high == 1 and self.split is not Split.TRAIN:
            raise UserError(f"depth 1: the split {self.split.value} has no problems of a single step")
        if self.phrases not in (0, 1):
            raise UserError(f"phrases {self.phrases}: there are two sets, 0 and 1")
        if self.cases < 2 or self.examples < 0:
            raise UserError("a problem needs at least 2 cases, and no fewer than 0 examples")
        if self.first and self.examples:
            raise UserError("examples are written in the language, so they cannot stand before the prompt")
        for name in self.operations:
            if name not in BY_NAME:
                raise UserError(f"unknown operation {name!r}; there are {', '.join(BY_NAME)}")


def parse(options: str) -> tuple[Recipe, int]:
    """The recipe and the number of problems that a suite's name gives after its first colon.

    ``test:depth=2-3:count=80:seed=1``: a split (``test`` if there is none), then options in any order.

    Raises:
        UserError: an unknown split or option, a value that is none, an option given twice.
    """
    words = options.split(":") if options else []
    split = Split.TEST
    if words and "=" not in words[0]:
        split = _split(words.pop(0))
    given: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if key not in _OPTIONS or not equals:
            raise UserError(f"generated problems have no option {word!r}; there are {', '.join(_OPTIONS)}")
        if key in given:
            raise UserError(f"generated problems: the option {key!r} is given twice")
        given[key] = value
    return _recipe(split, given)


def _recipe(split: Split, given: Mapping[str, str]) -> tuple[Recipe, int]:
    values: dict[str, object] = {"depths": DEPTHS}
    for key, text in given.items():
        field, read = _OPTIONS[key]
        try:
            values[field] = read(text)
        except ValueError:
            raise UserError(f"generated problems: {text!r} is no value of the option {key!r}") from None
    count = values.pop("count", COUNT)
    if not isinstance(count, int) or count < 1:
        raise UserError(f"generated problems: count {count} is not at least 1")
    return replace(Recipe(split=split, depths=DEPTHS), **values), count  # type: ignore[arg-type]  # _OPTIONS names fields


def _split(name: str) -> Split:
    try:
        return Split(name)
    except ValueError:
        raise UserError(f"unknown split {name!r}; there are {', '.join(split.value for split in Split)}") from None


def _depths(text: str) -> tuple[int, int]:
    low, dash, high = text.partition("-")
    return int(low), int(high if dash else low)


def _switch(text: str) -> bool:
    return bool(("0", "1").index(text))  # ValueError: neither


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


_OPTIONS: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "depth": ("depths", _depths),
    "count": ("count", int),
    "seed": ("seed", int),
    "phrases": ("phrases", int),
    "operations": ("operations", _names),
    "cases": ("cases", int),
    "examples": ("examples", int),
    "first": ("first", _switch),
}
