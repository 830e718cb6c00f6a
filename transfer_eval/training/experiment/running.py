"""Stages -> models -> raw results. A stage that is finished is used again, an interrupted one goes on.

Models are kept by the stage's key in a store that experiments share, each with what it answered (``outcomes-….csv``)
and, where the preset asks, how its latent space lies (``representation-….json``). ``OUT/raw`` is gathered from them:
``outcomes.csv``, ``curves.csv``, ``representation.csv``, ``projection.csv`` and ``experiment.json``, of every seed that
is finished, wherever it ran.
"""

from __future__ import annotations

import csv
import hashlib
import json
import platform
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from transfer_eval.errors import UserError
from transfer_eval.files import Journal, read_json, write_bytes, write_json
from transfer_eval.generation import Backend
from transfer_eval.training.experiment import exams, hidden, intermediate, table
from transfer_eval.training.experiment.launching import launch
from transfer_eval.training.experiment.preset import Experiment, Measuring, Representation
from transfer_eval.training.experiment.stages import PUBLISHED, Stage, stages
from transfer_eval.training.running import train
from transfer_eval.training.session import METRICS, finished
from transfer_eval.training.settings import Published, Settings

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

    def start(self, stage: Stage) -> str | None:
        """What a stage starts from: its parent's folder, or the place of a published model."""
        return None if stage.parent is None else str(self.weights(stage.parent))

    def weights(self, stage: Stage) -> Path:
        """Where a stage's model itself is: a folder of ours, or where a published one is (a folder, a Hub id)."""
        return Path(stage.settings["model"]["path"]) if stage.kind == PUBLISHED else self.model(stage)

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
        groups = str(store.folder / stage.functions.file) if stage.functions else ""
        settings = stage.assembled(store.start(stage), groups)
        if isinstance(settings, Published) or _train(experiment.launch, stage.kind, settings, folder):
            cost = {"seconds": time.monotonic() - start, "cpu_seconds": time.process_time() - cpu}
            write_json(folder / _COST, {name: round(value, 1) for name, value in cost.items()})
        path = store.outcomes(stage, experiment.measuring, languages)
        if not path.exists():
            backend = _backend(settings, folder)
            rows = exams.sit(backend, experiment.measuring, languages, sandbox)
            write_bytes(path, _csv(exams.COLUMNS, rows))
        if asked and programs and not (path := store.representation(stage, asked, languages)).exists():
            write_json(path, hidden.observe(store.weights(stage), asked, programs))


def prepare(made: Sequence[Stage], store: Store, sandbox: str) -> None:
    """Make what several stages, and all seeds, learn from.

    Raises:
        UserError: a toolchain is missing.
        HarnessFault: a program could not be run.
    """
    for functions in dict.fromkeys(stage.functions for stage in made if stage.functions):
        intermediate.make(functions, store.folder, sandbox)


def _train(launcher: str, kind: str, settings: Settings, folder: Path) -> bool:
    if finished(folder):  # its key says of what; the paths in its settings may be those of another machine
        return False
    return launch(launcher, kind, settings, folder) if launcher else train(kind, settings, folder)


def _backend(settings: Settings | Published, folder: Path) -> Backend:
    """The model of a stage, to be asked."""
    from transfer_eval.backends.transformers import load_directory, load_hub
    from transfer_eval.training.model import think

    if not isinstance(settings, Published):
        return load_directory(folder)
    model = settings.model
    path = Path(str(model.path))
    backend = load_directory(path) if path.is_dir() else load_hub(str(path))
    if model.thinking is not None:
        think(backend.tokenizer, model.thinking)
    return backend


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
            models.append((*place, stage.key, _digest(store.weights(stage))))
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
    """Of all its weights, in the order of the files' names; empty where they are no files here."""
    digest = hashlib.sha256()
    files = sorted(model.glob("*.safetensors"))
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest() if files else ""


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
        "settings": experiment.model_dump(mode="json", exclude={"architecture", "estimate"}),
    }


def _csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    return table.text(columns, rows).encode()
