"""Leaving nothing behind: finding, killing and reaping every descendant, emptying scratch folders.

In a sandbox with its own process namespace the runner is process 1, which nothing inside can
kill and to which every orphan falls. Elsewhere it is a subreaper that walks its descendants.
"""

from __future__ import annotations

import ctypes
import os
import signal

LIBC = ctypes.CDLL(None, use_errno=True)
SHM_INFO, SEM_INFO, MSG_INFO = 14, 19, 12

CONTAINED = os.getpid() == 1
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
CHILDREN = "/proc/self/task/%d/children" % os.getpid()

SERVER_TASKS = 40
"""The kernel counts a server's threads against its user's processes: so many are allowed for."""

KEPT: set[int] = set()
"""Servers: processes that outlive the programs they serve."""


def orphans() -> bool:
    """Whether anything lives of a program whose first process has ended: it has fallen to us then."""
    collect(os.WNOHANG)
    try:
        with open(CHILDREN, "rb") as file:
            return not KEPT.issuperset(map(int, file.read().split()))
    except FileNotFoundError:  # a kernel without that file
        return bool(descendants())


def descendants() -> list[int]:
    """Process ids below this one but for servers: in a namespace of our own, everybody else."""
    others = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    if CONTAINED:
        return [pid for pid in others if pid != 1 and pid not in KEPT]
    parents = {}
    for pid in others:
        fields = status(pid)
        if fields:
            parents[pid] = int(fields[1])
    below, grew = {os.getpid()}, True
    while grew:
        more = {pid for pid, parent in parents.items() if parent in below} - below
        below |= more
        grew = bool(more)
    return sorted(below - KEPT - {os.getpid()})


def status(pid: int) -> list[bytes]:
    """The fields of a process's stat file from its state on; empty if it has gone."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return []


def in_use() -> tuple[int, float, int]:
    """Resident bytes, CPU seconds and running processes of all descendants but servers."""
    pages = ticks = running = 0
    for pid in descendants():
        fields = status(pid)
        if fields:
            ticks += sum(int(field) for field in fields[11:15])  # its own and its ended children's
            pages += int(fields[21])
            running += fields[0] == b"R"
    return pages * PAGE, ticks / TICKS, running


def kill_everything() -> None:
    """Kill every descendant and reap it. Servers go too where that is the one sure way."""
    if not orphans():
        return
    while True:
        if CONTAINED:
            signal_quietly(-1, signal.SIGKILL)  # the kernel does it in one go, whatever forks meanwhile
        else:
            stop_all()
            for pid in descendants():
                signal_quietly(pid, signal.SIGKILL)
        collect(0 if CONTAINED or not KEPT else os.WNOHANG)
        if not orphans() and not descendants():
            return


def collect(flags: int) -> None:
    """Reap the dead, with no flags all of them."""
    try:
        while True:
            pid = os.waitpid(-1, flags)[0]
            if not pid:
                return
            KEPT.discard(pid)
    except ChildProcessError:
        KEPT.clear()


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
    """Remove everything in ``folder``, however deep, whatever its modes; links are not followed, mounts are left.

    Folders are hoisted to the top before they are entered, so no path grows and nothing recurses.

    Raises:
        OSError: something would not go.
    """
    hoisted = 0
    device = os.stat(folder).st_dev
    while True:
        entries = [entry for entry in os.scandir(folder) if entry.stat(follow_symlinks=False).st_dev == device]
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


def shared_memory_left() -> bool:
    """Whether a program has left System V memory, semaphores or queues in our namespace."""
    if not CONTAINED:
        return False
    info = (ctypes.c_int * 32)()
    at = ctypes.cast(info, ctypes.c_void_p)
    if LIBC.shmctl(0, SHM_INFO, at) >= 0 and info[0]:  # shm_info.used_ids
        return True
    if LIBC.semctl(0, 0, SEM_INFO, at) >= 0 and info[7]:  # seminfo.semusz
        return True
    return LIBC.msgctl(0, MSG_INFO, at) >= 0 and bool(info[0])  # msginfo.msgpool
