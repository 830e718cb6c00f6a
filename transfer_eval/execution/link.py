"""The pipe to a runner in a sandbox, whatever the sandbox is."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from transfer_eval.execution import cgroups
from transfer_eval.execution.runner import sweep


class Link(Protocol):
    """A runner and the way to speak with it.

    Attributes:
        uid: the user its programs run as; None for the runner's own.
        base: its scratch folder, as it sees it.
    """

    uid: int | None
    base: str

    def write(self, data: bytes) -> None:
        """Send all of ``data``. OSError: the runner has gone."""

    def read(self, count: int, deadline: float) -> bytes:
        """Exactly ``count`` bytes before ``deadline`` (of :func:`time.monotonic`).

        Raises:
            EOFError: the runner has gone.
            TimeoutError: it kept silent.
        """

    def said(self) -> str:
        """The last line the sandbox wrote about itself."""

    def oom_kills(self) -> int:
        """How many processes the kernel has killed there, as far as can be told, because memory had run out."""

    def kill(self) -> None:
        """From any thread: end it at once."""

    def close(self) -> None:
        """End it with everything in it, and leave nothing behind."""


class ProcessLink:
    """A runner that is a process of this machine, in a control group where there are such.

    ``scratch`` is its folder where that is ours to remove.
    """

    def __init__(self, argv: Sequence[str], uid: int | None, base: str, scratch: Path | None = None) -> None:
        self.uid, self.base, self._scratch = uid, base, scratch
        self._group = cgroups.probe().group()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed by close()
        self._process = subprocess.Popen(
            self._group.wrap(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            start_new_session=True,
            bufsize=0,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout

    def write(self, data: bytes) -> None:
        """See :class:`Link`."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._in.fileno(), view) :]

    def read(self, count: int, deadline: float) -> bytes:
        """See :class:`Link`."""
        parts = []
        while count:
            if not select.select([self._out], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise TimeoutError("no answer in time")
            part = os.read(self._out.fileno(), min(count, 1 << 20))
            if not part:
                raise EOFError("it ended")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def said(self) -> str:
        """See :class:`Link`."""
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""

    def oom_kills(self) -> int:
        """See :class:`Link`."""
        return self._group.oom_kills()

    def kill(self) -> None:
        """See :class:`Link`."""
        self._process.kill()

    def close(self) -> None:
        """See :class:`Link`."""
        with contextlib.suppress(OSError):
            self._in.close()  # the runner leaves at the end of its input
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._out.close()
        self._errors.close()
        self._group.close()
        if self._scratch is not None and self._scratch.exists():
            sweep.empty(str(self._scratch))
            self._scratch.rmdir()
