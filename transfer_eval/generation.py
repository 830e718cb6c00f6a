"""A Generation: what a model said, exactly; the protocol of backends; the journal that keeps it all.

Limits: nothing here reads or repairs an answer; that is ``extraction.py``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import Enum
from typing import Protocol

from transfer_eval.errors import UserError
from transfer_eval.prompt import Prompt, Style

Key = tuple[str, str, int]
"""A generation's identity within a run: problem name, language, sample."""


class FinishReason(str, Enum):
    """Why the model's text ends where it ends."""

    STOP = "stop"  # the model ended it
    STOP_TOKEN = "stop_token"  # a stop token appeared; it is kept in the text, with what followed it
    LENGTH = "length"  # max_tokens were used up
    ERROR = "error"  # the backend gave no answer; never a verdict about the model


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How answers are drawn.

    Attributes:
        max_tokens: *new* tokens per answer (MultiPL-E's transformers backend counts the prompt in).
        samples: answers per problem.
    """

    temperature: float = 0.2
    top_p: float = 0.95
    max_tokens: int = 512
    samples: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.temperature < 0 or not 0 < self.top_p <= 1:
            raise UserError(f"temperature {self.temperature} and top-p {self.top_p}: need T ≥ 0 and 0 < p ≤ 1")
        if self.samples < 1 or self.max_tokens < 1:
            raise UserError(f"{self.samples} samples of {self.max_tokens} tokens: both must be at least 1")
        if self.temperature == 0 and self.samples > 1:
            raise UserError(f"{self.samples} samples at temperature 0 would all be the same; raise --temperature")


@dataclass(frozen=True, kw_only=True)
class Generation:
    """One answer of one model to one prompt; ``text`` is never altered.

    Attributes:
        name: the problem's name.
        language: the task's ``language`` value.
        prompt: the prompt's digest.
        model: the model's :func:`label`.
        tokens: new tokens, the final one included; None where a recording does not tell.
    """

    name: str
    language: str
    sample: int
    text: str
    finish_reason: FinishReason
    tokens: int | None
    style: Style
    prompt: str
    model: str
    temperature: float
    top_p: float
    max_tokens: int
    seed: int | None

    @property
    def key(self) -> Key:
        """The generation's identity within a run."""
        return (self.name, self.language, self.sample)

    def to_row(self) -> dict[str, object]:
        """A JSON object."""
        row = asdict(self)
        return row | {"finish_reason": self.finish_reason.value, "style": self.style.value}

    @classmethod
    def from_row(cls, row: Mapping[str, object]) -> Generation:
        """Read what :meth:`to_row` wrote; unknown keys are ignored.

        Raises:
            UserError: a field is missing or has no possible value; the message names it.
        """
        values = dict(row)
        try:
            chosen = {field.name: values[field.name] for field in fields(cls)}
            chosen["finish_reason"] = FinishReason(chosen["finish_reason"])
            chosen["style"] = Style(chosen["style"])
        except KeyError as error:
            raise UserError(f"the field {error} is missing") from None
        except ValueError as error:
            raise UserError(str(error)) from None
        for name in ("name", "language", "text"):
            if not isinstance(chosen[name], str):
                raise UserError(f"the field {name!r} is no string")
        if not isinstance(chosen["sample"], int):
            raise UserError("the field 'sample' is no integer")
        return cls(**chosen)  # type: ignore[arg-type]  # the fields that choose a verdict are checked above


class Backend(Protocol):
    """Something that answers prompts. Modules in ``backends/`` each hold one."""

    @property
    def identity(self) -> Mapping[str, object]:
        """What made the answers: ``model``, ``backend``, ``revision``, versions, dtype."""
        ...

    @property
    def style(self) -> Style:
        """The style this model is best asked in; what ``--style auto`` means."""
        ...

    def settings(self, wanted: Sampling) -> Sampling:
        """The sampling that answers really have: ``wanted``, or that of a recording."""
        ...

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling, done: Collection[Key] = frozenset()
    ) -> Iterator[list[Generation]]:
        """Answer every prompt ``sampling.samples`` times, yielding batches as they are finished.

        ``prompts`` is always the whole list of the run: batches are composed from it. A batch whose
        keys are all in ``done`` is skipped; one that is there in part is made again whole and gives the
        same texts, so that an interrupted run ends like an uninterrupted one.

        Raises:
            UserError: the model cannot answer (a recording lacks a row, a server is gone, …).
        """
        ...


def label(identity: Mapping[str, object]) -> str:
    """A model's identity in one word for each row: ``model@revision``."""
    revision = str(identity.get("revision") or "")[:12]
    return f"{identity['model']}@{revision}" if revision else str(identity["model"])


@dataclass(frozen=True)
class Batch:
    """Prompts answered together, each with its sample number, and the batch's own seed."""

    requests: tuple[tuple[Prompt, int], ...]
    seed: int

    @property
    def keys(self) -> list[Key]:
        """The keys of the generations this batch makes, in its order."""
        return [(prompt.task.name, prompt.task.language, sample) for prompt, sample in self.requests]


def compose(prompts: Sequence[Prompt], sampling: Sampling, size: int) -> list[Batch]:
    """Cut the run's prompts into batches, the same way every time.

    Each language is cut by itself (so a language's answers don't depend on which others are asked for),
    sorted by length (little padding); the languages then take turns. A batch's seed follows from
    the run's seed, its language and its number.
    """
    by_language: dict[str, list[tuple[Prompt, int]]] = {}
    for prompt in prompts:
        requests = by_language.setdefault(prompt.task.language, [])
        requests += [(prompt, sample) for sample in range(sampling.samples)]
    turns: list[tuple[int, str, Batch]] = []
    for language, requests in by_language.items():
        requests.sort(key=lambda request: (len(request[0].shown), request[0].task.name, request[1]))
        for number, start in enumerate(range(0, len(requests), size)):
            digest = hashlib.sha256(f"{sampling.seed}/{language}/{number}".encode()).digest()
            batch = Batch(tuple(requests[start : start + size]), int.from_bytes(digest[:6], "big"))
            turns.append((number, language, batch))
    turns.sort(key=lambda turn: turn[0])  # stable: languages keep the order they were asked for in
    return [batch for _, _, batch in turns]


def unfinished(batches: Sequence[Batch], done: Collection[Key]) -> list[Batch]:
    """The batches that are not wholly in ``done``."""
    return [batch for batch in batches if not all(key in done for key in batch.keys)]
