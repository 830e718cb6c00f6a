"""An Experiment and a seed -> the stages to be trained, each with a key made of all that decides its outcome.

Parallel-SFT (arXiv 2604.20835)::

    base -> sft in each arm (mono, multi, parallel: same tokens, same steps) -> rl in the source
                                                  last arm's sft -> rl in a target: the oracle

OORL (arXiv 2505.12723, table 4, with the rows it lacks)::

    base -> sft on translation pairs -> none | rl | rl+dpo | rl+gepo | gepo | rl+gepo-lambda0
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from transfer_eval.errors import UserError
from transfer_eval.training.experiment.intermediate import Functions
from transfer_eval.training.experiment.preset import Experiment, Table
from transfer_eval.training.reading import told
from transfer_eval.training.settings import OorlSettings, RlSettings, Settings, SftSettings

_KINDS: Mapping[str, type[Settings]] = {"sft": SftSettings, "rl": RlSettings, "oorl": OorlSettings}
_OORL_ROWS: Mapping[str, Table] = {
    "rl": {"gepo_weight": 0.0},
    "rl+dpo": {"groups": {"pairs": True}},
    "rl+gepo": {},
    "gepo": {"rl_weight": 0.0},
    "rl+gepo-lambda0": {"groups": {"variance_weight": 0.0}},
}


@dataclass(frozen=True)
class Stage:
    """One model of an experiment.

    Attributes:
        arm: which of the compared ways it belongs to; ``shared`` where all come from it.
        name: base, sft, rl or oracle.
        kind: the entry point that trains it.
        settings: without the model it starts from, which is ``parent``'s; None: what the settings say.
        functions: whose IR groups it learns from.
    """

    arm: str
    name: str
    seed: int
    kind: str
    settings: Table
    parent: Stage | None
    functions: Functions | None = None

    @property
    def key(self) -> str:
        """A hash of the kind, the settings and the parent's key: equal keys, equal models."""
        parts = [self.kind, self.settings, self.parent.key if self.parent else ""]
        if self.functions is not None:
            parts.append(self.functions.file)
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    def assembled(self, start: str | None, groups: str = "groups") -> Settings:
        """The settings, starting from the model in the folder ``start``, with the IR ``groups`` in that file.

        Raises:
            UserError: a key is unknown, missing or has a bad value; the stage and the key are named.
        """
        table = self.settings if start is None else merge(self.settings, {"model": {"path": start}})
        if self.functions is not None:
            table = merge(table, {"data": {"groups": groups}} if self.kind == "sft" else {"groups": {"path": groups}})
        try:
            return _KINDS[self.kind].model_validate(table)
        except ValidationError as error:
            raise UserError(f"stage {self.arm}/{self.name}: {told(error)}") from error


def stages(experiment: Experiment, seed: int) -> list[Stage]:
    """Every stage of one seed, parents first."""
    base = None
    if experiment.base is not None:
        data = {
            "mixture": "multi",
            "source": experiment.languages.source,
            "languages": experiment.languages.pretraining,
        }
        ir = experiment.ir
        read = Functions(ir.read, ir.seed + 1, ir.longest) if ir else None
        settings = merge(experiment.base, {"seed": seed, "data": data})
        base = Stage("shared", "base", seed, "sft", settings, None, read)
    made = _parallel_sft if experiment.name == "parallel-sft" else _oorl
    return [*([base] if base else []), *made(experiment, seed, base)]


def _parallel_sft(experiment: Experiment, seed: int, base: Stage | None) -> Iterator[Stage]:
    languages = experiment.languages
    sft = None
    for arm in experiment.arms:
        data = {"mixture": arm, "source": languages.source, "languages": languages.seen}
        sft = _first(
            experiment, Stage(arm, "sft", seed, "sft", merge(experiment.sft, {"seed": seed, "data": data}), base)
        )
        yield sft
        rl = merge(experiment.rl, {"seed": seed, "data": {"languages": [languages.source]}})
        yield Stage(arm, "rl", seed, "rl", rl, sft)
    for target in experiment.oracle:
        rl = merge(experiment.rl, {"seed": seed, "data": {"languages": [target]}})
        yield Stage(f"oracle-{target}", "oracle", seed, "rl", rl, sft)


def _oorl(experiment: Experiment, seed: int, base: Stage | None) -> Iterator[Stage]:
    languages = experiment.languages
    data = {"mixture": "parallel", "source": languages.source, "languages": languages.seen}
    sft = _first(
        experiment, Stage("none", "sft", seed, "sft", merge(experiment.sft, {"seed": seed, "data": data}), base)
    )
    yield sft
    targets = [name for name in languages.seen if name != languages.source]
    ir = experiment.ir
    functions = Functions(ir.functions, ir.seed, ir.longest) if ir else None
    for arm in experiment.arms:
        if arm not in _OORL_ROWS:
            raise UserError(f"unknown arm {arm!r}: there are {', '.join(_OORL_ROWS)}")
        data = {"languages": targets, "sources": [languages.source]}
        settings = merge(experiment.rl, {"seed": seed, "data": data, "groups": experiment.groups})
        yield Stage(arm, "rl", seed, "oorl", merge(settings, _OORL_ROWS[arm]), sft, functions)


def _first(experiment: Experiment, stage: Stage) -> Stage:
    """A stage that starts from the published base where the experiment pretrains none."""
    if stage.parent is not None:
        return stage
    settings = merge(stage.settings, {"model": {"path": experiment.model}})
    return Stage(stage.arm, stage.name, stage.seed, stage.kind, settings, None)


def merge(table: Table, more: Mapping[str, Any]) -> Table:
    """``table`` with the values of ``more``, tables into tables."""
    out = dict(table)
    for key, value in more.items():
        inside = out.get(key)
        out[key] = merge(inside, value) if isinstance(inside, dict) and isinstance(value, Mapping) else value
    return out
