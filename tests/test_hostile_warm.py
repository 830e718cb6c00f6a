"""Programs that turn on the servers beside them: whatever they do, the next program fares as if they had not been."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import needs
from transfer_eval.doctor import toy_task
from transfer_eval.execution.artefacts import Artefacts
from transfer_eval.execution.sandbox import Sandbox, choose
from transfer_eval.execution.worker import Worker
from transfer_eval.language import Language, load_all
from transfer_eval.program import Program, assemble
from transfer_eval.verdict import Verdict, judge

OTHERS = (
    "import ctypes, fcntl, os, resource, signal, sys, time\n"
    "others = [int(p) for p in os.listdir('/proc') if p.isdigit() and int(p) not in (1, os.getpid())]\n"
    "def ours(p):\n    try:\n        return os.stat('/proc/%s' % p).st_uid == os.getuid()\n"
    "    except OSError:\n        return False\n"
    "others = [p for p in others if ours(p)]\n"
    "def each(act):\n"
    "    done = 0\n"
    "    for pid in others:\n"
    "        try:\n            act(pid)\n            done += 1\n"
    "        except (OSError, ValueError):\n            pass\n"
    "    print('reached', done)\n"
)
ATTACKS = {
    "kill": "each(lambda p: os.kill(p, signal.SIGKILL))\n",
    "stop": "each(lambda p: os.kill(p, signal.SIGSTOP))\n",
    "end": "[each(lambda p: os.kill(p, s)) for s in (1, 2, 3, 10, 12, 13, 14, 15, 24, 25)]\n",
    "memory limit": "each(lambda p: resource.prlimit(p, resource.RLIMIT_AS, (1 << 20, 1 << 20)))\n",
    "file limits": (
        "each(lambda p: resource.prlimit(p, resource.RLIMIT_NOFILE, (3, 3)))\n"
        "each(lambda p: resource.prlimit(p, resource.RLIMIT_FSIZE, (0, 0)))\n"
    ),
    "processes": "each(lambda p: resource.prlimit(p, resource.RLIMIT_NPROC, (1, 1)))\n",
    "time": "each(lambda p: resource.prlimit(p, resource.RLIMIT_CPU, (1, 1)))\n",
    "priority": "each(lambda p: os.setpriority(os.PRIO_PROCESS, p, 19))\n",
    "scheduler": "each(lambda p: os.sched_setscheduler(p, os.SCHED_IDLE, os.sched_param(0)))\n",
    "processor": "each(lambda p: os.sched_setaffinity(p, {0}))\n",
    "own pipes": (
        "for n in (1, 2):\n    os.set_blocking(n, False)\n    fcntl.fcntl(n, 1031, 4096)\n"
        "try:\n    os.write(1, b'x' * 4096)\nexcept BlockingIOError:\n    pass\nos._exit(1)\n"
    ),
    "left output": "os.write(1, b'x' * 60000)\nos.write(2, b'AssertionError\\n' * 1000)\n",
    "left memory": "print(ctypes.CDLL(None).shmget(4321, 4096, 0o1666))\n",
    "left files": "open('/tmp/left', 'w').close()\nopen('/dev/shm/left', 'w').close()\n",
    "left processes": (
        "for _ in range(20):\n    if os.fork() == 0:\n        os.setsid()\n"
        "        os.execv('/bin/sleep', ['sleep', '4321'])\n"
    ),
}
LOOK = (
    "import ctypes, os\n"
    "print(sorted(os.listdir('/tmp')), os.listdir('/dev/shm'), ctypes.CDLL(None).shmget(4321, 4096, 0o666))\n"
    "left = 0\n"
    "for p in os.listdir('/proc'):\n"
    "    try:\n"
    "        ours = p.isdigit() and os.stat('/proc/' + p).st_uid == os.getuid()\n"
    "        left += ours and b'4321' in open('/proc/%s/cmdline' % p, 'rb').read()\n"
    "    except OSError:\n        pass\n"
    "print(left)\n"
)


def forking() -> list[Language]:
    return [one for one in load_all().values() if one.run.warm and one.run.warm.server]


@pytest.fixture(scope="module", params=["bwrap", "none"])
def worker(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Worker]:
    one = Worker(choose(request.param), 46, Artefacts())
    yield one
    one.close()


def fares_well(worker: Worker, language: Language) -> None:
    task = toy_task(language)
    for code, right in ((language.conformance.good, True), (language.conformance.wrong, False)):
        execution = worker.execute(assemble(task, code, language), language)
        assert (judge(execution, language) is Verdict.PASSED) is right, (language.name, execution)


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_next_program_fares_as_ever(worker: Worker, attack: str) -> None:
    python, others = needs("python"), [needs(language.name) for language in forking()]
    for language in (python, *others):
        fares_well(worker, language)  # the servers are there
    execution = worker.execute(Program("python", OTHERS + ATTACKS[attack]), python)
    assert "Traceback" not in execution.last.stderr, execution.last.stderr
    for language in (python, *others):
        fares_well(worker, language)
    if worker._sandbox.kind.value == "none":  # which has no scratch folders of its own
        for folder in ("/tmp", "/dev/shm"):
            (Path(folder) / "left").unlink(missing_ok=True)
        for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]:
            if line.split()[0] == "4321":
                ctypes.CDLL(None).shmctl(int(line.split()[1]), 0, None)  # IPC_RMID
    looked = worker.execute(Program("python", LOOK), python).last.stdout.split("\n")
    if worker._sandbox.kind.value == "bwrap":
        assert looked[0] == "['job'] [] -1"
    assert looked[1] == "0"


def test_attacks_reach_the_servers(sandbox: Sandbox) -> None:
    """Or the tests above would prove nothing."""
    worker = Worker(sandbox, 47, Artefacts())
    for language in [needs(one.name) for one in forking()]:
        fares_well(worker, language)
    execution = worker.execute(Program("python", OTHERS + ATTACKS["stop"]), needs("python"))
    assert execution.warm
    assert execution.last.stdout.startswith("reached ")
    assert int(execution.last.stdout.split()[1]) >= len(forking())
    worker.close()
