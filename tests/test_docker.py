"""Programs in real containers: right verdicts, nothing reached, nothing left. It needs root, dockerd and mmdebstrap."""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests import dockerd
from tests.dockerd import BARE, WITH_PYTHON, Daemon
from transfer_eval.doctor import examine
from transfer_eval.errors import HarnessFault, UserError
from transfer_eval.execution import docker as containers
from transfer_eval.execution.docker import Containers
from transfer_eval.execution.execution import Ended, Execution
from transfer_eval.execution.job import located_or_refuse
from transfer_eval.execution.pool import Pool
from transfer_eval.execution.sandbox import choose
from transfer_eval.execution.worker import Worker
from transfer_eval.language import Limits, find
from transfer_eval.program import Program
from transfer_eval.toolchain import State
from transfer_eval.verdict import Verdict, judge

pytestmark = pytest.mark.slow  # making the images takes half a minute

ROOT = Path(__file__).parent.parent
QUICK = Limits(cpu_seconds=4, wall_seconds=8, memory_mb=256, processes=32)
LUA, PYTHON = find("lua"), find("python")


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    pytest.importorskip("docker", reason="the docker package is not installed")
    lacking = dockerd.refuse()
    if lacking:
        pytest.skip(lacking)
    one = Daemon()
    before = os.environ.get("DOCKER_HOST")
    try:
        one.start()
        one.make_images()
        os.environ["DOCKER_HOST"] = one.url
        containers.choose.cache_clear()
        yield one
    finally:
        one.stop()
        os.environ.pop("DOCKER_HOST", None)
        if before is not None:
            os.environ["DOCKER_HOST"] = before
        containers.choose.cache_clear()


@pytest.fixture(scope="module", params=[WITH_PYTHON, BARE])
def sandbox(request: pytest.FixtureRequest, daemon: Daemon) -> Containers:
    return box(request.param)


def box(image: str) -> Containers:
    chosen = choose("docker", image)
    assert isinstance(chosen, Containers)
    return chosen


@pytest.fixture
def worker(daemon: Daemon) -> Iterator[Worker]:
    one = Worker(box(WITH_PYTHON), 50)
    yield one
    one.close()
    assert left(daemon) == []


def client(daemon: Daemon) -> Any:
    import docker

    return docker.DockerClient(daemon.url, timeout=30)


def left(daemon: Daemon) -> list[str]:
    """The containers that are there, whatever their state."""
    connection = client(daemon)
    try:
        return [one["Id"] for one in connection.api.containers(all=True)]
    finally:
        connection.close()


def run(worker: Worker, source: str, limits: Limits = QUICK) -> Execution:
    """A program's execution, after which a good one must still pass."""
    execution = worker.execute(Program("python", source), PYTHON, limits)
    after = worker.execute(Program("python", "print('fine')\n"), PYTHON, QUICK)
    assert judge(after, PYTHON) is Verdict.PASSED, after
    return execution


def test_known_programs_get_the_right_verdicts(sandbox: Containers, daemon: Daemon) -> None:
    with Pool(sandbox, 2) as pool:
        findings = list(examine([LUA], pool))
    assert [finding for finding in findings if not finding.right] == []
    assert len(findings) == 12
    assert left(daemon) == []


def test_the_hosts_python_runs_the_runner_only_where_the_image_cannot(daemon: Daemon) -> None:
    ways = [containers._interpreter(box(image).within(LUA)).argv[0] for image in (WITH_PYTHON, BARE)]
    assert ways == ["python3", "/run/transfer-eval/python/so/ld.so"]


def test_toolchains_are_the_images_own(sandbox: Containers) -> None:
    located = sandbox.locate(LUA)
    assert (located.state, located.version[:4], located.paths["lua"]) == (State.INSTALLED, "5.4.", "/usr/bin/lua5.4")


def test_a_language_that_the_image_lacks_is_missing_whatever_this_machine_has(daemon: Daemon) -> None:
    assert box(BARE).locate(PYTHON).state is State.MISSING
    with pytest.raises(UserError, match=rf"python is missing in .*{BARE}@.*--image NAME"):
        located_or_refuse(PYTHON, box(BARE))


def test_an_image_that_is_not_to_be_had(daemon: Daemon) -> None:
    with pytest.raises(UserError, match="image no-such-image:1 is not here and cannot be pulled"):
        choose("docker", "no-such-image:1")


