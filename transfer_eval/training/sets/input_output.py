"""APPS (https://huggingface.co/datasets/codeparrot/apps) and TACO (https://huggingface.co/datasets/BAAI/TACO).

Both keep JSON text: ``solutions``, a list of Python programs, and ``input_output``, an object of ``inputs``,
``outputs`` and, where a function is asked for, ``fn_name``. Known solutions are not known to be right here: run them.
On the Hub they come with loading scripts, which ``datasets`` runs no longer: download their files and name one.
"""

from __future__ import annotations

import json

from transfer_eval.errors import Untranslatable
from transfer_eval.problem import Problem
from transfer_eval.stdio import StdioProblem
from transfer_eval.training.sets.calls import function_problem
from transfer_eval.training.sets.reading import PublicSet, Row, cases, parsed

_COLUMNS = ("question", "solutions", "input_output", "starter_code")
_SOLUTIONS_IN = "python"


def _read(row: Row, name: str) -> Problem | StdioProblem:
    tests = parsed(row, "input_output", dict)
    inputs, outputs = tests.get("inputs") or [], tests.get("outputs") or []
    if not inputs or len(inputs) != len(outputs):
        raise Untranslatable(f"it has {len(inputs)} inputs and {len(outputs)} outputs")
    if tests.get("fn_name"):
        return function_problem(
            name, tests["fn_name"], row["question"], list(zip(inputs, outputs, strict=True)), row["starter_code"] or ""
        )
    known = parsed(row, "solutions", list) if row["solutions"] else []
    return StdioProblem(
        name=name,
        statement=row["question"],
        cases=cases(zip(inputs, outputs, strict=True)),
        solutions=tuple((_SOLUTIONS_IN, program) for program in known),
    )


_EXAMPLE = {
    "question": "Print twice the number.", "solutions": json.dumps(["print(2 * int(input()))"]), "starter_code": "",
    "input_output": json.dumps({"inputs": ["4\n"], "outputs": ["8\n"]}),
}  # fmt: skip

APPS = PublicSet(
    hub="codeparrot/apps",
    columns=("problem_id", *_COLUMNS),
    name=lambda row, number: f"APPS_{row['problem_id']}",
    read=_read,
    example=lambda number: {**_EXAMPLE, "problem_id": number},
)
TACO = PublicSet(
    hub="BAAI/TACO",
    columns=_COLUMNS,
    name=lambda row, number: f"TACO_{number}",
    read=_read,
    example=lambda number: _EXAMPLE,
)
