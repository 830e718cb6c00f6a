"""A rehearsal: one real step of every kind of stage, with its own settings, on a model in small and rows that stand in.

What is wrong with a setting shows here, and not on the cluster: the step is taken by the same trainers, with the same
algorithm, loss, adapters and proportions of the batch. Only what is not to be had here is replaced, and that is told.
Limits: one process, on this machine's device; rows and answers are short, so memory is not tried.
"""

from __future__ import annotations

import contextlib
import io
import math
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transfer_eval.errors import UserError
from transfer_eval.files import Journal
from transfer_eval.language import find
from transfer_eval.toolchain import State, locate
from transfer_eval.training.experiment import exams
from transfer_eval.training.experiment.architecture import configuration
from transfer_eval.training.experiment.preset import Experiment, Measuring
from transfer_eval.training.experiment.stages import Stage
from transfer_eval.training.experiment.standins import EXAM, SUITE, StandIns
from transfer_eval.training.running import train
from transfer_eval.training.session import METRICS
from transfer_eval.training.settings import OorlSettings, RlSettings, Settings, SftSettings

_ANSWER = 16  # tokens of an answer
_BATCH = 16  # rows of a forward pass that are still tried as they are
# What TRL, transformers, peft and torch raise where settings do not fit each other.
_MISFITS = (ValueError, TypeError, KeyError, AttributeError, RuntimeError, ImportError)


@dataclass(frozen=True)
class Tried:
    """One kind of stage: ``stages`` with the same settings but for seed, language and place, and what came of it."""

    stages: tuple[str, ...]
    outcome: str
    seconds: float


@dataclass(frozen=True)
class Rehearsal:
    """What was tried, and what stood for what."""

    tried: Sequence[Tried]
    replaced: Mapping[str, str]


