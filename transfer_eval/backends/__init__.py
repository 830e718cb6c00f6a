"""Where answers come from: one module a backend, chosen by how the model is written."""

from __future__ import annotations

import re
from pathlib import Path

from transfer_eval.errors import UserError
from transfer_eval.generation import Backend

NAMES = ("auto", "transformers", "vllm", "openai", "replay")
_HUB_ID = re.compile(r"[\w.-]+(?:/[\w.-]+)?")


def load(model: str, backend: str = "auto") -> Backend:
    """The backend for ``model``: ``smollm2``, ``replay:PATH``, a directory, a GGUF file or a Hub id.

    Raises:
        UserError: there is no such model or backend, it cannot be loaded, or an extra is missing.
    """
    if backend not in NAMES:
        raise UserError(f"unknown backend {backend!r}; there are {', '.join(NAMES)}")
    kind, _, rest = model.partition(":")
    if kind == "replay" or backend == "replay":
        from transfer_eval.backends import replay

        return replay.load(Path(rest if kind == "replay" else model))
    if kind == "openai" or backend in {"openai", "vllm"}:
        name = "openai" if kind == "openai" else backend
        raise UserError(f"the {name} backend is not there yet; use a Hub id, a directory, a GGUF file or replay:PATH")
    if model == "smollm2":
        from transfer_eval.backends import embedded

        return embedded.load()
    return _load_transformers(model)


def _load_transformers(model: str) -> Backend:
    from transfer_eval.backends import transformers

    path = Path(model).expanduser()
    if path.suffix == ".gguf":
        return transformers.load_gguf(path)
    if path.is_dir():
        return transformers.load_directory(path)
    if path.exists() or model.startswith(("/", ".", "~")) or not _HUB_ID.fullmatch(model):
        raise UserError(f"no model at {model}: it is neither a directory, nor a .gguf file, nor a Hub id")
    return transformers.load_hub(model)
