"""Public data sets as problems, each read by its schema; a row that cannot be judged faithfully is refused by name.

A set is a module here with a value of :class:`transfer_eval.training.sets.reading.PublicSet`; ``SETS`` has them by the
name a user types.
"""

from __future__ import annotations

from collections.abc import Mapping

from transfer_eval.errors import UserError
from transfer_eval.training.sets import codeforces, input_output, synthetic
from transfer_eval.training.sets.reading import Loaded, PublicSet, read

SETS: Mapping[str, PublicSet] = {
    "codeforces": codeforces.SET,
    "apps": input_output.APPS,
    "taco": input_output.TACO,
    "synthetic-1": synthetic.SET,
}


def load(name: str, place: str | None = None, split: str = "train", limit: int | None = None) -> Loaded:
    """The problems of the set called ``name``, from the Hub or ``place``: another Hub id, a file or a folder.

    ``limit`` ends reading after so many problems.

    Raises:
        UserError: there is no such set or place, a column is missing, or the extra is.
    """
    public = named(name)
    return read(public, place or public.hub, split, limit)


def named(name: str) -> PublicSet:
    """The set called ``name``.

    Raises:
        UserError: there is none.
    """
    if name not in SETS:
        raise UserError(f"unknown set {name!r}: there are {', '.join(SETS)}")
    return SETS[name]
