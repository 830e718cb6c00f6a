"""A program's text cut into its top-level chunks: imports, definitions, statements.

Works for any language by indentation and braces; comments and docstrings belong to the chunk they
precede. Limits: a closing word (``end``) alone does not nest; layout that puts bodies at column 0 without
braces is seen as several chunks.
"""

from __future__ import annotations

import re

from transfer_eval.signature import block_comments, masked

_CONTINUES = re.compile(r"[ \t]*(?:[})\]{]|(?:end|else|elif|elsif|except|finally|catch|then|do|fi|done|esac)\b)")
_ANNOTATES = re.compile(r"[ \t]*(?:@|#\[|template\s*<)")
_STRING = re.compile(r""""(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`""")
_TAIL_COMMENT = re.compile(r"(?:(?<=\s)#(?![\w!\[])|//|(?<=\s)--\s).*")


def blanked(text: str) -> str:
    """``text`` with comments, docstrings and the insides of strings blanked, every offset kept."""
    text = _STRING.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), masked(text))
    return _TAIL_COMMENT.sub(lambda match: " " * len(match.group()), text)


def depth(text: str) -> int:
    """How many braces are open at the end of ``text``."""
    return len(open_braces(text))


def open_braces(text: str) -> list[int]:
    """Offsets of the braces that ``text`` opens and does not close."""
    stack: list[int] = []
    for match in re.finditer(r"[{}]", blanked(text)):
        if match.group() == "{":
            stack.append(match.start())
        elif stack:
            stack.pop()
    return stack


def closing_brace(text: str, opening: int) -> int | None:
    """Offset of the brace that closes the one at ``opening``."""
    level = 0
    for match in re.finditer(r"[{}]", blanked(text)[opening:]):
        level += 1 if match.group() == "{" else -1
        if level == 0:
            return opening + match.start()
    return None


def split(text: str) -> list[str]:
    """The chunks of ``text``; joined they are ``text`` again."""
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)  # not splitlines: it would also split where \n is not
    code = [line.rstrip() for line in blanked(text).split("\n")][: len(lines)]
    indents = [len(line) - len(line.lstrip()) for line in code if line.strip()]
    base = min(indents, default=0)
    chunks: list[str] = []
    pending = ""  # blank and comment lines not yet known to belong before or after
    level, annotated = 0, False
    inside = _inside_strings(text)
    for number, (line, seen) in enumerate(zip(lines, code, strict=True)):
        if number in inside and chunks:
            chunks[-1] += pending + line
            pending = ""
            continue
        if not seen.strip():
            pending += line
            continue
        begins = len(seen) - len(seen.lstrip()) <= base and level == 0 and not _CONTINUES.match(seen)
        if chunks and (annotated or not begins):
            chunks[-1] += pending + line
        else:
            chunks.append(pending + line)
        pending, annotated = "", bool(_ANNOTATES.match(seen)) and begins
        level = max(0, level + seen.count("{") - seen.count("}"))
    if pending and chunks:
        chunks[-1] += pending
    return chunks or ([text] if text else [])


def _inside_strings(text: str) -> set[int]:
    """The further lines of multi-line strings that begin on a line of code: they are no comments."""
    inside: set[int] = set()
    code, at, line = masked(text), 0, 0
    for start, end in block_comments(text):
        line += text.count("\n", at, start)
        further = text.count("\n", start, end)
        if further and code[code.rfind("\n", 0, start) + 1 : start].strip():
            inside |= set(range(line + 1, line + 1 + further))
        line, at = line + further, end
    return inside


def bare(chunk: str) -> str:
    """A chunk without its comments and with every run of blanks made one: two that say the same are equal."""
    return " ".join(masked(chunk).split())


def mentions(chunk: str, name: str) -> bool:
    """Whether ``name`` stands in ``chunk`` outside comments and strings."""
    return re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", blanked(chunk)) is not None
