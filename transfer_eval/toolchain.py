"""Finding toolchains: which commands of a language are in a place, where, and what version.

A place is this machine, or a container's image that has toolchains of its own. A missing toolchain is a state
with a hint, never a zero score.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Protocol

import platformdirs

from transfer_eval.language import Command, Language

PROBE_SECONDS = 60


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
        toolchains: the folder that ``{toolchains}`` stands for.
        environment: variables that the place itself sets for its toolchains; this machine's are not handed on.
    """

    language: str
    state: State
    paths: Mapping[str, str]
    homes: tuple[str, ...] = ()
    version: str = ""
    problem: str = ""
    toolchains: str = field(default_factory=lambda: str(folder()))
    environment: Mapping[str, str] = field(default_factory=dict)


class Place(Protocol):
    """Where commands are looked for and tried."""

    @property
    def toolchains(self) -> str:
        """As in :class:`Located`."""

    @property
    def environment(self) -> Mapping[str, str]:
        """As in :class:`Located`."""

    def which(self, name: str) -> str | None:
        """The absolute path of what can be executed under a name on PATH, or under a path."""

    def is_file(self, path: str) -> bool:
        """Whether there is a file."""

    def output(self, argv: Sequence[str], environment: Mapping[str, str]) -> str | None:
        """Both streams of a successful command, run with these variables beside the place's own; None if it fails."""


@dataclass(frozen=True)
class Host:
    """This machine."""

    toolchains: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def which(self, name: str) -> str | None:
        """As :class:`Place` says."""
        found = shutil.which(name)
        return str(Path(found).absolute()) if found else None

    def is_file(self, path: str) -> bool:
        """As :class:`Place` says."""
        return Path(path).is_file()

    def output(self, argv: Sequence[str], environment: Mapping[str, str]) -> str | None:
        """As :class:`Place` says."""
        try:
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=PROBE_SECONDS,
                env=os.environ | environment,
                cwd="/",
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def folder() -> Path:
    """Where the project keeps toolchains it installed itself: TRANSFER_EVAL_TOOLCHAINS, else below
    /opt for root (other users' programs must be able to read it), else the user's data folder."""
    chosen = os.environ.get("TRANSFER_EVAL_TOOLCHAINS")
    if chosen:
        return Path(chosen).absolute()
    return Path("/opt/transfer-eval") if os.geteuid() == 0 else Path(platformdirs.user_data_dir("transfer-eval"))


def expand(text: str, toolchains: str | None = None) -> str:
    """A plugin's word with our own places filled in: ``npm:`` and ``{toolchains}``."""
    own = toolchains or str(folder())
    return f"{own}/node_modules/{text[4:]}" if text.startswith("npm:") else text.replace("{toolchains}", own)


def find_command(command: Command, place: Place) -> str | None:
    """The absolute path of a command, or None."""
    for name in command.names:
        path = expand(name, place.toolchains)
        found = place.which(path)
        if found:
            return found
        if "/" in path and place.is_file(path):  # a library or script that is not itself executable
            return path
    return None


@cache
def locate(language: Language) -> Located:
    """Find and try every command of a language's toolchain on this machine."""
    located = locate_in(Host(str(folder())), language)
    if any("{toolchains}" in value for value in language.environment.values()) and folder().is_dir():
        return replace(located, homes=(*located.homes, str(folder())))
    return located


def locate_in(place: Place, language: Language) -> Located:
    """Find and try every command of a language's toolchain."""
    own = place.toolchains
    environment = {key: expand(value, own) for key, value in language.environment.items()}
    paths: dict[str, str] = {}
    homes: list[str] = []
    version = ""
    for name, command in language.toolchain.commands.items():
        path = find_command(command, place)
        if path is None:
            tried = ", ".join(expand(name, own) for name in command.names)
            return _not_here(language, State.MISSING, f"no {name} ({tried})")
        if command.home:
            home = place.output([path, *command.home], environment)
            if home is None:
                return _not_here(language, State.BROKEN, f"`{path} {' '.join(command.home)}` failed")
            homes.append(home.strip())
            path = str(PurePosixPath(home.strip()) / "bin" / PurePosixPath(path).name)
        if command.check and place.output([path, *command.check], environment) is None:
            return _not_here(language, State.BROKEN, f"`{Path(path).name} {' '.join(command.check)}` failed")
        if command.version and not version:
            said = place.output([path, *command.version], environment)
            if said is None:
                return _not_here(language, State.BROKEN, f"`{path} {' '.join(command.version)}` failed")
            version = _version(said)
        paths[name] = path
    return Located(
        language=language.name,
        state=State.INSTALLED,
        paths=paths,
        homes=tuple(homes),
        version=version,
        toolchains=own,
        environment=place.environment,
    )


def _not_here(language: Language, state: State, problem: str) -> Located:
    return Located(language=language.name, state=state, paths={}, problem=problem)


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
