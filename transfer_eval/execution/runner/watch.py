"""Following one running process: its output is drained all the while, its limits are kept."""

from __future__ import annotations

import base64
import os
import resource
import select
import signal
import time
from typing import Any

from .sweep import memory_in_use

WATCH_SECONDS = 0.05  # how often memory is looked at


class HostGone(BaseException):
    """The process that gives us jobs has died."""


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
        feed: bytes | None,
        feed_write: int | None,
    ) -> None:
        self.pid, self.step, self.streams = pid, step, streams
        self.feed, self.feed_write = memoryview(feed or b""), feed_write
        self.poll = select.poll()
        self.host = step["host"]
        self.poll.register(self.host, 0)  # only its hanging up is of interest
        self.pidfd = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None
        if self.pidfd is not None:
            self.poll.register(self.pidfd, select.POLLIN)
        for descriptor in streams:
            self.poll.register(descriptor, select.POLLIN)
        if feed_write is not None:
            os.set_blocking(feed_write, False)
            self.poll.register(feed_write, select.POLLOUT)

    def follow(self, start: float) -> tuple[str, int, resource.struct_rusage]:
        """Until the process has ended: (how, wait status, resource usage)."""
        deadline, look = start + self.step["wall"], start + WATCH_SECONDS
        try:
            while True:
                pid, status, usage = os.wait4(self.pid, os.WNOHANG)
                if pid:
                    return "exited", status, usage
                over = self.over_limit(time.monotonic(), deadline, look)
                if over:
                    os.kill(self.pid, signal.SIGKILL)
                    return (over, *os.wait4(self.pid, 0)[1:])
                now = time.monotonic()
                look = now + WATCH_SECONDS if now >= look else look
                self.serve(max(0.0, min(look, deadline) - now) * 1000)
        finally:
            for descriptor in (self.pidfd, self.feed_write):
                if descriptor is not None:
                    os.close(descriptor)

    def over_limit(self, now: float, deadline: float, look: float) -> str | None:
        """The name of the limit that is passed, if any."""
        if now >= deadline:
            return "wall"
        if any(stream.total > self.step["output"] for stream in self.streams.values()):
            return "output"
        if now >= look and memory_in_use() > self.step["memory"]:
            return "memory"
        return None

    def serve(self, milliseconds: float) -> None:
        """Wait for something to happen and move bytes."""
        # A pidfd wakes us at the end; without one (Python 3.8) the wait is short.
        for descriptor, _ in self.poll.poll(milliseconds if self.pidfd is not None else min(milliseconds, 5)):
            if descriptor == self.pidfd:
                continue
            if descriptor == self.host:
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
