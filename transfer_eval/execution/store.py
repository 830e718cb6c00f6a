"""Where things are kept from run to run that can be had again: results of executions, built artefacts."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from transfer_eval.errors import UserError


def folder() -> Path:
    """TRANSFER_EVAL_CACHE, else below /var/cache for root (whose home other users' programs cannot read),
    else the user's cache folder."""
    chosen = os.environ.get("TRANSFER_EVAL_CACHE")
    if chosen:
        return Path(chosen).absolute()
    return Path("/var/cache/transfer-eval") if os.geteuid() == 0 else Path(platformdirs.user_cache_dir("transfer-eval"))


def megabytes(name: str, default: int) -> int:
    """A bound in bytes that ``TRANSFER_EVAL_{name}_MB`` may change.

    Raises:
        UserError: it is set, and no whole number.
    """
    variable = f"TRANSFER_EVAL_{name}_MB"
    text = os.environ.get(variable) or str(default)
    if not text.isdecimal():
        raise UserError(f"{variable} is {text!r}; give a whole number of MB")
    return int(text) << 20
