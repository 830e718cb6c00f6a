"""SYNTHETIC-1 (https://huggingface.co/datasets/PrimeIntellect/SYNTHETIC-1): its problems with tests, once each.

The set has a row for each answer of a model; the answers are left out. ``verification_info`` is JSON text: the
``language`` of the known solution, and ``test_cases`` of ``type`` ``stdin_stdout`` or ``function_call``.
"""

from __future__ import annotations

import json
import re

from transfer_eval.errors import Untranslatable
from transfer_eval.fences import find_fences
from transfer_eval.language import find
from transfer_eval.problem import Problem
from transfer_eval.stdio import StdioProblem
from transfer_eval.training.sets.calls import function_problem
from transfer_eval.training.sets.reading import PublicSet, Row, cases, parsed

_TASK = "verifiable_code"


def _read(row: Row, name: str) -> Problem | StdioProblem:
    info = parsed(row, "verification_info", dict)
    tests = info.get("test_cases") or []
    kinds = {test.get("type") for test in tests}
    pairs = [(test.get("input"), test.get("output")) for test in tests]
    if kinds == {"function_call"}:
        functions = {test.get("fn_name") for test in tests}
        if len(functions) > 1:
            raise Untranslatable(f"its tests call {len(functions)} functions")
        return function_problem(name, functions.pop(), row["prompt"], pairs)
    if kinds != {"stdin_stdout"}:
        raise Untranslatable(f"its tests are of the types {', '.join(sorted(map(str, kinds))) or 'none'}")
    return StdioProblem(
        name=name,
        statement=row["prompt"],
        cases=cases(pairs),
        solutions=_solutions(row["gold_standard_solution"], info.get("language")),
    )


def _solutions(gold: str | None, language: str | None) -> tuple[tuple[str, str], ...]:
    """The known solution, which may stand in a fence."""
    if not gold or not language:
        return ()
    fences = find_fences(gold)
    return ((find(language).name, fences[0].text if fences else gold),)


_TESTS = [{"type": "stdin_stdout", "input": "4\n", "output": "8\n"}]

SET = PublicSet(
    hub="PrimeIntellect/SYNTHETIC-1",
    columns=("problem_id", "task_type", "prompt", "verification_info", "gold_standard_solution"),
    name=lambda row, number: "SYNTHETIC-1_" + re.sub(r"\W|_", "-", str(row["problem_id"])),
    read=_read,
    wanted=lambda row: row["task_type"] == _TASK,
    example=lambda number: {
        "problem_id": str(number), "task_type": _TASK, "prompt": "Print twice the number.",
        "gold_standard_solution": None,
        "verification_info": json.dumps({"language": None, "test_cases": _TESTS}),
    },
)  # fmt: skip
