"""A resident compiler says what the one-shot command says, whatever it compiled before."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

import transfer_eval.execution.worker as worker_module
from tests.conftest import needs
from transfer_eval.doctor import toy_task
from transfer_eval.execution.artefacts import Artefacts
from transfer_eval.execution.execution import Execution
from transfer_eval.execution.sandbox import Sandbox
from transfer_eval.execution.worker import Worker
from transfer_eval.language import load_all
from transfer_eval.program import Program, assemble

COMPILING = sorted(
    name
    for name, language in load_all().items()
    if language.compile and language.compile.warm and language.compile.warm.server
)

PROGRAMS = {
    "java": [
        "class Problem { int x = 1; }\n",
        'class Problem {\n    int x = "s";\n    void f() { return 3 }\n}\n',
        'class String {}\nclass Integer {}\nclass Problem { String s = "x"; Integer i = 3; }\n',
        'class Problem { String s = "x"; Integer i = 3; }\n',
        "package org.javatuples;\nclass Pair<A, B> {}\n",
        'import org.javatuples.*;\nclass Problem { Pair<String, Integer> p = Pair.with("a", 1); }\n',
        "import java.util.*;\nclass Problem { List f() { List l = new ArrayList(); l.add(1); return l; } }\n",
        "class Problem { void f() { new Integer(3); Thread.currentThread().stop(); new Object().finalize(); } }\n",
        'public class Main { public static void main(String[] a) { System.out.println("out"); int x = y; } }\n',
        'public class Main { public static void main(String[] a) { System.out.println("out"); } }\n',
        "public class Other {}\n",
        "".join(f'class C{i} {{ int x = "{i}"; }}\n' for i in range(110)),
        'class Problem { String é = "中文 /tmp/job/Problem.java" + 1 - 1; }\n',
        "class Problem { int f(Object o) { return switch (o) { case Integer i -> 1; default -> 2; }; } }\n",
        "",
    ],
    "typescript": [
        "const x: number = 1;\n",
        "const x: number = 's';\nundefinedThing();\n[1].flatt();\nconst y: { a: number } = { b: 1 };\n",
        "interface Array<T> { extra(): T }\ninterface String { extra: number }\n[1].extra();\n'a'.extra;\n",
        "[1].extra();\n'a'.extra;\n",
        "export {};\ndeclare global { interface Promise<T> { extra: T } var ours: number }\nours = 3;\n",
        "ours = 3;\nPromise.resolve(1).extra;\n",
        "let name = 3;\nclass Map {}\nvar Promise = 3;\ntype Array = number;\ninterface Date { x: string }\n",
        "const m = new Map<string, number>();\nnew Date().x;\nPromise.resolve();\n",
        "namespace Intl { export const extra = 1 }\ndeclare module 'extra' { export const a: number }\n",
        "Intl.extra;\nimport { a } from 'extra';\n",
        "/// <reference lib='webworker' />\nimportScripts('x');\n",
        "importScripts('x');\n",
        "/// <reference no-default-lib='true' />\nlet a: Array<number> = [];\n",
        "import * as other from './other';\nimport './main';\nconst j = <div/>;\n",
        "function f(x {\n",
        "",
    ],
}
"""Right and wrong ones in turn, and what would be of another mind if it saw the one before."""

KILLERS = {
    "java": 'Runtime.getRuntime().exec(new String[]{"/bin/sh", "-c", "kill -9 -1"}).waitFor();',
    "typescript": "process.kill(-1, 'SIGKILL');",
}
WHOLE = {
    "java": "class Problem {{ public static void main(String[] a) throws Exception {{ {} }} }}\n",
    "typescript": "declare var process: any;\n{}\n",
}


@pytest.fixture(scope="module")
def worker(sandbox: Sandbox) -> Iterator[Worker]:
    one = Worker(sandbox, 44, Artefacts())
    yield one
    one.close()


@pytest.fixture(autouse=True)
def believing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said is handed out however odd, or nothing would be tested but the cold way."""
    monkeypatch.setattr(worker_module, "believable", lambda execution, language: True)


def facts(execution: Execution) -> tuple[object, ...]:
    """Everything but times, memory and secrets."""
    steps = [step for step in (execution.compile, execution.run) if step]
    said = [(s.ended, s.exit_code, *(re.sub(r"\d{15,}", "N", text) for text in (s.stdout, s.stderr))) for s in steps]
    return (execution.proved, *said)


def test_every_resident_compiler_is_tested() -> None:
    assert COMPILING
    assert set(COMPILING) == set(PROGRAMS) == set(KILLERS)


@pytest.mark.parametrize("name", COMPILING)
def test_it_says_the_same_in_any_order(worker: Worker, name: str) -> None:
    language = needs(name)
    alone = {text: facts(worker.execute(Program(name, text), language, cold=True)) for text in PROGRAMS[name]}
    assert {said[1][1] == 0 for said in alone.values()} == {True, False}  # type: ignore[index]
    for text in [*PROGRAMS[name], *reversed(PROGRAMS[name])]:
        there = worker.execute(Program(name, text), language)
        assert there.warm, text
        assert facts(there) == alone[text]


@pytest.mark.parametrize("name", COMPILING)
def test_a_killed_server_costs_time_alone(worker: Worker, name: str) -> None:
    language = needs(name)
    good = assemble(toy_task(language), language.conformance.good, language)
    for _ in range(2):
        assert worker.execute(Program(name, WHOLE[name].format(KILLERS[name])), language).warm
        assert worker.execute(good, language).proved
        after = worker.execute(good, language)
        assert (after.warm, after.proved) == (True, True)


@pytest.mark.parametrize("name", COMPILING)
def test_what_it_cannot_judge_is_compiled_alone(worker: Worker, name: str) -> None:
    """So many brackets that compilers run out of stack: the resident one is given up, and the other has the word."""
    language = needs(name)
    text = {"java": "class Problem {{ int x = {}; }}\n", "typescript": "const x = {};\n"}[name]
    deep = Program(name, text.format("(" * 20000 + "1" + ")" * 20000))
    there, alone = worker.execute(deep, language), worker.execute(deep, language, cold=True)
    assert not there.warm
    assert there.last.exit_code == alone.last.exit_code != 0
