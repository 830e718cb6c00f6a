"""Finding toolchains: which commands of a language are here, where, and what version.

A missing toolchain is a state with a hint, never a zero score.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path

import platformdirs

from transfer_eval.language import Command, Language

_PROBE_SECONDS = 60


class State(Enum):
    """Whether a language can be run here."""

    INSTALLED = "installed"
    MISSING = "missing"
    BROKEN = "broken"


@dataclass(frozen=True, kw_only=True)
class Located:
    """Where a language's commands are.

    Attributes:
        paths: absolute path by the name the plugin's steps use.
        homes: folders the commands need beside themselves (``Command.home``, or named in the environment).
        version: what the first command says of itself.
        problem: why the state is not INSTALLED, in one line.
    """

    language: str
    state: State
    paths: Mapping[str, str]
    homes: tuple[str, ...] = ()
    version: str = ""
    problem: str = ""


def folder() -> Path:
    """Where the project keeps toolchains it installed itself: TRANSFER_EVAL_TOOLCHAINS, else below
    /opt for root (other users' programs must be able to read it), else the user's data folder."""
    chosen = os.environ.get("TRANSFER_EVAL_TOOLCHAINS")
    if chosen:
        return Path(chosen).absolute()
    return Path("/opt/transfer-eval") if os.geteuid() == 0 else Path(platformdirs.user_data_dir("transfer-eval"))


def expand(text: str) -> str:
    """A plugin's word with our own places filled in: ``npm:`` and ``{toolchains}``."""
    if text.startswith("npm:"):
        return str(folder() / "node_modules" / text[4:])
    return text.replace("{toolchains}", str(folder()))


def find_command(command: Command) -> str | None:
    """The absolute path of a command, or None."""
    for name in command.names:
        path = expand(name)
        found = shutil.which(path) if "/" not in path or os.access(path, os.X_OK) else None
        if found:
            return str(Path(found).absolute())
        if "/" in path and Path(path).is_file():  # a library or script that is not itself executable
            return path
    return None


@cache
def locate(language: Language) -> Located:
    """Find and try every command of a language's toolchain."""
    paths: dict[str, str] = {}
    homes: list[str] = []
    version = ""
    for name, command in language.toolchain.commands.items():
        path = find_command(command)
        if path is None:
            tried = ", ".join(map(expand, command.names))
            return _not_here(language, State.MISSING, f"no {name} ({tried})")
        if command.home:
            home = _output([path, *command.home], language)
            if home is None:
                return _not_here(language, State.BROKEN, f"`{path} {' '.join(command.home)}` failed")
            homes.append(home.strip())
            path = str(Path(home.strip()) / "bin" / Path(path).name)
        if command.check and _output([path, *command.check], language) is None:
            return _not_here(language, State.BROKEN, f"`{Path(path).name} {' '.join(command.check)}` failed")
        if command.version and not version:
            said = _output([path, *command.version], language)
            if said is None:
                return _not_here(language, State.BROKEN, f"`{path} {' '.join(command.version)}` failed")
            version = _version(said)
        paths[name] = path
    if folder().is_dir() and any("{toolchains}" in value for value in language.environment.values()):
        homes.append(str(folder()))
    return Located(language=language.name, state=State.INSTALLED, paths=paths, homes=tuple(homes), version=version)


def _not_here(language: Language, state: State, problem: str) -> Located:
    return Located(language=language.name, state=state, paths={}, problem=problem)


def _output(argv: list[str], language: Language) -> str | None:
    """Both streams of a successful command; None if it fails."""
    environment = os.environ | {key: expand(value) for key, value in language.environment.items()}
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_PROBE_SECONDS,
            env=environment,
            cwd="/",
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def _version(text: str) -> str:
    """The first thing in a program's words that looks like a version."""
    match = re.search(r"\d+(\.\d+)+[\w.+-]*", text)
    return match.group() if match else (text.strip().splitlines() or ["?"])[0][:40]


@cache
def fingerprint(language: Language) -> str:
    """A short hash that changes when a command of the toolchain does: its version, its place, its file."""
    located = locate(language)
    facts = [located.version]
    for path in located.paths.values():
        real = Path(path).resolve()
        facts += [path, str(real), str(real.stat().st_size), str(real.stat().st_mtime_ns)]
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()[:16]
