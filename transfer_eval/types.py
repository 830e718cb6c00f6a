"""The small type algebra in which problems are stated, and how it is read and inferred.

It covers what Python's annotations of benchmark problems use: scalars, lists, tuples,
dictionaries, sets, ``Optional``, ``Union`` and ``Any``. It says nothing of any target language.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import reduce

from transfer_eval.errors import Untranslatable


class Kind(Enum):
    """What sort of type a :class:`Type` is; the comment gives its ``args``."""

    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    STR = "str"
    NONE = "None"
    ANY = "Any"
    UNKNOWN = "unknown"  # () : the element type of an empty container, nothing seen yet
    LIST = "List"  # (element,)
    TUPLE = "Tuple"  # one per position
    VARTUPLE = "Tuple..."  # (element,) : Tuple[T, ...]
    DICT = "Dict"  # (key, value)
    SET = "Set"  # (element,)
    OPTIONAL = "Optional"  # (inner,)
    UNION = "Union"  # the members


@dataclass(frozen=True)
class Type:
    """A type of the algebra, e.g. ``Type(Kind.LIST, (INT,))``."""

    kind: Kind
    args: tuple[Type, ...] = ()

    def __str__(self) -> str:
        """The type as a Python annotation."""
        if self.kind is Kind.VARTUPLE:
            return f"Tuple[{self.args[0]}, ...]"
        if self.kind is Kind.UNKNOWN:
            return "Any"
        inside = ", ".join(map(str, self.args))
        return f"{self.kind.value}[{inside}]" if self.args else self.kind.value

    def mentions(self, kind: Kind) -> bool:
        """Whether ``kind`` occurs anywhere in this type."""
        return self.kind is kind or any(arg.mentions(kind) for arg in self.args)


INT, FLOAT, BOOL, STR = Type(Kind.INT), Type(Kind.FLOAT), Type(Kind.BOOL), Type(Kind.STR)
NONE, ANY, UNKNOWN = Type(Kind.NONE), Type(Kind.ANY), Type(Kind.UNKNOWN)


def list_of(element: Type) -> Type:
    """``List[element]``."""
    return Type(Kind.LIST, (element,))


def optional(inner: Type) -> Type:
    """``Optional[inner]``, flat: an optional of an optional, of ``None`` or of ``Any`` adds nothing."""
    return inner if inner.kind in {Kind.OPTIONAL, Kind.NONE, Kind.ANY} else Type(Kind.OPTIONAL, (inner,))


_NAMES = {
    "int": INT, "float": FLOAT, "bool": BOOL, "str": STR, "None": NONE, "Any": ANY, "object": ANY,
    "list": list_of(ANY), "List": list_of(ANY),
    "dict": Type(Kind.DICT, (ANY, ANY)), "Dict": Type(Kind.DICT, (ANY, ANY)),
    "set": Type(Kind.SET, (ANY,)), "Set": Type(Kind.SET, (ANY,)),
    "tuple": Type(Kind.VARTUPLE, (ANY,)), "Tuple": Type(Kind.VARTUPLE, (ANY,)),
}  # fmt: skip
_CONTAINERS = {"list": Kind.LIST, "dict": Kind.DICT, "set": Kind.SET, "tuple": Kind.TUPLE}


def parse_annotation(node: ast.expr) -> Type:
    """Read a Python annotation.

    Raises:
        Untranslatable: the annotation is outside the algebra (a class, a callable, …).
    """
    if isinstance(node, ast.Constant) and node.value is None:
        return NONE
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return parse_annotation(ast.parse(node.value, mode="eval").body)
    if isinstance(node, ast.Name) and node.id in _NAMES:
        return _NAMES[node.id]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _union_of([parse_annotation(node.left), parse_annotation(node.right)])
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        inside = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return _parse_subscript(node.value.id, inside)
    raise Untranslatable(f"no type for the annotation {ast.unparse(node)}")


def _parse_subscript(name: str, inside: list[ast.expr]) -> Type:
    last = inside[-1]
    if isinstance(last, ast.Constant) and last.value is Ellipsis:
        return Type(Kind.VARTUPLE, (parse_annotation(inside[0]),))
    args = [parse_annotation(node) for node in inside]
    if name == "Optional":
        return optional(args[0])
    if name == "Union":
        return _union_of(args)
    if name.lower() in _CONTAINERS:
        return Type(_CONTAINERS[name.lower()], tuple(args))
    raise Untranslatable(f"no type for the annotation {name}[…]")


def _union_of(members: list[Type]) -> Type:
    some = list(dict.fromkeys(member for member in members if member.kind is not Kind.NONE))
    whole = some[0] if len(some) == 1 else Type(Kind.UNION, tuple(some))
    return optional(whole) if len(some) < len(set(members)) else whole


def infer(value: object) -> Type:
    """The most specific type of one recorded value.

    Raises:
        Untranslatable: the value is of a class outside the algebra.
    """
    for python_type, scalar in ((bool, BOOL), (int, INT), (float, FLOAT), (str, STR)):
        if type(value) is python_type:
            return scalar
    if value is None:
        return NONE
    if isinstance(value, tuple):
        return Type(Kind.TUPLE, tuple(map(infer, value)))
    if isinstance(value, (list, set)):
        return Type(Kind.LIST if isinstance(value, list) else Kind.SET, (join_all(map(infer, value)),))
    if isinstance(value, dict):
        return Type(Kind.DICT, (join_all(map(infer, value)), join_all(map(infer, value.values()))))
    raise Untranslatable(f"a value of class {type(value).__name__}")


def infer_uniform(value: object) -> Type:
    """The type of a value for places of type ``Any``: what is in a container is of one type, or ``Any``."""

    def uniform(type_: Type) -> Type:
        if type_.kind in {Kind.UNION, Kind.OPTIONAL, Kind.NONE}:
            return ANY
        return Type(type_.kind, tuple(map(uniform, type_.args)))

    whole = infer(value)
    return Type(whole.kind, tuple(map(uniform, whole.args)))


def unions(types: Iterable[Type]) -> list[Type]:
    """Every union in some types once, inner ones first."""
    found: list[Type] = []
    for type_ in types:
        found += unions(type_.args) + ([type_] if type_.kind is Kind.UNION else [])
    return list(dict.fromkeys(found))


def join_all(types: object) -> Type:
    """The least type that holds all of ``types`` (an iterable of :class:`Type`)."""
    return reduce(join, types, UNKNOWN)  # type: ignore[call-overload,no-any-return]  # one iterable of Type


def join(left: Type, right: Type) -> Type:
    """The least type of the algebra that holds both, ``int`` widening to ``float``.

    Tuples of different lengths join to ``Tuple[T, ...]`` when one T holds every position.
    """
    if left == right or right.kind is Kind.UNKNOWN:
        return left
    if left.kind is Kind.UNKNOWN:
        return right
    kinds = {left.kind, right.kind}
    if Kind.ANY in kinds:
        return ANY
    if kinds == {Kind.INT, Kind.FLOAT}:
        return FLOAT
    if Kind.NONE in kinds:
        return optional(right if left.kind is Kind.NONE else left)
    if Kind.OPTIONAL in kinds:
        return optional(join(*(t.args[0] if t.kind is Kind.OPTIONAL else t for t in (left, right))))
    if kinds <= {Kind.TUPLE, Kind.VARTUPLE} and (len(kinds) == 2 or len(left.args) != len(right.args)):
        return Type(Kind.VARTUPLE, (join_all(left.args + right.args),))
    if len(kinds) == 1 and left.kind is not Kind.UNION:
        return Type(left.kind, tuple(map(join, left.args, right.args)))
    members = [m for t in (left, right) for m in (t.args if t.kind is Kind.UNION else (t,))]
    return Type(Kind.UNION, tuple(dict.fromkeys(members)))


def settle(declared: Type, seen: Type) -> Type:
    """A declared type made specific by what was seen: a bare ``list`` takes the elements seen in it."""
    if declared.kind in {Kind.ANY, Kind.UNKNOWN}:
        return seen
    if seen.kind is Kind.OPTIONAL and declared.kind is not Kind.OPTIONAL:
        return optional(settle(declared, seen.args[0]))
    if declared.kind is Kind.VARTUPLE and seen.kind is Kind.TUPLE and declared.args == (ANY,):
        return seen
    if declared.kind is seen.kind and len(declared.args) == len(seen.args):
        return Type(declared.kind, tuple(map(settle, declared.args, seen.args)))
    return declared
