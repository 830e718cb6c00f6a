"""Control groups: on the kernel's own where this machine lets us, on a tree of files for version 2."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from transfer_eval.errors import HarnessFault
from transfer_eval.execution import cgroups
from transfer_eval.execution.cgroups import Cgroups, Group, look, probe

MB = 1 << 20


@pytest.fixture
def group() -> Iterator[Group]:
    if not probe().places:
        pytest.skip("no control groups here that we may make")
    one = probe().group(64 * MB, 16)
    yield one
    one.close()


def enter(group: Group, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(group.wrap([sys.executable, "-c", code]), capture_output=True, text=True, timeout=60)


def test_the_kernel_kills_at_the_memory_limit_and_counts_it(group: Group) -> None:
    assert enter(group, "x = bytearray(b'x') * (16 << 20)").returncode == 0
    assert group.oom_kills() == 0
    assert enter(group, "x = bytearray(b'x') * (200 << 20)").returncode == -9
    assert group.oom_kills() == 1


def test_files_in_memory_count(group: Group, tmp_path: Path) -> None:
    if not os.path.ismount("/dev/shm"):
        pytest.skip("/dev/shm is not in memory")
    path = f"/dev/shm/{tmp_path.name}-{os.getpid()}"
    try:
        assert enter(group, f"open({path!r}, 'wb').write(bytes(200 << 20))").returncode == -9
    finally:
        Path(path).unlink(missing_ok=True)


def test_there_are_no_more_tasks_than_allowed(group: Group) -> None:
    code = (
        "import os, time\n"
        "for count in range(1000):\n"
        "    try:\n"
        "        if os.fork() == 0:\n"
        "            time.sleep(0.5)\n"
        "            os._exit(0)\n"
        "    except OSError:\n"
        "        print(count)\n"
        "        break\n"
    )
    assert enter(group, code).stdout == "15\n"


def test_a_process_enters_before_it_starts_anything(group: Group) -> None:
    said = enter(group, "print(open('/proc/self/cgroup').read())").stdout
    assert said.count(group.folders[0].name) == len(group.folders)


def test_closing_kills_what_is_left_and_removes_the_group(group: Group) -> None:
    process = subprocess.Popen(group.wrap(["/bin/sleep", "1000"]))
    deadline = time.monotonic() + 10
    while str(process.pid) not in (group.folders[-1] / "cgroup.procs").read_text().split():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    group.close()
    assert process.wait(timeout=5) == -9
    assert not any(folder.exists() for folder in group.folders)


def test_groups_of_dead_harnesses_are_removed_and_those_of_live_ones_left(group: Group) -> None:
    child = subprocess.run(
        [sys.executable, "-c", "from transfer_eval.execution.cgroups import probe\nprint(*probe().group().folders)"],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    left = [Path(word) for word in child.stdout.split()]
    assert left and all(folder.exists() for folder in left)
    probe().remove_stale()
    assert not any(folder.exists() for folder in left)
    assert all(folder.exists() for folder in group.folders)


def test_without_groups_nothing_is_wrapped() -> None:
    group = look("", "").group()
    assert look("", "") == Cgroups("none", ())
    assert group.wrap(["/bin/true", "x"]) == ("/bin/true", "x")
    assert group.oom_kills() == 0
    group.close()


class Tree:
    """A hierarchy of version 2 in a folder: making a group gives it the files that the kernel would."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.made: list[Path] = []
        mkdir = Path.mkdir

        def make(path: Path) -> None:
            mkdir(path)
            self.made.append(path)
            for name in ("cgroup.procs", "memory.max", "memory.swap.max", "pids.max"):
                (path / name).write_text("")
            (path / "memory.events").write_text("low 0\nhigh 0\nmax 7\noom 3\noom_kill 2\n")

        patch.setattr(Path, "mkdir", make)
        patch.setattr(Path, "rmdir", shutil.rmtree)

    def mounts(self, options: str = "/") -> str:
        return f"30 23 0:26 {options} {self.root} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    scope = tmp_path / "user.slice" / "app.slice" / "run.scope"
    scope.mkdir(parents=True)
    (scope / "cgroup.subtree_control").write_text("\n")
    (scope.parent / "cgroup.subtree_control").write_text("cpu memory pids\n")
    return Tree(tmp_path, monkeypatch)


def test_version_2_uses_the_nearest_group_that_hands_controllers_on(tree: Tree) -> None:
    found = look(tree.mounts(), "0::/user.slice/app.slice/run.scope\n")
    assert found == Cgroups("cgroup v2", (tree.root / "user.slice/app.slice",))
    assert not any(folder.exists() for folder in tree.made), "the probe leaves nothing"
    group = found.group(5 * MB, 12)
    limits = {name: (group.folders[0] / name).read_text() for name in ("memory.max", "memory.swap.max", "pids.max")}
    assert limits == {"memory.max": str(5 * MB), "memory.swap.max": "0", "pids.max": "12"}
    assert subprocess.run(group.wrap(["/bin/echo", "a b"]), capture_output=True, text=True).stdout == "a b\n"
    assert (group.folders[0] / "cgroup.procs").read_text() == "0\n"
    assert group.oom_kills() == 2


def test_a_mount_that_shows_a_part_of_the_hierarchy(tree: Tree) -> None:
    found = look(tree.mounts("/outer/box"), "0::/outer/box/user.slice/app.slice/run.scope\n")
    assert found.places == (tree.root / "user.slice/app.slice",)


def test_version_2_without_the_memory_controller_is_not_used(tree: Tree) -> None:
    (tree.root / "user.slice/app.slice/cgroup.subtree_control").write_text("cpu pids hugetlb\n")
    assert look(tree.mounts(), "0::/user.slice/app.slice/run.scope\n").text == "none"


def test_a_group_that_cannot_be_entered_is_not_used(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "_ENTER", "exit 1")
    assert look(tree.mounts(), "0::/user.slice/app.slice/run.scope\n").text == "none"


def test_a_kernel_that_refuses_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(HarnessFault, match="no control group"):
        Cgroups("cgroup v2", (tmp_path / "gone",)).group()
    assert list(tmp_path.iterdir()) == []
