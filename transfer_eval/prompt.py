"""A Prompt: what a model is shown for one Task, as text to continue or as a chat message.

``completion`` is MultiPL-E's way, and suits base models: the prompt is stripped before it is sent, while
programs are assembled from the unstripped one. ``chat`` asks for the whole function in one
fence; taking it out again is the work of ``extraction.py``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from transfer_eval.language import Language
from transfer_eval.task import Task


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


def write(task: Task, language: Language, style: Style) -> Prompt:
    """Put ``task`` to a model in ``style``."""
    if style is Style.COMPLETION:
        return Prompt(task, style, text=task.prompt.strip())
    fence = next(iter(language.fences), language.name)
    request = (
        f"Complete the following {language.title} function. Answer with one fenced code block that holds "
        f"the complete function, its signature included, and nothing else.\n\n"
        f"```{fence}\n{task.prompt.strip()}\n```"
    )
    return Prompt(task, style, messages=({"role": "user", "content": request},))
