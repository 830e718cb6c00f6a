"""What can be known of containers without a daemon: frames, refusals, and how results are told apart."""

from __future__ import annotations

import importlib.util
import json
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from transfer_eval.cli import group
from transfer_eval.errors import HarnessFault, UserError
from transfer_eval.execution import engine
from transfer_eval.execution.attached import Attached
from transfer_eval.execution.docker import Box, Containers, ask
from transfer_eval.execution.engine import Engine, Image
from transfer_eval.execution.identity import key_of
from transfer_eval.execution.interpreter import carried
from transfer_eval.execution.job import environment_of
from transfer_eval.execution.sandbox import Kind, choose
from transfer_eval.language import find
from transfer_eval.program import Program
from transfer_eval.toolchain import State, locate_in

ENGINE = Engine("docker", "unix:///nowhere", "1.2.3")
LUA = find("lua")


class Wire:
    """Both ends of a connection: ours as the link has it, and the daemon's."""

    def __init__(self) -> None:
        ours, self.daemon = socket.socketpair()
        self.removed: list[bool] = []
        self.link = Attached(ours, lambda: self.removed.append(True))

    def frame(self, stream: int, data: bytes) -> bytes:
        return struct.pack(">BxxxI", stream, len(data)) + data


@pytest.fixture
def wire() -> Iterator[Wire]:
    one = Wire()
    yield one
    one.link.close()
    one.daemon.close()


def soon() -> float:
    return time.monotonic() + 5


def test_frames_are_taken_apart_wherever_they_are_cut(wire: Wire) -> None:
    sent = wire.frame(1, b"hel") + wire.frame(2, b"first\nsecond\n") + wire.frame(1, b"") + wire.frame(1, b"lo, you")
    for byte in sent:
        wire.daemon.sendall(bytes([byte]))
    assert wire.link.read(5, soon()) == b"hello"
    assert wire.link.read(5, soon()) == b", you"
    assert wire.link.said() == "second"


def test_silence_is_a_timeout_and_an_end_is_an_end(wire: Wire) -> None:
    wire.daemon.sendall(wire.frame(1, b"half"))
    with pytest.raises(TimeoutError):
        wire.link.read(8, time.monotonic() + 0.1)
    wire.daemon.close()
    with pytest.raises(EOFError):
        wire.link.read(8, soon())


def test_killing_wakes_whoever_waits_and_closing_removes(wire: Wire) -> None:
    threading.Timer(0.2, wire.link.kill).start()
    with pytest.raises(EOFError):
        wire.link.read(1, time.monotonic() + 30)
    assert wire.removed == []
    wire.link.close()
    assert wire.removed == [True]


def test_a_chattering_container_takes_no_memory(wire: Wire) -> None:
    def chatter() -> None:
        for number in range(2000):
            wire.daemon.sendall(wire.frame(2, b"%06d " % number * 100 + b"\n"))
        wire.daemon.sendall(wire.frame(1, b"x"))

    thread = threading.Thread(target=chatter)
    thread.start()
    assert wire.link.read(1, soon()) == b"x"
    thread.join()
    assert len(wire.link._err) <= 4096
    assert wire.link.said().endswith("001999")


def test_a_job_is_asked_past_heartbeats(wire: Wire) -> None:
    reply = json.dumps({"steps": []}).encode()
    wire.daemon.sendall(wire.frame(1, bytes(4)) + wire.frame(1, bytes(4) + struct.pack(">I", len(reply)) + reply))
    assert ask(wire.link, {"steps": []}, 5) == {"steps": []}


def test_a_container_that_ends_says_why(wire: Wire) -> None:
    wire.daemon.sendall(wire.frame(2, b"Traceback\nImportError: no json\n"))
    wire.daemon.shutdown(socket.SHUT_WR)
    with pytest.raises(HarnessFault, match="ImportError: no json"):
        ask(wire.link, {"steps": []}, 5)


def test_without_the_package_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docker", None)
    with pytest.raises(UserError, match=r"^--sandbox podman needs `pip install 'transfer-eval\[docker\]'`$"):
        engine.find("podman")


@pytest.mark.parametrize("name", ["docker", "podman"])
def test_without_a_daemon_one_line_says_where_it_was_looked_for(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if importlib.util.find_spec("docker") is None:
        pytest.skip("the docker package is not installed")
    variable = {"docker": "DOCKER_HOST", "podman": "CONTAINER_HOST"}[name]
    monkeypatch.setenv(variable, f"unix://{tmp_path}/no.sock")
    result = CliRunner().invoke(group, ["doctor", "--langs", "lua", "--sandbox", name])
    assert isinstance(result.exception, UserError)
    assert f"{tmp_path}/no.sock: no such socket" in str(result.exception)
    assert "\n" not in str(result.exception)


def test_an_image_is_for_containers_only() -> None:
    with pytest.raises(UserError, match="--image is for containers"):
        choose("none", "some-image")


def test_a_language_without_an_image_of_its_own() -> None:
    nameless = replace(LUA, toolchain=replace(LUA.toolchain, docker=""))
    with pytest.raises(UserError, match=r"lua names no image; .*--image NAME"):
        Containers(Kind.DOCKER, ENGINE).within(nameless)


def test_results_are_kept_apart_by_image() -> None:
    program = Program("lua", "print(1)")
    boxes = [Box(Kind.DOCKER, ENGINE, Image("same", f"sha256:{digit * 64}", {})) for digit in "ab"]
    keys = {key_of(program, LUA, place.fingerprint(LUA)) for place in (choose("none"), *boxes)}
    assert len(keys) == 3
    assert str(boxes[0]) == "docker 1.2.3 same@aaaaaaaaaaaa"


class Fake:
    """A place with the commands it is given; what it is asked is noted."""

    toolchains = "/tools"

    def __init__(self, *commands: str) -> None:
        self.commands = commands
        self.environment = {"PATH": "/usr/local/bin:/bin", "HOME_OF_IT": "/x"}
        self.asked: list[list[str]] = []

    def which(self, name: str) -> str | None:
        return f"/image/bin/{name}" if name in self.commands else None

    def is_file(self, path: str) -> bool:
        return False

    def output(self, argv: Any, environment: Any) -> str | None:
        self.asked.append(list(argv))
        return "Lua 5.3.6"


def test_the_same_rules_find_toolchains_in_any_place() -> None:
    place = Fake("lua")
    located = locate_in(place, LUA)
    assert (located.paths, located.version, located.toolchains) == ({"lua": "/image/bin/lua"}, "5.3.6", "/tools")
    assert place.asked == [["/image/bin/lua", "-e", "require('luaunit')"], ["/image/bin/lua", "-v"]]
    assert locate_in(Fake(), LUA).state is State.MISSING


def test_programs_get_the_images_variables() -> None:
    located = locate_in(Fake("lua"), LUA)
    variables = environment_of(LUA, located, "/tmp/job")
    assert variables["PATH"] == "/image/bin:/usr/local/bin:/bin"
    assert (variables["HOME_OF_IT"], variables["HOME"]) == ("/x", "/tmp/job")


def test_this_machines_python_can_be_carried() -> None:
    interpreter = carried()
    assert interpreter.argv[0] in interpreter.mounts
    assert interpreter.argv[-1] in interpreter.mounts
    assert any("libc." in name for name in interpreter.mounts), "its own C library goes along"
    assert all(Path(path).exists() for path in interpreter.mounts.values())
