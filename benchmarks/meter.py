"""CPU time and memory of this process with everything below it, seen from /proc."""

from __future__ import annotations

import os
import threading
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def tree() -> list[list[bytes]]:
    """The stat fields, from the state on, of this process and its descendants."""
    fields: dict[int, list[bytes]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields[int(entry.name)] = (entry / "stat").read_bytes().rpartition(b")")[2].split()
            except OSError:
                continue
    below, grew = {os.getpid()}, True
    while grew:
        more = {pid for pid, stat in fields.items() if int(stat[1]) in below} - below
        below |= more
        grew = bool(more)
    return [fields[pid] for pid in below if pid in fields]


def cpu_seconds() -> float:
    """User and system seconds so far, those of ended children that were waited for among them."""
    return sum(sum(map(int, stat[11:15])) for stat in tree()) / _TICKS


def resident_mb() -> float:
    """Resident memory in MiB; pages that processes share count in each."""
    return sum(int(stat[21]) for stat in tree()) * _PAGE / (1 << 20)


class Peak:
    """The largest resident memory seen while it was open, looked at five times a second."""

    def __init__(self) -> None:
        self.megabytes = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._stop.wait(0.2):
            self.megabytes = max(self.megabytes, resident_mb())

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *ended: object) -> None:
        self._stop.set()
        self._thread.join()
