"""The type algebra: parsing, inferring and joining."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer_eval.errors import Untranslatable
from transfer_eval.types import UNKNOWN, infer, join, parse_annotation, settle

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2) | st.tuples(inner)
    ),
    max_leaves=6,
)


def parse(text: str) -> str:
    return str(parse_annotation(ast.parse(text, mode="eval").body))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("int", "int"),
        ("List[int]", "List[int]"),
        ("list[str]", "List[str]"),
        ("Tuple[int, ...]", "Tuple[int, ...]"),
        ("Dict[str, List[float]]", "Dict[str, List[float]]"),
        ("Union[int, None]", "Optional[int]"),
        ("int | None", "Optional[int]"),
        ("Optional[Optional[int]]", "Optional[int]"),
        ("Union[str, int]", "Union[str, int]"),
        ("'List[int]'", "List[int]"),
        ("list", "List[Any]"),
    ],
)
def test_annotations(text: str, read: str) -> None:
    assert parse(text) == read


def test_what_is_outside_the_algebra_is_refused() -> None:
    for text in ("Callable[[int], int]", "np.ndarray", "MyClass"):
        with pytest.raises(Untranslatable):
            parse(text)


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        ([1, 2.5], "List[float]"),
        ([True, 1], "List[Union[bool, int]]"),
        ([1, None], "List[Optional[int]]"),
        ((1, "a"), "Tuple[int, str]"),
        ([(1, 2), (1, 2, 3)], "List[Tuple[int, ...]]"),
        ({"a": [1]}, "Dict[str, List[int]]"),
        ([[], [1]], "List[List[int]]"),
    ],
)
def test_inference(value: object, type_: str) -> None:
    assert str(infer(value)) == type_


@given(values, values)
def test_join_is_commutative_up_to_the_order_of_unions(left: object, right: object) -> None:
    one, other = join(infer(left), infer(right)), join(infer(right), infer(left))
    assert one.kind is other.kind
    assert len(str(one)) == len(str(other))


@given(values)
def test_join_is_idempotent_and_unknown_is_its_neutral(value: object) -> None:
    type_ = infer(value)
    assert join(type_, type_) == type_
    assert join(UNKNOWN, type_) == type_ == join(type_, UNKNOWN)


def test_a_bare_container_takes_what_was_seen_in_it() -> None:
    bare = parse_annotation(ast.parse("list", mode="eval").body)
    assert str(settle(bare, infer([1]))) == "List[int]"
