"""A Task: one problem in one language, in MultiPL-E's prompt-file schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A right program for a task's problem in another language (by its own name), to be translated."""

    language: str
    program: str


@dataclass(frozen=True, kw_only=True)
class Task:
    """One row of a prompt file (the eight fields of MultiPL-E's schema, in its order).

    ``language`` is MultiPL-E's value (``go_test.go``); :func:`transfer_eval.language.find` reads it.
    The last four are not part of the schema: ``solution`` is a known right completion where there is one,
    ``source`` what is to be translated where that is asked for, ``description`` the problem in prose as it was first
    written (empty where only prompts are known), and ``described_first`` says that it stands before the prompt, not in
    it: the model then reads it before it knows the language.
    """

    name: str
    language: str
    prompt: str
    doctests: str = "transform"
    original: str = ""
    prompt_terminology: str = "reworded"
    tests: str
    stop_tokens: tuple[str, ...]
    solution: str | None = None
    source: Source | None = None
    description: str = ""
    described_first: bool = False

    def row(self) -> Mapping[str, object]:
        """The eight fields, as written to prompt files."""
        return {
            "name": self.name,
            "language": self.language,
            "prompt": self.prompt,
            "doctests": self.doctests,
            "original": self.original,
            "prompt_terminology": self.prompt_terminology,
            "tests": self.tests,
            "stop_tokens": list(self.stop_tokens),
        }
