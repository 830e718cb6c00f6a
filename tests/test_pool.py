"""The queue: equal programs run once, costly ones first, timeouts again and alone, warm results audited."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import needs
from transfer_eval.cli import main
from transfer_eval.errors import HarnessFault
from transfer_eval.execution.cache import Cache
from transfer_eval.execution.execution import Ended, Execution, StepResult
from transfer_eval.execution.pool import Pool, Ways
from transfer_eval.execution.sandbox import Kind, Local
from transfer_eval.execution.worker import Worker, believable
from transfer_eval.language import Language, Limits
from transfer_eval.program import Program

PASS = StepResult(
    ended=Ended.EXITED, exit_code=0, stdout="", stderr="", cpu_seconds=0.1, wall_seconds=0.1, max_rss_mb=1.0
)
NOWHERE = Local(Kind.NONE)


def ending(ended: Ended = Ended.EXITED, code: int = 0, proved: bool = True, warm: bool = False) -> Execution:
    return Execution(compile=None, run=replace(PASS, ended=ended, exit_code=code), proved=proved, warm=warm)


class Script:
    """Stands for the workers' sandboxes: answers as told, and remembers what was asked, by whom and when."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Execution | Exception]] = {}
        self.asked: list[tuple[str, bool]] = []
        self.at_once = self.most_at_once = 0
        self.beside: dict[str, int] = {}
        self.gate = threading.Event()
        self.gate.set()
        self._lock = threading.Lock()

    def execute(self, program: Program, language: Language, limits: Limits | None, cold: bool) -> Execution:
        with self._lock:
            self.asked.append((program.source, cold))
            self.at_once += 1
        self.gate.wait()
        time.sleep(0.02)
        with self._lock:
            self.beside[f"{program.source} {cold}"] = self.at_once
            self.at_once -= 1
            answers = self.answers.get(program.source)
            answer = answers.pop(0) if answers else ending()
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    script = Script()

    def execute(
        self: Worker, program: Program, language: Language, limits: Limits | None = None, *, cold: bool = False
    ) -> Execution:
        return script.execute(program, language, limits, cold)

    monkeypatch.setattr(Worker, "execute", execute)
    yield script
    script.gate.set()


def test_equal_programs_run_once(script: Script) -> None:
    lua = needs("lua")
    script.gate.clear()
    with Pool(NOWHERE, 2) as pool:
        futures = [pool.submit(Program("lua", "same"), lua) for _ in range(100)]
        other = pool.submit(Program("lua", "other"), lua)
        script.gate.set()
        assert [future.result(10).cached for future in futures] == [False] + [True] * 99
        assert not other.result(10).cached
    assert sorted(script.asked) == [("other", False), ("same", False)]
    assert (pool.report.executed, pool.report.cached) == (2, 99)


def test_a_timeout_is_run_again_cold_and_alone(script: Script) -> None:
    lua = needs("lua")
    script.answers["slow"] = [ending(Ended.WALL_LIMIT, -9, proved=False, warm=True), ending()]
    script.answers["endless"] = [ending(Ended.CPU_LIMIT, -9, proved=False)] * 2
    with Pool(NOWHERE, 4) as pool:
        late = [pool.submit(Program("lua", name), lua, label=name) for name in ("slow", "endless")]
        for number in range(20):
            pool.submit(Program("lua", str(number)), lua)
        assert late[0].result(10).proved
        assert late[1].result(10).timed_out
    assert script.beside["slow True"] == script.beside["endless True"] == 1
    assert {name for name, cold in script.asked[:-2] if cold} == set()
    assert (pool.report.retried, pool.report.flips) == (2, ["slow"])


def test_what_was_killed_from_outside_is_run_again(script: Script) -> None:
    script.answers["killed"] = [ending(code=-9, proved=False), ending()]
    with Pool(NOWHERE, 2) as pool:
        assert pool.submit(Program("lua", "killed"), needs("lua"), label="killed").result(10).proved
    assert script.asked == [("killed", False), ("killed", True)]
    assert pool.report.flips == ["killed"]


def test_what_costs_most_goes_first(script: Script, tmp_path: Path) -> None:
    lua, python = needs("lua"), needs("python")
    cache = Cache(tmp_path / "c.sqlite")
    cache.put("a" * 64, "python", replace(ending(), run=replace(PASS, cpu_seconds=3.0)))
    cache.put("b" * 64, "lua", ending())
    cache.close()
    script.gate.clear()
    with Pool(NOWHERE, 1, Ways(cache=Cache(tmp_path / "c.sqlite"))) as pool:
        futures = [pool.submit(Program("lua", "lua at once"), lua)]
        while not script.asked:
            time.sleep(0.01)
        futures += [pool.submit(Program("lua", f"lua {number}"), lua) for number in range(2)]
        futures += [pool.submit(Program("python", f"python {number}"), python) for number in range(3)]
        script.gate.set()
        for future in futures:
            future.result(10)
    order = [name.split()[0] for name, _ in script.asked]
    assert order == ["lua"] + ["python"] * 3 + ["lua"] * 2  # the first had begun before there was any choice


