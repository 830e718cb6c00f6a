"""Tables of results as CSV: written the same each time, read with every fault told by its line."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from transfer_eval.errors import UserError


def text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as text."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return written.getvalue()


def read(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a file, each with the number of its line.

    Raises:
        UserError: it cannot be read, has other columns, or a row has too many or too few cells.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.reader(file, strict=True)
            if (header := next(reader, [])) != list(columns):
                raise UserError(f"{path}: the columns are {header}, not {list(columns)}")
            for row in reader:
                if len(row) != len(columns):
                    raise UserError(f"{path}:{reader.line_num}: {len(row)} cells, not {len(columns)}")
                yield reader.line_num, dict(zip(columns, row, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read: {error}") from error


def integer(path: Path, line: int, cell: str) -> int:
    """A whole number that is not negative.

    Raises:
        UserError: the cell holds none.
    """
    if not cell.isascii() or not cell.isdigit():
        raise UserError(f"{path}:{line}: no whole number: {cell!r}")
    return int(cell)


def number(path: Path, line: int, cell: str) -> float:
    """A finite number.

    Raises:
        UserError: the cell holds none.
    """
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UserError(f"{path}:{line}: malformed: no finite number: {cell!r}")
    return value
