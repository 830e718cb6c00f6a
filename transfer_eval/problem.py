"""A Problem: one programming task stated in no programming language.

A function to write (name, typed parameters, result), a description, and cases: arguments and
the exact result. Where problems come from is told in ``sources/``; how they are put in a language, in
``translation.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from transfer_eval.types import Type


@dataclass(frozen=True)
class Parameter:
    """One parameter of the function to write."""

    name: str
    type: Type


@dataclass(frozen=True)
class Case:
    """One call with its exact result.

    ``tolerance`` is the absolute error the original test allows (None: equality is demanded).
    """

    arguments: tuple[object, ...]
    expected: object
    tolerance: float | None = None


@dataclass(frozen=True)
class Original:
    """What only Python can use of a problem first written in Python."""

    preamble: str = ""  # imports and helper functions that stand before the signature
    solution: str | None = None  # the reference body, indented, as it follows the prompt
    tests: str = ""  # the original ``def check(candidate)``


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One function-completion problem.

    Attributes:
        name: unique in its suite, e.g. ``HumanEval_53_add``.
        function: the entry point's Python name.
        description: the docstring as Python has it, indentation and doctests kept.
        only_python: why no other language can express it (its tests check a property, its prompt
            builds on Python helpers); None for ordinary problems.
        location: the file or package it was read from.
    """

    name: str
    function: str
    parameters: tuple[Parameter, ...]
    returns: Type
    description: str
    cases: tuple[Case, ...]
    original: Original = field(default_factory=Original)
    only_python: str | None = None
    location: str = ""
