"""A stage trained by a launcher in processes of its own, one for each GPU, while this process waits."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from transfer_eval.errors import UserError
from transfer_eval.files import write_json
from transfer_eval.training.session import Session
from transfer_eval.training.settings import Settings


def launch(launcher: str, kind: str, settings: Settings, folder: Path) -> bool:
    """Train into ``folder`` by ``LAUNCHER -m transfer_eval train``; False if that was done already.

    Args:
        launcher: a command with its options, as a shell splits them: ``accelerate launch …``.

    Raises:
        UserError: there is no such command, the training failed, or the folder holds another run.
    """
    if not Session(kind, settings, folder).begin():
        return False
    config = folder.with_name(f"{folder.name}.json")
    write_json(config, settings.model_dump(mode="json"))
    command = [*shlex.split(launcher), "-m", "transfer_eval", "train", kind, "--config", str(config)]
    try:
        ended = subprocess.run([*command, "--out", str(folder)], check=False)
    except OSError as error:
        raise UserError(f"launch: {launcher}: {error.strerror or error}") from error
    if ended.returncode:
        raise UserError(f"launch: the training of {folder.name} ended with {ended.returncode}: see what it said above")
    return True
