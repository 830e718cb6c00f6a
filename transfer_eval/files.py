"""Reading and writing files so that nothing is ever half written or silently misread."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import tempfile
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from transfer_eval.errors import UserError


def read_json(path: Path) -> Any:
    """The JSON in a file, gunzipped where the name ends in ``.gz``.

    Raises:
        UserError: it cannot be read or is malformed; the line names the file.
    """
    try:
        data = path.read_bytes()
        return json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
    except (OSError, EOFError, ValueError) as error:  # ValueError: bad JSON or bad UTF-8
        raise UserError(f"{path}: cannot be read: {error}") from error


def write_json(path: Path, value: object) -> None:
    """Write JSON (indent 2, gzipped where the name says so) whole or not at all.

    Raises:
        UserError: the folder is read-only, or the disk is full.
    """
    text = json.dumps(value, indent=2).encode()
    write_bytes(path, gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        UserError: the folder is read-only, or the disk is full.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(descriptor)
        Path(temporary).write_bytes(data)
        Path(temporary).chmod(0o644)  # mkstemp makes it private
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from error


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines as they come, to a file that is there when all are written, and else as it was before.

    Raises:
        UserError: the folder is read-only, or the disk is full. What ``lines`` raises goes through as it is.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with _named(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            file = temporary.open("w", encoding="utf-8")
        try:
            for line in lines:
                with _named(path):
                    file.write(line + "\n")
        finally:
            with _named(path):
                file.close()
        with _named(path):
            temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """What the system refuses is told with the file's name."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from error


class Journal:
    """An append-only file of JSON lines, safe against being killed at any moment.

    A torn last line is cut off before the first append, so that what was being written counts as
    not done.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._mended = False

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows written so far.

        Raises:
            UserError: a line other than the last is damaged, or the file cannot be read.
        """
        if not self.path.exists():
            return
        number = 0
        try:
            with self.path.open("rb") as file:
                for number, line in enumerate(file, 1):  # noqa: B007  # named in the error
                    if not line.endswith(b"\n"):
                        return
                    yield json.loads(line)
        except (OSError, ValueError) as error:
            raise UserError(f"{self.path}: cannot be read (line {number}): {error}") from error

    def append(self, row: object) -> None:
        """Write one row and hand it to the system.

        Raises:
            UserError: the folder is read-only, or the disk is full; what was written before stands.
        """
        line = json.dumps(row).encode() + b"\n"
        with self._lock:
            try:
                self._mend()
                with self.path.open("ab") as file:
                    file.write(line)
            except OSError as error:
                self._mended = False  # the line may be torn
                raise UserError(f"{self.path}: cannot be written: {error.strerror or error}") from error

    def _mend(self) -> None:
        """Once: make the folder, and cut off a torn last line."""
        if self._mended:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists():
            with self.path.open("r+b") as file:
                whole = sum(len(line) for line in file if line.endswith(b"\n"))
                file.truncate(whole)
        self._mended = True
