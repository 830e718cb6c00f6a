"""What is prepared of a toolchain says the same as the toolchain alone, is used, and cannot be written to."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

import transfer_eval.execution.worker as worker_module
from tests.conftest import needs
from transfer_eval.execution.artefacts import Artefacts
from transfer_eval.execution.execution import Execution
from transfer_eval.execution.sandbox import Sandbox
from transfer_eval.execution.worker import Worker
from transfer_eval.language import Language
from transfer_eval.program import Program
from transfer_eval.toolchain import locate

GO = 'package a_test\n\nimport (\n\t"testing"\n\t"fmt"\n)\n\nfunc TestA(t *testing.T) {\n%s\n}\n'
JULIA = (
    "function f(x)\n    %s\nend\n\nusing Test\n\n@testset begin\n\ncandidate = f;\n\t@test(candidate(2) == 2)\nend\n"
)
PROGRAMS = {
    "cpp": [
        '#include <assert.h>\n#include <bits/stdc++.h>\nint main() { std::cout << "out"; assert(1 == 1); }\n',
        "#include <cassert>\nint main() { std::vector<int> v(3); assert(v.size() == 2); }\n",
        'int main() { std::vector<int> v = "s"; undeclared(); return x }\n',
        "struct A {};\nint main() { std::vector<A> v(3); std::sort(v.begin(), v.end()); std::cout << v[0]; }\n",
        "int absent();\nint main() { return absent(); }\n",
        "int f() { return 1; }\n",
        "#define vector vektor\n#include <vector>\nint main() { std::vektor<int> v; }\n",
        "#warning said\n#include <absent.h>\nint main() {}\n",
        "static_assert(__INCLUDE_LEVEL__ == 0);\nint main() { puts(__FILE__); puts(__BASE_FILE__); }\n",
        "int main() { std::vector<int> v; return v.at(3); }\n",
        "",
    ],
    "go": [
        GO % '\tfmt.Println("out")',
        GO % '\tt.Errorf("expected %d", 1)',
        GO % '\tfmt.Println("unused %d")\n\tvar x int = "s"',
        GO % '\tfmt.Printf("%d", "vetted")',
        GO % "\tpanic(fmt.Sprint(1))",
        GO.replace('"fmt"', '"fmt"\n\t"math/big"') % "\tfmt.Println(big.NewInt(3))",
        GO.replace('"fmt"', '"fmt"\n\t"encoding/json"') % "\tfmt.Println(json.Valid(nil))",
        GO.replace('"fmt"', '"fmt"\n\t"absent/package"') % "\tfmt.Println(1)",
        GO.replace('"fmt"', '"fmt"\n\t"sort"') % "\tfmt.Println(1)",
        "package a_test\n\nfunc (\n",
    ],
    "julia": [
        JULIA % "x",
        JULIA % "x + 1",
        JULIA % "[x][3]",
        JULIA % "undefined_name + x",
        JULIA % "x + )",
        JULIA % 'println("out"); throw(ArgumentError("as said"))',
        '@assert 1 == 2 "as said"\n',
        "using LinearAlgebra\nprintln(det([1.0 2.0; 3.0 4.0]), PROGRAM_FILE, @__FILE__, ARGS, LOAD_PATH, DEPOT_PATH)\n",
        "exit(3)\n",
    ],
}
"""Right ones, and wrong ones of every kind."""


@pytest.fixture(scope="module")
def worker(sandbox: Sandbox) -> Iterator[Worker]:
    one = Worker(sandbox, 45, Artefacts())
    yield one
    one.close()


def prepared(name: str) -> Language:
    """The language with its artefact built; what takes minutes is not built for a test."""
    language, artefacts = needs(name), Artefacts()
    if not artefacts.usable:
        pytest.skip("no folder for artefacts")
    for artefact in (step.warm.artefact for step in (language.compile, language.run) if step and step.warm):
        assert artefact is not None
        there = (artefacts.folder / artefacts.key(language, artefact)).is_dir()
        if not there and artefact.pays_after > 100:
            pytest.skip(f"not built here; try `transfer-eval languages --warm {name}`")
        assert artefacts.build(language, locate(language), artefact).problem == ""
    return language


def facts(execution: Execution) -> tuple[object, ...]:
    """Everything but times, secrets, places in memory, temporary names, and how the header came in."""
    steps = [step for step in (execution.compile, execution.run) if step]
    texts = []
    for text in [text for step in steps for text in (step.stdout, step.stderr)]:
        text = re.sub(r",\n +from <command-line>:", ":", text)
        text = re.sub(r"/[\w/]*/cc\w+\.o|main\.o", "OBJECT", text)
        texts.append(re.sub(r"\d{12,}|\d+\.\d+s|0x\w+|/tmp/go-build\d+|goroutine \d+", "N", text))
    return (execution.proved, *((step.ended, step.exit_code) for step in steps), *texts)


@pytest.mark.parametrize(
    ("name", "source"), [(name, source) for name, sources in PROGRAMS.items() for source in sources]
)
def test_it_says_the_same(worker: Worker, name: str, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "believable", lambda execution, language: True)
    language = prepared(name)
    there = worker.execute(Program(name, source), language)
    alone = worker.execute(Program(name, source), language, cold=True)
    assert (there.warm, alone.warm) == (True, False)
    assert facts(there) == facts(alone)


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_it_is_used(worker: Worker, name: str) -> None:
    """Half the time is far more than what is used costs, and far less than what is not."""
    language = prepared(name)
    program = Program(name, PROGRAMS[name][0])
    there = min((worker.execute(program, language) for _ in range(3)), key=lambda e: e.cpu_seconds)
    alone = worker.execute(program, language, cold=True)
    assert there.warm
    assert there.cpu_seconds < alone.cpu_seconds / 2


def test_no_program_can_write_to_one(worker: Worker) -> None:
    prepared("cpp")
    folder = Artefacts().folder
    script = (
        f"find {folder} -type f | head -100 | while read f; do test -r $f && echo read; test -w $f && echo write; done"
    )
    said = worker.execute(Program("bash", f"#!/bin/bash\n{script}\n"), needs("bash")).last.stdout.split()
    assert set(said) == {"read"}


def test_nothing_linked_can_be_written_to(worker: Worker) -> None:
    language = prepared("go")
    imports = '"fmt"\n\t"os"\n\t"path/filepath"'
    body = """
    filepath.Walk(os.Getenv("HOME") + "/.cache", func(path string, info os.FileInfo, err error) error {
        if _, err := os.Readlink(path); err != nil { return nil }
        fmt.Println("linked")
        if _, err := os.OpenFile(path, os.O_WRONLY, 0); err == nil { fmt.Println("writable") }
        return nil
    })
"""
    there = worker.execute(Program("go", GO.replace('"fmt"', imports) % body), language)
    assert (there.warm, there.last.exit_code) == (True, 0)
    assert "linked" in there.last.stdout
    assert "writable" not in there.last.stdout
