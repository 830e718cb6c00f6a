"""Installing, against package managers that are scripts of our own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from transfer_eval import install as installing
from transfer_eval import toolchain
from transfer_eval.errors import UserError
from transfer_eval.language import Command, Install, Language, Toolchain, Unpack, find


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A PATH of fake apt-get, dpkg and npm that write down how they were called."""
    log = tmp_path / "log"
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, more in (
        ("apt-get", 'case "$*" in *fail*) echo "E: no such package" >&2; exit 100;; esac\n'
                    'case "$*" in *download*) touch "thing_1.deb";; *install*) cp /bin/true "$BIN/newlang";; esac\n'),
        ("dpkg", 'mkdir -p "$3"\n'),
        ("npm", 'cd "$TRANSFER_EVAL_TOOLCHAINS"; mkdir -p node_modules/pack; cp /bin/true node_modules/pack/tool\n'),
        ("sudo", 'while [ "${1#-}" != "$1" ]; do shift; done; exec "$@"\n'),
    ):  # fmt: skip
        (tools / name).write_text(f'#!/bin/sh\necho "{name} $*" >> "{log}"\n{more}')
        (tools / name).chmod(0o755)
    monkeypatch.setenv("BIN", str(tools))
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    monkeypatch.setenv("TRANSFER_EVAL_TOOLCHAINS", str(tmp_path / "toolchains"))
    toolchain.locate.cache_clear()
    yield log
    toolchain.locate.cache_clear()


def language(install: Install, command: str = "newlang") -> Language:
    chain = Toolchain(commands={"it": Command(names=(command,))}, install=install)
    return replace(find("lua"), toolchain=chain, environment={})


def calls(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def test_apt_once_for_all(log: Path) -> None:
    said: list[str] = []
    assert installing.install([language(Install(apt=("one", "two")))], said.append) == []
    assert any("install -y --no-install-recommends one two" in call for call in calls(log))
    assert any(line.startswith("$ ") for line in said)


def test_what_is_here_is_left_alone(log: Path) -> None:
    one = language(Install(apt=("one",)), command="/bin/sh")
    assert installing.install([one], lambda line: None) == []
    assert calls(log) == []


def test_an_older_suite_is_read_beside_the_systems_own(log: Path) -> None:
    if not Path("/etc/debian_version").exists():
        pytest.skip("this is no Debian")
    one = language(Install(apt=("old",), apt_suite="bullseye", unpack=Unpack(suite="bullseye", packages=("thing",))))
    installing.install([one], lambda line: None)
    assert any("Dir::Etc::sourceparts=-" in call and call.endswith("old") for call in calls(log))
    assert any("download thing/bullseye" in call for call in calls(log))
    assert (toolchain.folder() / "unpacked" / "thing").is_dir()


def test_npm_goes_into_our_own_folder(log: Path) -> None:
    one = language(Install(npm=("pack@5",)), command="npm:pack/tool")
    assert installing.install([one], lambda line: None) == []
    assert any(call.startswith("npm install") and call.endswith("pack@5") for call in calls(log))


def test_a_failure_says_what_failed(log: Path) -> None:
    with pytest.raises(UserError, match="no such package"):
        installing.install([language(Install(apt=("fail",)))], lambda line: None)


def test_what_still_lacks_is_told(log: Path) -> None:
    one = language(Install(apt=("one",)), command="neverthere")
    assert installing.install([one], lambda line: None) == [one]


def test_without_root_and_sudo_there_is_one_clear_line(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    (log.parent / "bin" / "sudo").unlink()
    if Path("/usr/bin/sudo").exists():
        pytest.skip("this machine has a real sudo")
    with pytest.raises(UserError, match="root or sudo"):
        installing.install([language(Install(apt=("one",)))], lambda line: None)


def test_the_mirror_is_the_systems_own() -> None:
    if not Path("/etc/debian_version").exists():
        pytest.skip("this is no Debian")
    uri, suite = installing._mirror()
    places = [path for path in Path("/etc/apt").rglob("*") if path.is_file() and "sources" in str(path)]
    text = "".join(path.read_text(errors="replace") for path in places)
    assert uri in text
    assert suite in text
