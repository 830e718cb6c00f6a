"""Group Equivalent Preference Optimization: preferences between a group of equivalents and a group of others.

Wu et al., "On-Policy Optimization with Group Equivalent Preference for Multi-Programming Language Understanding",
arXiv 2505.12723, eq. 9. With r = log(pi / pi_ref) of a whole response::

    L = -log sigmoid(beta * (mean over winners of r - mean over losers of r)) + lambda * (variance of winners' r)

With one winner and one loser it is DPO's loss. The paper gives lambda = 1 and says nothing of beta (0.1 here, as in
DPO), of the group sizes, of whether the variance divides by n or n - 1 (n here), and of normalising by length (not
here: sums over tokens, as in DPO).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

_IGNORED = -100


@dataclass(frozen=True)
class GepoSettings:
    """How groups are learnt from.

    Attributes:
        beta: the scale of the margin, as in DPO.
        variance_weight: lambda, of the variance among winners.
        serial: responses go through the model ``chunk`` at a time, forward twice and backward once: the
            same gradient in the memory of a chunk (the paper's remedy, B13 of its limitations).
        chunk: responses a forward pass, where serial.
        batch: groups a step and process.
    """

    beta: float = 0.1
    variance_weight: float = 1.0
    serial: bool = False
    chunk: int = 1
    batch: int = 1
    seed: int = 0


@dataclass(frozen=True)
class TokenGroup:
    """A group in tokens: a prompt, and its responses, the end token included."""

    prompt: tuple[int, ...]
    winners: tuple[tuple[int, ...], ...]
    losers: tuple[tuple[int, ...], ...]

    @property
    def responses(self) -> tuple[tuple[int, ...], ...]:
        """Winners first."""
        return self.winners + self.losers


@dataclass(frozen=True)
class GepoTerms:
    """The loss of a batch, a scalar with a gradient, and what it is made of, each (groups,)."""

    loss: torch.Tensor
    margin: torch.Tensor
    variance: torch.Tensor

    def metrics(self) -> dict[str, float]:
        """For the log: ``accuracy`` is the share of groups whose winners are preferred."""
        return {
            "gepo/loss": self.loss.item(),
            "gepo/margin": self.margin.mean().item(),
            "gepo/variance": self.variance.mean().item(),
            "gepo/accuracy": (self.margin > 0).float().mean().item(),
        }


def gepo_loss(
    ratios: torch.Tensor, winners: torch.Tensor, losers: torch.Tensor, *, beta: float, variance_weight: float
) -> GepoTerms:
    """Eq. 9 over a batch of groups.

    Args:
        ratios: (groups, responses), log(pi / pi_ref) of each response; anything where there is none.
        winners: (groups, responses), true on winners.
        losers: (groups, responses), true on losers.
        beta: scale of the margin.
        variance_weight: lambda.
    """
    mean = _mean(ratios, winners)
    margin = mean - _mean(ratios, losers)
    variance = _mean((ratios - mean.unsqueeze(1)) ** 2, winners)
    loss = -functional.logsigmoid(beta * margin) + variance_weight * variance
    return GepoTerms(loss.mean(), margin.detach(), variance.detach())


def _mean(values: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """The mean of each row's chosen values."""
    return torch.where(chosen, values, torch.zeros_like(values)).sum(1) / chosen.sum(1)


def response_logps(
    model: Any, prompts: Sequence[Sequence[int]], responses: Sequence[Sequence[int]], pad: int
) -> torch.Tensor:
    """log pi(response | prompt), summed over tokens, of each pair: (N,), in float32."""
    device = next(model.parameters()).device
    width = max(len(p) + len(r) for p, r in zip(prompts, responses, strict=True))
    ids = torch.full((len(prompts), width), pad)
    labels, mask = torch.full_like(ids, _IGNORED), torch.zeros_like(ids)
    for row, (prompt, response) in enumerate(zip(prompts, responses, strict=True)):
        length = len(prompt) + len(response)
        ids[row, :length] = torch.tensor([*prompt, *response])
        labels[row, len(prompt) : length] = torch.tensor(response)
        mask[row, :length] = 1
    ids, labels, mask = ids.to(device), labels.to(device), mask.to(device)
    logits = model(input_ids=ids, attention_mask=mask).logits[:, :-1].float()
    losses = functional.cross_entropy(
        logits.transpose(1, 2), labels[:, 1:], ignore_index=_IGNORED, reduction="none"
    )  # 0 where ignored
    return -losses.sum(1)


class GroupPreference:
    """The groups of a run, their log-probabilities under the reference, and the loss of a policy on them.

    The reference is the model as it is handed over, before it is trained: its log-probabilities are
    computed once, so that it needs no copy.
    """

    def __init__(
        self,
        groups: Sequence[TokenGroup],
        model: Any,
        pad: int,
        settings: GepoSettings,
        *,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        if len(groups) < world:
            raise ValueError(f"{len(groups)} groups for {world} processes")
        self.groups, self.settings = groups, settings
        self._pad, self._rank, self._world = pad, rank, world
        self._model = model
        self._reference: dict[int, torch.Tensor] = {}

    def prepare(self) -> None:
        """Ask the reference about every group of this process.

        Must be called before the first step, while the model is still what it was handed over as.
        """
        training = self._model.training
        self._model.eval()
        mine = sorted({i for number in range(self.steps_an_epoch) for i in self.batch(number)})
        with torch.no_grad():
            for index in mine:
                self._reference[index] = torch.cat(list(self._chunks(self._model, index))).cpu()
        self._model.train(training)

    @property
    def steps_an_epoch(self) -> int:
        """Batches until every group was seen by some process."""
        return -(-len(self.groups) // (self.settings.batch * self._world))

    def batch(self, number: int) -> list[int]:
        """The groups of this process's batch ``number``: each epoch has an order of its own, from the seed."""
        epoch, place = divmod(number, self.steps_an_epoch)
        # One share of the groups belongs to each process for good, as does what the reference said of it.
        mine = torch.arange(len(self.groups))[self._rank :: self._world]
        order = torch.randperm(len(mine), generator=torch.Generator().manual_seed(self.settings.seed + epoch))
        size = self.settings.batch
        return [int(mine[order[i % len(mine)]]) for i in range(place * size, (place + 1) * size)]

    def loss(self, model: Any, batch: Sequence[int]) -> GepoTerms:
        """The loss in one graph."""
        chosen = [self.groups[i] for i in batch]
        prompts = [group.prompt for group in chosen for _ in group.responses]
        responses = [response for group in chosen for response in group.responses]
        return self._terms(response_logps(model, prompts, responses, self._pad), batch)

    def backward(
        self, model: Any, batch: Sequence[int], backward: Callable[[torch.Tensor, bool], None], weight: float
    ) -> GepoTerms:
        """Add the gradient of ``weight`` * loss to the parameters', a chunk of responses at a time.

        The loss's derivative by each response's log-probability is found first, without the model's graph; then
        each chunk is run again, weighted by it. ``backward`` takes a loss and whether it is the last one.
        """
        with torch.no_grad():
            logps = torch.cat([part for index in batch for part in self._chunks(model, index)])
        logps = logps.requires_grad_()
        terms = self._terms(logps, batch)
        (slopes,) = torch.autograd.grad(terms.loss, logps)
        at = 0
        for index in batch:
            for part in self._chunks(model, index):
                start, at = at, at + len(part)
                backward(weight * (slopes[start:at] * part).sum(), at == len(logps))
        return terms

    def _chunks(self, model: Any, index: int) -> Iterator[torch.Tensor]:
        """The log-probabilities of one group's responses, some at a time."""
        group, size = self.groups[index], self.settings.chunk
        for start in range(0, len(group.responses), size):
            responses = group.responses[start : start + size]
            yield response_logps(model, [group.prompt] * len(responses), responses, self._pad)

    def _terms(self, logps: torch.Tensor, batch: Sequence[int]) -> GepoTerms:
        """The loss from log-probabilities in the order of the batch's responses."""
        chosen = [self.groups[i] for i in batch]
        reference = torch.cat([self._reference[i] for i in batch]).to(logps.device)
        width = max(len(group.responses) for group in chosen)
        shape = (len(chosen), width)
        winners = torch.zeros(shape, dtype=torch.bool, device=logps.device)
        losers = torch.zeros_like(winners)
        for row, group in enumerate(chosen):
            winners[row, : len(group.winners)] = True
            losers[row, len(group.winners) : len(group.responses)] = True
        ratios = torch.zeros(shape, device=logps.device)
        ratios[winners | losers] = logps - reference
        settings = self.settings
        return gepo_loss(ratios, winners, losers, beta=settings.beta, variance_weight=settings.variance_weight)
