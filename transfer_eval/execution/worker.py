"""A Worker: one long-lived sandbox with a runner in it, one program at a time.

The sandbox shows the toolchains it has been asked for so far; one for a new place starts it anew. When the
harness fails (the runner died, stopped answering or could not clean up), the sandbox is replaced and
the program run once more; a second failure is a :class:`~transfer_eval.errors.HarnessFault`.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import struct
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transfer_eval.errors import HarnessFault, UserError
from transfer_eval.execution.execution import Ended, Execution, StepResult
from transfer_eval.execution.runner import sweep
from transfer_eval.execution.sandbox import Launch, Sandbox, outside_system, root_of
from transfer_eval.language import FEED, Language, Limits, Step
from transfer_eval.program import Armed, Program, arm
from transfer_eval.toolchain import Located, State, expand, folder, locate

_KEEP_BYTES = 64 * 1024  # of the head, and again of the tail, of each stream
_GRACE_SECONDS = 20.0  # beyond the program's own limits, before the runner itself is given up
_FEED_PATH = "/proc/self/fd/9"
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Worker:
    """Runs programs, one after the other, in sandboxes of one kind."""

    def __init__(self, sandbox: Sandbox, slot: int) -> None:
        self._sandbox, self._slot = sandbox, slot
        self._roots: set[str] = set()
        self._process: subprocess.Popen[bytes] | None = None
        self._interrupted = False

    def execute(self, program: Program, language: Language, limits: Limits | None = None) -> Execution:
        """Compile and run ``program`` with a fresh proof.

        Raises:
            UserError: the language's toolchain is not here.
            HarnessFault: the sandbox failed twice.
        """
        armed = arm(program, language)
        located = located_or_refuse(language)
        for attempt in (1, 2):
            try:
                self._serve(located)
                reply = self._ask(_job(armed, language, located, limits or language.limits, self._launch))
                break
            except HarnessFault:
                self.close()
                if attempt == 2 or self._interrupted:
                    raise
        if reply["dirty"]:
            self.close()
        return _execution(reply["steps"], armed, language)

    def _serve(self, located: Located) -> None:
        """Have a sandbox running that shows this toolchain."""
        wanted = roots(located)
        if self._process is not None and wanted <= self._roots:
            return
        self.close()
        self._roots |= wanted
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed by close()
        self._launch = self._sandbox.launch(sorted(self._roots), self._slot)
        self._process = subprocess.Popen(
            self._launch.argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            start_new_session=True,
            bufsize=0,
        )

    def _ask(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """Send a job, wait for its reply."""
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        body = json.dumps(job).encode()
        deadline = time.monotonic() + sum(step["wall"] for step in job["steps"]) + _GRACE_SECONDS
        try:
            _write(process.stdin.fileno(), struct.pack(">I", len(body)) + body)
            size = struct.unpack(">I", _read(process.stdout.fileno(), 4, deadline))[0]
            reply: dict[str, Any] = json.loads(_read(process.stdout.fileno(), size, deadline))
        except (OSError, EOFError, TimeoutError) as error:
            raise HarnessFault(f"the runner in {self._sandbox.kind.value} failed: {error} {self._said()}") from error
        if "fault" in reply:
            raise HarnessFault(f"the runner could not run a program: {reply['fault']}")
        return reply

    def _said(self) -> str:
        """The last line the sandbox wrote about itself."""
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return f"({lines[-1]})" if lines else ""

    def interrupt(self) -> None:
        """From another thread: end whatever runs, at once, for good."""
        self._interrupted = True
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End the sandbox with everything in it."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None and process.stdout is not None
        with contextlib.suppress(OSError):
            process.stdin.close()  # the runner leaves at the end of its input
        try:
            process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        self._errors.close()
        if self._launch.scratch is not None and self._launch.scratch.exists():
            sweep.empty(str(self._launch.scratch))
            self._launch.scratch.rmdir()


def located_or_refuse(language: Language) -> Located:
    """The language's toolchain.

    Raises:
        UserError: it is missing or broken; the line says how to install it.
    """
    located = locate(language)
    if located.state is not State.INSTALLED:
        raise UserError(
            f"{language.name} is {located.state.value}: {located.problem};"
            f" try `transfer-eval languages --install {language.name}`"
        )
    return located


def roots(located: Located) -> set[str]:
    """The folders a sandbox must show beside the system for this toolchain to work."""
    wanted = {home for home in located.homes if outside_system(home)}
    own = str(folder())
    for path in located.paths.values():
        for face in (path, os.path.realpath(path)):
            if outside_system(face):
                wanted.add(own if face.startswith(own + "/") else root_of(face))
    return wanted


def _job(armed: Armed, language: Language, located: Located, limits: Limits, launch: Launch) -> dict[str, Any]:
    """The job as the runner takes it."""
    steps = [(language.compile, language.compile_limits)] if language.compile else []
    steps.append((language.run, limits))
    environment = _environment(language, located, f"{launch.base}/job")
    return {
        "files": {language.source: armed.text},
        "uid": launch.uid,
        "steps": [_step(step, limit, language, located, environment) for step, limit in steps],
    }


def _step(
    step: Step, limits: Limits, language: Language, located: Located, environment: Mapping[str, str]
) -> dict[str, Any]:
    running = step is language.run
    return {
        "argv": [_word(word, located) for word in step.argv],
        "env": dict(environment),
        "feed": step.feed,
        "delete": [language.source] if running and language.compile and step.feed != language.source else [],
        "cpu": limits.cpu_seconds,
        "wall": limits.wall_seconds,
        "memory": limits.memory_mb << 20,
        "address_space": language.address_space_limit and running,
        "processes": limits.processes,
        "output": limits.output_mb << 20,
        "file": limits.file_mb << 20,
        "keep": _KEEP_BYTES,
    }


def _word(word: str, located: Located) -> str:
    """One word of an argv: a command's name or ``{name}`` becomes its path."""
    if word in located.paths:
        return located.paths[word]
    for name, path in located.paths.items():
        word = word.replace("{" + name + "}", path)
    return word.replace(FEED, _FEED_PATH)


