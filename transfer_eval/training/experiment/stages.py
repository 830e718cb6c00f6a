"""An Experiment and a seed -> the stages to be trained, each with a key made of all that decides its outcome.

Parallel-SFT (arXiv 2604.20835)::

    base -> sft in each arm (mono, multi, parallel: same tokens, same steps) -> rl in the source
                                                  last arm's sft -> rl in a target: the oracle

OORL (arXiv 2505.12723, table 4, with the rows it lacks)::

    base -> sft on translation pairs of all it has read -> none | rl | rl+dpo | rl+gepo | gepo | rl+gepo-lambda0

The base is pretrained here, or published; then the paper's OORL does without the sft.
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
from transfer_eval.training.settings import OorlSettings, Published, RlSettings, Settings, SftSettings

PUBLISHED = "published"
_KINDS: Mapping[str, type[Settings | Published]] = {
    "sft": SftSettings, "rl": RlSettings, "oorl": OorlSettings, PUBLISHED: Published,
}  # fmt: skip
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
        kind: the entry point that trains it, or ``PUBLISHED``: it is taken as it is.
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

    def assembled(self, start: str | None, groups: str = "groups") -> Settings | Published:
        """The settings, starting from the model ``start``, a folder or a Hub id, with the IR ``groups`` of that file.

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
    base = _base(experiment, seed)
    made = _parallel_sft if experiment.name == "parallel-sft" else _oorl
    return [base, *made(experiment, seed, base)]


def _base(experiment: Experiment, seed: int) -> Stage:
    arm = "shared" if experiment.sft is not None else "none"
    if experiment.base is None:
        assert experiment.model is not None, "one of the two is given"
        return Stage(arm, "base", seed, PUBLISHED, {"model": experiment.model.model_dump(exclude_unset=True)}, None)
    languages = experiment.languages
    data = {"mixture": "multi", "source": languages.source, "languages": languages.pretraining}
    ir = experiment.ir
    read = Functions(ir.read, ir.seed + 1, ir.longest) if ir else None
    return Stage(arm, "base", seed, "sft", merge(experiment.base, {"seed": seed, "data": data}), None, read)


def _parallel_sft(experiment: Experiment, seed: int, base: Stage) -> Iterator[Stage]:
    languages = experiment.languages
    sft = base
    for arm in experiment.arms:
        sft = _sft(experiment, seed, arm, arm, languages.seen, base)
        yield sft
        yield Stage(arm, "rl", seed, "rl", _rl(experiment, seed, {"languages": [languages.source]}), sft)
    for target in experiment.oracle:
        yield Stage(f"oracle-{target}", "oracle", seed, "rl", _rl(experiment, seed, {"languages": [target]}), sft)


def _oorl(experiment: Experiment, seed: int, base: Stage) -> Iterator[Stage]:
    languages = experiment.languages
    start = base
    if experiment.sft is not None:
        start = _sft(experiment, seed, "none", "parallel", languages.pretraining, base)
        yield start
    targets = [name for name in languages.seen if name != languages.source]
    ir = experiment.ir
    functions = Functions(ir.functions, ir.seed, ir.longest) if ir else None
    for arm in experiment.arms:
        if arm not in _OORL_ROWS:
            raise UserError(f"unknown arm {arm!r}: there are {', '.join(_OORL_ROWS)}")
        settings = _rl(experiment, seed, {"languages": targets, "sources": [languages.source]})
        settings = merge(settings, {"groups": experiment.groups})
        yield Stage(arm, "rl", seed, "oorl", merge(settings, _OORL_ROWS[arm]), start, functions)


def _sft(experiment: Experiment, seed: int, arm: str, mixture: str, languages: tuple[str, ...], base: Stage) -> Stage:
    data = {"mixture": mixture, "source": experiment.languages.source, "languages": languages}
    return Stage(arm, "sft", seed, "sft", _decided(experiment, experiment.sft or {}, seed, data), base)


def _rl(experiment: Experiment, seed: int, data: Table) -> Table:
    return _decided(experiment, experiment.rl, seed, data)


def _decided(experiment: Experiment, table: Table, seed: int, data: Table) -> Table:
    """A stage's settings with what the experiment decides: of a published model, all but where it is."""
    model = experiment.model.model_dump(exclude_unset=True, exclude={"path"}) if experiment.model else {}
    return merge(table, {"seed": seed, "data": data, **({"model": model} if model else {})})


def merge(table: Table, more: Mapping[str, Any]) -> Table:
    """``table`` with the values of ``more``, tables into tables."""
    out = dict(table)
    for key, value in more.items():
        inside = out.get(key)
        out[key] = merge(inside, value) if isinstance(inside, dict) and isinstance(value, Mapping) else value
    return out
