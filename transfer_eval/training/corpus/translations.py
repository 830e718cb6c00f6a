"""Candidates from a model that translates right programs into other languages, many times over.

What tests say of the original, tests say of its translations: those that fail are no loss, only the yield is. The
idea is MultiPL-T's (https://arxiv.org/abs/2308.09895).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from transfer_eval.generation import Backend, Sampling
from transfer_eval.language import find
from transfer_eval.prompt import Style, write
from transfer_eval.suite import Suite
from transfer_eval.training.corpus.answering import answers, provenance
from transfer_eval.training.corpus.building import Builder
from transfer_eval.training.corpus.candidate import of_generation

SOURCE = "translation"
"""What the provenance of these samples calls it."""


@dataclass(frozen=True, kw_only=True)
class Translating:
    """Who translates what, and how: ``suite`` is one of :func:`transfer_eval.suite.translated_from`."""

    suite: Suite
    backend: Backend
    sampling: Sampling
    style: Style
    folder: Path


def translate_all(plan: Translating, builder: Builder) -> None:
    """Ask for every translation that is not recorded yet, judging answers as they come.

    Raw answers go to ``generations.jsonl`` of the folder before anything else happens to them.

    Raises:
        UserError: the folder holds answers of another model or other settings; a toolchain is not here; a file
            cannot be written. What was done stays, and a second call goes on from there.
    """
    languages = [find(name) for name in plan.suite.tasks]
    asked = {(t.name, t.language): (t, language) for language in languages for t in plan.suite.tasks[language.name]}
    prompts = [write(task, language, plan.style) for task, language in asked.values()]
    for generation in answers(plan.backend, prompts, plan.sampling, plan.folder):
        found = asked.get((generation.name, generation.language))
        if found is None:
            continue  # of an earlier build that asked for more
        told = {**provenance(generation, SOURCE), "suite": plan.suite.name, "from": plan.suite.source}
        candidate = of_generation(generation, *found, told)
        if candidate is None:
            builder.faults[found[1].name, SOURCE] += 1
        else:
            builder.put(candidate)
    builder.wait()
