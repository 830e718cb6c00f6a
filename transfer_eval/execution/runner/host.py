"""The pipe to the process that gives us jobs. A frame is four bytes of length and JSON; an empty one is a heartbeat."""

from __future__ import annotations

import json
import os
import struct
import time
from typing import Any

BEAT_SECONDS = 1.0


class HostGone(BaseException):
    """The process that gives us jobs has died."""


class Host:
    """Jobs in, replies out."""

    def __init__(self, requests: int, replies: int) -> None:
        self.requests, self.replies = requests, replies
        self.beaten = time.monotonic()

    def receive(self) -> dict[str, Any] | None:
        """The next job; None at the end."""
        header = self.read(4)
        return json.loads(self.read(struct.unpack(">I", header)[0])) if len(header) == 4 else None

    def send(self, reply: dict[str, Any]) -> None:
        """Answer a job."""
        body = json.dumps(reply).encode()
        self.write(struct.pack(">I", len(body)) + body)

    def beat(self, now: float) -> None:
        """Say once in a while that a long step still goes on."""
        if now - self.beaten >= BEAT_SECONDS:
            self.beaten = now
            self.write(bytes(4))

    def read(self, count: int) -> bytes:
        """``count`` bytes, or fewer at the end of the stream."""
        parts = []
        while count:
            part = os.read(self.requests, min(count, 1 << 20))
            if not part:
                break
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def write(self, data: bytes) -> None:
        """Write every byte."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self.replies, view) :]
        except BrokenPipeError:
            raise HostGone from None
