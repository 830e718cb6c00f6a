"""The contract of a translator: how one language writes values, calls, prompts and tests.

Conventions (names, types, frames, stop tokens) are MultiPL-E's, so that its prompt files and ours
are interchangeable (dataset_builder of https://github.com/nuprl/MultiPL-E).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from transfer_eval.errors import Untranslatable
from transfer_eval.problem import Case, Problem
from transfer_eval.types import Kind, Type


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the target language calls Python's things in prose (the ``reworded`` variation).

    ``array`` is for the languages that call an array otherwise than a list.
    """

    list: str
    tuple: str
    dictionary: str
    none: str
    true: str
    false: str
    array: str = ""


class Translator(ABC):
    """Writes one problem in one language. Values are Python values paired with a :class:`Type`.

    Class attributes:
        stop_tokens: a completion ends before the earliest of them.
        terms: the words for prose.
        closer: what the tests begin with to close the function that the prompt opened, because a
            stop token ate the model's own (``"}"``); empty where completions close themselves.
    """

    stop_tokens: tuple[str, ...]
    terms: Terms
    closer: str = ""
    understands_python: bool = False
    """Whether problems that only Python can express (``Problem.only_python``) are for this language."""
    integer_bits: int | None = 64
    """Integers outside the signed range of so many bits are refused (54 where numbers are
    doubles, None where they have no limit)."""
    tells_integers_apart: bool = False
    """Whether a function can tell 3 from 3.0; if not, problems whose tests ask it to are refused."""
    reserved: frozenset[str] = frozenset()
    """Words that are no names in this language; see :meth:`name`."""

    @abstractmethod
    def prompt(self, problem: Problem, description: str) -> str:
        """Everything up to the body: imports, ``description`` as a comment, signature.

        ``description`` is reworded and has its doctests in the target language already.
        """

    @abstractmethod
    def tests(self, problem: Problem) -> str:
        """The test frame with one assertion per case, beginning with :attr:`closer`."""

    @abstractmethod
    def literal(self, value: object, type_: Type) -> str:
        """``value`` as an expression of type ``type_``.

        Raises:
            Untranslatable: the language has no such value or type.
        """

    def name(self, name: str) -> str:
        """A Python name as a name of this language: an underscore is put behind a reserved word."""
        return name + "_" if name in self.reserved else name

    def call(self, function: str, arguments: Sequence[str]) -> str:
        """A call as the prompt's doctests show it."""
        return f"{function}({', '.join(arguments)})"

    def arguments(self, problem: Problem, case: Case) -> list[str]:
        """The literals of a case's arguments, typed by the problem's parameters."""
        return [
            self.literal(value, parameter.type)
            for value, parameter in zip(case.arguments, problem.parameters, strict=True)
        ]

    def check_supported(self, problem: Problem) -> None:
        """Refuse what no rendering could be faithful to: integers too wide, contradictions, odd tolerances.

        Raises:
            Untranslatable: with the reason.
        """
        for case in problem.cases:
            if case.tolerance is not None and type(case.expected) not in {int, float}:
                raise Untranslatable("a tolerance on a result that is no number")
            for value in (*case.arguments, case.expected):
                self._check_integers(value)
        if not self.tells_integers_apart and not self.understands_python:
            self._check_consistent(problem)

    def _check_consistent(self, problem: Problem) -> None:
        results: dict[str, str] = {}
        for case in problem.cases:
            expected = repr(_without_integers(case.expected))
            if results.setdefault(repr(_without_integers(case.arguments)), expected) != expected:
                raise Untranslatable("its tests tell 3 from 3.0")

    def _check_integers(self, value: object) -> None:
        bits = self.integer_bits
        if bits is not None and isinstance(value, int) and (value if value >= 0 else ~value).bit_length() >= bits:
            raise Untranslatable(f"an integer wider than {bits} bits")
        if isinstance(value, dict):
            self._check_integers([*value, *value.values()])
        elif isinstance(value, (list, tuple, set)):
            for item in value:
                self._check_integers(item)


def escape(text: str, quote: str = '"', extra: str = "", unprintable: Callable[[str], str] = str) -> str:
    """A C-style quoted string; every character of ``extra`` gets a backslash too.

    ``unprintable`` writes what ``str.isprintable`` says no to (controls, lone surrogates, …).
    """
    named = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\\": "\\\\", quote: "\\" + quote}
    named.update((c, "\\" + c) for c in extra)
    return quote + "".join(named.get(c) or (c if c.isprintable() else unprintable(c)) for c in text) + quote


def comment(description: str, prefix: str) -> str:
    """``description`` with ``prefix`` before each line."""
    return "".join(f"{prefix}{line}\n" for line in description.strip().split("\n"))


def flush(description: str) -> str:
    """``description`` without the indentation of its lines, as some of MultiPL-E's translators have it."""
    return "\n".join(line.lstrip() for line in description.split("\n"))


def _without_integers(value: object) -> object:
    """``value`` with its integers as floating-point numbers, where these can hold them."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53:
        return float(value)
    if isinstance(value, dict):
        return [(_without_integers(k), _without_integers(v)) for k, v in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value)(map(_without_integers, value))
    return value


def number_within(case: Case) -> float | None:
    """The case's tolerance, where the expected value is one number.

    Raises:
        Untranslatable: a tolerance on anything else.
    """
    if case.tolerance is not None and (isinstance(case.expected, bool) or not isinstance(case.expected, (int, float))):
        raise Untranslatable("a tolerance on a value that is no number")
    return case.tolerance


def strip_optional(type_: Type) -> Type:
    """The type inside an ``Optional``, or the type itself."""
    return type_.args[0] if type_.kind is Kind.OPTIONAL else type_
