"""The fenced blocks of a chat answer, and the thinking before it."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

_OPENING = re.compile(r"^(?P<lead>.*?)(?P<fence>`{3,}|~{3,})[ \t]*\{?\.?(?P<name>[\w+#.-]*)\}?[ \t]*(?P<rest>.*)$")
_THOUGHT_END = re.compile(r"</(?:think|thinking|thought|reasoning)>", re.IGNORECASE)
_THOUGHT = re.compile(r"\s*<(?:think|thinking|thought|reasoning)>", re.IGNORECASE)


@dataclass(frozen=True)
class Fence:
    """One fenced block: its name in lower case, the text inside, and whether it was closed."""

    name: str
    text: str
    closed: bool


def split_thinking(text: str) -> tuple[str, str]:
    """(thinking, answer); an answer that never left its thinking is empty.

    A template may have opened the thinking in the prompt, so only its end need be there.
    """
    ends = list(_THOUGHT_END.finditer(text))
    if ends:
        return text[: ends[-1].start()], text[ends[-1].end() :]
    return (text, "") if _THOUGHT.match(text) else ("", text)


def find_fences(text: str) -> list[Fence]:
    """Every fenced block in order; the last one may be unclosed. Indented ones are dedented."""
    found: list[Fence] = []
    lines = text.replace("\r\n", "\n").split("\n")
    while lines:
        opening = _OPENING.match(lines.pop(0))
        if not opening or "`" in opening["rest"] or opening["lead"].count("`"):
            continue
        body, closed = _read_block(lines, opening["fence"])
        if opening["rest"]:  # ```lua local function … on one line
            body.insert(0, opening["rest"])
        found.append(Fence(opening["name"].lower(), textwrap.dedent("\n".join(body)), closed))
    return found


def _read_block(lines: list[str], fence: str) -> tuple[list[str], bool]:
    """Take the lines of a block, its closing fence included, off the front of ``lines``."""
    body: list[str] = []
    while lines:
        line = lines.pop(0)
        if line.strip().startswith(fence) and not line.strip().strip(fence[0]):
            return body, True
        if line.rstrip().endswith(fence) and line.count(fence) == 1:  # end```
            body.append(line.rstrip()[: -len(fence)])
            return body, True
        body.append(line)
    return body, False