def rehearse(experiment: Experiment, made: Sequence[Stage], sandbox: str) -> Rehearsal:
    """Try every kind of stage of one seed, then the exams.

    Raises:
        UserError: a stage cannot be trained as it is set, or nothing can be run in the source language.
    """
    languages = [name for name in experiment.languages.every if find(name).dialect is not None]
    if experiment.languages.source not in languages:
        raise UserError(f"a rehearsal needs programs: none can be generated in {experiment.languages.source}")
    replaced: dict[str, str] = {}
    kinds: dict[str, tuple[Settings, list[Stage]]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        stand_ins = StandIns(folder, languages, configuration(experiment), experiment.model is not None)
        for stage in made:
            settings = stage.assembled("a model" if stage.parent else None)
            if isinstance(settings, Settings):
                cut = _cut(settings, stand_ins, experiment.estimate.gpus, replaced)
                kinds.setdefault(f"{stage.kind} {cut.model_dump_json()}", (cut, []))[1].append(stage)
        tried = [_step(of, settings, folder / str(number)) for number, (settings, of) in enumerate(kinds.values())]
        tried.append(_exams(experiment, stand_ins, sandbox))
    return Rehearsal(tried, replaced)


def _step(stages: Sequence[Stage], settings: Settings, folder: Path) -> Tried:
    start = time.monotonic()
    names = tuple(f"{stage.arm}/{stage.name}" for stage in stages)
    with _named(f"stage {names[0]}"):
        train(stages[0].kind, settings, folder)
    losses = [row["loss"] for row in Journal(folder / METRICS).rows() if "loss" in row]
    if not losses or not math.isfinite(losses[-1]):
        came = f"ends in a loss of {losses[-1]}" if losses else "is not taken: there are fewer rows than it wants"
        raise UserError(f"stage {names[0]}: its first step {came}")
    return Tried(names, f"a step, loss {losses[-1]:.3g}", time.monotonic() - start)


def _exams(experiment: Experiment, stand_ins: StandIns, sandbox: str) -> Tried:
    from transfer_eval.backends.transformers import load_directory
    from transfer_eval.training.model import think

    start, measuring = time.monotonic(), experiment.measuring
    source = experiment.languages.source
    values: dict[str, Any] = {"max_tokens": _ANSWER, "limit": 2}
    if measuring.suite is not None:
        values |= {"suite": EXAM, "translate_from": [source] if measuring.translate_from else []}
    if measuring.programs is not None:
        values |= {"programs": measuring.programs, "place": stand_ins.programs(measuring.programs)}
    if measuring.verification is not None:
        values["verification"] = stand_ins.corpus
    with _named("measuring"):
        backend = load_directory(Path(stand_ins.model))
        if experiment.model is not None and experiment.model.thinking is not None:
            think(backend.tokenizer, experiment.model.thinking)
        asked = [source, *_another(stand_ins)]
        rows = exams.sit(backend, Measuring.model_validate(values), asked, sandbox)
    kinds = ", ".join(dict.fromkeys(row[0] for row in rows))
    return Tried(("measuring",), f"{len(rows)} answers in {' and '.join(asked)}: {kinds}", time.monotonic() - start)


@contextlib.contextmanager
def _named(what: str) -> Iterator[None]:
    """Say of a failure what failed; what is logged meanwhile goes unsaid."""
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    except (UserError, *_MISFITS) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{what}: {reason}") from error


def _another(stand_ins: StandIns) -> list[str]:
    """A language beside the source that runs here, if there is one."""
    return [name for name in stand_ins.languages[1:] if locate(find(name)).state is State.INSTALLED][:1]


def _cut(settings: Settings, stand_ins: StandIns, gpus: int, replaced: dict[str, str]) -> Settings:
    """The settings of one step in small."""
    table = settings.model_dump()
    model, optimisation = table["model"], table["optimisation"]
    replaced["the model"] = "its architecture in small, with random weights"
    if model["attention"] == "flash_attention_2":
        replaced["attention by flash_attention_2"] = "sdpa"
    attention = "eager" if model["attention"] == "eager" else "sdpa"
    table["model"] = {
        "path": stand_ins.model, "dtype": "float32", "attention": attention, "thinking": model["thinking"],
    }  # fmt: skip
    _cut_step(optimisation, table.get("policy"), gpus, replaced)
    table["logging"]["every"], table["seed"] = 1, 0
    source = stand_ins.languages[0]
    if settings.evaluation is not None:
        table["evaluation"] |= {"suite": SUITE, "languages": [source], "sources": [], "limit": 2, "max_tokens": _ANSWER}
    if isinstance(settings, SftSettings):
        _cut_rows(table["data"], stand_ins, replaced)
    if isinstance(settings, RlSettings):
        _cut_tasks(table["data"], stand_ins, replaced)
        table["policy"]["max_tokens"] = _ANSWER
        replaced["answers of any length"] = f"{_ANSWER} tokens"
    if isinstance(settings, OorlSettings):
        replaced[f"the groups {table['groups']['path']}"] = "some of our own"
        table["groups"]["path"] = stand_ins.groups
    return type(settings).model_validate(table)


def _cut_step(optimisation: dict[str, Any], policy: dict[str, Any] | None, gpus: int, replaced: dict[str, str]) -> None:
    """One step of fewer rows, that go into groups of rollouts if and only if those of the real step do."""
    import torch

    if gpus > 1:
        replaced[f"{gpus} GPUs"] = f"one process that accumulates {gpus} times as often"
    rollouts = policy["rollouts"] if policy else 1
    batch = _congruent(optimisation["batch"], rollouts, _BATCH)
    passes = _congruent(optimisation["accumulation"] * gpus, rollouts // math.gcd(rollouts, batch), 2)
    optimisation |= {"steps": 1, "batch": batch, "accumulation": passes, "threads": 1}
    if optimisation["checkpointing"] is None:
        optimisation["checkpointing"] = True  # as on a GPU
    if not torch.cuda.is_available() and optimisation["bf16"] is not False:
        replaced["bfloat16"] = "float32"
        optimisation["bf16"] = False


def _congruent(number: int, size: int, most: int) -> int:
    """A number up to about ``most`` that leaves the same when divided by ``size``."""
    return number if number <= most else number % size + size * max(1, most // size - 1)


def _cut_rows(data: dict[str, Any], stand_ins: StandIns, replaced: dict[str, str]) -> None:
    """Rows for supervised training."""
    kind = "corpus" if data["corpus"] is not None else "suite"
    replaced[f"the {kind} {data[kind]}"] = "generated programs"
    data[kind] = stand_ins.corpus if kind == "corpus" else SUITE
    if data["groups"] is not None:
        replaced[f"the groups {data['groups']}"] = "some of our own"
        data["groups"] = stand_ins.groups
    known = set(stand_ins.languages)
    data |= {"tokens": None, "verify": False, "languages": [name for name in data["languages"] if name in known]}


def _cut_tasks(data: dict[str, Any], stand_ins: StandIns, replaced: dict[str, str]) -> None:
    """Tasks for rewards: in the source, or where they are translations from it, into another language."""
    source, another, translated = stand_ins.languages[:1], _another(stand_ins), bool(data["sources"])
    if translated and not another:
        raise UserError("translation cannot be tried: no language beside the source is installed")
    data |= {"languages": another if translated else source, "limit": None}
    if data["suite"] is not None:
        replaced[f"the suite {data['suite']}"] = "generated programs"
        data |= {"suite": SUITE, "sources": source if translated else []}
    if data["programs"] is not None:
        replaced[f"the set {data['programs']}"] = "rows of our own in its schema"
        data["place"] = stand_ins.programs(data["programs"])
    if data["verify"] is not None:
        replaced[f"the programs to be verified in {data['verify']}"] = "generated programs"
        data["verify"] = stand_ins.corpus
