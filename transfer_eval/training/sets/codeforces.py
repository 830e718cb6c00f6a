"""Codeforces with its official tests (https://huggingface.co/datasets/open-r1/codeforces).

Limits: the contest's limits of time and memory are for its own machines and languages; each language's own are used.
"""

from __future__ import annotations

from transfer_eval.errors import Untranslatable
from transfer_eval.stdio import StdioProblem
from transfer_eval.training.sets.reading import PublicSet, Row, cases

_COLUMNS = (
    "id", "title", "description", "input_format", "output_format", "interaction_format", "note", "examples",
    "official_tests", "official_tests_complete", "input_mode", "generated_checker",
)  # fmt: skip


def _read(row: Row, name: str) -> StdioProblem:
    if row["generated_checker"]:
        raise Untranslatable("it needs a checker program, for it has several right outputs")
    if row["interaction_format"]:
        raise Untranslatable("it is interactive")
    if row["input_mode"] not in (None, "stdio"):
        raise Untranslatable(f"its input mode is {row['input_mode']!r}")
    if not row["description"]:
        raise Untranslatable("it has no description")
    if not row["official_tests"] or not row["official_tests_complete"]:
        raise Untranslatable("its official tests are missing or cut off")
    tests = cases((test["input"], test["output"]) for test in row["official_tests"])
    return StdioProblem(name=name, statement=_statement(row), cases=tests)


def _statement(row: Row) -> str:
    parts = [f"# {row['title']}", row["description"]]
    titled = {"Input": row["input_format"], "Output": row["output_format"], "Note": row["note"]}
    parts += [f"## {title}\n\n{text}" for title, text in titled.items() if text]
    for example in row["examples"] or ():
        shown = f"Input:\n```\n{example['input'].rstrip()}\n```\nOutput:\n```\n{example['output'].rstrip()}\n```"
        parts.append(f"## Example\n\n{shown}")
    return "\n\n".join(part.strip() for part in parts)


_EXAMPLE = {
    "title": "Twice", "description": "Print twice the number.", "input_format": "A number.",
    "output_format": "Its double.", "interaction_format": None, "note": None,
    "examples": [{"input": "1\n", "output": "2\n"}], "official_tests": [{"input": "4\n", "output": "8\n"}],
    "official_tests_complete": True, "input_mode": "stdio", "generated_checker": None,
}  # fmt: skip

SET = PublicSet(
    hub="open-r1/codeforces",
    gigabytes=2.76,  # the card's download_size
    example=lambda number: {**_EXAMPLE, "id": f"{number}/A"},
    columns=_COLUMNS,
    name=lambda row, number: f"Codeforces_{str(row['id']).replace('/', '')}",
    read=_read,
)
