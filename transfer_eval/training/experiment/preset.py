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
from transfer_eval.training.settings import Model, Section

FOLDER = Path(__file__).parent / "presets"
Table = dict[str, Any]


class Languages(Section):
    """Who is who.

    Attributes:
        source: the language of RL.
        seen: in the mixtures of Parallel-SFT; in OORL's RL, which translates from the source into the others.
        unseen: known to the start, but not in that.
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
    """What every stage is evaluated on, by greedy answers in every language.

    Attributes:
        suite: functions to be written, and to be translated where ``translate_from`` says so.
        translated: at most so many problems a pair of languages.
        programs: whole programs over stdin and stdout: a public set by its name, from the Hub or from ``place``.
        verification: programs to be told right from wrong: a corpus folder, apart from what is trained on.
        limit: at most so many problems of ``programs``, and so many questions in a language.
    """

    suite: str | None = None
    max_tokens: int = 256
    translate_from: tuple[str, ...] = ()
    translated: int | None = None
    programs: str | None = None
    place: str | None = None
    split: str = "test"
    verification: str | None = None
    limit: int | None = None

    @model_validator(mode="after")
    def _something_to_write(self) -> Measuring:
        if self.suite is None and self.programs is None:
            raise ValueError("give suite, programs or both: generation is what is compared")
        if self.suite is None and self.translate_from:
            raise ValueError("translate_from is for a suite: only there is anything to translate")
        return self


class Estimate(Section):
    """What a dry run assumes of cost; it prints all of it.

    Attributes:
        gpu: what one is called; ``gpus`` train a stage together.
        memory_gb: of one GPU, in 10^9 bytes.
        peak_tflops: of one GPU, dense, at 16 bits.
        training, generation: the share of the peak that is reached, by each. Generation waits for memory: where few
            answers are written at once, almost all the time.
        zero: DeepSpeed's stage, 0 for none: with 1 the GPUs share the optimiser's state, with 2 the gradients as well.
            (With 3 they would share the weights, and no process could save the model.)
        offload: the optimiser's state is in main memory.
        reserve: the share of a GPU's memory that activations and generation need.
        prompt_tokens: of a mean prompt.
        filled: the share of ``max_tokens`` that a mean answer has.
        row_tokens: of a mean row of supervised training, where the mixture has no budget of tokens.
        ir_tokens: of a mean prompt and response of the groups.
        problems: how many there are, by the name the preset gives them; generated suites say it themselves.
    """

    gpu: str = "A100 80GB"
    gpus: int = Field(default=1, ge=1)
    memory_gb: float = 80
    peak_tflops: float = 312
    training: float = Field(default=0.4, gt=0, le=1)
    generation: float = Field(default=0.005, gt=0, le=1)
    zero: Literal[0, 1, 2] = 0
    offload: bool = False
    reserve: float = Field(default=0.25, ge=0, lt=1)
    prompt_tokens: int = 200
    filled: float = Field(default=0.5, gt=0, le=1)
    row_tokens: int = 200
    ir_tokens: int = 500
    problems: dict[str, int] = Field(default_factory=dict)


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
        base: settings of pretraining, or none and ``model`` is the base: its settings are every stage's.
        sft: what comes before RL; OORL may do without, then RL starts from the base.
        oracle: targets in which RL is done as well, from the last arm's start.
        groups: how GEPO takes its groups; ``path`` is theirs, unless ``ir`` has them made.
        representation: whether, and on what, the latent space is looked at.
        launch: what trains a stage in processes of its own, as ``accelerate launch …``; empty: this process does.
        architecture: the published model's configuration (``model_type`` and what its ``config.json`` says), and
        estimate: what its cost is reckoned with: both for a dry run alone.
    """

    name: Literal["parallel-sft", "oorl"]
    languages: Languages
    arms: tuple[str, ...]
    measuring: Measuring
    seeds: int = Field(default=5, ge=1)
    model: Model | None = None
    base: Table | None = None
    sft: Table | None = None
    rl: Table
    oracle: tuple[str, ...] = ()
    groups: Table | None = None
    ir: Intermediate | None = None
    representation: Representation | None = None
    launch: str = ""
    architecture: Table | None = None
    estimate: Estimate = Estimate()

    @model_validator(mode="after")
    def _base(self) -> Experiment:
        if (self.model is None) == (self.base is None):
            raise ValueError("give either model or base")
        if self.model is not None and self.model.path is None:
            raise ValueError("model needs a path: what is pretrained here is base")
        if self.sft is None and self.name != "oorl":
            raise ValueError("sft is what is compared here")
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