def _environment(language: Language, located: Located, here: str) -> dict[str, str]:
    """The few variables a program gets; ``here`` is its work directory."""
    folders = [str(Path(path).parent) for path in located.paths.values()]
    path = ":".join(dict.fromkeys([*folders, "/usr/local/bin", "/usr/bin", "/bin"]))
    common = {"PATH": path, "HOME": here, "TMPDIR": here, "LANG": "C.UTF-8", **_ONE_THREAD}
    return common | {name: expand(value) for name, value in language.environment.items()}


def _execution(steps: list[dict[str, Any]], armed: Armed, language: Language) -> Execution:
    """The runner's reply as an execution; the proof is taken out of the output."""
    results = [_result(step) for step in steps]
    compiled = results[0] if language.compile else None
    ran = results[-1] if len(results) > (compiled is not None) else None
    if armed.token is None or ran is None:
        return Execution(compile=compiled, run=ran, proved=None if armed.token is None else False)
    lines = ran.stdout.split("\n")
    proved = armed.token in lines
    stdout = ran.stdout.replace(f"\n{armed.token}\n", "", 1) if proved else ran.stdout
    return Execution(compile=compiled, run=StepResult(**{**vars(ran), "stdout": stdout}), proved=proved)


def _result(step: Mapping[str, Any]) -> StepResult:
    return StepResult(
        ended=Ended(step["ended"]),
        exit_code=step["code"],
        stdout=_text(step["stdout"]),
        stderr=_text(step["stderr"]),
        cpu_seconds=step["cpu"],
        wall_seconds=step["wall"],
        max_rss_mb=step["rss"] / (1 << 20),
    )


def _text(stream: Mapping[str, Any]) -> str:
    head, tail = (base64.b64decode(stream[part]) for part in ("head", "tail"))
    dropped = stream["total"] - len(head) - len(tail)
    gap = f"\n[{dropped} bytes dropped]\n".encode() if dropped else b""
    return (head + gap + tail).decode("utf-8", "replace")


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _read(descriptor: int, count: int, deadline: float) -> bytes:
    """Exactly ``count`` bytes before ``deadline`` (of :func:`time.monotonic`)."""
    parts = []
    while count:
        if not select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise TimeoutError("no answer in time")
        part = os.read(descriptor, min(count, 1 << 20))
        if not part:
            raise EOFError("it ended")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
