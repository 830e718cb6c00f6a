"""Stop tokens found while text grows, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class StopWatch:
    """Watches the rows of one batch; ``stopped`` holds each row's new tokens at its stop token, or None.

    Only as many last tokens are decoded as a stop token can span (a token is at least one byte), so a step
    costs the same however long the answers are.
    """

    def __init__(self, tokenizer: Any, stop_tokens: Sequence[Sequence[str]], width: int) -> None:
        self.stopped: list[int | None] = [None] * len(stop_tokens)
        self._tokenizer = tokenizer
        self._stop_tokens = stop_tokens
        self._width = width
        self._window = max((len(token.encode()) for tokens in stop_tokens for token in tokens), default=0) + 1

    def look(self, rows: Sequence[int], recent: Sequence[Sequence[int]], count: int) -> list[bool]:
        """Look at the last of the ``count`` new tokens of ``rows``; tells which of them have met a stop token."""
        for i, tokens in zip(rows, recent, strict=True):
            if self.stopped[i] is None and self._stop_tokens[i]:
                text = self._tokenizer.decode(tokens[-self._window :], clean_up_tokenization_spaces=False)
                if any(token in text for token in self._stop_tokens[i]):
                    self.stopped[i] = count
        return [self.stopped[i] is not None for i in rows]

    def criteria(self, rows: Sequence[int]) -> Any:
        """This watch over ``rows`` as transformers' stopping criteria."""
        import torch
        from transformers import StoppingCriteria, StoppingCriteriaList

        watch, width, window = self, self._width, self._window

        class _Watch(StoppingCriteria):  # type: ignore[misc]  # transformers is not followed by mypy
            def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
                length = input_ids.shape[1]
                recent = input_ids[:, max(width, length - window) :].tolist()
                flags = watch.look(rows, recent, length - width)
                return torch.tensor(flags, dtype=torch.bool, device=input_ids.device)

        return StoppingCriteriaList([_Watch()])
