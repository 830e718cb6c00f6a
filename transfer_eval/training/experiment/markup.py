"""Pieces of a page, as HTML; all that they are given is escaped."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape


def grid(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table that scrolls by itself; a column of numbers stands to the right."""
    kinds = [_kind([row[place] for row in rows if place < len(row)]) for place in range(len(header))]
    head = "".join(
        f'<th scope="col" class="{kind}">{escape(column.replace("_", " "))}</th>'
        for column, kind in zip(header, kinds, strict=True)
    )
    lines = (
        "".join(f'<td class="{kind}">{escape(cell)}</td>' for cell, kind in zip(row, kinds, strict=False))
        for row in rows
    )
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>'


def _kind(cells: Iterable[str]) -> str:
    told = [cell for cell in cells if cell]
    if told and all(re.fullmatch(r"[+-]?\d+(\.\d+)?( ± \d+\.\d+)?", cell) for cell in told):
        return "number"
    return "text" if any(len(cell) > 45 for cell in told) else "word"


def facts(value: object) -> str:
    """Anything JSON can say: objects as lists of terms, a list of objects as a table."""
    if isinstance(value, Mapping):
        rows = "".join(f"<dt>{escape(str(key))}</dt><dd>{facts(of)}</dd>" for key, of in value.items())
        return f"<dl>{rows}</dl>"
    if isinstance(value, list) and value and all(isinstance(of, Mapping) for of in value):
        columns = list(dict.fromkeys(key for of in value for key in of))
        return grid(columns, [[_word(of.get(key, "")) for key in columns] for of in value])
    if isinstance(value, list):
        return ", ".join(map(facts, value))
    return escape(_word(value))


def _word(value: object) -> str:
    return {True: "yes", False: "no", None: "none"}[value] if value is None or isinstance(value, bool) else str(value)


def figures(drawn: Mapping[str, bytes]) -> str:
    """Images in SVG, by title."""
    return f'<div class="figures">{"".join(_figure(*of) for of in drawn.items())}</div>'


def _figure(title: str, svg: bytes) -> str:
    name, data = escape(title), base64.b64encode(svg).decode()
    return f'<figure><img alt="{name}" src="data:image/svg+xml;base64,{data}"><figcaption>{name}</figcaption></figure>'
