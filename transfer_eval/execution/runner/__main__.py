"""The process inside a sandbox that runs programs: jobs in over stdin, results out over stdout.

Standard library only and no import of this package: the folder is started as a program (with its
scratch folder as the argument) by whatever Python, 3.8 or newer, the sandbox has. A frame is four bytes of
length and JSON; bytes are base64. One job at a time::

    {"files": {name: text}, "uid": int | null,
     "steps": [{"argv": [...], "env": {...}, "feed": name | null, "delete": [name, ...],
                "cpu": s, "wall": s, "memory": bytes, "address_space": bool, "processes": n,
                "output": bytes, "file": bytes, "keep": bytes}, ...]}

The answer has one result a step up to the first that fails, or ``"fault"``: text when the
harness, not the program, failed; ``"dirty": true`` asks for the worker to be replaced.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import sys
import time
from typing import Any

from .child import EXEC_FAILED, LIBC, PR_SET_CHILD_SUBREAPER, PR_SET_DUMPABLE, become
from .sweep import CONTAINED, clean, kill_everything
from .watch import HostGone, Stream, Watch

BASE = sys.argv[1]


def main() -> None:
    """Serve jobs until stdin closes."""
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # orphans fall to us
    LIBC.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)  # a program of our own uid cannot trace or read us
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    requests, replies = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    while True:
        header = read_exactly(requests, 4)
        if not header:
            return
        job = json.loads(read_exactly(requests, struct.unpack(">I", header)[0]))
        try:
            body = json.dumps(run_job(job, requests)).encode()
        except HostGone:
            kill_everything()
            if clean(BASE) and not CONTAINED:
                os.rmdir(BASE)
            return
        write_all(replies, struct.pack(">I", len(body)) + body)


def read_exactly(descriptor: int, count: int) -> bytes:
    """``count`` bytes, or fewer at the end of the stream."""
    parts = []
    while count:
        part = os.read(descriptor, min(count, 1 << 20))
        if not part:
            break
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def run_job(job: dict[str, Any], host: int) -> dict[str, Any]:
    """Run the steps in a fresh directory, then leave nothing behind: no process, no file."""
    directory = os.path.join(BASE, "job")
    reply: dict[str, Any] = {"steps": []}
    try:
        prepare(directory, job)
        for step in job["steps"]:
            for name in step["delete"]:
                os.unlink(os.path.join(directory, name))
            result = run_step(directory, {**step, "host": host}, job["uid"])
            reply["steps"].append(result)
            if result["ended"] != "exited" or result["code"] != 0:
                break
    except OSError as error:
        reply["fault"] = str(error)
    kill_everything()
    reply["dirty"] = not clean(BASE)
    return reply


def prepare(directory: str, job: dict[str, Any]) -> None:
    """Make the work directory and its files; the program owns the directory, not us."""
    os.mkdir(directory, 0o700)
    for name, text in job["files"].items():
        path = os.path.join(directory, name)
        with open(path, "wb") as file:
            file.write(text.encode("utf-8", "surrogatepass"))
        os.chmod(path, 0o644)
    if job["uid"] is not None:
        os.chown(directory, job["uid"], job["uid"])


def run_step(directory: str, step: dict[str, Any], uid: int | None) -> dict[str, Any]:
    """Run one process to its end or limit, draining its output all the while."""
    feed = take(os.path.join(directory, step["feed"])) if step["feed"] else None
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    feed_read, feed_write = os.pipe() if feed is not None else (None, None)
    for descriptor in (out_write, err_write, feed_read):
        if uid is not None and descriptor is not None:
            os.fchown(descriptor, uid, uid)  # or the program could not open /dev/stderr or its feed by path
    start = time.monotonic()
    pid = os.fork()
    if pid == 0:
        become(directory, step, uid, out_write, err_write, feed_read)
    for descriptor in (out_write, err_write, feed_read):
        if descriptor is not None:
            os.close(descriptor)
    streams = {out_read: Stream(step["keep"]), err_read: Stream(step["keep"])}
    ended, status, usage = Watch(pid, step, streams, feed, feed_write).follow(start)
    wall = time.monotonic() - start
    kill_everything()
    for descriptor, stream in streams.items():
        stream.drain(descriptor)
        os.close(descriptor)
    stdout, stderr = streams.values()
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == EXEC_FAILED and stderr.head.startswith(b"runner: exec"):
        raise OSError(stderr.head.decode("utf-8", "replace").strip())
    cpu = usage.ru_utime + usage.ru_stime
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
    if ended == "exited" and code != 0 and (code == -signal.SIGXCPU or cpu >= step["cpu"]):
        ended = "cpu"
    return {
        "ended": ended,
        "code": code,
        "cpu": cpu,
        "wall": wall,
        "rss": max(usage.ru_maxrss * 1024, 0),
        "stdout": stdout.packed(),
        "stderr": stderr.packed(),
    }


def take(path: str) -> bytes:
    """The bytes of a file, which is removed; a link put in its place by a program is not followed."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with open(descriptor, "rb") as file:
        data = file.read()
    os.unlink(path)
    return data


if __name__ == "__main__":
    main()
