"""A program in a child of a fork server behaves as in a process of its own, and can reach nothing more."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Iterator

import pytest

import transfer_eval.execution.worker as worker_module
from tests.conftest import needs
from transfer_eval.execution.artefacts import Artefacts
from transfer_eval.execution.execution import Execution, StepResult
from transfer_eval.execution.sandbox import Sandbox
from transfer_eval.execution.worker import Worker
from transfer_eval.language import load_all
from transfer_eval.program import Program

FORKING = sorted(
    name
    for name, language in load_all().items()
    if language.run.warm and language.run.warm.server and language.run.warm.server.forks
)

SHELL = {
    "perl": "use Test::Deep;\n$| = 1;\nsystem('%s');\n",
    "php": "<?php\npassthru('%s');\n",
    "python": "import os\nos.system('''%s''')\n",
    "r": "invisible(system('%s'))\n",
    "ruby": "require 'test/unit'\nsystem('%s')\n",
}
"""How a program runs a shell command, which may hold double quotes; the shell's parent is the program."""

RANDOM = {
    "perl": "use Test::Deep;\nprint rand();\n",
    "php": "<?php\necho mt_rand();\n",
    "python": "import random\nprint(random.random())\n",
    "r": "cat(runif(1), basename(tempfile()))\n",
    "ruby": "require 'test/unit'\nputs rand\n",
}

ENDINGS = {
    "perl": [
        "use Test::Deep;\nprint 'unflushed';\n",
        "use Test::Deep;\nEND { print qq(bye $?) }\nexit 3;\n",
        "use Test::Deep;\nwarn 'w';\ndie 'oh';\n",
        "use Test::Deep;\nprint 1 + ;\n",
        "use Test::Deep;\n$| = 1; print 1; kill 'KILL', $$;\n",
        "use Test::Deep;\ncmp_deeply([1], [2]);\n",
        "print List::Util::max 1, 2;\nuse Test::Deep;\n",  # would be no error if it were loaded
        "print join ' ', sort keys %INC;\n",
        "use Test::Deep;\nprint join ' ', $0, __FILE__, @ARGV, sort(keys %INC), sort(keys %ENV);\n",
        "use Test::Deep;\nprint while <DATA>;\n__END__\nsecret\n",
    ],
    "php": [
        "<?php\nregister_shutdown_function(function () { echo 'bye'; });\nexit(3);\n",
        "<?php\necho 'out';\nthrow new Exception('oh');\n",
        "<?php\necho 1 + ;\n",
        "<?php\necho 1;\nposix_kill(getmypid(), 9);\n",
        "<?php\nvar_dump($argv, getenv(), array_keys(get_defined_vars()), get_defined_functions()['user']);\n",
        "<?php\nvar_dump(error_get_last(), time() - $_SERVER['REQUEST_TIME'] < 5, getcwd() === getenv('HOME'));\n",
    ],
    "python": [
        "import sys, os\nprint(sys.argv, sys.path, sys.orig_argv, sorted(sys.modules), os.environ, __file__)\n",
        "import atexit\natexit.register(print, 'bye')\nraise SystemExit(3)\n",
        "def deep(n):\n    print(n)\n    deep(n + 1)\ndeep(1)\n",
        "print('out')\nassert 1 == 2, 'oh'\n",
        "print(1 +)\n",
        "import os\nprint(1, flush=True)\nos.abort()\n",
        "import ctypes, sys\nprint(ctypes.c_int(3), sys._getframe().f_back, open(__file__).read())\n",
    ],
    "r": [
        "x <- 'é'\nx\nf <- function() stop('oh')\nwarning('w')\nf()\n",
        "reg.finalizer(globalenv(), function(e) cat('bye'), onexit = TRUE)\nquit(status = 3)\n",
        "f <- function( {\n",
        "cat('out\\n')\r\ntools::pskill(Sys.getpid(), 9)\nSys.sleep(9)\n",
        "print(list(search(), loadedNamespaces(), ls(all.names = TRUE), names(getLoadedDLLs()), RNGkind()))\noptions()",
        "print(list(names(Sys.getenv()), nrow(showConnections()), getwd() == Sys.getenv('HOME'), sys.calls()))\n",
        "writeLines('x', file.path(tempdir(), 'y'))\nprint(dirname(tempdir()) == Sys.getenv('HOME'))\n",
    ],
    "ruby": [
        "require 'test/unit'\nat_exit { puts 'bye' }\nexit 3\n",
        "def f\n  raise 'oh'\nend\nrequire 'test/unit'\nf\n",
        "def f\n  1 + )\nend\nrequire 'test/unit'\n",
        "require 'test/unit'\n$stdout.puts 1\n$stdout.flush\nProcess.kill(:KILL, $$)\nsleep\n",
        "p defined?(Test), defined?(Set)\nrequire 'test/unit'\np defined?(Test), defined?(Set)\n",
        "p defined?(Test)\n",
        "def require(name)\n  puts name\nend\nrequire 'test/unit'\np defined?(Test)\n",
        "require 'test/unit'\np $0, __FILE__, ARGV, $:, caller, $?, $!, ENV.keys, Object.constants.sort\n",
        "require 'test/unit'\nclass T < Test::Unit::TestCase\n  def test_t\n    assert_equal(1, 2)\n  end\nend\n",
    ],
}
"""Programs that end in every way, and tell what they find at their start."""

