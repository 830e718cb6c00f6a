"""A whole function from an answer, arranged so that it and the task's tests are one program.

The prompt is left out (the answer repeats it), but not what the prompt has and the answer lacks: imports,
a helper the problem gives, the class around the function. What clashes with the tests goes: the model's
own main, its example calls, the closer that the tests bring along. Nothing is added that could
make a wrong function right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from transfer_eval import chunks
from transfer_eval.signature import Signature, masked
from transfer_eval.task import Task

_IMPORT_GROUP = re.compile(r"(?P<word>\w+)\s*\((?P<items>[^()]*)\)")
_QUOTED_IMPORT = re.compile(r"(?P<word>\w+)\s+(?P<item>\"[^\"]+\")")
_PACKAGE = re.compile(r"package\s+[\w.]+\s*;?")
_ENTRY_POINTS = ("main", "__main__")  # what an answer does when run as a program is an example of use
_BLOCK_HEADER = re.compile(
    r"^[ \t]*(?:[\w<>\[\],:*&?.]+[ \t]+)*(?P<name>\w+)\s*\([^;\n]*\)[^;\n]*[{:=][ \t]*$", re.MULTILINE
)


@dataclass(frozen=True)
class Arranged:
    """``code`` stands before ``"\\n" + tests``; the flags tell what was left out of the answer."""

    code: str
    after_dropped: bool = False
    closer_dropped: bool = False


def arrange(answer: str, task: Task, signature: Signature, closer: str) -> Arranged:
    """Make ``answer``, which declares the function, the part of the program before the tests."""
    given = [chunk for chunk in _statements(task.prompt[: signature.start]) if chunks.bare(chunk)]
    wrapper = next((i for i, chunk in enumerate(given) if chunks.depth(chunk)), len(given))
    beside: list[str] = []
    if wrapper < len(given):
        answer, beside = _unwrap(answer, signature)
    answer = _without_stop_line(answer, task, closer)
    parts = chunks.split(answer)
    kept, dropped = _select(parts, signature, task)
    imports = [chunk for chunk in kept if _is_import(chunk, given, signature)]
    body = "".join(chunk for chunk in kept if chunk not in imports)
    names = {name for chunk in kept for name in _declared(chunk, signature)}
    given_top = [chunk for chunk in given[:wrapper] if not _declared(chunk, signature) & names]
    extra = _new_imports([*beside, *imports], given_top, body, "".join(dropped))
    head = "".join(_line(chunk) for chunk in [*given_top, *extra, *given[wrapper:]])
    body, cut = _without_closer(body, closer) if closer else (body, False)
    return Arranged(head + body.rstrip() + "\n", bool(dropped), cut)


def _statements(preamble: str) -> list[str]:
    """The chunks of a preamble; one that is left open (the class around the function) is the last."""
    opened = chunks.open_braces(preamble)
    if not opened:
        return chunks.split(preamble)
    start = preamble.rfind("\n", 0, opened[0]) + 1
    return [*chunks.split(preamble[:start]), preamble[start:]]


def _line(chunk: str) -> str:
    return chunk.strip("\n") + "\n"


def _unwrap(answer: str, signature: Signature) -> tuple[str, list[str]]:
    """The members of the answer's own class around the function, and the chunks beside that class."""
    start = signature.find(answer)
    around = chunks.open_braces(answer[:start]) if start is not None else []
    if not around:
        return answer, []
    opening = around[0]
    closing = chunks.closing_brace(answer, opening)
    before = answer[: answer.rfind("\n", 0, opening) + 1]
    after = answer[closing + 1 :] if closing is not None else ""
    inside = answer[opening + 1 : closing]
    beside = [chunk for part in (before, after) for chunk in chunks.split(part) if chunks.bare(chunk)]
    return inside.strip("\n") + "\n", [c for c in beside if not chunks.mentions(c, signature.name)]


def _without_stop_line(answer: str, task: Task, closer: str) -> str:
    """Without a last line that is itself a stop token: ``?>`` would turn the tests into prose."""
    lines = answer.rstrip().split("\n")
    ends = {token.strip() for token in task.stop_tokens} - {"", closer.strip()}
    return "\n".join(lines[:-1] if lines and lines[-1].strip() in ends else lines) + "\n"


