"""MultiPL-E's completions and results files, read and written compatibly.

A completions file is one JSON object a problem (``name, language, temperature, top_p, max_tokens,
prompt, tests, completions, stop_tokens``), a results file the same without ``completions`` but with
``results``: ``program, stdout, stderr, exit_code, status, timestamp`` each, in the order of the
completions. We add keys, never change one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transfer_eval.errors import UserError
from transfer_eval.files import read_json, write_json
from transfer_eval.language import Language, find

_STREAM_CHARACTERS = 2048  # upstream cuts both streams to this
_SUFFIXES = (".json.gz", ".json")


@dataclass(frozen=True)
class Completions:
    """One completions file; ``fields`` is the whole object as read."""

    path: Path
    fields: Mapping[str, Any]
    language: Language

    @property
    def name(self) -> str:
        """The problem's name."""
        return str(self.fields["name"])

    @property
    def completions(self) -> list[str]:
        """The answers' code, in order."""
        return list(self.fields["completions"])

    def source(self, index: int) -> str:
        """The program MultiPL-E runs for one completion; ours keeps whole answers in ``whole``."""
        whole = self.fields.get("whole") or []
        prompt = "" if index < len(whole) and whole[index] else self.fields["prompt"]
        return str(prompt + self.completions[index] + "\n" + self.fields["tests"])

    @property
    def tests_length(self) -> int:
        """How many characters of a program's end are its tests."""
        return len(self.fields["tests"])


def read_completions(path: Path) -> Completions:
    """Read one completions file.

    Raises:
        UserError: unreadable, malformed, or a field is missing or of the wrong type (both are named).
    """
    fields = read_json(path)
    if not isinstance(fields, dict):
        raise UserError(f"{path}: not a JSON object")
    for field, kind in (("name", str), ("language", str), ("prompt", str), ("tests", str), ("completions", list)):
        if not isinstance(fields.get(field), kind):
            raise UserError(f"{path}: the field {field!r} is missing or not a {kind.__name__}")
    for index, completion in enumerate(fields["completions"]):
        if not isinstance(completion, str):
            raise UserError(f"{path}: completions[{index}] is not a string")
    try:
        return Completions(path, fields, find(fields["language"]))
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def completions_files(path: Path) -> Iterator[Path]:
    """The completions files in a folder (recursively), or the one file given, in a stable order.

    Raises:
        UserError: there is no such file or folder, or no completions file in it.
    """
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise UserError(f"{path}: no such file or folder")
    found = sorted(p for p in path.rglob("*.json*") if _is_completions(p))
    if not found:
        raise UserError(f"{path}: no completions files (*.json or *.json.gz) in it")
    yield from found


def _is_completions(path: Path) -> bool:
    name = path.name
    ours = name in ("run.json",) or name.startswith(".")
    return name.endswith(_SUFFIXES) and not any(name.endswith(".results" + s) for s in _SUFFIXES) and not ours


def results_files(folder: Path) -> list[Path]:
    """The results files directly in a folder (upstream's glob is not recursive either)."""
    return sorted(p for s in _SUFFIXES for p in folder.glob("*.results" + s))


def results_path(completions: Path, output: Path | None = None, root: Path | None = None) -> Path:
    """Where a completions file's results go: beside it, or at the same place below ``output``."""
    suffix = next(s for s in _SUFFIXES if completions.name.endswith(s))
    name = completions.name[: -len(suffix)] + ".results" + suffix
    if output is None:
        return completions.with_name(name)
    inside = completions.parent.relative_to(root) if root and root in completions.parents else Path()
    return output / inside / name


def results_object(completions: Completions, results: list[Mapping[str, Any]]) -> dict[str, Any]:
    """The contents of a results file."""
    kept = {key: value for key, value in completions.fields.items() if key != "completions"}
    return {**kept, "results": results}


def write_results(path: Path, completions: Completions, results: list[Mapping[str, Any]]) -> None:
    """Write a results file atomically.

    Raises:
        UserError: it cannot be written.
    """
    write_json(path, results_object(completions, results))


def upstream_stream(text: str) -> str:
    """A stream as upstream stores it: without its YAML relic, cut to 2048 characters."""
    return text.replace("!!int", "")[:_STREAM_CHARACTERS]
