"""The IR groups of an experiment that makes its own: random functions in C, compiled and altered, all of it run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from transfer_eval.execution.cache import Cache
from transfer_eval.execution.pool import Pool, Ways
from transfer_eval.execution.sandbox import choose


@dataclass(frozen=True)
class Functions:
    """So many random functions of a seed, of whose intermediate code only texts of so many characters are taken."""

    count: int
    seed: int
    longest: int

    @property
    def file(self) -> str:
        """What the file of their groups is called."""
        return f"ir-{self.seed}-{self.count}-{self.longest}.jsonl"


def make(functions: Functions, folder: Path, sandbox: str) -> Path:
    """The file of the groups of some functions, built if it is not there; an interrupted build goes on.

    Raises:
        UserError: a toolchain is missing, or the folder holds groups that were made otherwise.
        HarnessFault: a program could not be run.
    """
    from transfer_eval.training.ir.functions import functions as sources
    from transfer_eval.training.ir.groups import Settings, build
    from transfer_eval.training.ir.rows import Book, provenance

    path = folder / functions.file
    if path.is_file():
        return path
    settings, where = Settings(longest=functions.longest), choose(sandbox)
    book = Book(path, provenance(f"functions of seed {functions.seed}", settings, where))
    cache = None if os.environ.get("TRANSFER_EVAL_NO_CACHE") else Cache()
    with Pool(where, None, Ways(cache=cache)) as pool:
        wanted = (source for source in sources(functions.count, functions.seed) if source.name not in book.done)
        for outcome in build(wanted, pool, settings):
            book.add(outcome)
    book.publish()
    return path
