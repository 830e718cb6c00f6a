"""OORL: on-policy reinforcement and GEPO on static groups, in one optimiser step.

Wu et al., arXiv 2505.12723, eq. 10: L = w_rl * L_rl + w_gepo * L_gepo, with weights 1 and 0.01.
"""

from __future__ import annotations

from typing import Any

import torch
from accelerate.utils import DistributedType
from transformers import Trainer
from trl import GRPOTrainer

from transfer_eval.training.trainers.gepo import GroupPreference
from transfer_eval.training.trainers.reinforce import ReinforcePlusPlusTrainer


class _WithGroups:
    """Adds GEPO's loss to an on-policy trainer's."""

    groups: GroupPreference
    rl_weight: float
    gepo_weight: float

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Eq. 10; in evaluation, and where groups go serially, the on-policy part only."""
        loss = self.rl_weight * super().compute_loss(model, inputs, return_outputs, num_items_in_batch)  # type: ignore[misc]
        if not model.training or self.groups.settings.serial:
            return loss
        terms = self.groups.loss(model, self._batch())
        self._tell(terms.metrics())
        return loss + self.gepo_weight * terms.loss / self.current_gradient_accumulation_steps  # type: ignore[attr-defined]

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> torch.Tensor:
        """TRL's step; where groups go serially, their gradient is there before it."""
        if not self.groups.settings.serial:
            return super().training_step(model, inputs, num_items_in_batch)  # type: ignore[misc]
        model.train()
        weight = self.gepo_weight / self.current_gradient_accumulation_steps  # type: ignore[attr-defined]
        with self.compute_loss_context_manager():  # type: ignore[attr-defined]
            terms = self.groups.backward(
                model,
                self._batch(),
                lambda loss, last: _backward(self.accelerator, loss, ends=False),  # type: ignore[attr-defined]
                weight,
            )
        self._tell(terms.metrics())
        loss: torch.Tensor = super().training_step(model, inputs, num_items_in_batch)  # type: ignore[misc]
        return loss + weight * terms.loss.detach()

    def _batch(self) -> list[int]:
        """The groups of this micro-step; from the global step, so that a resumed run goes on with the same ones."""
        accumulation = self.current_gradient_accumulation_steps  # type: ignore[attr-defined]
        done = self.state.global_step * accumulation  # type: ignore[attr-defined]
        return self.groups.batch(done + self._step % accumulation)  # type: ignore[attr-defined]

    def _tell(self, metrics: dict[str, float]) -> None:
        for name, value in metrics.items():
            self._metrics["train"][name].append(value)  # type: ignore[attr-defined]


def _backward(accelerator: Any, loss: torch.Tensor, *, ends: bool) -> None:
    """A backward pass. DeepSpeed's engine steps after each that ends a step, so only one of a step may say so."""
    options = {"scale_wrt_gas": False} if accelerator.distributed_type == DistributedType.DEEPSPEED else {}
    wanted = accelerator.sync_gradients
    accelerator.gradient_state._set_sync_gradients(wanted and ends)  # as transformers' trainer says it
    try:
        accelerator.backward(loss, **options)
    finally:
        accelerator.gradient_state._set_sync_gradients(wanted)


class OorlTrainer(_WithGroups, ReinforcePlusPlusTrainer):
    """The paper's: REINFORCE++ with GEPO."""


class OorlGrpoTrainer(_WithGroups, GRPOTrainer):  # type: ignore[misc]  # TRL has no types
    """GRPO with GEPO."""


class GepoTrainer(Trainer):  # type: ignore[misc]  # transformers' types are not followed
    """GEPO alone, which the paper's ablation lacks. The dataset only counts steps: ``groups`` holds the data."""

    groups: GroupPreference
    _step = 0

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> torch.Tensor:
        """One batch of groups."""
        model.train()
        accumulation = self.current_gradient_accumulation_steps
        batch = self.groups.batch(self.state.global_step * accumulation + self._step % accumulation)
        self._step += 1
        with self.compute_loss_context_manager():
            if self.groups.settings.serial:
                terms = self.groups.backward(
                    model, batch, lambda loss, last: _backward(self.accelerator, loss, ends=last), 1 / accumulation
                )
            else:
                terms = self.groups.loss(model, batch)
                self.accelerator.backward(terms.loss / accumulation)
        self._told = terms.metrics()
        return terms.loss.detach() / accumulation

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """With the terms of the last batch."""
        super().log({**logs, **getattr(self, "_told", {})}, start_time)