def test_the_audit_finds_what_ends_differently_cold(script: Script) -> None:
    lua = needs("lua")
    script.answers["sound"] = [ending(warm=True), ending()]
    script.answers["false pass"] = [ending(warm=True), ending(code=1, proved=False)]
    script.answers["cold already"] = [ending()]
    script.answers["near the limit"] = [
        replace(ending(warm=True), run=replace(PASS, cpu_seconds=0.9)),
        replace(ending(Ended.CPU_LIMIT, -9, proved=False), run=replace(PASS, ended=Ended.CPU_LIMIT, cpu_seconds=1.0)),
    ]
    with Pool(NOWHERE, 2, Ways(audit=1.0)) as pool:
        for name in script.answers:
            pool.submit(Program("lua", name), lua, label=name).result(10)
    assert [found.label for found in pool.report.disagreements] == ["false pass"]
    assert pool.report.audited == 3


def test_a_disagreement_is_printed_and_exits_3(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    needs("lua")
    script.answers["false pass"] = [ending(warm=True), ending(code=1, proved=False)]
    rows = [{"id": name, "language": "lua", "program": name} for name in ("sound", "false pass")]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    argv = [
        "transfer-eval",
        "execute",
        "--programs",
        "p.jsonl",
        "--out",
        "o.jsonl",
        "--sandbox",
        "none",
        "--audit",
        "1",
    ]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", argv)
    with pytest.raises(SystemExit) as exit:
        main()
    assert exit.value.code == 3
    said = capsys.readouterr().err
    assert "1 disagree" in said
    assert "AUDIT: false pass ends differently when run cold" in said
    assert "sound ends" not in said
    assert len((tmp_path / "o.jsonl").read_text().splitlines()) == 2


def test_the_audit_takes_its_share_and_looks_at_cached_results_too(script: Script, tmp_path: Path) -> None:
    lua = needs("lua")
    for ways, audited in ((Ways(cache=Cache(tmp_path / "c")), 0), (Ways(cache=Cache(tmp_path / "c"), audit=0.5), 100)):
        with Pool(NOWHERE, 4, ways) as pool:
            for future in [pool.submit(Program("lua", str(number)), lua) for number in range(200)]:
                future.result(30)
        assert audited * 0.6 <= pool.report.audited <= audited * 1.4
    assert pool.report.executed == 0


def test_a_fault_is_an_exception_for_whoever_asked(script: Script) -> None:
    script.answers["bad"] = [HarnessFault("the machine is on fire")]
    with Pool(NOWHERE, 1) as pool, pytest.raises(HarnessFault, match="on fire"):
        pool.submit(Program("lua", "bad"), needs("lua")).result(10)


@pytest.mark.parametrize(
    ("execution", "believed"),
    [
        (ending(), True),
        (ending(code=1, proved=False), True),
        (ending(proved=False), False),
        (ending(code=-6, proved=False), False),
        (ending(Ended.CPU_LIMIT, -9, proved=False), False),
        (ending(Ended.MEMORY_LIMIT, -9, proved=False), False),
        (ending(Ended.OUTPUT_LIMIT, -9, proved=True), False),
        (Execution(compile=replace(PASS, exit_code=1), run=None, proved=False), True),
        (Execution(compile=replace(PASS, exit_code=-11), run=None, proved=False), False),
    ],
)
def test_only_proofs_and_plain_failures_are_believed_when_warm(execution: Execution, believed: bool) -> None:
    assert believable(execution, needs("lua")) is believed


def test_an_assertion_that_ends_by_a_signal_is_a_plain_failure() -> None:
    aborted = ending(code=-6, proved=False)
    assert aborted.run is not None
    said = replace(aborted, run=replace(aborted.run, stderr="main: main.cpp:7: int main(): Assertion `x' failed."))
    assert believable(said, needs("cpp"))
    assert not believable(aborted, needs("cpp"))


def test_closing_a_pool_drops_what_waits(script: Script) -> None:
    script.gate.clear()
    pool = Pool(NOWHERE, 1)
    for number in range(10):
        pool.submit(Program("lua", str(number)), needs("lua"))
    threading.Timer(0.2, script.gate.set).start()
    start = time.monotonic()
    pool.close()
    assert time.monotonic() - start < 5
    assert len(script.asked) <= 2