def _select(parts: list[str], signature: Signature, task: Task) -> tuple[list[str], list[str]]:
    """The chunks to keep and those to drop: examples of use, and what the tests define themselves."""
    own = next((i for i, chunk in enumerate(parts) if signature.find(chunk) is not None), 0)
    theirs = {match["name"] for match in _BLOCK_HEADER.finditer(task.tests)} - {signature.name}
    declared = [_declared(chunk, signature) for chunk in parts]
    kept, dropped, tainted = [], [], {signature.name, *_ENTRY_POINTS}
    for i, (chunk, names) in enumerate(zip(parts, declared, strict=True)):
        used = any(chunks.mentions(parts[own], name) for name in names if i != own)
        clashes = bool(names & theirs) and not used
        example = i > own and not used and not _continues(chunk, signature)
        example = example and any(_says(chunk, name) for name in tainted)
        if i != own and (clashes or example):
            dropped.append(chunk)
            tainted |= names
        elif not _PACKAGE.fullmatch(chunks.bare(chunk)):
            kept.append(re.sub(r"^export\s+(?:default\s+)?", "", chunk, flags=re.MULTILINE))  # a program is no module
    return kept, dropped


def _says(chunk: str, name: str) -> bool:
    """Whether ``name`` occurs outside comments; inside strings counts, they may be interpolated."""
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", masked(chunk)) is not None


def _declared(chunk: str, signature: Signature) -> set[str]:
    """The name the chunk's first line of code declares; what is local to it does not count."""
    code = masked(chunk)
    start = len(code) - len(code.lstrip())
    header = _BLOCK_HEADER.match(code[start:])
    first = code.find("\n", start)
    names = {name for name, _ in signature.declarations(chunk[: first if first >= 0 else None])}
    return names | ({header["name"]} if header else set())


def _continues(chunk: str, signature: Signature) -> bool:
    """Whether the chunk is one more equation or overload of the function itself."""
    if signature.find(chunk) is not None:
        return True
    return re.match(rf"{re.escape(signature.name)}\s+[^(\n]*[^=<>!\n]=(?!=)", chunks.bare(chunk)) is not None


def _is_import(chunk: str, given: list[str], signature: Signature) -> bool:
    """Whether the chunk begins like a statement of the prompt's preamble and declares no function."""
    words = {chunks.bare(statement).split(" ")[0].split("<")[0] for statement in given}
    first = chunks.bare(chunk).split(" ")[0].split("<")[0]
    return first in words and not signature.declarations(chunk) and not chunks.open_braces(chunk)


def _new_imports(mine: list[str], given: list[str], body: str, dropped: str) -> list[str]:
    """Those of the answer's imports that the prompt does not have, one a statement."""
    have = {item for statement in given for item in _items(statement)}
    new: dict[str, None] = {}
    for chunk in mine:
        for item in _items(chunk):
            quoted = _QUOTED_IMPORT.fullmatch(item)
            package = quoted["item"].strip('"').rsplit("/", 1)[-1] if quoted else ""
            # What only a dropped main had used would now be an unused import, an error in some languages.
            orphan = package and chunks.mentions(dropped, package) and not chunks.mentions(body, package)
            if item not in have and not orphan and not _PACKAGE.fullmatch(item):
                new[item if quoted or _IMPORT_GROUP.fullmatch(chunks.bare(chunk)) else chunk] = None
    return list(new)


def _items(statement: str) -> list[str]:
    """A grouped import as single ones, anything else as itself."""
    text = chunks.bare(statement)
    group = _IMPORT_GROUP.fullmatch(text)
    if not group:
        return [text]
    return [f"{group['word']} {item}" for item in re.findall(r'"[^"]*"|[^\s;]+', group["items"])]


def _without_closer(body: str, closer: str) -> tuple[str, bool]:
    """Without its final closer, which the tests bring along, and without what follows it."""
    at = chunks.blanked(body).rstrip().rfind(closer)
    if at < 0 or chunks.depth(body):  # an answer that broke off has not closed its function
        return body, False
    return body[:at], True
