"""Stages -> models -> raw results. A stage that is finished is used again, an interrupted one goes on.

Models are kept by the stage's key in a store that experiments share, each with what it answered (``outcomes-….csv``)
and, where the preset asks, how its latent space lies (``representation-….json``). ``OUT/raw`` is gathered from them:
``outcomes.csv``, ``curves.csv``, ``representation.csv``, ``projection.csv`` and ``experiment.json``, of every seed that
is finished, wherever it ran.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from transfer_eval.errors import HarnessFault, UserError
from transfer_eval.execution.cache import Cache
from transfer_eval.execution.pool import Pool, Ways
from transfer_eval.execution.sandbox import choose
from transfer_eval.files import Journal, read_json, write_bytes, write_json
from transfer_eval.language import find
from transfer_eval.suite import Suite, load, translated_from
from transfer_eval.task import Task
from transfer_eval.training.experiment import hidden, intermediate
from transfer_eval.training.experiment.preset import Experiment, Measuring, Representation
from transfer_eval.training.experiment.stages import Stage, stages
from transfer_eval.training.running import train
from transfer_eval.training.session import METRICS
from transfer_eval.verdict import Verdict

OUTCOMES = ("arm", "stage", "seed", "task", "source", "language", "problem", "passed")
CURVES = ("arm", "stage", "seed", "step", "metric", "value")
MODELS = ("arm", "stage", "seed", "key", "weights_sha256")
_CURVES = ("loss", "reward", "gepo/loss", "gepo/margin", "gepo/accuracy", "kl", "entropy")
_COST = "cost.json"
_LIBRARIES = ("transfer-eval", "torch", "transformers", "trl", "numpy")


@dataclass(frozen=True)
class Store:
    """Where the models of stages are."""

    folder: Path

    def model(self, stage: Stage) -> Path:
        """A stage's folder."""
        return self.folder / f"{stage.name}-{stage.arm}-{stage.seed}-{stage.key}"

    def outcomes(self, stage: Stage, measuring: Measuring, languages: Sequence[str]) -> Path:
        """What a stage's model answered to one way of measuring; what is left at its default is no part of its name."""
        asked = json.dumps([measuring.model_dump(exclude_defaults=True), list(languages)])
        return self.model(stage) / f"outcomes-{hashlib.sha256(asked.encode()).hexdigest()[:12]}.csv"

    def representation(self, stage: Stage, asked: Representation, languages: Sequence[str]) -> Path:
        """How a stage's model keeps the programs of one way of looking, named likewise."""
        told = json.dumps([asked.model_dump(exclude_defaults=True), list(asked.languages or languages)])
        return self.model(stage) / f"representation-{hashlib.sha256(told.encode()).hexdigest()[:12]}.json"


def run(experiment: Experiment, seed: int, store: Store, sandbox: str = "auto") -> Iterator[Stage]:
    """Train and measure every stage of a seed, yielding each before it is begun.

    Raises:
        UserError: a setting is wrong, or something that it names is not to be had.
        HarnessFault: programs could not be run; what is finished stands.
    """
    languages, asked = experiment.languages.every, experiment.representation
    programs = hidden.programs_of(asked, languages) if asked else None  # what is wrong is told before any training
    made = stages(experiment, seed)
    prepare(made, store, sandbox)
    for stage in made:
        yield stage
        start, cpu = time.monotonic(), time.process_time()
        folder = store.model(stage)
        parent = store.model(stage.parent) if stage.parent else None
        groups = str(store.folder / stage.functions.file) if stage.functions else ""
        settings = stage.assembled(str(parent) if parent else None, groups)
        if train(stage.kind, settings, folder):
            cost = {"seconds": time.monotonic() - start, "cpu_seconds": time.process_time() - cpu}
            write_json(folder / _COST, {name: round(value, 1) for name, value in cost.items()})
        path = store.outcomes(stage, experiment.measuring, languages)
        if not path.exists():
            rows = _measure(folder, experiment, sandbox)
            write_bytes(path, _csv(("task", "source", "language", "problem", "passed"), rows))
        if asked and programs and not (path := store.representation(stage, asked, languages)).exists():
            write_json(path, hidden.observe(folder, asked, programs))


def prepare(made: Sequence[Stage], store: Store, sandbox: str) -> None:
    """Make what several stages, and all seeds, learn from.

    Raises:
        UserError: a toolchain is missing.
        HarnessFault: a program could not be run.
    """
    for functions in dict.fromkeys(stage.functions for stage in made if stage.functions):
        intermediate.make(functions, store.folder, sandbox)


