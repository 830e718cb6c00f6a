"""The journal of a run: every raw generation on disk before anything touches it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from transfer_eval.errors import UserError
from transfer_eval.generation import Generation, Key, Sampling
from transfer_eval.prompt import Prompt

FILE_NAME = "generations.jsonl"


class GenerationJournal:
    """``generations.jsonl`` of one run directory; one JSON object a line, appended and flushed.

    A last line without its newline (the process was killed while writing it) is ignored, and cut off by
    the next append. Attributes: ``path``; ``generations``, what has been recorded, by key.
    """

    def __init__(self, directory: Path, file_name: str = FILE_NAME) -> None:
        self.path = directory / file_name
        self.generations: dict[Key, Generation] = {}
        self._whole = 0  # bytes that are whole lines
        self.load()

    @property
    def done(self) -> frozenset[Key]:
        """The keys recorded so far."""
        return frozenset(self.generations)

    def load(self) -> list[Generation]:
        """Read what is on disk; where a key occurs twice the first one counts.

        Raises:
            UserError: the file cannot be read, or a whole line of it is no generation.
        """
        self.generations.clear()
        self._whole = 0
        if not self.path.exists():
            return []
        try:
            with self.path.open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    if not line.endswith(b"\n"):
                        break  # torn: test_a_torn_last_line_is_ignored_and_overwritten
                    self._whole += len(line)
                    generation = _parse(line, f"{self.path} line {number}")
                    self.generations.setdefault(generation.key, generation)
        except OSError as error:
            raise UserError(f"cannot read {self.path}: {error.strerror}") from error
        return list(self.generations.values())

    def append(self, generations: Iterable[Generation]) -> list[Generation]:
        """Record those whose key is new, and return them.

        Raises:
            UserError: the file cannot be written (disk full, read-only); what was recorded stays.
        """
        new = [generation for generation in generations if generation.key not in self.generations]
        raw = "".join(json.dumps(generation.to_row()) + "\n" for generation in new).encode("ascii")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                file.truncate(self._whole)
                file.write(raw)
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror}; run again to resume") from error
        self._whole += len(raw)
        self.generations.update({generation.key: generation for generation in new})
        return new

    def check(self, prompts: Sequence[Prompt], sampling: Sampling, model: str) -> None:
        """Refuse to go on with a journal that another model, other settings or other prompts have filled.

        Raises:
            UserError: the message says what differs.
        """
        digests = {(prompt.task.name, prompt.task.language): prompt.digest for prompt in prompts}
        wanted = {
            "model": model,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "seed": sampling.seed,
        }
        for generation in self.generations.values():
            for field, value in wanted.items():
                if getattr(generation, field) != value:
                    raise _mismatch(self.path, field, getattr(generation, field), value)
            digest = digests.get((generation.name, generation.language), generation.prompt)
            if digest != generation.prompt:
                raise _mismatch(self.path, f"prompt of {generation.name}", generation.prompt, digest)


def _parse(line: bytes, place: str) -> Generation:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise UserError(f"{place}: no JSON: {error}") from None
    if not isinstance(row, dict):
        raise UserError(f"{place}: a JSON object is wanted")
    try:
        return Generation.from_row(row)
    except UserError as error:
        raise UserError(f"{place}: {error}") from None


def _mismatch(path: Path, field: str, there: object, wanted: object) -> UserError:
    return UserError(
        f"{path} was made with another {field} ({there}, now {wanted}); choose another --results or remove it"
    )