LOOK = """\
grep ^Cap /proc/$PPID/status; (: < /proc/$PPID/mem) && echo own; user=$(grep ^Uid: /proc/$PPID/status); \
for p in /proc/[0-9]*; do [ $p = /proc/$$ ] || [ $p = /proc/$PPID ] || ! grep -q "$user" $p/status || \
{ echo other; (: < $p/mem) && echo read; (: >> $p/mem) && echo written; readlink $p/fd/0 && echo followed; }; done; \
ls -l /proc/$PPID/fd; true"""

SCAN = """\
import os, sys
found = set()
for line in open(f"/proc/{sys.argv[1]}/maps"):
    begin, end = (int(part, 16) for part in line.split()[0].split("-"))
    if line.split()[1][0] == "r" and "[v" not in line:
        data = os.pread(os.open(f"/proc/{sys.argv[1]}/mem", os.O_RDONLY), end - begin, begin)
        found |= {word for word in sys.argv[2:] if word[::-1].encode() in data}
print(sorted(found))
"""
"""Which of the words given, spelt backwards, are in a process's memory."""


@pytest.fixture(scope="module")
def worker(sandbox: Sandbox) -> Iterator[Worker]:
    one = Worker(sandbox, 43, Artefacts())
    yield one
    one.close()


@pytest.fixture(autouse=True)
def believing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server's child says is handed out however odd, or nothing would be tested but the cold way."""
    monkeypatch.setattr(worker_module, "believable", lambda execution, language: True)


def warm(worker: Worker, name: str, source: str) -> StepResult:
    execution = worker.execute(Program(name, source), needs(name))
    assert execution.warm, "the server was lost"
    return execution.last


def facts(execution: Execution) -> tuple[object, ...]:
    """What must be the same: everything but paths of the server, numbers of processes, times and secrets."""
    last = execution.last
    texts = []
    for text in (last.stdout, last.stderr):
        text = re.sub(r'eval\(parse\("[^"]*"\)\)|readLines\("[^"]*"\)', "READ", text)
        text = re.sub(r"/proc/\d+/fd/pipe:\[\d+\]|Finished in .*|[\d.]+ (tests|assertions)/s|0x\w+", "*", text)
        texts.append(re.sub(r"\d{5,}", "N", text))
    return (last.ended, last.exit_code, execution.proved, *texts)


def test_every_fork_server_is_tested() -> None:
    assert FORKING
    assert set(FORKING) == set(SHELL) == set(RANDOM) == set(ENDINGS)


@pytest.mark.parametrize(("name", "source"), [(name, source) for name in FORKING for source in ENDINGS[name]])
def test_it_starts_and_ends_as_a_process_of_its_own(worker: Worker, name: str, source: str) -> None:
    language = needs(name)
    there = worker.execute(Program(name, source), language)
    alone = worker.execute(Program(name, source), language, cold=True)
    assert (there.warm, alone.warm) == (True, False)
    assert facts(there) == facts(alone)


@pytest.mark.parametrize("name", FORKING)
def test_it_has_no_rights_and_no_way_to_the_server(worker: Worker, name: str) -> None:
    found = warm(worker, name, SHELL[name] % LOOK).stdout
    assert re.findall(r"^Cap(?:Inh|Prm|Eff|Amb):\s*0+$", found, re.M) == re.findall(r"^Cap[^B].*", found, re.M)
    assert len(re.findall(r"^Cap[^B].*", found, re.M)) == 4
    assert "own" in found, "the control does not work"
    assert "other" in found, "there is no server"
    assert not re.search(r"^(read|written|followed)$", found, re.M)
    assert "requests" not in found
    assert "replies" not in found


@pytest.mark.parametrize("name", FORKING)
def test_no_other_programs_text_is_in_its_memory(worker: Worker, name: str) -> None:
    secret, own = secrets.token_hex(16), secrets.token_hex(16)
    warm(worker, name, SHELL[name] % f"echo {secret}")
    script = base64.b64encode(SCAN.encode()).decode()
    look = f": {own}; echo {script} | base64 -d | /usr/bin/python3 - $PPID {secret[::-1]} {own[::-1]}"
    found = warm(worker, name, SHELL[name] % look).stdout
    assert f"['{own[::-1]}']" in found


@pytest.mark.parametrize("name", FORKING)
def test_random_numbers_differ(worker: Worker, name: str) -> None:
    assert len({warm(worker, name, RANDOM[name]).stdout.replace("\n", " ").split("  ")[0] for _ in range(4)}) == 4


@pytest.mark.parametrize("name", FORKING)
def test_a_long_program_is_handed_over_whole(worker: Worker, name: str) -> None:
    comment = {"php": "//"}.get(name, "#")
    filler = f"{comment} {'x' * 100}\n" * 3000
    result = worker.execute(Program(name, SHELL[name] % "echo here" + filler), needs(name))
    assert (result.warm, result.proved) == (True, True)
    assert "here" in result.last.stdout


@pytest.mark.parametrize("name", FORKING)
def test_no_dead_child_stays(worker: Worker, name: str) -> None:
    count = 'cat /proc/[0-9]*/stat | grep -c ") Z "; true'
    counts = [int(warm(worker, name, SHELL[name] % count).stdout.split()[0]) for _ in range(5)]
    assert max(counts) <= 1, "its own parent may be dying yet, but no other"
