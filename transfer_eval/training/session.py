"""What every run shares: its folder, its resumption, its log, its end.

``OUT`` holds the finished model (so ``transfer-eval run --model OUT`` takes it), ``settings.json``, ``metrics.jsonl``,
``tensorboard/`` and ``checkpoints/``. A run that was killed goes on from its last whole checkpoint, bit for bit.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from transfer_eval.errors import UserError
from transfer_eval.files import Journal, read_json, write_json, write_lines
from transfer_eval.training.settings import Settings

METRICS = "metrics.jsonl"
_SETTINGS, _STATE, _CONFIG = "settings.json", "trainer_state.json", "config.json"


def finished(folder: Path) -> bool:
    """Whether a run in the folder came to its end."""
    return (folder / _CONFIG).exists()


@dataclass(frozen=True)
class Session:
    """A run's folder and what it is to hold."""

    kind: str
    settings: Settings
    folder: Path

    def begin(self) -> bool:
        """Whether there is anything left to do in the folder.

        Raises:
            UserError: the folder holds another run.
        """
        path = self.folder / _SETTINGS
        if path.exists() and (known := self._completed(read_json(path))) != self._asked:
            other = _difference(known, self._asked)
            raise UserError(f"{self.folder} holds a run with other settings ({other}); choose another --out")
        return not finished(self.folder)

    @property
    def _asked(self) -> dict[str, Any]:
        return {"kind": self.kind, "settings": self.settings.model_dump(mode="json")}

    def _completed(self, known: Any) -> Any:
        """What a folder says of itself, with the defaults of settings that are newer than it."""
        try:
            settings = type(self.settings).model_validate(known["settings"])
        except (TypeError, KeyError, ValidationError):
            return known
        return {**known, "settings": settings.model_dump(mode="json")}

    @property
    def checkpoints(self) -> Path:
        """Where the trainer saves."""
        return self.folder / "checkpoints"

    def last_checkpoint(self) -> str | None:
        """The newest whole checkpoint; torn ones are removed, and so is what was logged after it."""
        whole = []
        for path in self.checkpoints.glob("checkpoint-*"):
            try:
                json.loads((path / _STATE).read_text())  # written last
                whole.append(path)
            except (OSError, ValueError):
                shutil.rmtree(path, ignore_errors=True)  # another process of the run may be faster
        last = max(whole, key=_step, default=None)
        self._forget(_step(last) if last else 0)
        return str(last) if last else None

    def _forget(self, step: int) -> None:
        journal = Journal(self.folder / METRICS)
        if journal.path.exists():
            kept = [json.dumps(row) for row in journal.rows() if row["step"] <= step]
            write_lines(journal.path, kept)

    def arguments(self, **more: Any) -> dict[str, Any]:
        """The arguments of a TRL or transformers configuration."""
        import torch

        optimisation, logging = self.settings.optimisation, self.settings.logging
        gpu = torch.cuda.is_available()
        if optimisation.threads and not gpu:
            torch.set_num_threads(optimisation.threads)
        os.environ["TENSORBOARD_LOGGING_DIR"] = str(self.folder / "tensorboard")
        return {
            "output_dir": str(self.checkpoints),
            "learning_rate": optimisation.learning_rate,
            "lr_scheduler_type": optimisation.schedule,
            "warmup_steps": optimisation.warmup,
            "weight_decay": optimisation.weight_decay,
            "per_device_train_batch_size": optimisation.batch,
            "gradient_accumulation_steps": optimisation.accumulation,
            "num_train_epochs": optimisation.epochs,
            "max_steps": optimisation.steps,
            "max_grad_norm": optimisation.clip,
            "bf16": gpu if optimisation.bf16 is None else optimisation.bf16,
            "activation_checkpointing": gpu if optimisation.checkpointing is None else optimisation.checkpointing,
            "use_cpu": not gpu,
            "logging_steps": logging.every,
            "save_strategy": "steps" if logging.save else "no",
            "save_steps": logging.save or 1,
            "save_total_limit": logging.keep,
            "seed": self.settings.seed,
            "data_seed": self.settings.seed,
            "report_to": ["tensorboard"],
            "disable_tqdm": True,
            **more,
        }

    def train(self, trainer: Any, tokenizer: Any, facts: Mapping[str, float]) -> None:
        """Run a trainer from where it stopped to its end, and save the model; ``facts`` are logged first.

        Raises:
            UserError: the folder cannot be written.
        """
        from transformers import PrinterCallback

        from transfer_eval.training.model import save
        from transfer_eval.training.trainers.telling import Telling

        trainer.remove_callback(PrinterCallback)
        write_json(self.folder / _SETTINGS, self._asked)  # not before: what could not begin holds no folder
        last, journal = self.last_checkpoint(), Journal(self.folder / METRICS)
        if facts and last is None and trainer.is_world_process_zero():
            journal.append({"step": 0, **facts})
        trainer.add_callback(Telling(journal))
        trainer.train(resume_from_checkpoint=last)
        if trainer.is_world_process_zero():
            save(trainer.accelerator.unwrap_model(trainer.model), tokenizer, self.folder)


def _step(path: Path) -> int:
    return int(path.name.rpartition("-")[2])


def _difference(known: Any, asked: Mapping[str, Any], place: str = "") -> str:
    """The first setting in which two runs differ."""
    for key in asked:
        theirs = known.get(key) if isinstance(known, dict) else None
        if theirs != asked[key]:
            if isinstance(theirs, dict) and isinstance(asked[key], dict):
                return _difference(theirs, asked[key], f"{place}{key}.")
            return f"{place}{key}"
    return "keys"
