"""Control groups: one per sandbox, a net below the limits that the runner keeps of each program.

The runner looks at memory twenty times a second and the kernel counts tasks by user; what slips through in
between, or fills the scratch folders in memory, is held here. Version 1 and version 2 are probed by really making
a group and really entering it; where neither can be done, the text is ``none`` and groups do nothing.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from transfer_eval.errors import HarnessFault

MEMORY_BYTES = 4 << 30
"""Above the largest limit of a step (2 GiB to compile) and both scratch folders when full (512 MiB each)."""
TASKS = 1024
"""Above the largest limit of a step (256) plus servers that are kept, and far below what a machine can bear."""

_PREFIX = "transfer-eval"
_CLOSE_SECONDS = 2.0  # the kernel calls a group busy for some milliseconds after its last process has died
_CONTROLLERS = ("memory", "pids")
# The shell itself is what becomes the sandbox, so nothing of it ever runs outside of the group.
_ENTER = 'until [ "$1" = -- ]; do echo 0 > "$1" || exit 1; shift; done; shift; exec "$@"'
_numbers = itertools.count()


@dataclass(frozen=True)
class Cgroups:
    """What this process can do here. ``text`` says it in a record: ``cgroup v1``, ``cgroup v2`` or ``none``.

    Attributes:
        places: the folders in which groups are made: one for each controller in version 1, one in version 2.
    """

    text: str
    places: tuple[Path, ...]

    def group(self, memory_bytes: int = MEMORY_BYTES, tasks: int = TASKS) -> Group:
        """A fresh group with these limits.

        Raises:
            HarnessFault: the kernel would not make it, though it did when it was probed.
        """
        name = f"{_PREFIX}-{os.getpid()}-{started(os.getpid())}-{next(_numbers)}"
        group = Group(tuple(place / name for place in self.places))
        try:
            for folder in group.folders:
                folder.mkdir()
                _limit(folder, memory_bytes, tasks)
        except OSError as error:
            group.close()
            raise HarnessFault(f"no control group: {error}") from error
        return group

    def remove_stale(self) -> None:
        """Remove the groups of harnesses that are dead. One that still has processes is left alone."""
        for place in self.places:
            for folder in place.glob(f"{_PREFIX}-*-*-*"):
                pid, since = folder.name.removeprefix(_PREFIX + "-").split("-")[:2]
                if not pid.isdigit() or started(int(pid)) != since:
                    with contextlib.suppress(OSError):
                        folder.rmdir()


@dataclass(frozen=True)
class Group:
    """A group that is there; without folders it does nothing."""

    folders: tuple[Path, ...]

    def wrap(self, argv: Sequence[str]) -> tuple[str, ...]:
        """The command that enters the group and then becomes ``argv``."""
        if not self.folders:
            return tuple(argv)
        return ("/bin/sh", "-c", _ENTER, "sh", *(str(folder / "cgroup.procs") for folder in self.folders), "--", *argv)

    def oom_kills(self) -> int:
        """How many processes the kernel has killed because the group was out of memory."""
        for folder in self.folders:
            for name in ("memory.oom_control", "memory.events"):
                for line in _read(folder / name).splitlines():
                    if line.startswith("oom_kill "):
                        return int(line.split()[1])
        return 0

    def close(self) -> None:
        """Kill what is still in it, and remove it."""
        deadline = time.monotonic() + _CLOSE_SECONDS
        while True:
            left = [folder for folder in self.folders if not _removed(folder)]
            if not left or time.monotonic() > deadline:
                return
            for pid in {int(word) for folder in left for word in _read(folder / "cgroup.procs").split()} - {0}:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.005)


@cache
def probe() -> Cgroups:
    """What can be done here; removes what dead harnesses left."""
    found = look(_read(Path("/proc/self/mountinfo")), _read(Path("/proc/self/cgroup")))
    found.remove_stale()
    return found


def look(mounts: str, own: str) -> Cgroups:
    """The same, by the texts of ``/proc/self/mountinfo`` and ``/proc/self/cgroup``."""
    for place in _places_v2(mounts, own):
        if _works(two := Cgroups("cgroup v2", (place,))):
            return two
    one = Cgroups("cgroup v1", _places_v1(mounts, own))
    return one if one.places and _works(one) else Cgroups("none", ())


def _places_v2(mounts: str, own: str) -> Iterator[Path]:
    """Our own group and those above it that hand both controllers on. With processes in it our own one cannot,
    so it is usually a group above, which is ours to write to if it was delegated to us."""
    for _, mounted, here in _hierarchies(mounts, own, "cgroup2"):
        for place in (here, *here.parents):
            if set(_CONTROLLERS) <= set(_read(place / "cgroup.subtree_control").split()):
                yield place
            if place == mounted:
                return


def _places_v1(mounts: str, own: str) -> tuple[Path, ...]:
    """Our own group of each controller; none unless both are mounted."""
    found = {name: here for names, _, here in _hierarchies(mounts, own, "cgroup") for name in names}
    return tuple(dict.fromkeys(found[name] for name in _CONTROLLERS)) if found.keys() >= set(_CONTROLLERS) else ()


def _hierarchies(mounts: str, own: str, kind: str) -> Iterator[tuple[list[str], Path, Path]]:
    """Each mounted hierarchy: its controllers, where it is mounted, and our own group in it."""
    groups = {names: path for _, names, path in (line.split(":", 2) for line in own.splitlines())}
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        if after.split()[0] != kind:
            continue
        root, mounted = before.split()[3:5]
        options = set(after.split()[-1].split(","))
        names = next((names for names in groups if options.issuperset(names.split(","))), "")
        group = groups.get("" if kind == "cgroup2" else names, "/")
        # Under a container the mount shows a part of the hierarchy, which the group's path begins with.
        inside = Path(group).relative_to(root) if Path(group).is_relative_to(root) else Path()
        yield names.split(","), Path(mounted), Path(mounted) / inside


def _works(cgroups: Cgroups) -> bool:
    """Whether a process can be put into a group with limits."""
    try:
        group = cgroups.group()
    except HarnessFault:
        return False
    try:
        done = subprocess.run(group.wrap(["/bin/true"]), stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    finally:
        group.close()
    return done.returncode == 0


def _limit(folder: Path, memory_bytes: int, tasks: int) -> None:
    """Write the limits for which the group has files; memory comes first, as swap may not be the smaller.

    Raises:
        OSError: a limit was refused, or there was none to set.
    """
    limits = {
        "memory.max": memory_bytes,
        "memory.swap.max": 0,
        "memory.limit_in_bytes": memory_bytes,
        "memory.memsw.limit_in_bytes": memory_bytes,
        "pids.max": tasks,
    }
    files = {folder / name: value for name, value in limits.items() if (folder / name).exists()}
    if not files:
        raise FileNotFoundError(f"{folder} has no limits")
    for file, value in files.items():
        file.write_text(str(value))


def _removed(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        folder.rmdir()
    return not folder.exists()


def started(pid: int) -> str:
    """When a process began, in the kernel's ticks: with it a process id is never another's. Empty: it is gone."""
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return fields[19] if fields else ""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
