"""Recorded answers again: a run's ``generations.jsonl``, or a folder of MultiPL-E completions files."""

from __future__ import annotations

import gzip
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from transfer_eval.errors import UserError
from transfer_eval.generation import FinishReason, Generation, Key, Sampling, compose, unfinished
from transfer_eval.journal import FILE_NAME, GenerationJournal
from transfer_eval.language import find
from transfer_eval.prompt import Prompt, Style

_BATCH = 64


@dataclass(frozen=True)
class ReplayBackend:
    """Yields recordings by problem, language and sample; says so when one is missing."""

    path: Path
    recorded: Mapping[Key, Generation]

    @property
    def _first(self) -> Generation:
        return next(iter(self.recorded.values()))

    @property
    def identity(self) -> Mapping[str, object]:
        """The recorded model; ``revision`` is part of its recorded name."""
        return {"model": self._first.model, "backend": "replay", "recording": str(self.path)}

    @property
    def style(self) -> Style:
        """The style the recorded model was asked in."""
        return self._first.style

    def settings(self, wanted: Sampling) -> Sampling:
        """The recording's temperature, top-p, limit and seed; how many samples is for the caller to say."""
        first = self._first
        seed = wanted.seed if first.seed is None else first.seed
        return replace(wanted, seed=seed, temperature=first.temperature, top_p=first.top_p, max_tokens=first.max_tokens)

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling, done: Collection[Key] = frozenset()
    ) -> Iterator[list[Generation]]:
        """The recordings, in batches.

        Raises:
            UserError: one is missing; nothing has been yielded then.
        """
        batches = compose(prompts, sampling, _BATCH)
        for batch in batches:
            for name, language, sample in batch.keys:
                if (name, _plain(language), sample) not in self.recorded:
                    raise UserError(f"{self.path} has no answer for {name} in {language}, sample {sample}")
        for batch in unfinished(batches, done):
            yield [self._answer(prompt, sample, sampling) for prompt, sample in batch.requests]

    def _answer(self, prompt: Prompt, sample: int, sampling: Sampling) -> Generation:
        task = prompt.task
        generation = self.recorded[task.name, _plain(task.language), sample]
        seed = sampling.seed if generation.seed is None else generation.seed
        return replace(generation, language=task.language, prompt=prompt.digest, seed=seed)


def load(path: Path) -> ReplayBackend:
    """Read recordings from a file, a folder of runs, or a folder of completions files.

    Raises:
        UserError: there are none, or one is malformed (the message names the file and field).
    """
    path = path.expanduser()
    journals = sorted(path.rglob(FILE_NAME)) if path.is_dir() else [path] if path.suffix == ".jsonl" else []
    if journals:
        recordings = [GenerationJournal(file.parent, file.name) for file in journals if file.is_file()]
        generations = [generation for recording in recordings for generation in recording.generations.values()]
    else:
        files = sorted(p for p in (path.rglob("*") if path.is_dir() else [path]) if _is_completions(p))
        generations = [generation for file in files for generation in _read_completions(file)]
    if not generations:
        raise UserError(f"{path}: no recorded answers there (a {FILE_NAME}, or MultiPL-E's .json or .json.gz files)")
    recorded: dict[Key, Generation] = {}
    for generation in generations:
        recorded.setdefault((generation.name, _plain(generation.language), generation.sample), generation)
    return ReplayBackend(path, recorded)


def _plain(language: str) -> str:
    """One name for a language; older recordings use others."""
    try:
        return find(language).name
    except UserError:
        return language


def _is_completions(path: Path) -> bool:
    return path.is_file() and path.name.endswith((".json", ".json.gz")) and ".results.json" not in path.name


def _read_completions(path: Path) -> Iterator[Generation]:
    try:
        raw = path.read_bytes()
        row: Any = json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)
    except (OSError, EOFError, ValueError) as error:  # gzip.BadGzipFile is an OSError
        raise UserError(f"{path}: no readable completions file: {error}") from None
    if not isinstance(row, dict):
        raise UserError(f"{path}: a JSON object is wanted")
    for field, kind in (("name", str), ("language", str), ("prompt", str), ("completions", list)):
        if not isinstance(row.get(field), kind):
            raise UserError(f"{path}: the field {field!r} is missing or no {kind.__name__}")
    for sample, text in enumerate(row["completions"]):
        if not isinstance(text, str):
            raise UserError(f"{path}: completion {sample} is no string")
        yield Generation(
            name=row["name"],
            language=row["language"],
            sample=sample,
            text=text,
            finish_reason=FinishReason.STOP,  # the file does not tell; its texts are cut already
            tokens=None,
            # Upstream's chat models leave no prompt, for their answers repeat the signature.
            style=Style.COMPLETION if row["prompt"] else Style.CHAT,
            prompt="",
            model=str(row.get("model") or path.parent.name or "unknown"),
            temperature=row.get("temperature", 0.2),
            top_p=row.get("top_p", 0.95),
            max_tokens=row.get("max_tokens", 1024),
            seed=None,
        )
