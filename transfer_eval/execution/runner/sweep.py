"""Leaving nothing behind: finding, killing and reaping every descendant, emptying scratch folders.

In a sandbox with its own process namespace the runner is process 1, which nothing inside can
kill and to which every orphan falls. Elsewhere it is a subreaper that walks its descendants.
"""

from __future__ import annotations

import os
import resource
import signal

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
    """Kill every descendant and reap it."""
    while True:
        if CONTAINED:
            signal_quietly(-1, signal.SIGKILL)  # the kernel does it in one go, whatever forks meanwhile
        else:
            stop_all()
            for pid in descendants():
                signal_quietly(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, 0)[0]:
                pass
        except ChildProcessError:
            if not descendants():
                return


def stop_all() -> None:
    """Stop descendants until there are no new ones, so that a fork flood cannot outrun the killing."""
    stopped: set[int] = set()
    while True:
        new = set(descendants()) - stopped
        if not new:
            return
        for pid in new:
            signal_quietly(pid, signal.SIGSTOP)
        stopped |= new


def signal_quietly(pid: int, number: int) -> None:
    """Send a signal to a process that may be gone already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def clean(base: str) -> bool:
    """Empty the scratch folders; False if something would not go."""
    try:
        for folder in [base, "/dev/shm"] if CONTAINED else [base]:
            empty(folder)
    except OSError:
        return False
    return True


def empty(folder: str) -> None:
    """Remove everything in ``folder``, however deep, whatever its modes; links are not followed.

    Folders are hoisted to the top before they are entered, so no path grows and nothing recurses.

    Raises:
        OSError: something would not go.
    """
    hoisted = 0
    while True:
        entries = list(os.scandir(folder))
        if not entries:
            return
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.path)
                continue
            os.chmod(entry.path, 0o700)
            for inner in os.scandir(entry.path):
                if inner.is_dir(follow_symlinks=False):
                    os.chmod(inner.path, 0o700)  # or a folder could not be moved: its ".." changes
                    os.rename(inner.path, os.path.join(folder, ".hoisted-%d" % hoisted))
                    hoisted += 1
                else:
                    os.unlink(inner.path)
            os.rmdir(entry.path)