def _measure(folder: Path, experiment: Experiment, sandbox: str) -> list[tuple[Any, ...]]:
    """One row for each task: generation in every language, and translations where they are asked for."""
    from transfer_eval.backends.transformers import load_directory
    from transfer_eval.training.scoring import verdicts

    measuring = experiment.measuring
    backend = load_directory(folder)
    rows: list[tuple[Any, ...]] = []
    cache = None if os.environ.get("TRANSFER_EVAL_NO_CACHE") else Cache()
    with Pool(choose(sandbox), None, Ways(cache=cache)) as pool:
        for kind, source, tasks in exams(measuring, experiment.languages.every):
            for task, verdict in zip(
                tasks, verdicts(backend, tasks, backend.style, pool, measuring.max_tokens), strict=True
            ):
                if verdict is Verdict.HARNESS_FAULT:
                    raise HarnessFault(f"the answer to {task.name} in {task.language} could not be run; try again")
                rows.append((kind, source, find(task.language).name, task.name, int(verdict is Verdict.PASSED)))
    return rows


def exams(measuring: Measuring, languages: Sequence[str]) -> Iterator[tuple[str, str, list[Task]]]:
    """(task, source, tasks) of every exam."""
    suite = load(measuring.suite, [find(name) for name in languages])
    yield "generation", "", _tasks(suite, languages, None)
    for source in measuring.translate_from:
        turned = translated_from(suite, find(source))
        targets = [name for name in languages if name != source]
        yield "translation", source, _tasks(turned, targets, measuring.translated)


def _tasks(suite: Suite, languages: Sequence[str], most: int | None) -> list[Task]:
    return [task for name in languages for task in list(suite.tasks.get(find(name).name, ()))[:most]]


def gather(experiment: Experiment, seeds: Sequence[int], store: Store, out: Path, facts: dict[str, Any]) -> list[int]:
    """Write ``OUT/raw`` from the seeds that are finished, and say which those are.

    ``models.csv`` has what each model is known by again: the key of its stage, and its weights.

    Raises:
        UserError: none is finished, or the folder cannot be written.
    """
    languages, asked = experiment.languages.every, experiment.representation
    outcomes: list[tuple[Any, ...]] = []
    curves: list[tuple[Any, ...]] = []
    models: list[tuple[Any, ...]] = []
    cost = 0.0
    done = []
    seen: list[tuple[Stage, Path]] = []
    for seed in seeds:
        made = stages(experiment, seed)
        paths = [store.outcomes(stage, experiment.measuring, languages) for stage in made]
        looked = [(stage, store.representation(stage, asked, languages)) for stage in made] if asked else []
        if not all(path.exists() for path in (*paths, *(path for _, path in looked))):
            continue
        done.append(seed)
        seen += looked
        for stage, path in zip(made, paths, strict=True):
            place = (stage.arm, stage.name, stage.seed)
            with path.open(encoding="utf-8", newline="") as file:
                outcomes += [(*place, *row) for row in list(csv.reader(file))[1:]]
            curves += [(*place, *row) for row in _curve(store.model(stage))]
            models.append((*place, stage.key, _digest(store.model(stage))))
            cost += _cost(store.model(stage))
    if not done:
        raise UserError("no seed is finished yet")
    raw = out / "raw"
    write_bytes(raw / "outcomes.csv", _csv(OUTCOMES, outcomes))
    write_bytes(raw / "curves.csv", _csv(CURVES, curves))
    write_bytes(raw / "models.csv", _csv(MODELS, models))
    known = {"seeds": done, "cpu_minutes": round(cost / 60, 1), "versions": _versions()}
    write_json(raw / "experiment.json", {**_described(experiment), **facts, **hidden.gather(seen, raw), **known})
    return done


def _cost(model: Path) -> float:
    """CPU seconds of the sitting that finished a model; 0 where it was killed before it could tell."""
    path = model / _COST
    return float(read_json(path)["cpu_seconds"]) if path.exists() else 0.0


def _digest(model: Path) -> str:
    return hashlib.sha256((model / "model.safetensors").read_bytes()).hexdigest()


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}}


def _curve(model: Path) -> Iterator[tuple[int, str, float]]:
    for row in Journal(model / METRICS).rows():
        for name, value in row.items():
            if (name in _CURVES or name.startswith("eval_pass@1/")) and isinstance(value, (int, float)):
                yield row["step"], name, round(value, 6)


def _described(experiment: Experiment) -> dict[str, Any]:
    """What the experiment was, for people."""
    languages = experiment.languages
    return {
        "name": experiment.name,
        "source": languages.source,
        "targets": [
            {
                "language": name,
                "group": languages.group(name),
                "in_pretraining": name in languages.pretraining,
                "in_corpus": name in languages.seen,
            }
            for name in languages.every
            if name != languages.source
        ],
        "settings": experiment.model_dump(mode="json"),
    }


def _csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()
