"""MultiPL-E-style originals: one Python file per problem.

A file holds imports, one annotated function with a docstring, optionally its solution under
``### Canonical solution below ###``, then ``### Unit tests below ###`` and ``def check(candidate)``
made of ``assert candidate(…) == …``.
"""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path

from transfer_eval.errors import Untranslatable, UserError
from transfer_eval.problem import Case, Original, Parameter, Problem
from transfer_eval.types import ANY, Type, parse_annotation

_SOLUTION = "### Canonical solution below ###"
_TESTS = "### Unit tests below ###"


def read_original(path: Path) -> Problem:
    """Read one original.

    Raises:
        UserError: the file cannot be read, is not Python, or lacks a part; the message names the
            file and the part.
        Untranslatable: an assertion or annotation is outside what problems can state.
    """
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
    except (OSError, UnicodeDecodeError, SyntaxError) as error:
        raise UserError(f"{path}: not a readable Python file: {error}") from error
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    check = functions.pop("check", None)
    functions.pop("test_check", None)
    if check is None or not functions:
        raise UserError(f"{path}: an original needs one function and a `def check(candidate)` after {_TESTS!r}")
    *helpers, function = functions.values()
    parameters, returns = signature(function)
    return Problem(
        name=path.stem,
        function=function.name,
        parameters=parameters,
        returns=returns,
        description=docstring(function),
        cases=tuple(read_assertion(node) for node in check.body if isinstance(node, ast.Assert)),
        original=Original(solution=solution(text)),
        only_python="its prompt defines helper functions" if helpers else None,
        location=str(path),
    )


def signature(function: ast.FunctionDef) -> tuple[tuple[Parameter, ...], Type]:
    """The parameters and result type of a ``def`` line; what has no annotation is ``Any``.

    Raises:
        Untranslatable: star arguments, or a type outside the algebra.
    """
    spec = function.args
    if spec.vararg or spec.kwarg or spec.kwonlyargs or spec.posonlyargs:
        raise Untranslatable("star, keyword-only or positional-only parameters")
    parameters = tuple(Parameter(arg.arg, _annotation(arg.annotation)) for arg in spec.args)
    return parameters, _annotation(function.returns)


def docstring(function: ast.FunctionDef) -> str:
    """The docstring without its common indentation; the first line is kept as it stands.

    An import may stand before it (a benchmark has such a row), which hides it from :func:`ast.get_docstring`.
    """
    body = [node for node in function.body if not isinstance(node, (ast.Import, ast.ImportFrom))]
    first_node = body[0].value if body and isinstance(body[0], ast.Expr) else None
    raw = first_node.value if isinstance(first_node, ast.Constant) and isinstance(first_node.value, str) else ""
    first, _, rest = raw.partition("\n")
    return (first + "\n" + textwrap.dedent(rest.expandtabs())).rstrip()


def solution(text: str) -> str | None:
    """The reference body that stands between the two markers of an original."""
    _, marker, rest = text.partition(_SOLUTION)
    return rest.partition(_TESTS)[0].strip("\n").rstrip() + "\n" if marker else None


def read_assertion(node: ast.Assert) -> Case:
    """``assert candidate(arguments) == expected`` as a case.

    Raises:
        Untranslatable: any other form, or a value that is not a literal.
    """
    test = node.test
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)):
        raise Untranslatable(f"an assertion that is no equality: {ast.unparse(test)[:60]}")
    call = test.left
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "candidate"):
        raise Untranslatable(f"an assertion whose left side is no call of candidate: {ast.unparse(test)[:60]}")
    return Case(tuple(literal(arg) for arg in call.args), literal(test.comparators[0]))


def literal(node: ast.expr) -> object:
    """The value of a literal expression; ``set()`` counts as one.

    Raises:
        Untranslatable: the expression is not a literal.
    """
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise Untranslatable(f"a value that is no literal: {ast.unparse(node)[:60]}") from None


def _annotation(node: ast.expr | None) -> Type:
    return parse_annotation(node) if node is not None else ANY
