"""One batch decoded: rows that have ended leave it, so that a long answer does not keep them all busy.

transformers computes every row of a batch until the longest one has ended. With stop tokens most
answers are a fifth of the limit, so that was most of the work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transfer_eval.backends.stopping import StopWatch

STRIDE = 16
"""New tokens between two looks at which rows have ended."""


def decode(
    model: Any,
    prompts: Sequence[Sequence[int]],
    watch: StopWatch,
    *,
    max_tokens: int,
    ends: frozenset[int],
    options: Mapping[str, object],
) -> list[list[int]]:
    """The new tokens of each prompt, up to ``max_tokens``; what stands after a row's end is to be ignored.

    ``options`` go into transformers' ``GenerationConfig`` and must hold ``pad_token_id``.
    """
    import torch
    from transformers import GenerationConfig

    width, pad = max(map(len, prompts)), options["pad_token_id"]
    ids = torch.tensor([[pad] * (width - len(row)) + list(row) for row in prompts], device=model.device)
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in prompts], device=model.device)
    answers: list[list[int]] = [[] for _ in prompts]
    rows, left, cache = list(range(len(prompts))), max_tokens, None
    while rows and left:
        out = model.generate(
            ids,
            attention_mask=mask,
            generation_config=GenerationConfig(max_new_tokens=min(STRIDE, left), **options),
            stopping_criteria=watch.criteria(rows),
            return_dict_in_generate=True,
            **({"past_key_values": cache} if cache is not None else {}),
        )
        new = out.sequences[:, ids.shape[1] :]
        for i, tokens in zip(rows, new.tolist(), strict=True):
            answers[i] += tokens
        left -= new.shape[1]
        ended = [watch.stopped[i] is not None or not ends.isdisjoint(answers[i]) for i in rows]
        keep = torch.tensor([p for p, over in enumerate(ended) if not over], dtype=torch.long, device=model.device)
        ids = out.sequences[keep]
        mask = torch.cat([mask[keep], torch.ones_like(new[keep])], dim=1)
        cache = _keep_rows(getattr(out, "past_key_values", None), keep) if len(keep) else None
        rows = [i for i, over in zip(rows, ended, strict=True) if not over]
    return answers


def _keep_rows(cache: Any, keep: Any) -> Any:
    """The cache for the rows at ``keep``; None, and the text so far is read again, if it cannot be cut."""
    if cache is None or not hasattr(cache, "batch_select_indices"):
        return None
    cache.batch_select_indices(keep)
    return cache
