"""Talking to Docker, or to podman through the same interface: images, and containers with a runner in them.

A container ends with our connection to it: its standard input closes when the client goes, however it goes, and the
runner leaves at the end of its input. What was created but never started, and what outlived its daemon, is
removed at the next start by its label, which names the process that it belonged to.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transfer_eval.errors import HarnessFault, TransferEvalError, UserError
from transfer_eval.execution.attached import Attached
from transfer_eval.execution.cgroups import MEMORY_BYTES, TASKS, started

_LABEL = "transfer-eval"
_SCRATCH = "rw,exec,nosuid,nodev,size=512m,mode=1777"
_CLOSED = "ro,noexec,nosuid,nodev,size=4k,mode=755"  # podman puts a writable folder here unless one is named
_ULIMITS = {"nofile": 4096, "nproc": 4096}
_PULL_SECONDS = 1800
# The kernel counts a user's processes over all containers, so each has a user of its own. They stay below 65536,
# which is all that an engine without root has.
_FIRST_UID, _UIDS = 30000, 30000
_uids = itertools.count(secrets.randbelow(_UIDS))


@dataclass(frozen=True)
class Image:
    """An image that is here; ``environment`` is what it sets for its programs."""

    name: str
    id: str
    environment: Mapping[str, str] = field(compare=False)


@dataclass(frozen=True)
class Engine:
    """A daemon that answered; ``name`` is docker or podman."""

    name: str
    url: str
    version: str

    def image(self, name: str) -> Image:
        """The image called ``name``, pulled if it is not here.

        Raises:
            UserError: it is not here and cannot be pulled.
        """
        import docker

        with self._client(_PULL_SECONDS) as client:
            try:
                found = client.images.get(name)
            except docker.errors.ImageNotFound:
                found = self._pull(client, name)
            variables = dict(line.split("=", 1) for line in found.attrs["Config"].get("Env") or [] if "=" in line)
            return Image(name, found.id, variables)

    def _pull(self, client: Any, name: str) -> Any:
        import docker
        import requests

        try:
            return client.images.pull(name)
        except (docker.errors.DockerException, requests.RequestException) as error:
            raise UserError(
                f"image {name} is not here and cannot be pulled ({_reason(error)});"
                f" name one that `{self.name} images` lists: --image NAME"
            ) from None

    def start(self, image: Image, argv: Sequence[str], mounts: Mapping[str, str]) -> Attached:
        """A container of ``image`` that runs ``argv``; ``mounts`` are host paths, by where they are shown.

        Raises:
            HarnessFault: it did not start.
        """
        uid = _FIRST_UID + next(_uids) % _UIDS
        with self._client() as client:
            container = client.api.create_container(
                image.id,
                entrypoint=list(argv),
                command=[],
                user=f"{uid}:{uid}",
                stdin_open=True,
                environment={"LANG": "C.UTF-8"},
                working_dir="/",
                network_disabled=True,
                labels={_LABEL: _owner(), f"{_LABEL}.pid": str(os.getpid())},
                host_config=_host_config(client, mounts),
            )["Id"]
            try:
                streams = dict.fromkeys(("stdin", "stdout", "stderr", "stream"), 1)
                connection = client.api.attach_socket(container, streams)
                client.api.start(container)
            except BaseException:
                _remove(client, container)
                raise
            return Attached(connection, lambda: self.remove(container))

    def remove(self, container: str) -> None:
        """End a container and wait until it is gone. If nobody answers any more, the next start does it."""
        with contextlib.suppress(TransferEvalError), self._client() as client:
            _remove(client, container)

    def remove_leftovers(self) -> None:
        """Remove the containers of processes of this machine that are dead."""
        with contextlib.suppress(TransferEvalError), self._client() as client:
            here = _here()
            for one in client.api.containers(all=True, filters={"label": _LABEL}):
                place, _, process = one["Labels"].get(_LABEL, "").rpartition("/")
                pid, _, since = process.partition("-")
                if place == here and not (pid.isdigit() and started(int(pid)) == since):
                    _remove(client, one["Id"])

    @contextlib.contextmanager
    def _client(self, seconds: float = 60) -> Iterator[Any]:
        """A connection of our own, as one is not for several threads.

        Raises:
            HarnessFault: the daemon has gone, or refuses.
        """
        import docker
        import requests

        try:
            client = _connect(self.url, seconds)
            try:
                yield client
            finally:
                client.close()
        except (docker.errors.DockerException, requests.RequestException, OSError) as error:
            raise HarnessFault(f"{self.name}: {_reason(error)}") from error


def find(name: str) -> Engine:
    """The engine called ``name``, docker or podman, that answers here.

    Raises:
        UserError: its client is not installed, or no daemon answers.
    """
    try:
        import docker
        import requests
    except ImportError:
        raise UserError(f"--sandbox {name} needs `pip install 'transfer-eval[docker]'`") from None
    reasons = []
    for url in _addresses(name):
        if url.startswith("unix://") and not Path(url.removeprefix("unix://")).is_socket():
            reasons.append(f"{url}: no such socket")
            continue
        try:
            client = _connect(url, 20)
            version = client.version()["Version"]
            client.close()
        except (docker.errors.DockerException, requests.RequestException, OSError) as error:
            reasons.append(f"{url}: {_reason(error)}")
            continue
        engine = Engine(name, url, version)
        engine.remove_leftovers()
        return engine
    variable = _VARIABLES[name]
    raise UserError(f"{name} does not answer ({'; '.join(reasons)}); start it, or say where it is: {variable}=unix://…")


_VARIABLES = {"docker": "DOCKER_HOST", "podman": "CONTAINER_HOST"}
_SOCKETS = {
    "docker": ("/var/run/docker.sock", "{user}/docker.sock"),
    "podman": ("{user}/podman/podman.sock", "/run/podman/podman.sock"),
}


def _addresses(name: str) -> list[str]:
    """Where the daemon may be: as the environment says, else at the usual places."""
    chosen = os.environ.get(_VARIABLES[name])
    user = f"/run/user/{os.geteuid()}"
    sockets = [path.format(user=user) for path in _SOCKETS[name]]
    here = [path for path in sockets if Path(path).exists()]
    return [chosen] if chosen else [f"unix://{path}" for path in here or sockets]


def _connect(url: str, seconds: float) -> Any:
    import docker

    return docker.from_env(version="auto", timeout=seconds, environment={**os.environ, "DOCKER_HOST": url})


def _host_config(client: Any, mounts: Mapping[str, str]) -> Any:
    from docker.types import Mount, Ulimit

    return client.api.create_host_config(
        network_mode="none",
        read_only=True,
        tmpfs={"/tmp": _SCRATCH, "/dev/shm": _SCRATCH, "/var/tmp": _CLOSED},
        mem_limit=MEMORY_BYTES,
        memswap_limit=MEMORY_BYTES,
        pids_limit=TASKS,
        nano_cpus=10**9,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        auto_remove=True,
        log_config={"Type": "none"},  # or the daemon keeps every reply on disk
        # Named, because an engine's own defaults may be more than it is itself allowed.
        ulimits=[Ulimit(name=name, soft=value, hard=value) for name, value in _ULIMITS.items()],
        mounts=[Mount(target, source, type="bind", read_only=True) for target, source in mounts.items()],
    )


def _remove(client: Any, container: str) -> None:
    import docker

    try:
        client.api.remove_container(container, force=True, v=True)
    except docker.errors.NotFound:
        return
    except docker.errors.APIError:  # it is being removed already, as it ended by itself
        deadline = time.monotonic() + 5
        with contextlib.suppress(docker.errors.NotFound):
            while time.monotonic() < deadline:
                client.api.inspect_container(container)
                time.sleep(0.02)


def _here() -> str:
    """This boot of this machine, and our own view of its processes: where a process id means something."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return "unknown"


def _owner() -> str:
    return f"{_here()}/{os.getpid()}-{started(os.getpid())}"


def _reason(error: BaseException) -> str:
    """The short core of a client's error, which wraps others and repeats itself."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
        cause = cause.__cause__ or cause.__context__
    text = str(getattr(error, "explanation", None) or error)
    lines = text.strip().splitlines() or [type(error).__name__]
    return lines[-1][-300:]
