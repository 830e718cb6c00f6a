"""The host's Python, carried into a container whose image has none that can run the runner.

It is started through its own loader with its own libraries, so the image's C library does not matter, and
nothing of it is on the paths of the programs that the runner starts.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from transfer_eval.errors import UserError
from transfer_eval.execution.sandbox import RUNNER, python

HERE = "/run/transfer-eval/python"

# Run by the interpreter itself: what it is, and what is mapped once the runner's modules are loaded.
_LOOK = """
import json, os, sys
sys.argv.append("/")
sys.path.insert(0, {runner!r})
import runner.__main__
stdlib = os.path.dirname(os.__file__)
with open("/proc/self/maps") as maps:
    mapped = sorted({{line.split(None, 5)[-1].strip() for line in maps if line.split()[-1].startswith("/")}})
print(json.dumps([os.path.realpath(sys.executable), stdlib, sys.platlibdir if hasattr(sys, "platlibdir") else "lib",
                  [path for path in mapped if ".so" in os.path.basename(path)]]))
"""


@dataclass(frozen=True)
class Interpreter:
    """How a Python is started in a container; ``mounts`` are the host's paths by where they are shown."""

    argv: tuple[str, ...]
    mounts: Mapping[str, str]


@cache
def carried() -> Interpreter:
    """The host's Python with all that it needs.

    Raises:
        UserError: it could not be looked at, as on a system that is no Linux.
    """
    code = _LOOK.format(runner=str(RUNNER.parent))
    try:
        done = subprocess.run([python(), "-I", "-S", "-B", "-c", code], capture_output=True, check=True, timeout=60)
        binary, stdlib, libraries, mapped = json.loads(done.stdout)
        loader = next(path for path in mapped if Path(path).name.startswith("ld"))
        extensions = [path for path in mapped if path.startswith(stdlib)]
        found = _needed(loader, [binary, *extensions])
    except (OSError, subprocess.SubprocessError, ValueError, StopIteration) as error:
        raise UserError(f"this machine's Python cannot be carried into a container: {error}") from error
    mounts = {f"{HERE}/so/{name}": path for name, path in found.items()}
    mounts[f"{HERE}/so/ld.so"] = loader
    mounts[f"{HERE}/bin/python3"] = binary
    mounts[f"{HERE}/{libraries}/{Path(stdlib).name}"] = stdlib
    return Interpreter((f"{HERE}/so/ld.so", "--library-path", f"{HERE}/so", f"{HERE}/bin/python3"), mounts)


def _needed(loader: str, files: list[str]) -> dict[str, str]:
    """Every library the files need, by the name they ask for it."""
    found = {}
    for file in files:
        done = subprocess.run([loader, "--list", file], capture_output=True, text=True, check=True, timeout=60)
        for line in done.stdout.splitlines():
            name, arrow, rest = line.strip().partition(" => ")
            path = rest.rpartition(" (")[0]
            if arrow and path.startswith("/") and "/" not in name:
                found[name] = str(Path(path).resolve())
    return found
