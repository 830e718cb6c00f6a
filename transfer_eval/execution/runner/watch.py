"""Following one running process: its output is drained all the while, its limits are kept."""

from __future__ import annotations

import base64
import os
import resource
import select
import signal
import time
from typing import Any

from .host import Host, HostGone
from .sweep import in_use

WATCH_SECONDS = 0.05  # how often memory and CPU time are looked at
CORES = os.cpu_count() or 1
INHERITING_SECONDS = 5.0  # a server's grandchild falls to us as soon as its parent is scheduled


def crowding(own: int) -> float:
    """How many processes want each core beside a program's ``own``: by so much wall time goes slower for it."""
    try:
        with open("/proc/loadavg", "rb") as file:
            running = int(file.read().split()[3].split(b"/")[0])
    except (OSError, ValueError, IndexError):
        return 1.0
    return max(1.0, (running - max(0, own - 1)) / CORES)


class Clock:
    """Wall seconds that a program could have used: under load it goes slower, so that load changes no verdict."""

    def __init__(self, start: float) -> None:
        self.seen, self.seconds, self.own = start, 0.0, 1

    def advance(self, now: float) -> float:
        """Its seconds so far; to be called often."""
        if now - self.seen >= WATCH_SECONDS:
            self.seconds += (now - self.seen) / crowding(self.own)
            self.seen = now
        return self.seconds


class Stream:
    """The head and the tail of an output; what lies between is counted and dropped."""

    def __init__(self, keep: int) -> None:
        self.keep, self.total = keep, 0
        self.head, self.tail = b"", b""

    def add(self, data: bytes) -> None:
        """Take some more output."""
        self.total += len(data)
        room = self.keep - len(self.head)
        if room > 0:
            self.head += data[:room]
            data = data[room:]
        if data:
            self.tail = (self.tail + data)[-self.keep :]

    def drain(self, descriptor: int) -> None:
        """Take what is still in the pipe, without waiting."""
        os.set_blocking(descriptor, False)
        try:
            for _ in range(64):
                data = os.read(descriptor, 65536)
                if not data:
                    return
                self.add(data)
        except BlockingIOError:
            return

    def packed(self) -> dict[str, str | int]:
        """For the reply: head, tail and the total length in bytes."""
        head, tail = (base64.b64encode(part).decode() for part in (self.head, self.tail))
        return {"head": head, "tail": tail, "total": self.total}


class Watch:
    """Follows one process: drains output, feeds input, and ends it at its limits."""

    def __init__(
        self,
        pid: int,
        step: dict[str, Any],
        streams: dict[int, Stream],
        feed: tuple[bytes, int] | None,
        host: Host,
    ) -> None:
        self.pid, self.step, self.streams, self.host = pid, step, streams, host
        self.feed = memoryview(feed[0] if feed else b"")
        self.feed_write = feed[1] if feed else None
        self.poll = select.poll()
        self.poll.register(host.requests, 0)  # only its hanging up is of interest
        self.pidfd = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None
        if self.pidfd is not None:
            self.poll.register(self.pidfd, select.POLLIN)
        for descriptor in streams:
            self.poll.register(descriptor, select.POLLIN)
        if self.feed_write is not None:
            os.set_blocking(self.feed_write, False)
            self.poll.register(self.feed_write, select.POLLOUT)

    def follow(self, start: float) -> tuple[str, int, resource.struct_rusage]:
        """Until the process has ended: (how, wait status, resource usage)."""
        clock, look = Clock(start), start + WATCH_SECONDS
        try:
            while True:
                ended = self.wait(os.WNOHANG)
                if ended:
                    return ("exited", *ended)
                now = time.monotonic()
                over = self.over_limit(clock, now, now >= look)
                if over:
                    os.kill(self.pid, signal.SIGKILL)
                    return (over, *(self.wait(0) or self.gone()))
                if now >= look:
                    self.host.beat(now)
                    look = now + WATCH_SECONDS
                self.serve((look - now) * 1000)
        finally:
            for descriptor in (self.pidfd, self.feed_write):
                if descriptor is not None:
                    os.close(descriptor)

    def wait(self, flags: int) -> tuple[int, resource.struct_rusage] | None:
        """The wait status and usage of the process if it has ended."""
        deadline = time.monotonic() + INHERITING_SECONDS
        while True:
            try:
                pid, status, usage = os.wait4(self.pid, flags)
                return (status, usage) if pid else None
            except ChildProcessError:  # not ours yet
                if time.monotonic() > deadline:
                    return self.gone()
                time.sleep(0.0005)

    def gone(self) -> tuple[int, resource.struct_rusage]:
        """A process that we never came to own: nothing is known of its end."""
        raise OSError("process %d was lost" % self.pid)

    def over_limit(self, clock: Clock, now: float, look: bool) -> str | None:
        """The name of the limit that is passed, if any."""
        if clock.advance(now) >= self.step["wall"]:
            return "wall"
        if any(stream.total > self.step["output"] for stream in self.streams.values()):
            return "output"
        if look:
            memory, cpu, clock.own = in_use()
            if memory > self.step["memory"]:
                return "memory"
            if cpu > self.step["cpu"] + 1:
                return "cpu"
        return None

    def serve(self, milliseconds: float) -> None:
        """Wait for something to happen and move bytes."""
        # A pidfd wakes us at the end; without one (Python 3.8) the wait is short.
        for descriptor, _ in self.poll.poll(max(0.0, milliseconds if self.pidfd is not None else min(milliseconds, 5))):
            if descriptor == self.pidfd:
                continue
            if descriptor == self.host.requests:
                raise HostGone
            if descriptor in self.streams:
                data = os.read(descriptor, 65536)
                self.streams[descriptor].add(data)
                if not data:
                    self.poll.unregister(descriptor)
            else:
                self.push(descriptor)

    def push(self, descriptor: int) -> None:
        """Hand over some of the fed file; close the pipe at its end or when nobody reads."""
        try:
            self.feed = self.feed[os.write(descriptor, self.feed[:65536]) :]
        except BrokenPipeError:
            self.feed = self.feed[:0]
        if not self.feed:
            self.poll.unregister(descriptor)
            os.close(descriptor)
            self.feed_write = None
