"""Prepared artefacts on disk: built once per toolchain and recipe, whole or not at all, bounded in size.

They are built outside of the sandbox from the plugin's own text only. A build that fails is remembered, and
tried again when asked for by name (``languages --warm``).
"""

from __future__ import annotations

import collections
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from transfer_eval.execution import store
from transfer_eval.execution.job import environment_of, located_word
from transfer_eval.language import Language
from transfer_eval.step import Artefact
from transfer_eval.toolchain import Located, fingerprint

_BUILD_SECONDS = 1800
_UNUSED_SECONDS = 86400.0  # younger ones may be in use by another process
_DEFAULT_MB = 4096
_FAILURE = ".failed"


@dataclass(frozen=True)
class Built:
    """What came of asking for an artefact: its folder, or the problem in one line."""

    folder: Path | None
    problem: str = ""


class Artefacts:
    """The artefacts of one cache folder; safe with many threads and processes at once."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or store.folder() / "artefacts"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.folder.chmod(0o755)  # programs of other users must get there
        except OSError:
            pass  # then nothing is ever found here
        self.usable = os.access(self.folder, os.W_OK)
        self._known: dict[str, Built] = {}
        self._seen: collections.Counter[str] = collections.Counter()
        self._building: set[str] = set()
        self._lock = threading.Lock()

    def get(self, language: Language, located: Located, artefact: Artefact) -> Path | None:
        """Its folder, if it is there or worth building by now; None: do without.

        Only one thread builds; the others go on without meanwhile.
        """
        if not self.usable:
            return None
        key = self.key(language, artefact)
        with self._lock:
            self._seen[key] += 1
            found = self._known.get(key) or self._look(key)
            if found is not None:
                self._known[key] = found
                return found.folder
            if self._seen[key] < artefact.pays_after or key in self._building:
                return None
            self._building.add(key)
        return self.build(language, located, artefact).folder

    def build(self, language: Language, located: Located, artefact: Artefact) -> Built:
        """Build it now, unless another process is at it or has done it."""
        key = self.key(language, artefact)
        try:
            with (self.folder / f"{key}.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                built = self._look(key)
                if built is None or built.folder is None:
                    built = self._build(key, language, located, artefact)
            self._prune(keep=key)
        except OSError as error:  # a full disk is no reason not to run programs
            built = Built(None, f"{self.folder}: {error.strerror or error}")
        with self._lock:
            self._known[key] = built
            self._building.discard(key)
        return built

    def key(self, language: Language, artefact: Artefact) -> str:
        """Its folder's name: the language and a hash of everything that decides what it holds."""
        facts = [fingerprint(language), artefact.build, dict(artefact.files), dict(language.environment), _processor()]
        return f"{language.name}-{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]}"

    def _look(self, key: str) -> Built | None:
        folder, failure = self.folder / key, self.folder / (key + _FAILURE)
        if folder.is_dir():
            os.utime(folder)
            return Built(folder)
        return Built(None, failure.read_text(encoding="utf-8")) if failure.exists() else None

    def _build(self, key: str, language: Language, located: Located, artefact: Artefact) -> Built:
        work = self.folder / f"{key}.{os.getpid()}.building"
        shutil.rmtree(work, ignore_errors=True)
        out = work / "artefact"
        out.mkdir(parents=True)
        for name, text in artefact.files.items():
            (work / name).write_text(text, encoding="utf-8")
        try:
            problem = _run_all(language, located, artefact, work, out)
            if problem is not None:
                (self.folder / (key + _FAILURE)).write_text(problem, encoding="utf-8")
                return Built(None, problem)
            _make_readable(out)
            (self.folder / (key + _FAILURE)).unlink(missing_ok=True)
            out.rename(self.folder / key)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        return Built(self.folder / key)

    def _prune(self, keep: str) -> None:
        """Remove what was used longest ago while there is too much."""
        bound = store.megabytes("ARTEFACTS", _DEFAULT_MB)
        folders = sorted((f for f in self.folder.iterdir() if f.is_dir()), key=lambda f: f.stat().st_mtime)
        sizes = {folder: size_of(folder) for folder in folders}
        for folder in folders:
            old = time.time() - folder.stat().st_mtime > _UNUSED_SECONDS
            if sum(sizes.values()) > bound and old and folder.name != keep:
                shutil.rmtree(folder, ignore_errors=True)
                del sizes[folder]

    def clear(self) -> None:
        """Remove all of them."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _run_all(language: Language, located: Located, artefact: Artefact, work: Path, out: Path) -> str | None:
    """Run the build's commands; the problem, if there is one."""
    environment = environment_of(language, located, str(work))
    for command in artefact.build:
        argv = [located_word(word, located).replace("{artefact}", str(out)) for word in command]
        try:
            done = subprocess.run(
                argv,
                cwd=work,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=_BUILD_SECONDS,
                start_new_session=True,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{Path(argv[0]).name}: {error}"
        if done.returncode != 0:
            lines = done.stdout.decode("utf-8", "replace").strip().splitlines()
            return f"{Path(argv[0]).name} exits {done.returncode}: {lines[-1] if lines else 'it says nothing'}"
    return None


def _make_readable(folder: Path) -> None:
    """Let every user read it, and nobody but us write to it."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def size_of(folder: Path) -> int:
    """Bytes below a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


@cache
def _processor() -> Mapping[str, str]:
    """What compiled code may depend on of this machine's processor."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    fields = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in fields if name.strip() in ("model name", "flags")}
