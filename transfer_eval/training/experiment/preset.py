"""An Experiment: source→target transfer, declared in a TOML preset and assembled into stages.

A preset holds the settings of each stage as ``train`` reads them; what an experiment itself decides (the model a stage
starts from, the seed, the mixture, the languages) must not stand there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, NonNegativeInt, ValidationError, model_validator

from transfer_eval.errors import UserError
from transfer_eval.language import find as find_language
from transfer_eval.training.reading import parse, told
from transfer_eval.training.representation.programs import LEAST
from transfer_eval.training.settings import Section

FOLDER = Path(__file__).parent / "presets"
Table = dict[str, Any]


class Languages(Section):
    """Who is who.

    Attributes:
        source: the language of RL.
        seen: in the supervised mixtures, the source among them.
        unseen: in pretraining only.
        outside: not even there: the model has never read them.
    """

    source: str
    seen: tuple[str, ...]
    unseen: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _known_and_apart(self) -> Languages:
        every = [find_language(name).name for name in (*self.seen, *self.unseen, *self.outside)]
        if len(set(every)) < len(every):
            raise ValueError("a language is in two groups")
        if self.source not in self.seen:
            raise ValueError("the source must be among the seen languages")
        return self

    @property
    def pretraining(self) -> tuple[str, ...]:
        """Those the base model reads."""
        return (*self.seen, *self.unseen)

    @property
    def every(self) -> tuple[str, ...]:
        """Those that are evaluated, the source first."""
        return tuple(dict.fromkeys((self.source, *self.seen, *self.unseen, *self.outside)))

    def group(self, name: str) -> str:
        """``source``, ``seen``, ``unseen`` or ``outside``."""
        if name == self.source:
            return "source"
        return next(kind for kind in ("seen", "unseen", "outside") if name in getattr(self, kind))


class Measuring(Section):
    """What every stage is evaluated on: greedy answers to a suite, and where asked for its translations."""

    suite: str
    max_tokens: int = 256
    translate_from: tuple[str, ...] = ()
    translated: int | None = None  # at most so many problems a pair of languages


class Intermediate(Section):
    """Intermediate code that the experiment makes for itself, of random functions in C.

    Attributes:
        functions: of which GEPO gets groups.
        read: others, whose pairs the base model is pretrained on: it has to know the language GEPO is about.
        longest: characters of a text; a function is left out that has fewer than two so short.
    """

    functions: int
    read: int
    seed: int = 0
    longest: int = 4000


class Representation(Section):
    """Right programs whose hidden states are looked at after every stage.

    Attributes:
        suite: a generated one.
        languages: those that are evaluated, if none is named.
        problems: the first so many of the suite that all of the languages can express.
        layers: those that are measured, 0 being the embeddings; all, if none is named.
        projected: the layer of the pictures; the middle one, if none is named.
    """

    suite: str
    languages: tuple[str, ...] = ()
    problems: int = Field(default=60, ge=LEAST)
    layers: tuple[NonNegativeInt, ...] = ()
    projected: NonNegativeInt | None = None

    @model_validator(mode="after")
    def _apart(self) -> Representation:
        named = [find_language(name).name for name in self.languages]
        if len(set(named)) < len(named) or len(named) == 1:
            raise ValueError("name at least two languages, each once, or none")
        if len(set(self.layers)) < len(self.layers):
            raise ValueError("a layer is named twice")
        return self


class Experiment(Section):
    """The whole of it; ``arms`` are what is compared (see :mod:`transfer_eval.training.experiment.stages`).

    Attributes:
        base: settings of pretraining, or none and ``model`` is the base.
        oracle: targets in which RL is done as well, from the last arm's start.
        groups: how GEPO takes its groups; ``path`` is theirs, unless ``ir`` has them made.
        representation: whether, and on what, the latent space is looked at.
    """

    name: Literal["parallel-sft", "oorl"]
    languages: Languages
    arms: tuple[str, ...]
    measuring: Measuring
    seeds: int = Field(default=5, ge=1)
    model: str | None = None
    base: Table | None = None
    sft: Table
    rl: Table
    oracle: tuple[str, ...] = ()
    groups: Table | None = None
    ir: Intermediate | None = None
    representation: Representation | None = None

    @model_validator(mode="after")
    def _base(self) -> Experiment:
        if (self.model is None) == (self.base is None):
            raise ValueError("give either model or base")
        if (self.name == "oorl") != (self.groups is not None):
            raise ValueError("groups are for oorl, which needs them")
        if self.groups is not None and (self.ir is None) == ("path" not in self.groups):
            raise ValueError("give either ir or groups.path")
        return self


def names(experiment: str) -> list[str]:
    """The presets of an experiment."""
    return sorted(path.stem.removeprefix(f"{experiment}-") for path in FOLDER.glob(f"{experiment}-*.toml"))


def read(experiment: str, preset: str) -> Experiment:
    """A bundled preset by its name, or a file.

    Raises:
        UserError: there is none, or it is no experiment of this name; every fault is named.
    """
    path = Path(preset) if preset.endswith(".toml") else FOLDER / f"{experiment}-{preset}.toml"
    if not path.is_file():
        raise UserError(
            f"no preset {preset!r} of {experiment}: there are {', '.join(names(experiment))}, or a .toml file"
        )
    try:
        found = Experiment.model_validate(parse(path))
    except ValidationError as error:
        raise UserError(f"{path}: {told(error)}") from error
    if found.name != experiment:
        raise UserError(f"{path}: is of {found.name}, not of {experiment}")
    return found
