"""Models through Hugging Face transformers: Hub ids, local checkpoints, GGUF files.

Batches are padded on the left and decoded together; a row ends at an end-of-text token, at a stop token
(found as the text grows) or at the limit, and leaves the batch. On CPU, bfloat16 is used where the
processor computes in it: twice as fast as float32 for the embedded model.

Limits: decoder-only models; one process, one device.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transfer_eval.backends.decoding import decode
from transfer_eval.backends.stopping import StopWatch
from transfer_eval.errors import UserError
from transfer_eval.generation import Batch, FinishReason, Generation, Key, Sampling, compose, label, unfinished
from transfer_eval.hub import hush
from transfer_eval.prompt import Prompt, Style

EXTRA = "pip install 'transfer-eval[hf]'"
BATCH_SIZE = 32


@dataclass(frozen=True)
class TransformersBackend:
    """A loaded model. ``batch_size`` is part of what makes a run repeatable: batches share a seed."""

    model: Any
    tokenizer: Any
    identity: Mapping[str, object]
    style: Style
    batch_size: int = BATCH_SIZE
    _ends: frozenset[int] = field(default_factory=frozenset)

    def settings(self, wanted: Sampling) -> Sampling:
        """All of ``wanted``."""
        return wanted

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling, done: Collection[Key] = frozenset()
    ) -> Iterator[list[Generation]]:
        """Answer the prompts batch by batch (see :class:`~transfer_eval.generation.Backend`).

        Raises:
            UserError: a prompt and its answer together are longer than the model's context.
        """
        self._check_context(prompts, sampling)
        for batch in unfinished(compose(prompts, sampling, self.batch_size), done):
            yield self._answer(batch, sampling)

    def _encode(self, prompt: Prompt) -> list[int]:
        if prompt.style is Style.COMPLETION:
            ids: list[int] = self.tokenizer(prompt.text)["input_ids"]
            return ids
        if not getattr(self.tokenizer, "chat_template", None):
            raise UserError(f"{self.identity['model']} has no chat template; use --style completion")
        text = self.tokenizer.apply_chat_template(list(prompt.messages), tokenize=False, add_generation_prompt=True)
        ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _check_context(self, prompts: Sequence[Prompt], sampling: Sampling) -> None:
        context = getattr(self.model.config, "max_position_embeddings", None)
        for prompt in sorted(prompts, key=lambda prompt: -len(prompt.shown))[:1]:
            length = len(self._encode(prompt))
            if context is not None and length + sampling.max_tokens > context:
                raise UserError(
                    f"the prompt of {prompt.task.name} ({length} tokens) and --max-tokens {sampling.max_tokens} "
                    f"exceed the {context} tokens of {self.identity['model']}; lower --max-tokens"
                )

    def _answer(self, batch: Batch, sampling: Sampling) -> list[Generation]:
        import torch

        encoded = [self._encode(prompt) for prompt, _ in batch.requests]
        watch = StopWatch(self.tokenizer, [p.stop_tokens for p, _ in batch.requests], max(map(len, encoded)))
        options: dict[str, object] = {
            "pad_token_id": self.tokenizer.pad_token_id,
            "eos_token_id": sorted(self._ends) or None,
            "do_sample": sampling.temperature > 0,
        }
        if sampling.temperature > 0:
            options |= {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
        with torch.inference_mode(), torch.random.fork_rng():
            torch.manual_seed(batch.seed)
            answers = decode(
                self.model, encoded, watch, max_tokens=sampling.max_tokens, ends=self._ends, options=options
            )
        return [
            self._generation(request, ids, answer, stopped, sampling)
            for request, ids, answer, stopped in zip(batch.requests, encoded, answers, watch.stopped, strict=True)
        ]

    def _generation(
        self, request: tuple[Prompt, int], ids: list[int], answer: list[int], stopped: int | None, sampling: Sampling
    ) -> Generation:
        prompt, sample = request
        end = next((i for i, token in enumerate(answer) if token in self._ends), None)
        if stopped is not None:
            reason, new, count = FinishReason.STOP_TOKEN, answer[:stopped], stopped
        elif end is not None:
            reason, new, count = FinishReason.STOP, answer[:end], end + 1
        else:
            reason, new, count = FinishReason.LENGTH, answer, len(answer)
        return Generation(
            name=prompt.task.name,
            language=prompt.task.language,
            sample=sample,
            text=self._decode(ids, new),
            finish_reason=reason,
            tokens=count,
            style=prompt.style,
            prompt=prompt.digest,
            model=label(self.identity),
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=sampling.max_tokens,
            seed=sampling.seed,
        )

    def _decode(self, before: list[int], new: list[int]) -> str:
        """The text of ``new``. Some tokenizers eat a first blank, so it is decoded after its prompt."""
        options = {"skip_special_tokens": True, "clean_up_tokenization_spaces": False}
        start: str = self.tokenizer.decode(before, **options)
        whole: str = self.tokenizer.decode(before + new, **options)
        if whole.startswith(start):
            return whole[len(start) :]
        return str(self.tokenizer.decode(new, **options))


def load_directory(path: Path, name: str | None = None, revision: str | None = None) -> TransformersBackend:
    """A checkpoint in a local directory.

    Raises:
        UserError: no checkpoint is there, it cannot be read, or the extra is missing.
    """
    if not (path / "config.json").is_file():
        raise UserError(f"{path}: no checkpoint there, it has no config.json")
    name = name or path.resolve().name
    return _load(str(path), name, revision or _hash(sorted(p for p in path.iterdir() if p.is_file())))


def load_gguf(path: Path) -> TransformersBackend:
    """A GGUF file, its weights expanded.

    Raises:
        UserError: the file is not there, is no GGUF or of an unknown architecture, or the extra is missing.
    """
    check_gguf(path)
    return _load(str(path.parent), path.stem, _hash([path]), gguf_file=path.name)


def load_hub(name: str) -> TransformersBackend:
    """A model of the Hugging Face Hub, or of its local cache.

    Raises:
        UserError: the Hub cannot be reached or has no such model, or the extra is missing.
    """
    return _load(name, name, None)


def check_gguf(path: Path) -> None:
    """Raise :class:`UserError` unless ``path`` begins like a GGUF file."""
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    if magic != b"GGUF":
        raise UserError(f"{path} is no GGUF file (it begins with {magic!r})")


def convert_gguf(gguf: Path, directory: Path) -> None:
    """Write a GGUF file as an ordinary float32 checkpoint into ``directory``.

    Raises:
        UserError: as :func:`load_gguf`.
    """
    torch = import_torch()
    check_gguf(gguf)
    model, tokenizer = _from_pretrained(str(gguf.parent), str(gguf), torch.float32, {"gguf_file": gguf.name})
    config = model.config
    del config.quantization_config  # a model that remembers its quantization refuses to be saved
    plain = type(model)(config)
    plain.load_state_dict(model.state_dict())
    plain.save_pretrained(directory)
    tokenizer.save_pretrained(directory)


def import_torch() -> Any:
    """The torch module, set up before its first import.

    Raises:
        UserError: torch or transformers is missing; the message has the line that installs them.
    """
    # Threads that wait spinning starve the programs under test, and themselves on a busy machine. Only
    # read at import.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TQDM_DISABLE", "1")  # our own display is enough
    hush()
    try:
        import torch
        import transformers
    except ImportError as error:
        raise UserError(f"this model needs the extra [hf] ({error}): {EXTRA}") from error
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return torch


def _load(source: str, name: str, revision: str | None, **options: object) -> TransformersBackend:
    torch = import_torch()
    import transformers

    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = torch.float32 if device == "cpu" and not _cpu_has_bfloat16() else torch.bfloat16
    model, tokenizer = _from_pretrained(source, name, dtype, options)
    model.to(device).eval()
    ends = _end_tokens(model, tokenizer)
    # The checkpoint's own defaults (top_k, repetition_penalty …) must not mix into the sampling asked for.
    model.generation_config = transformers.GenerationConfig()
    tokenizer.padding_side = "left"
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    identity = {
        "model": name,
        "backend": "transformers",
        "revision": revision or getattr(model.config, "_commit_hash", None),
        "dtype": str(dtype).removeprefix("torch."),
        "device": device,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    style = Style.CHAT if getattr(tokenizer, "chat_template", None) else Style.COMPLETION
    return TransformersBackend(model, tokenizer, identity, style, BATCH_SIZE, ends)


def _from_pretrained(source: str, name: str, dtype: Any, options: Mapping[str, object]) -> tuple[Any, Any]:
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        with contextlib.redirect_stderr(io.StringIO()):  # GGUF's progress bar knows no off switch
            tokenizer = AutoTokenizer.from_pretrained(source, **options)
            model = AutoModelForCausalLM.from_pretrained(source, dtype=dtype, **options)
    except ImportError as error:
        raise UserError(f"cannot load {name}: {_first_line(error)}; {EXTRA}") from error
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise UserError(f"cannot load {name}: {_first_line(error)}") from error
    return model, tokenizer


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    ends = model.generation_config.eos_token_id
    listed = ends if isinstance(ends, list) else [ends]
    return frozenset(token for token in [*listed, tokenizer.eos_token_id] if token is not None)


def _cpu_has_bfloat16() -> bool:
    """Whether this processor computes in bfloat16 itself; emulated, it is slower than float32."""
    try:
        return re.search(r"\b(?:avx512_bf16|amx_bf16|bf16)\b", Path("/proc/cpuinfo").read_text()) is not None
    except OSError:
        return False


def _hash(files: list[Path]) -> str:
    """A checkpoint's identity: every byte of its files, for fine-tuned siblings differ in nothing else."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.name}\n".encode())
        with path.open("rb") as file:
            while block := file.read(1 << 22):
                digest.update(block)
    return digest.hexdigest()
