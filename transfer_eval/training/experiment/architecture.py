"""The architecture of an experiment's model: how many weights it has, and the same in small, for a rehearsal.

Nothing is downloaded: a preset states the published configuration, or the experiment makes its model itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transfer_eval.backends.transformers import import_torch
from transfer_eval.errors import UserError
from transfer_eval.training.experiment.preset import Experiment
from transfer_eval.training.model import config_of
from transfer_eval.training.settings import Model

_LAYERS, _KEYS, _HEAD = 2, 2, 8  # of a model in small: layers, heads of keys and values, dimensions of a head


def configuration(experiment: Experiment) -> Any:
    """The configuration of the model, as transformers has it.

    Raises:
        UserError: the preset does not state it, or states it wrongly.
    """
    import_torch()
    from transformers import AutoConfig

    if experiment.base is not None:
        new = Model.model_validate(experiment.base.get("model", {})).new
        if new is None:
            raise UserError("base.model: a base that is pretrained here is new")
        return config_of(new, new.vocabulary)
    assert experiment.model is not None, "one of the two is given"
    path = Path(str(experiment.model.path))
    if path.is_dir():
        return AutoConfig.from_pretrained(path)
    if experiment.architecture is None:
        raise UserError(f"no [architecture]: a dry run does not download {path}, so the preset must state it")
    return _stated(dict(experiment.architecture))


def _stated(table: dict[str, Any]) -> Any:
    from huggingface_hub.errors import StrictDataclassError
    from transformers import AutoConfig

    kind = str(table.pop("model_type", ""))
    try:
        default = AutoConfig.for_model(kind)
        unknown = [key for key in table if not hasattr(default, key)]
        if unknown:
            raise UserError(f"architecture: {kind} has no {unknown[0]!r}")
        return AutoConfig.for_model(kind, **table)
    except (ValueError, TypeError, KeyError, StrictDataclassError) as error:
        raise UserError(f"architecture: {' '.join(str(error).split())[:200]}") from error


def weights(config: Any) -> int:
    """How many weights a model of this configuration has; it is not made."""
    torch = import_torch()
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        return sum(parameter.numel() for parameter in AutoModelForCausalLM.from_config(config).parameters())


def shrunken(config: Any, tokenizer: Any) -> Any:
    """The same architecture with few and narrow layers, for a tokenizer.

    The proportions stay: of query heads to those of keys and values, of the inner width to the outer one, of the
    heads' dimensions together to the outer width; and so does all that has no size.
    """
    queries, keys = config.num_attention_heads, config.num_key_value_heads
    head = getattr(config, "head_dim", None) or config.hidden_size // queries
    values = config.to_dict()
    values.pop("layer_types", None)  # one for each layer: made anew
    small_keys = min(keys, _KEYS)
    small_queries = small_keys * (queries // keys)
    hidden = small_queries * _HEAD * config.hidden_size // (queries * head)
    values |= {
        "num_hidden_layers": _LAYERS,
        "num_key_value_heads": small_keys,
        "num_attention_heads": small_queries,
        "head_dim": _HEAD,
        "hidden_size": hidden,
        "intermediate_size": hidden * config.intermediate_size // config.hidden_size,
        "vocab_size": len(tokenizer),
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    return type(config)(**values)
