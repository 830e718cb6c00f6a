"""Whole programs for a corpus: known ones and a model's, right or wrong as running them says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.conftest import needs
from tests.toy import ToyBackend
from transfer_eval.commands.corpus import command
from transfer_eval.execution.pool import Pool
from transfer_eval.generation import Sampling
from transfer_eval.journal import GenerationJournal
from transfer_eval.prompt import Style
from transfer_eval.stdio import StdioCase, StdioProblem
from transfer_eval.training.corpus.building import JOURNAL, Builder
from transfer_eval.training.corpus.finishing import read
from transfer_eval.training.corpus.programs import verify_known, write_all
from transfer_eval.training.rows import verification_rows
from transfer_eval.training.sets import named

pytest.importorskip("datasets", reason="the [train] extra is not installed")

CASES = (StdioCase("4\n", "8\n"), StdioCase("0\n", "0\n"))
RIGHT, WRONG = "print(2 * int(input()))", "print(7)"
PROBLEM = StdioProblem(
    name="Twice", statement="Print twice the number.", cases=CASES, solutions=(("python", RIGHT), ("cpp", "?"))
)


def answer(name: str, language: str, sample: int) -> str:
    """Right, wrong, and nothing, in turn."""
    return [f"```python\n{RIGHT}\n```", f"```python\n{WRONG}\n```", ""][sample % 3]


def test_programs_are_judged_by_their_cases(tmp_path: Path, pool: Pool) -> None:
    python = needs("python")
    backend, builder = ToyBackend(answer=answer, style=Style.CHAT), Builder(tmp_path, pool)
    sampling = Sampling(temperature=0.5, samples=3)
    for _ in range(2):  # the second time everything is there already
        builder = Builder(tmp_path, pool)
        verify_known([PROBLEM], [python], builder)
        write_all(
            [PROBLEM], [python], builder, backend=backend, sampling=sampling, style=Style.CHAT, folder=tmp_path
        )  # fmt: skip
        found = {(sample.provenance["source"], sample.verdict): sample for sample in builder.samples}
        assert found.keys() == {
            ("reference", "passed"), ("program", "passed"), ("program", "wrong"), ("program", "no_code"),
        }  # fmt: skip
    assert len((tmp_path / JOURNAL).read_text().splitlines()) == 4
    assert len(backend.asked) == 2
    sample = found["program", "passed"]
    assert (sample.whole, sample.program.rstrip(), sample.description) == (True, RIGHT, PROBLEM.statement)
    other = replace(PROBLEM, cases=CASES[:1])
    again = Builder(tmp_path, pool)
    verify_known([other], [python], again)
    assert len((tmp_path / JOURNAL).read_text().splitlines()) == 5  # other cases are another question


def test_a_corpus_of_a_public_set_gives_questions(tmp_path: Path) -> None:
    python = needs("python")
    place, answers, out = tmp_path / "set.jsonl", tmp_path / "answers", tmp_path / "out"
    place.write_text("".join(json.dumps(dict(named("codeforces").example(number))) + "\n" for number in range(2)))
    build = [
        "build", "--source", "programs:codeforces", "--place", str(place), "--langs", "python", "--out", str(out),
        "--style", "chat", "--samples", "2", "--temperature", "0.5", "--top-p", "1",
    ]  # fmt: skip
    backend = ToyBackend(answer=answer, style=Style.CHAT)
    record(backend, place, answers)
    ran = CliRunner().invoke(command, [*build, "--model", f"replay:{answers}"])
    assert ran.exit_code == 0, ran.output
    assert [sample.problem for sample in read(out)] == ["Codeforces_0A"]  # the other one is its near-duplicate
    rows = verification_rows(out, [python], Style.CHAT)
    assert sorted(json.loads(row["task"])["correct"] for row in rows) == [False, False, True, True]
    assert all("Print twice the number." in row["prompt"][0]["content"] for row in rows)


def record(backend: ToyBackend, place: Path, folder: Path) -> None:
    """Answers to the set's problems, as a model would have been recorded."""
    from transfer_eval.training import sets
    from transfer_eval.training.corpus.programs import _prompt

    problems = sets.load("codeforces", str(place)).programs
    prompts = [_prompt(problem, needs("python"), Style.CHAT) for problem in problems]
    sampling = Sampling(temperature=0.5, top_p=1, samples=2)
    found = [g for batch in backend.generate(prompts, sampling) for g in batch]
    GenerationJournal(folder).append(replace(one, model="toy") for one in found)
