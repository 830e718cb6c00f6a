"""Files of settings, TOML or JSON, read strictly: whatever is wrong is named in one line."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from transfer_eval.errors import UserError
from transfer_eval.training.settings import Settings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SettingsType = TypeVar("SettingsType", bound=Settings)


def read(path: Path, kind: type[SettingsType], overrides: Sequence[str] = ()) -> SettingsType:
    """The settings in a file; ``overrides`` are ``key.of.table=value`` with TOML values, or bare text.

    Raises:
        UserError: the file cannot be read, a key is unknown, missing or has a bad value; each is named.
    """
    values = parse(path)
    for override in overrides:
        _override(values, override)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{path}: {told(error)}") from error


def parse(path: Path) -> dict[str, Any]:
    """The tables of a TOML file, or of a JSON file by its name.

    Raises:
        UserError: it cannot be read, or is neither.
    """
    try:
        text = path.read_text(encoding="utf-8")
        values: dict[str, Any] = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:  # of unreadable bytes, TOML and JSON
        raise UserError(f"{path}: cannot be read: {error}") from error
    return values


def _override(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise UserError(f"--set {override}: give key=value, e.g. --set optimisation.steps=100")
    *tables, last = key.strip().split(".")
    for table in tables:
        values = values.setdefault(table, {})
        if not isinstance(values, dict):
            raise UserError(f"--set {override}: {table!r} is no table")
    try:
        values[last] = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        values[last] = text


def told(error: ValidationError) -> str:
    """Every fault of a table in one line."""
    faults = []
    for fault in error.errors():
        place = ".".join(map(str, fault["loc"])) or "the file"
        unknown = fault["type"] == "extra_forbidden"
        faults.append(f"unknown key {place!r}" if unknown else f"{place}: {fault['msg'].removeprefix('Value error, ')}")
    return "; ".join(faults)
