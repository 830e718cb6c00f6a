"""A model's answers for a corpus: each is recorded before anything else happens to it, and told of in provenance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from transfer_eval.generation import Backend, Generation, Sampling, label
from transfer_eval.journal import GenerationJournal
from transfer_eval.prompt import Prompt


def answers(backend: Backend, prompts: Sequence[Prompt], sampling: Sampling, folder: Path) -> Iterator[Generation]:
    """Every answer, those first that ``generations.jsonl`` of the folder has already; the others as they come.

    Raises:
        UserError: the folder holds answers of another model or other settings, or cannot be written.
    """
    journal = GenerationJournal(folder)
    journal.check(prompts, sampling, label(backend.identity))
    # An earlier build may have asked for more samples.
    yield from [one for one in journal.generations.values() if one.sample < sampling.samples]
    for batch in backend.generate(prompts, sampling, journal.done):
        yield from [one for one in journal.append(batch) if one.sample < sampling.samples]


def provenance(generation: Generation, source: str) -> dict[str, object]:
    """Where an answer is from; ``source`` is what this kind of answer is called."""
    return {
        "source": source,
        "origin": f"{generation.model} {generation.sample:04d}",
        "model": generation.model,
        "style": generation.style.value,
        "temperature": generation.temperature,
        "top_p": generation.top_p,
        "max_tokens": generation.max_tokens,
        "seed": generation.seed,
    }
