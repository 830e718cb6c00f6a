"""Leaving nothing behind: finding, killing and reaping every descendant, emptying scratch folders.

In a sandbox with its own process namespace the runner is process 1, which nothing inside can
kill and to which every orphan falls. Elsewhere it is a subreaper that walks its descendants.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
from typing import Callable

CONTAINED = os.getpid() == 1


def descendants() -> list[int]:
    """Process ids below this one: in a namespace of our own, everybody else."""
    others = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    if CONTAINED:
        return [pid for pid in others if pid != 1]
    parents = {}
    for pid in others:
        try:
            with open("/proc/%d/stat" % pid, "rb") as file:
                parents[pid] = int(file.read().rpartition(b")")[2].split()[1])
        except OSError:
            continue
    below, grew = {os.getpid()}, True
    while grew:
        more = {pid for pid, parent in parents.items() if parent in below} - below
        below |= more
        grew = bool(more)
    return sorted(below - {os.getpid()})


def memory_in_use() -> int:
    """Resident bytes of all descendants."""
    pages = 0
    for pid in descendants():
        try:
            with open("/proc/%d/statm" % pid, "rb") as file:
                pages += int(file.read().split()[1])
        except OSError:
            continue
    return pages * resource.getpagesize()


def kill_everything() -> None:
    """Kill every descendant and reap it; a fork flood loses, since each round hits all there are."""
    while True:
        if CONTAINED:
            try:
                os.kill(-1, signal.SIGKILL)
            except ProcessLookupError:
                pass
        else:
            for pid in descendants():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        try:
            while os.waitpid(-1, 0)[0]:
                pass
        except ChildProcessError:
            if not descendants():
                return


def clean(base: str) -> bool:
    """Empty the scratch folders; False if something would not go."""
    ok = True
    for folder in [base, "/dev/shm"] if CONTAINED else [base]:
        for entry in os.scandir(folder):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, onerror=unlock)
                ok = ok and not os.path.lexists(entry.path)
            else:
                os.unlink(entry.path)
    return ok


def unlock(function: Callable[[str], object], path: str, _: object) -> None:
    """A program may have taken rights off its own folders: give them back and try once more."""
    try:
        os.chmod(os.path.dirname(path), 0o700)
        os.chmod(path, 0o700, follow_symlinks=False) if os.chmod in os.supports_follow_symlinks else None
        function(path)
    except OSError:
        pass
