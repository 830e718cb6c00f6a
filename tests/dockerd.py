"""A Docker daemon of our own for tests, with two images made without a registry."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from transfer_eval import install
from transfer_eval.errors import UserError

WITH_PYTHON, BARE = "transfer-eval-test:python", "transfer-eval-test:bare"
_PACKAGES = "lua5.4,lua-unit,python3"
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


class Daemon:
    """dockerd with everything of its own in one folder, which goes with it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="te-dockerd-", dir="/tmp"))  # short: it holds sockets
        self.url = f"unix://{self.folder}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        words = "--iptables=false --ip6tables=false --bridge=none --storage-driver=overlay2"
        places = f"--data-root {self.folder}/data --exec-root {self.folder}/exec -p {self.folder}/pid -H {self.url}"
        (self.folder / "pid").unlink(missing_ok=True)
        with (self.folder / "log").open("ab") as log:
            command = ["dockerd", *words.split(), *places.split()]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + 60
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                last = (self.folder / "log").read_text(errors="replace").strip().splitlines()[-1:]
                pytest.skip(f"dockerd does not start here: {last}")
            time.sleep(0.2)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            connection.connect(self.url.removeprefix("unix://"))
            connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            return connection.recv(100).split()[1:2] == [b"200"]
        return False

    def kill(self) -> None:
        """End it without a warning, with the processes it keeps beside the containers."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._end_helpers()
        for file in self.folder.glob("exec/containerd/*.pid"):  # or a dead one that nobody reaps counts as running
            file.unlink()

    def stop(self) -> None:
        """End it with everything it had started, and remove its data."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=60)
        self._end_helpers()
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in sorted((m for m in mounts if m.startswith(f"{self.folder}/")), reverse=True):
            subprocess.run(["umount", "-l", mount], check=False)
        shutil.rmtree(self.folder)

    def _end_helpers(self) -> None:
        """End the processes that name our folder: containerd and its shims, if dockerd was killed."""
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if f"{self.folder}/".encode() in path.read_bytes():
                    os.kill(int(path.parent.name), signal.SIGKILL)

    def make_images(self) -> None:
        """A small Debian with Python, and the same without."""
        import docker

        mirror, suite = install._mirror()
        root = self.folder / "root"
        source = f"deb [signed-by={_KEYRING}] {mirror} {suite} main"
        command = ["mmdebstrap", "--quiet", "--variant=essential", f"--include={_PACKAGES}", suite, str(root), source]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            pytest.skip(f"mmdebstrap fails here: {done.stderr.strip().splitlines()[-1:]}")
        without = ["--exclude=./usr/bin/python3*", "--exclude=./usr/lib/python3*"]
        client = docker.DockerClient(self.url, timeout=300)
        for name, leave_out in ((WITH_PYTHON, []), (BARE, without)):
            tar = self.folder / "image.tar"
            subprocess.run(["tar", "-C", str(root), *leave_out, "-cf", str(tar), "."], check=True)
            repository, _, tag = name.partition(":")
            client.api.import_image(str(tar), repository=repository, tag=tag)
            tar.unlink()
        client.close()
        shutil.rmtree(root)


def refuse() -> str | None:
    """What this machine lacks for a daemon of our own, by name; None: nothing."""
    if os.geteuid() != 0:
        return "dockerd needs root"
    for program in ("dockerd", "mmdebstrap"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    try:
        install._mirror()
    except UserError as error:
        return str(error)
    return None
