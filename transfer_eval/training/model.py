"""The model in training: loaded, or made from nothing; saved so that ``transfer-eval run --model DIR`` takes it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from transfer_eval.backends.transformers import import_torch
from transfer_eval.errors import UserError
from transfer_eval.training.settings import Lora, Model, NewModel

END = "<|end|>"


def load(settings: Model, texts: Iterable[str], seed: int) -> tuple[Any, Any]:
    """(model, tokenizer), the model in training precision; ``texts`` are what a new tokenizer learns from.

    Raises:
        UserError: there is no such model, or it cannot be read.
    """
    torch = import_torch()
    if settings.new is not None:
        return create(settings.new, texts, seed, settings.attention)
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    path = str(settings.path)
    if Path(path).is_dir() and not (Path(path) / "config.json").is_file():
        raise UserError(f"{path}: no checkpoint there, it has no config.json")
    dtype = {"auto": "auto", "float32": torch.float32, "bfloat16": torch.bfloat16}[settings.dtype]
    try:
        tokenizer = AutoTokenizer.from_pretrained(path)
        model = AutoModelForCausalLM.from_pretrained(path, dtype=dtype, attn_implementation=settings.attention)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise UserError(
            f"cannot load {path}: {(str(error).strip() or type(error).__name__).splitlines()[0]}"
        ) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    if settings.thinking is not None:
        think(tokenizer, settings.thinking)
    return model, tokenizer


def think(tokenizer: Any, thinking: bool) -> None:
    """Make the tokenizer's chat template say whether to think, whoever uses it.

    Raises:
        UserError: it has no template that could be told.
    """
    template = tokenizer.chat_template
    if not isinstance(template, str) or "enable_thinking" not in template:
        raise UserError(f"model.thinking = {str(thinking).lower()}: the model's chat template does not ask for it")
    said = f"{{%- set enable_thinking = {str(thinking).lower()} %}}"
    if not template.startswith(said):
        tokenizer.chat_template = said + template


def create(new: NewModel, texts: Iterable[str], seed: int, attention: str = "sdpa") -> tuple[Any, Any]:
    """A small Llama with random weights, and a tokenizer for ``texts``."""
    torch = import_torch()
    from transformers import LlamaForCausalLM

    tokenizer = tokenizer_of(texts, new.vocabulary, new.context)
    config = config_of(
        new, len(tokenizer), eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
        attn_implementation=attention,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return LlamaForCausalLM(config), tokenizer


def tokenizer_of(texts: Iterable[str], vocabulary: int, context: int) -> Any:
    """A byte-level BPE tokenizer learnt from ``texts``, with digits by themselves."""
    import_torch()
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=[END], initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token=END, pad_token=END, padding_side="left", model_max_length=context
    )


def config_of(new: NewModel, vocabulary: int, **more: Any) -> Any:
    """The configuration of a new model whose tokenizer has so many tokens."""
    import_torch()
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=new.hidden,
        intermediate_size=new.intermediate,
        num_hidden_layers=new.layers,
        num_attention_heads=new.heads,
        num_key_value_heads=new.heads,
        head_dim=new.hidden // new.heads,
        max_position_embeddings=new.context,
        initializer_range=new.initializer_range,
        tie_word_embeddings=True,
        bos_token_id=None,
        **more,
    )


def adapters(settings: Lora | None) -> Any:
    """peft's configuration, None for all weights.

    Raises:
        UserError: peft is missing.
    """
    if settings is None:
        return None
    try:
        from peft import LoraConfig
    except ImportError:
        raise UserError("LoRA needs `pip install 'transfer-eval[train]'`") from None
    targets = settings.targets if isinstance(settings.targets, str) else list(settings.targets)
    return LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=targets,
        task_type="CAUSAL_LM",
    )


def still(model: Any) -> None:
    """Switch dropout off: a policy and its reference, or two passes over one group, must see the same network."""
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write a whole checkpoint, adapters merged.

    Raises:
        UserError: the folder cannot be written.
    """
    if hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    try:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written: {error.strerror or error}") from error
