"""Where a function is declared: read from a task's prompt, found again in a model's answer.

Works on the text alone, for any language: the declaration's own words in the prompt (``local function``,
``public static boolean``, ``(define (``, ``<- function``) tell what a declaration looks like in an answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from transfer_eval.task import Task

_BLOCK_COMMENTS = {'"""': '"""', "'''": "'''", "/*": "*/", "(*": "*)", "{-": "-}", "#|": "|#"}
_OPENING = re.compile("|".join(map(re.escape, _BLOCK_COMMENTS)))
_LINE_COMMENT = re.compile(r"^[ \t]*(?://|#(?![\w!\[])|--|;|%).*$", re.MULTILINE)
_WORD = r"[A-Za-z_][\w]*"
_NO_DECLARATION = (
    r"(?:return|if|elif|else|while|for|print|echo|assert|throw|await|yield|case|and|or|not|in|local\s+_)\b"
)


@dataclass(frozen=True)
class Signature:
    """A task's function: its name, and the text that declares it.

    Attributes:
        name: as the language spells it.
        before: what stands on the declaring line before the name.
        after: what follows the name there.
        start: offset of the declaring line in the prompt.
    """

    name: str
    before: str
    after: str
    start: int

    @cached_property
    def _declares(self) -> re.Pattern[str]:
        name = r"(?P<name>[\w.?!-]+)"
        forms = [
            # const name = (…) => …, name <- function(…), name :: …, name = lambda …
            rf"^[ \t]*(?=\S)(?:{_WORD}[ \t]+)*{name}[ \t]*(?:<-|:=|::|=(?![=>]))[ \t]*(?P<value>.*)$",
        ]
        words = self.before.split()
        if words:
            # From the last word that has a letter on: "function", "boolean", "(define (".
            first = max(i for i, word in enumerate(words) if i == 0 or re.search(r"\w", word))
            last = r"\s+".join(map(re.escape, words[first:])) + (r"\s+" if self.before[-1:].isspace() else "")
            forms.insert(
                0, rf"^[ \t]*(?=\S)(?!{_NO_DECLARATION})[^\n=;]*?(?<![\w$]){last}{name}(?![\w(]*\)\s*;)(?=\s*\(|\W)"
            )
            # A typed head with another type: List<Integer> name(…) {
            forms.append(
                rf"^[ \t]*(?=\S)(?!{_NO_DECLARATION})[\w<>\[\],:*&?. \t]*[\w>\]*&?][ \t]+{name}\s*\([^;\n]*\{{"
            )
        else:
            tail = self.after.strip()[:2]
            forms.append(rf"^[ \t]*{name}[ \t]*{re.escape(tail)}")
        return re.compile("|".join(f"(?:{_number(form, i)})" for i, form in enumerate(forms)), re.MULTILINE)

    def declarations(self, text: str) -> list[tuple[str, int]]:
        """Every name that ``text`` declares the way this one is declared, with its line's offset."""
        found = []
        for match in self._declares.finditer(masked(text)):
            name = next(value for key, value in match.groupdict().items() if key.startswith("name") and value)
            found.append((name, match.start()))
        return found

    def find(self, text: str) -> int | None:
        """The offset of the line of ``text`` that declares this function."""
        return next((start for name, start in self.declarations(text) if name == self.name), None)


def _number(form: str, i: int) -> str:
    return form.replace("(?P<name>", f"(?P<name{i}>").replace("(?P<value>", f"(?P<value{i}>")


def read(task: Task) -> Signature | None:
    """The signature in ``task.prompt``; None when the prompt declares nothing of the problem's name."""
    entry = _plain(task.name.split("_", 2)[-1] if task.name.count("_") >= 2 else task.name)
    spelled = {word for word in re.findall(r"[A-Za-z_][\w-]*", task.tests) if _plain(word) == entry}
    text = masked(task.prompt)
    if not spelled:  # a prompt may rename a function, where a standard library has the name
        spelled = set(re.findall(r"candidate\s*=\s*\W{0,2}([A-Za-z_]\w*)", task.tests))
    for match in re.finditer(r"[A-Za-z_][\w-]*", text):
        name = match.group()
        if name in spelled or (not spelled and _plain(name) == entry):
            start = text.rfind("\n", 0, match.start()) + 1
            end = text.find("\n", match.end())
            return Signature(name, text[start : match.start()], text[match.end() : end if end >= 0 else None], start)
    return None


def _plain(name: str) -> str:
    return re.sub(r"[_-]", "", name).lower()


def block_comments(text: str) -> list[tuple[int, int]]:
    """Where comments and docstrings over (perhaps) several lines begin and end; unclosed ones are none."""
    found: list[tuple[int, int]] = []
    unclosed: set[str] = set()  # each kind is looked for to the text's end only once
    at = 0
    while match := _OPENING.search(text, at):
        closing = _BLOCK_COMMENTS[match.group()]
        end = -1 if closing in unclosed else text.find(closing, match.end())
        at = match.end() if end < 0 else end + len(closing)
        if end < 0:
            unclosed.add(closing)
        else:
            found.append((match.start(), at))
    return found


def masked(text: str) -> str:
    """``text`` with comments and docstrings blanked, every offset kept."""
    parts, at = [], 0
    for start, end in block_comments(text):
        parts += [text[at:start], re.sub(r"[^\n]", " ", text[start:end])]
        at = end
    return _LINE_COMMENT.sub(lambda match: " " * len(match.group()), "".join([*parts, text[at:]]))
