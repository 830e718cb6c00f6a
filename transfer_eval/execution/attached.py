"""A container's streams over one connection: what goes in, and frames of what comes out."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

_WRITE_SECONDS = 60.0
_HEADER = struct.Struct(">BxxxI")  # which stream, and how many bytes of it follow
_STDERR = 2
_KEEP = 4096


class Attached:
    """A :class:`~transfer_eval.execution.link.Link` to the runner in a container.

    ``remove`` ends the container and waits until it is gone.
    """

    uid: int | None = None  # the runner has no right to become another
    base = "/tmp"

    def __init__(self, connection: Any, remove: Callable[[], None]) -> None:
        self._connection, self._remove = connection, remove
        self._socket: socket.socket = getattr(connection, "_sock", connection)
        self._raw, self._out, self._err = bytearray(), bytearray(), bytearray()

    def write(self, data: bytes) -> None:
        """See :class:`Link`."""
        self._socket.settimeout(_WRITE_SECONDS)
        self._socket.sendall(data)

    def read(self, count: int, deadline: float) -> bytes:
        """See :class:`Link`."""
        while len(self._out) < count:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("no answer in time")
            self._socket.settimeout(left)
            data = self._socket.recv(1 << 16)
            if not data:
                raise EOFError("it ended")
            self._raw += data
            self._sort()
        wanted = bytes(self._out[:count])
        del self._out[:count]
        return wanted

    def _sort(self) -> None:
        """Take every whole frame that has come."""
        while len(self._raw) >= _HEADER.size:
            stream, size = _HEADER.unpack_from(self._raw)
            end = _HEADER.size + size
            if len(self._raw) < end:
                return
            part = self._raw[_HEADER.size : end]
            del self._raw[:end]
            if stream == _STDERR:
                self._err = (self._err + part)[-_KEEP:]
            else:
                self._out += part

    def said(self) -> str:
        """See :class:`Link`."""
        lines = self._err.decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""

    def oom_kills(self) -> int:
        """See :class:`Link`: nothing can be told from here."""
        return 0

    def kill(self) -> None:
        """See :class:`Link`: the runner leaves at the end of its input, and takes everything along."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """See :class:`Link`."""
        self.kill()
        with contextlib.suppress(OSError):
            self._socket.close()
            self._connection.close()
        self._remove()
