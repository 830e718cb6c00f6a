"""Assembly and arming: MultiPL-E's bytes, and a proof that stands where the tests end."""

from __future__ import annotations

from dataclasses import replace

from tests.conftest import needs
from transfer_eval.language import Proof, find
from transfer_eval.program import Program, arm, assemble
from transfer_eval.task import Task

TASK = Task(name="T_0_f", language="py", prompt="def f():\n", tests="assert f() == 1\n", stop_tokens=("\ndef",))


def test_exactly_one_newline_is_added() -> None:
    program = assemble(TASK, "    return 1", find("python"))
    assert program.source == "def f():\n    return 1\nassert f() == 1\n"
    assert program.source[program.tests_at :] == TASK.tests


def test_a_whole_answer_leaves_the_prompt_out() -> None:
    program = assemble(TASK, "def f(): return 1", find("python"), whole=True)
    assert program.source == "def f(): return 1\nassert f() == 1\n"


def with_proof(**changes: object) -> Proof:
    proof = Proof(
        begins=r"^TESTS$", statement="print {a} {b}", ends=((r"^END\s*\Z", "{statement}\n\\g<0>"), (r"\Z", "LAST"))
    )
    return replace(proof, **changes)  # type: ignore[arg-type]


def armed(source: str, proof: Proof) -> str:
    language = replace(needs("python"), proof=proof)
    return arm(Program("python", source), language).text


def test_the_statement_stands_where_the_frame_ends() -> None:
    text = armed("TESTS\nEND\ncode\nTESTS\nrun\nEND\n", with_proof())
    before, _, after = text.rpartition("print ")
    assert before == "TESTS\nEND\ncode\nTESTS\nrun\n"
    assert after.endswith("\nEND\n")


def test_rearming_comes_before_the_last_frame() -> None:
    text = armed("TESTS\ncode\nTESTS\nEND\n", with_proof(rearm="ARM\n"))
    assert text.startswith("TESTS\ncode\nARM\nTESTS\n")


def test_another_frame_gets_only_the_last_way() -> None:
    assert armed("run\nEND\n", with_proof()) == "run\nEND\nLAST"


def test_no_way_means_no_token_and_the_program_as_it_was() -> None:
    language = replace(needs("python"), proof=with_proof(ends=((r"^NEVER$", "x"),)))
    result = arm(Program("python", "run\n"), language)
    assert (result.text, result.token) == ("run\n", None)


def test_the_token_is_the_sum() -> None:
    result = arm(Program("python", "TESTS\nEND\n"), replace(needs("python"), proof=with_proof()))
    line = next(line for line in result.text.splitlines() if line.startswith("print "))
    first, second = map(int, line.split()[1:])
    assert str(first + second) == result.token


def test_a_missing_prefix_is_added() -> None:
    language = replace(needs("python"), prefix="<?x\n", proof=with_proof(begins=r"\A"))
    assert arm(Program("python", "code", 2), language).text == "<?x\ncodeLAST"
    assert arm(Program("python", "<?x code", 2), language).text == "<?x codeLAST"
