"""A Prompt: what a model is shown for one Task, as text to continue or as a chat message.

``completion`` is MultiPL-E's way, and suits base models: the prompt is stripped before it is sent, while
programs are assembled from the unstripped one. ``chat`` asks for the whole function in one
fence; taking it out again is the work of ``extraction.py``. A task with a source is asked as a translation: the
source program is shown, then the declaration that the answer has to fit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from transfer_eval.language import Language, find
from transfer_eval.task import Source, Task

_FENCE = "```"
FENCE_END = f"\n{_FENCE}"
"""Where a completion ends that answers in a fence its prompt has opened."""


class Style(str, Enum):
    """How a model is asked."""

    COMPLETION = "completion"
    CHAT = "chat"


@dataclass(frozen=True)
class Prompt:
    """One task as one model is shown it: ``text`` in completion style, ``messages`` in chat style."""

    task: Task
    style: Style
    text: str = ""
    messages: tuple[Mapping[str, str], ...] = ()

    @property
    def shown(self) -> str:
        """Everything the model reads, roles left out."""
        return self.text or "\n".join(message["content"] for message in self.messages)

    @property
    def digest(self) -> str:
        """Changes when what the model is shown changes: a recorded answer belongs to one digest."""
        return hashlib.sha256(f"{self.style.value}\n{self.shown}".encode()).hexdigest()[:16]

    @property
    def stop_tokens(self) -> tuple[str, ...]:
        """Where generation may end early; none in chat style, where they occur inside good answers."""
        return self.task.stop_tokens if self.style is Style.COMPLETION else ()


def from_source(task: Task, source: Source) -> Task:
    """``task``, to be answered by translating ``source``; a completion also ends where the prompt's fence does."""
    return replace(task, source=source, stop_tokens=(*task.stop_tokens, FENCE_END))


def write(task: Task, language: Language, style: Style) -> Prompt:
    """Put ``task`` to a model in ``style``."""
    if style is Style.COMPLETION:
        return Prompt(task, style, text=_continued(task, language))
    return Prompt(task, style, messages=({"role": "user", "content": _request(task, language)},))


def ask_program(statement: str, language: Language, style: Style) -> str:
    """What a model is shown of a problem over stdin and stdout, which a whole program answers."""
    asked = f"Write a {language.title} program that reads standard input and writes to standard output."
    if style is Style.CHAT:
        return f"{asked} Answer with one fenced code block and nothing else.\n\n{statement.strip()}"
    return f"{statement.strip()}\n\n{asked}\n\n{_fenced('', language).removesuffix(_FENCE).rstrip()}"


def _continued(task: Task, language: Language) -> str:
    """A text that goes on with the answer; with a source, a document that shows both languages in turn."""
    if task.source is None:
        return f"{_introduction(task)}{task.prompt.strip()}"
    source = find(task.source.language)
    return (
        f"{_introduction(task)}The same function in {source.title} and in {language.title}.\n\n"
        f"{source.title}:\n\n{_fenced(task.source.program, source)}\n\n"
        f"{language.title}:\n\n{_fenced(task.prompt, language).removesuffix(_FENCE).rstrip()}"
    )


def _request(task: Task, language: Language) -> str:
    answer = "Answer with one fenced code block that holds the complete function, its signature included, and nothing"
    introduction, declared = _introduction(task), _fenced(task.prompt, language)
    if task.source is None:
        return f"{introduction}Complete the following {language.title} function. {answer} else.\n\n{declared}"
    source = find(task.source.language)
    return (
        f"{introduction}Translate this {source.title} function into {language.title}.\n\n"
        f"{_fenced(task.source.program, source)}\n\n"
        f"Complete the following {language.title} function so that it does the same. {answer} else.\n\n{declared}"
    )


def _introduction(task: Task) -> str:
    return f"{task.description.strip()}\n\n" if task.described_first else ""


def _fenced(code: str, language: Language) -> str:
    return f"{_FENCE}{next(iter(language.fences), language.name)}\n{code.strip()}\n{_FENCE}"
