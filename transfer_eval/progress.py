"""How a run looks while it goes: a live table in a terminal, nothing elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from transfer_eval.execution.pool import Pool
from transfer_eval.language import Language
from transfer_eval.verdict import Verdict


@dataclass
class Tally:
    """One language's counts of answers."""

    planned: int = 0
    generated: int = 0
    graded: int = 0
    passed: int = 0
    infra: int = 0


class Progress:
    """Counts a run's events and, on a terminal, shows them (:class:`transfer_eval.pipeline.Watcher`)."""

    def __init__(self, console: Console | None = None) -> None:
        self.tallies: dict[str, Tally] = {}
        self._console = console or Console(stderr=True)
        self._lock = threading.Lock()
        self._pool: Pool | None = None
        self._start = time.monotonic()
        self._live = Live(console=self._console, get_renderable=self._render, refresh_per_second=4, transient=True)

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live.is_started:
            self._live.stop()

    @property
    def seconds(self) -> float:
        """Wall seconds since the start."""
        return time.monotonic() - self._start

    def started(self, pool: Pool) -> None:
        """See :class:`transfer_eval.pipeline.Watcher`."""
        self._pool = pool

    def planned(self, language: Language, samples: int) -> None:
        """See :class:`transfer_eval.pipeline.Watcher`."""
        with self._lock:
            self.tallies.setdefault(language.name, Tally()).planned += samples

    def generated(self, language: Language, samples: int) -> None:
        """See :class:`transfer_eval.pipeline.Watcher`."""
        with self._lock:
            self.tallies.setdefault(language.name, Tally()).generated += samples

    def graded(self, language: Language, result: Mapping[str, Any]) -> None:
        """See :class:`transfer_eval.pipeline.Watcher`."""
        with self._lock:
            tally = self.tallies.setdefault(language.name, Tally())
            tally.graded += 1
            tally.passed += result.get("verdict") == Verdict.PASSED.value
            tally.infra += result.get("verdict") == Verdict.HARNESS_FAULT.value

    def _render(self) -> Group:
        table = Table(box=None, pad_edge=False)
        for heading in ("language", "answers", "", "executed", "pass@1 so far"):
            table.add_column(heading)
        with self._lock:
            for name, tally in self.tallies.items():
                judged = tally.graded - tally.infra
                table.add_row(
                    name,
                    f"{tally.generated}/{tally.planned}",
                    ProgressBar(total=max(1, tally.planned), completed=tally.graded, width=24),
                    f"{tally.graded}/{tally.planned}",
                    f"{tally.passed / judged:.1%}" if judged else "",
                )
            graded = sum(tally.graded for tally in self.tallies.values())
        return Group(table, Text(self._footer(graded), style="dim"))

    def _footer(self, graded: int) -> str:
        running = self._pool.running() if self._pool else []
        slowest = (
            f", slowest running: {running[0].label} {time.monotonic() - running[0].since:.1f} s" if running else ""
        )
        return f"{self.seconds:.0f} s, {graded / max(self.seconds, 1e-9):.1f} programs/s{slowest}"
