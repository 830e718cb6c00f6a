"""What happens in the forked child between fork and exec: limits are taken and rights given up."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import time
from typing import Any, NoReturn

from .sweep import CONTAINED

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36
FEED_FD = 9
EXEC_FAILED = 127


def become(
    directory: str, step: dict[str, Any], uid: int | None, out_write: int, err_write: int, feed_read: int | None
) -> NoReturn:
    """In the forked child: take the limits, give up rights, run the program. Never returns."""
    try:
        os.setsid()
        os.dup2(out_write, 1)
        os.dup2(err_write, 2)
        if feed_read is not None:
            os.dup2(feed_read, FEED_FD)
        os.closerange(3 if feed_read is None else FEED_FD + 1, 256)
        if feed_read is not None:
            os.closerange(3, FEED_FD)
        LIBC.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # or its own /proc files are not its own
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")  # if the machine runs out of memory, the program goes first
        limit(step, uid)
        os.chdir(directory)
        if uid is not None:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.umask(0o077)
        execute(step["argv"], step["env"])
    except BaseException as error:  # whatever it was, the child must not go on as a second runner
        os.write(2, ("runner: exec %s: %s\n" % (step["argv"][0], error)).encode())
    os._exit(EXEC_FAILED)


def execute(argv: list[str], environment: dict[str, str]) -> None:
    """Become the program. After a fork flood the kernel may count the dead for a moment yet."""
    for _ in range(200):
        try:
            os.execve(argv[0], argv, environment)
        except BlockingIOError:  # EAGAIN: too many processes of this user
            time.sleep(0.01)


def limit(step: dict[str, Any], uid: int | None) -> None:
    """Set the resource limits, never above what we ourselves may use."""
    limits = {
        resource.RLIMIT_CPU: int(step["cpu"]) + 1,
        resource.RLIMIT_FSIZE: step["file"],
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 512,
        resource.RLIMIT_NPROC: step["processes"] + (0 if CONTAINED or uid is not None else own_processes()),
    }
    if step["address_space"]:
        limits[resource.RLIMIT_AS] = step["memory"]
    for which, value in limits.items():
        hard = resource.getrlimit(which)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        spare = 1 if which == resource.RLIMIT_CPU and (hard == resource.RLIM_INFINITY or value < hard) else 0
        resource.setrlimit(which, (value, value + spare))


def own_processes() -> int:
    """How many threads this user runs already: the kernel counts them all against the limit."""
    count = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat("/proc/" + pid).st_uid == os.getuid():
                count += len(os.listdir("/proc/%s/task" % pid))
        except OSError:
            continue
    return count
