"""One global queue over every language, problem and sample, worked off by as many workers as cores.

Programs that must be compiled go first, so that no long one is left alone at the end. Memory stays flat: at most
a fixed number of programs wait; :meth:`Pool.submit` blocks beyond it.
"""

from __future__ import annotations

import itertools
import os
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from types import TracebackType

from transfer_eval.execution.execution import Execution
from transfer_eval.execution.sandbox import Sandbox
from transfer_eval.execution.worker import Worker
from transfer_eval.language import Language, Limits
from transfer_eval.program import Program

_WAITING = 4096


@dataclass
class Running:
    """What a worker is busy with, for the progress display. ``since`` is of :func:`time.monotonic`."""

    label: str
    since: float


class Pool:
    """Workers and their queue; a context manager that ends them all."""

    def __init__(self, sandbox: Sandbox, jobs: int | None = None) -> None:
        self.jobs = jobs or cores()
        self._queue: queue.PriorityQueue[tuple[float, int, Callable[[Worker], None] | None, str]] = (
            queue.PriorityQueue()
        )
        self._room = threading.BoundedSemaphore(_WAITING)
        self._order = itertools.count()
        self._running: dict[int, Running] = {}
        self._stopping = False
        self._workers = [Worker(sandbox, slot) for slot in range(self.jobs)]
        self._threads = [
            threading.Thread(target=self._work, args=(worker, slot), daemon=True)
            for slot, worker in enumerate(self._workers)
        ]
        for thread in self._threads:
            thread.start()

    def submit(
        self, program: Program, language: Language, limits: Limits | None = None, *, label: str = ""
    ) -> Future[Execution]:
        """Queue a program; the future holds its execution or the harness's exception."""
        future: Future[Execution] = Future()

        def run(worker: Worker) -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = worker.execute(program, language, limits)
            except BaseException as error:  # handed on: whoever waits for the future gets it
                future.set_exception(error)
            else:
                future.set_result(result)

        self._room.acquire()
        self._queue.put((float(language.compile is None), next(self._order), run, label or language.name))
        return future

    def running(self) -> list[Running]:
        """What runs now, longest first."""
        return sorted(self._running.copy().values(), key=lambda job: job.since)

    def _work(self, worker: Worker, slot: int) -> None:
        while True:
            _, _, run, label = self._queue.get()
            if run is None or self._stopping:
                worker.close()
                return
            self._room.release()
            self._running[slot] = Running(label, time.monotonic())
            run(worker)
            del self._running[slot]

    def close(self) -> None:
        """End the workers; what still waits in the queue is dropped."""
        self._stopping = True
        for worker in self._workers:
            worker.interrupt()
        for _ in self._threads:
            self._queue.put((float("inf"), next(self._order), None, ""))
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
