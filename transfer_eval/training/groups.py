"""IR groups in tokens, as GEPO takes them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transfer_eval.errors import UserError
from transfer_eval.files import Journal
from transfer_eval.training.settings import Groups

if TYPE_CHECKING:
    from transfer_eval.training.trainers.gepo import TokenGroup


def read(settings: Groups, tokenizer: Any, seed: int) -> list[TokenGroup]:
    """The groups of a file, members drawn by ``seed`` where there are more than wanted.

    A response that is too long with its prompt is left out, for a shortened program is another program; a group
    that has no winner or no loser left is, too.

    Raises:
        UserError: the file is missing or malformed, or nothing is left of it.
    """
    from transfer_eval.training.trainers.gepo import TokenGroup

    path = Path(settings.path)
    found, total = [], 0
    for row in _rows(path):
        total += 1
        prompt = _ids(tokenizer, row, "prompt")
        members = {
            kind: [
                ids
                for text in _drawn(row, kind, 1 if settings.pairs else most, seed)
                if len(ids := (*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id))
                + len(prompt)
                <= settings.max_length
            ]
            for kind, most in (("winners", settings.winners), ("losers", settings.losers))
        }
        if members["winners"] and members["losers"]:
            found.append(TokenGroup(prompt, tuple(members["winners"]), tuple(members["losers"])))
    if not found:
        raise UserError(f"{path}: none of its {total} groups fits into max_length = {settings.max_length} tokens")
    return found


def pairs(path: Path) -> list[tuple[str, str]]:
    """Every prompt of a file with each of its winners.

    Raises:
        UserError: the file is missing or malformed.
    """
    try:
        return [(row["prompt"], text) for row in _rows(path) for text in row["winners"]]
    except (KeyError, TypeError) as error:
        raise UserError(f"{path}: a malformed group: {error!r}") from error


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    if not path.is_file():
        raise UserError(f"{path}: no such file; `transfer-eval ir-groups --out {path}` makes one")
    for row in Journal(path).rows():
        if "winners" in row:  # else it is what the builder noted of a function that gave no group
            yield row


def _ids(tokenizer: Any, row: Mapping[str, Any], field: str) -> tuple[int, ...]:
    try:
        return tuple(tokenizer(row[field])["input_ids"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"a malformed group: {error!r}") from error


def _drawn(row: Mapping[str, Any], kind: str, most: int, seed: int) -> list[str]:
    """At most ``most`` of a group's members."""
    texts = list(row[kind])
    return texts if len(texts) <= most else random.Random(f"{seed} {row['name']} {kind}").sample(texts, most)
