"""Installing toolchains: apt as root or by sudo, npm and pip into the project's own folder.

Idempotent: what is installed and works is left alone. The mirror of an older Debian suite is
the one the system's own apt sources name. Nothing here knows a language by name.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from transfer_eval.errors import UserError
from transfer_eval.language import Install, Language
from transfer_eval.toolchain import State, folder, locate

_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_APT = ("apt-get", "-o", "Dpkg::Use-Pty=0", "-o", "Acquire::Retries=3", "-q")

Say = Callable[[str], None]


def install(languages: Sequence[Language], say: Say) -> list[Language]:
    """Install what is missing for ``languages``; ``say`` is told each step. Returns those that still lack.

    Raises:
        UserError: a package manager is missing, refused, or may not be used by this user.
    """
    todo = [language for language in languages if locate(language).state is not State.INSTALLED]
    for language in languages:
        if language not in todo:
            say(f"{language.name}: {locate(language).version} is here")
    ordinary = [p for lang in todo if not lang.toolchain.install.apt_suite for p in lang.toolchain.install.apt]
    if ordinary:
        _apt_install(ordinary, say)
    for language in todo:
        _install_one(language.toolchain.install, say)
    locate.cache_clear()
    lacking = [language for language in languages if locate(language).state is not State.INSTALLED]
    for language in todo:
        located = locate(language)
        say(f"{language.name}: {located.version or located.problem}")
    return lacking


def _install_one(install: Install, say: Say) -> None:
    """The parts of one language's toolchain that the common apt call does not bring."""
    if install.apt_suite and install.apt:
        _apt_from_suite(install.apt_suite, install.apt, say)
    if install.unpack:
        _unpack(install.unpack.suite, install.unpack.packages, say)
    if install.npm:
        if shutil.which("npm") is None:
            _apt_install(["npm"], say)
        npm = shutil.which("npm") or "npm"
        folder().mkdir(parents=True, exist_ok=True)
        _run([npm, "install", "--no-fund", "--no-audit", "--prefix", str(folder()), *install.npm], say)
    if install.pip:
        target = folder() / "pip"
        _run([sys.executable, "-m", "pip", "install", "-q", "--target", str(target), *install.pip], say)


def _apt_install(packages: Sequence[str], say: Say, options: Sequence[str] = ()) -> None:
    _run([*_as_root(), *_APT, *options, "update"], say)
    _run([*_as_root(), *_APT, *options, "install", "-y", "--no-install-recommends", *packages], say)


def _apt_from_suite(suite: str, packages: Sequence[str], say: Say) -> None:
    """Install from an older suite beside the system's own, without touching /etc/apt."""
    with _suite_options(suite) as options:
        _apt_install(packages, say, options)


def _unpack(suite: str, packages: Sequence[str], say: Say) -> None:
    """Unpack packages of a suite below :func:`~transfer_eval.toolchain.folder`, one subfolder each."""
    todo = [name for name in packages if not (folder() / "unpacked" / name).is_dir()]
    if not todo:
        return
    with _suite_options(suite) as options, tempfile.TemporaryDirectory() as scratch:
        Path(scratch).chmod(0o777)  # apt downloads as its own user
        _run([*_as_root(), *_APT, *options, "update"], say)
        for name in todo:
            _run([*_as_root(), *_APT, *options, "download", f"{name}/{suite}"], say, cwd=scratch)
            (archive,) = Path(scratch).glob(f"{name}_*.deb")
            target = folder() / "unpacked" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            _run(["dpkg", "-x", str(archive), str(target)], say)


@contextmanager
def _suite_options(suite: str) -> Iterator[list[str]]:
    """apt options under which the system's own suite and ``suite`` are both seen, with lists of their own."""
    mirror, own = _mirror()
    with tempfile.TemporaryDirectory(prefix="transfer-eval-apt-") as scratch:
        Path(scratch).chmod(0o755)
        (Path(scratch) / "lists" / "partial").mkdir(parents=True)
        signed = f"[signed-by={_KEYRING}]"
        lines = [f"deb {signed} {mirror} {name} main\n" for name in dict.fromkeys((own, suite))]
        (Path(scratch) / "sources.list").write_text("".join(lines), encoding="utf-8")
        places = {
            "Dir::Etc::sourcelist": f"{scratch}/sources.list",
            "Dir::Etc::sourceparts": "-",
            "Dir::State::lists": f"{scratch}/lists",
            "Dir::Cache::srcpkgcache": f"{scratch}/srcpkgcache.bin",
            "Dir::Cache::pkgcache": f"{scratch}/pkgcache.bin",
            "Acquire::Check-Valid-Until": "false",  # a suite past its support is not re-signed
        }
        yield [word for name, value in places.items() for word in ("-o", f"{name}={value}")]


def _mirror() -> tuple[str, str]:
    """The Debian mirror and suite of the system's own apt sources.

    Raises:
        UserError: this is no Debian, or its sources name no mirror.
    """
    release = Path("/etc/os-release")
    words = dict(re.findall(r'(?m)^(\w+)="?([^"\n]*)', release.read_text())) if release.exists() else {}
    suite = words.get("VERSION_CODENAME", "")
    folder_ = Path("/etc/apt")
    files = [folder_ / "sources.list", *sorted((folder_ / "sources.list.d").glob("*"))]
    text = "\n".join(file.read_text(errors="replace") for file in files if file.is_file())
    stanzas = re.findall(r"(?ms)^URIs:\s*(\S+)$.*?^Suites:\s*([^\n]*)$", text)
    one_line = re.findall(r"(?m)^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)", text)
    for uri, suites in [*stanzas, *one_line]:
        if suite and suite in suites.split():
            return uri, suite
    raise UserError("an older Debian suite is needed, and this system's apt sources name no Debian mirror")


def _as_root() -> list[str]:
    """The words before a command that only root may run.

    Raises:
        UserError: we are neither root nor can become it.
    """
    if shutil.which("apt-get") is None:
        raise UserError("there is no apt-get here; `transfer-eval languages` says what to install by hand")
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo is None:
        raise UserError("installing packages needs root or sudo; `transfer-eval languages` says what to install")
    return [sudo, "-n"] if not sys.stdin.isatty() else [sudo]


def _run(argv: Sequence[str], say: Say, cwd: str | None = None) -> None:
    """Run one installing command.

    Raises:
        UserError: it failed; the line has its last words.
    """
    say(f"$ {' '.join(word for word in argv if not word.startswith(('-o', 'Dir::', 'Acquire::', 'Dpkg::')))}")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, cwd=cwd
    )
    if done.returncode != 0:
        lines = done.stdout.decode("utf-8", "replace").strip().splitlines() or ["no message"]
        raise UserError(f"`{' '.join(argv[:4])} …` failed: {lines[-1]}")
