"""What an experiment names that is not here yet, and how it is had."""

from __future__ import annotations

import importlib.util
import shlex
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from transfer_eval.language import find
from transfer_eval.toolchain import State, locate
from transfer_eval.training.corpus.building import JOURNAL
from transfer_eval.training.corpus.finishing import FOLDER
from transfer_eval.training.experiment.preset import Experiment
from transfer_eval.training.experiment.stages import Stage
from transfer_eval.training.ir.emission import pair
from transfer_eval.training.sets import named
from transfer_eval.training.settings import OorlSettings, Published, RlSettings, SftSettings

_WEIGHT = 2  # bytes of a published weight


@dataclass(frozen=True)
class Need:
    """Something that is missing: what it is, how it is had, and 10^9 bytes of download where that is known."""

    what: str
    how: str
    gigabytes: float | None = None


def missing(experiment: Experiment, made: Sequence[Stage], weights: int) -> list[Need]:
    """What is missing, each thing once, in the order in which it is needed.

    Raises:
        UserError: a public set is named that is unknown.
    """
    found = [*_launcher(experiment.launch), *_toolchains(experiment)]
    for stage in made:
        found += _stage(experiment, stage, weights)
    found += _measured(experiment)
    return list({need.what: need for need in reversed(found)}.values())[::-1]


def _stage(experiment: Experiment, stage: Stage, weights: int) -> Iterator[Need]:
    settings, languages = stage.assembled("a model" if stage.parent else None), experiment.languages
    if isinstance(settings, Published):
        yield from _model(str(settings.model.path), weights)
    if isinstance(settings, SftSettings) and settings.data.corpus is not None:
        yield from _corpus(settings.data.corpus, ",".join(languages.seen))
    if isinstance(settings, SftSettings) and settings.data.suite is not None:
        yield from _suite(settings.data.suite)
    if isinstance(settings, RlSettings):
        data = settings.data
        rewarded = ",".join(dict.fromkeys([languages.source, *experiment.oracle]))
        yield from _asked(data.suite, data.programs, data.place)
        yield from _judged(data.verify, rewarded, data.programs, data.split)
    if isinstance(settings, OorlSettings) and settings.gepo_weight > 0 and stage.functions is None:
        yield from _groups(settings.groups.path, experiment)


def _measured(experiment: Experiment) -> Iterator[Need]:
    measuring = experiment.measuring
    yield from _asked(measuring.suite, measuring.programs, measuring.place)
    every = ",".join(experiment.languages.every)
    yield from _judged(measuring.verification, every, measuring.programs, measuring.split)


def _launcher(command: str) -> Iterator[Need]:
    words = shlex.split(command)
    if words and shutil.which(words[0]) is None:
        yield Need(f"the launcher {words[0]}", f"on the PATH, for launch = {command!r}")
    if "deepspeed" in command and importlib.util.find_spec("deepspeed") is None:
        yield Need("the library deepspeed", "pip install deepspeed")


def _toolchains(experiment: Experiment) -> Iterator[Need]:
    every = dict.fromkeys(experiment.languages.every)
    if experiment.ir is not None:
        every |= dict.fromkeys([pair().source.name, pair().target.name])
    absent = [name for name in every if locate(find(name)).state is not State.INSTALLED]
    if absent:
        names = ",".join(absent)
        yield Need(f"the toolchains of {names}", f"transfer-eval languages --install {names}")


def _model(path: str, weights: int) -> Iterator[Need]:
    from huggingface_hub import try_to_load_from_cache

    if not Path(path).is_dir() and not isinstance(try_to_load_from_cache(path, "config.json"), str):
        yield Need(f"the model {path}", f"hf download {path}", _WEIGHT * weights / 1e9)


def _asked(suite: str | None, programs: str | None, place: str | None) -> Iterator[Need]:
    if suite is not None:
        yield from _suite(suite)
    if programs is not None:
        public = named(programs)
        if not Path(place or public.hub).expanduser().exists():
            yield Need(f"the set {place or public.hub}", "read from the Hub whenever it is needed", public.gigabytes)


def _suite(name: str) -> Iterator[Need]:
    if name == "humaneval" or name.partition(":")[0] == "generated" or Path(name).exists():
        return
    if name.startswith("hub:"):
        yield Need(f"the suite {name}", "read from the Hub when it is first needed")
    else:
        yield Need(f"the suite {name}", "a prompt file, or a folder of originals, of your own")


def _corpus(folder: str, languages: str) -> Iterator[Need]:
    if not any((Path(folder) / name).exists() for name in (FOLDER, "dataset_info.json")):
        yield Need(
            f"the corpus {folder}",
            f"transfer-eval corpus build --source originals:PROBLEMS --langs {languages} --model M --out {folder}",
        )


def _judged(folder: str | None, languages: str, programs: str | None, split: str) -> Iterator[Need]:
    if folder is not None and not (Path(folder) / JOURNAL).exists():
        source = "originals:PROBLEMS" if programs is None else f"programs:{programs}:{split}"
        asked = f"--langs {languages} --model M --samples 8 --temperature 0.8 --out {folder}"
        yield Need(f"right and wrong programs in {folder}", f"transfer-eval corpus build --source {source} {asked}")


def _groups(path: str, experiment: Experiment) -> Iterator[Need]:
    if not Path(path).is_file():
        count = experiment.estimate.problems.get(path, 1000)
        yield Need(
            f"the groups {path}",
            f"transfer-eval ir-groups --functions {count} --out {path} (or --sltrans UKPLab/SLTrans)",
        )