def test_a_program_is_nobody_and_has_no_rights(worker: Worker) -> None:
    status = run(worker, "print(open('/proc/self/status').read())\n").last.stdout
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert all(30000 <= int(word) < 60000 for word in fields["Uid"].split() + fields["Gid"].split())
    assert {fields[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (fields["NoNewPrivs"], fields["Seccomp"]) == ("1", "2")


def test_the_kernel_counts_each_containers_processes_apart(daemon: Daemon) -> None:
    workers = [Worker(box(WITH_PYTHON), slot) for slot in (51, 52)]
    try:
        users = {run(one, "import os\nprint(os.getuid())\n").last.stdout for one in workers}
    finally:
        for one in workers:
            one.close()
    assert len(users) == 2


def test_the_network_is_out_of_reach(worker: Worker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        source = (
            "import os, socket\n"
            "print(sorted(os.listdir('/sys/class/net')))\n"
            f"for address in [{address!r}, ('192.0.2.1', 53)]:\n"
            "    try:\n"
            "        socket.create_connection(address, 2)\n"
            "        print('connected to', address)\n"
            "    except OSError:\n"
            "        pass\n"
        )
        assert run(worker, source).last.stdout == "['lo']\n"


def test_nothing_but_the_scratch_folders_can_be_written(worker: Worker) -> None:
    source = (
        "import os\n"
        "for top, folders, files in os.walk('/'):\n"
        "    folders[:] = [f for f in folders if os.path.join(top, f) != '/proc']\n"
        "    try:\n"
        "        open(os.path.join(top, 'mine'), 'w').close()\n"
        "    except OSError:\n"
        "        continue\n"
        "    print(top)\n"
        "    folders.clear()\n"
    )
    assert sorted(run(worker, source).last.stdout.split()) == ["/dev/shm", "/tmp"]
    left_there = run(worker, "import os\nprint(os.listdir('/tmp'), os.listdir('/dev/shm'))\n").last.stdout
    assert left_there == "['job'] []\n"


def test_this_machines_files_are_out_of_sight(worker: Worker, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    tmp_path.chmod(0o755)
    places = [str(tmp_path / "secret"), str(ROOT), str(Path.home() / ".bashrc"), "/proc/1/root", "/proc/1/environ"]
    source = (
        "import os\n"
        f"for place in {places!r}:\n"
        "    try:\n"
        "        print(place, os.listdir(place) if os.path.isdir(place) else open(place).read())\n"
        "    except OSError:\n"
        "        pass\n"
    )
    assert run(worker, source).last.stdout == ""


def test_no_signal_ends_the_runner(worker: Worker) -> None:
    source = (
        "import os\n"
        "for number in range(1, 65):\n"
        "    try:\n"
        "        os.kill(1, number)\n"
        "    except OSError:\n"
        "        pass\n"
    )
    execution = run(worker, source)
    assert (execution.last.ended, execution.last.exit_code, execution.proved) == (Ended.EXITED, 0, True)


def test_meddling_with_the_runners_limits_is_no_pass(worker: Worker) -> None:
    source = "import resource, time\nresource.prlimit(1, resource.RLIMIT_NOFILE, (0, 0))\ntime.sleep(1)\n"
    with pytest.raises(HarnessFault):
        worker.execute(Program("python", source), PYTHON, QUICK)
    assert run(worker, "print('next')\n").last.stdout == "next\n"


def test_a_fork_flood(worker: Worker) -> None:
    source = "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass\n"
    assert judge(run(worker, source), PYTHON) is Verdict.TIMED_OUT


def test_a_memory_hog(worker: Worker) -> None:
    lua = replace(LUA, address_space_limit=False)
    source = "local t = {}\nwhile true do t[#t + 1] = string.rep('x', 10000000) .. #t end\n"
    execution = worker.execute(Program("lua", source), lua, replace(QUICK, wall_seconds=20))
    assert judge(execution, lua) is Verdict.OUT_OF_MEMORY


# The client leaves its socket to the collector when nobody answers.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_dead_daemon_is_a_fault_and_no_verdict(daemon: Daemon, worker: Worker) -> None:
    run(worker, "print('before')\n")
    daemon.kill()
    try:
        with pytest.raises(HarnessFault):
            worker.execute(Program("python", "print('x')\n"), PYTHON, QUICK)
    finally:
        daemon.start()
    gc.collect()
    assert run(worker, "print('after')\n").last.stdout == "after\n"
    worker.close()
    containers.choose.cache_clear()
    box(WITH_PYTHON)  # a start of the harness, which tidies up
    assert left(daemon) == []


def test_no_container_is_left_by_an_exception(daemon: Daemon) -> None:
    with pytest.raises(ZeroDivisionError), Pool(box(BARE), 1) as pool:
        assert pool.submit(Program("lua", "print(1)\n"), LUA).result().proved
        assert len(left(daemon)) == 1
        raise ZeroDivisionError


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_container_outlives_a_killed_harness(daemon: Daemon, tmp_path: Path, how: signal.Signals) -> None:
    script = tmp_path / "harness.py"
    script.write_text(
        "import sys\n"
        "from transfer_eval.execution.pool import Pool\n"
        "from transfer_eval.execution.sandbox import choose\n"
        "from transfer_eval.language import find\n"
        "from transfer_eval.program import Program\n"
        f"with Pool(choose('docker', {BARE!r}), 1) as pool:\n"
        "    print('started', flush=True)\n"
        "    pool.submit(Program('lua', 'os.execute(\"sleep 1000\")\\n'), find('lua')).result()\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    harness = subprocess.Popen([sys.executable, str(script)], env=environment, stderr=subprocess.DEVNULL)
    until(lambda: "sleep" in programs(daemon), 60)
    harness.send_signal(how)
    harness.wait(timeout=20)
    until(lambda: left(daemon) == [], 5)


def programs(daemon: Daemon) -> set[str]:
    """The names of what runs in containers."""
    connection = client(daemon)
    try:
        tops = [connection.api.top(one) for one in left(daemon)]
    except Exception:  # it has ended meanwhile, or not quite started
        return set()
    finally:
        connection.close()
    return {process[-1].split()[0] for top in tops for process in top["Processes"] or []}


def until(holds: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def test_leftovers_are_removed_at_the_next_start_and_live_ones_are_not(daemon: Daemon) -> None:
    from transfer_eval.execution import engine

    connection = client(daemon)
    label = engine._owner()
    try:
        for owner in (label, label.rpartition("-")[0] + "-12345", "another machine/1-1", ""):
            connection.api.create_container(BARE, ["sleep"], labels={"transfer-eval": owner})
        connection.api.create_container(BARE, ["sleep"])
        engine.find("docker")
        there = connection.api.containers(all=True)
        assert {one["Labels"].get("transfer-eval") for one in there} == {label, "another machine/1-1", "", None}
        for one in there:
            connection.api.remove_container(one["Id"])
    finally:
        connection.close()
