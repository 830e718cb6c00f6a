"""REINFORCE++ on TRL's GRPO trainer: the same rollouts and clipped loss, other advantages.

Hu, "REINFORCE++: A Simple and Efficient Approach for Aligning Large Language Models", arXiv 2501.03262. There is no
critic and no group: the reward comes at the last token, each token pays the KL to the reference, and what is left to
come is normalised over all tokens of the global batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from trl import GRPOTrainer

_LEAST_VARIANCE = 1e-8
Reduce = Callable[[torch.Tensor], torch.Tensor]


def reinforce_advantages(
    rewards: torch.Tensor, kl: torch.Tensor, mask: torch.Tensor, beta: float, reduce: Reduce = lambda tensor: tensor
) -> torch.Tensor:
    """Each token's advantage: A_t = r - beta * (KL_t + … + KL_T), normalised over the tokens of the global batch.

    Args:
        rewards: (B,), of whole completions; NaN where there is none.
        kl: (B, T), log(pi_old / pi_ref) of the sampled tokens.
        mask: (B, T), 1 on the tokens of completions.
        beta: weight of the KL.
        reduce: sums a tensor over processes.

    Returns:
        (B, T) of mean 0 and (population) variance 1 over the tokens of scored completions, and 0 elsewhere.
    """
    scored = mask * ~torch.isnan(rewards).unsqueeze(1)
    to_come = (beta * kl * scored).flip(1).cumsum(1).flip(1)
    values = (torch.nan_to_num(rewards).unsqueeze(1) - to_come) * scored
    total, count = reduce(torch.stack([values.sum(), scored.sum().to(values)]))
    centred = (values - total / count.clamp(min=1.0)) * scored
    variance = reduce((centred**2).sum()) / count.clamp(min=1.0)
    return centred * variance.clamp(min=_LEAST_VARIANCE).rsqrt()


class ReinforcePlusPlusTrainer(GRPOTrainer):  # type: ignore[misc]  # TRL has no types
    """GRPO's trainer with REINFORCE++'s advantages.

    ``args.beta`` is the weight of the token-level KL, in the reward as in the paper, not in the loss.
    ``baseline`` subtracts the mean reward of a prompt's completions first (the paper's variant for several
    completions a prompt). ``scale_rewards`` and ``multi_objective_aggregation`` have no effect.
    """

    def __init__(self, *args: Any, baseline: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kl_weight: float = self.args.beta
        self.beta = 0.0
        self.baseline = baseline
        self._rewards: torch.Tensor = torch.empty(0)

    def _calculate_rewards(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Keep the rewards of all processes, (B, functions)."""
        self._rewards = super()._calculate_rewards(*args, **kwargs)
        return self._rewards

    def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
        """TRL's rollouts with advantages of shape (B, T) in the place of (B,)."""
        self.beta = self.kl_weight  # TRL asks the reference only where there is a KL in its loss …
        try:
            output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        finally:
            self.beta = 0.0  # … and here it is in the reward
        mask = output["completion_mask"].float()
        refers = output.get("ref_per_token_logps") is not None
        kl = self._kl(output).masked_fill(mask == 0, 0.0)
        output["advantages"] = reinforce_advantages(
            self._own_rewards(len(inputs)), kl, mask, self.kl_weight, lambda t: self.accelerator.reduce(t, "sum")
        )
        if refers:
            mode = "train" if self.model.training else "eval"
            self._metrics[mode]["kl"].append((kl.sum() / mask.sum().clamp(min=1.0)).item())
        return output

    def _own_rewards(self, count: int) -> torch.Tensor:
        """This process's rewards, (count,), summed over functions by weight; NaN where none of them had one."""
        rewards = (self._rewards * self.reward_weights.to(self._rewards.device)).nansum(1)
        rewards[torch.isnan(self._rewards).all(1)] = torch.nan
        if self.baseline:
            size = self.num_generations if self.model.training else self.num_generations_eval
            groups = rewards.view(-1, size)
            rewards = (groups - groups.nanmean(1, keepdim=True)).view(-1)
        start = self.accelerator.process_index * count
        return rewards[start : start + count]

    def _kl(self, output: dict[str, Any]) -> torch.Tensor:
        """log(pi_old / pi_ref) of the sampled tokens, (B, T)."""
        reference = output.pop("ref_per_token_logps", None)
        if reference is None:
            return torch.zeros_like(output["completion_ids"], dtype=torch.float32)
        old = output.get("old_per_token_logps")
        if old is None:  # TRL leaves it out where one step follows a rollout: the policy has not moved since
            ids = torch.cat([output["prompt_ids"], output["completion_ids"]], dim=1)
            mask = torch.cat([output["prompt_mask"], output["completion_mask"]], dim=1)
            size = self.args.per_device_train_batch_size
            with torch.no_grad():
                old, *_ = self._get_per_token_logps_and_entropies(
                    self.model, ids, mask, output["completion_ids"].size(1), size
                )
        return (old - reference).float()
