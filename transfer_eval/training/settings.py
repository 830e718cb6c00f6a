"""What a training run is: a TOML file, read strictly. An unknown key is refused by its name.

Where a paper says nothing (papers' silences are many), the default here is a choice, and its comment says so.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Style = Literal["auto", "completion", "chat"]


class Section(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NewModel(Section):
    """A model made from nothing, with a tokenizer trained on the run's own texts.

    The defaults are what learnt best of what was tried at a million parameters: with the customary
    initialisation of 0.02 such a model still printed random digits after three million tokens.
    """

    hidden: int = 128
    layers: int = 4
    heads: int = 4
    intermediate: int = 352
    vocabulary: int = 1024
    context: int = 512
    initializer_range: float = 0.08


class Model(Section):
    """The model to train: ``path`` is a directory or a Hub id; or ``new``.

    ``thinking`` is said to a chat template that knows it (Qwen3's does), and kept in what is saved: whoever asks the
    trained model asks it as it was trained. None: as the template has it.
    """

    path: str | None = None
    new: NewModel | None = None
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    attention: Literal["eager", "sdpa", "flash_attention_2"] = "sdpa"
    thinking: bool | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Model:
        if (self.path is None) == (self.new is None):
            raise ValueError("give either path or new")
        return self


class Lora(Section):
    """Low-rank adapters in the place of all weights; they are merged when the run is saved."""

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    targets: str | tuple[str, ...] = "all-linear"


class Optimisation(Section):
    """AdamW. Set ``steps`` or ``epochs``; ``batch`` counts rows a device and forward pass (in RL: completions)."""

    learning_rate: float
    schedule: str = "cosine"
    warmup: float = 0.03  # of all steps, below 1; else steps
    weight_decay: float = 0.0
    batch: int = 8
    accumulation: int = 1
    epochs: float = 1.0
    steps: int = -1
    clip: float = 1.0
    bf16: bool | None = None  # None: on a GPU
    checkpointing: bool | None = None  # of activations; None: on a GPU
    threads: int = 0  # of torch, on a CPU; 0: as torch has it


class Logging(Section):
    """What is written how often, in steps; ``save`` 0 keeps no checkpoint but the last."""

    every: int = 1
    save: int = 0
    keep: int = 2


class Evaluation(Section):
    """Held-out tasks scored during training: greedy pass@1 in each language."""

    suite: str
    languages: tuple[str, ...]
    every: int = 50
    limit: int | None = None
    max_tokens: int = 256
    sources: tuple[str, ...] = ()  # translate from these, where the suite has reference solutions


class Published(Section):
    """A model that is taken as it is."""

    model: Model


class Settings(Section):
    """What every run has. ``sandbox`` is where programs run that the run needs to know the worth of."""

    model: Model
    optimisation: Optimisation
    lora: Lora | None = None
    logging: Logging = Logging()
    evaluation: Evaluation | None = None
    seed: int = 0
    sandbox: str = "auto"
    jobs: int | None = None


class SftData(Section):
    """Rows for supervised training, from a ``corpus`` folder or from a ``suite`` with reference solutions.

    Attributes:
        mixture: ``mono``: the source language only; ``multi``: every language, other problems in each;
            ``parallel``: the same problems in every language (Parallel-SFT).
        languages: of ``multi`` and ``parallel``.
        tokens: the budget, by which mixtures are matched: prompt, completion and end token are counted.
            None: everything, once.
        format: ``separate`` rows a program, or ``pairs``: a program and its translation (papers name neither).
        verify: run a suite's solutions first and keep what passes; a corpus was run when it was built.
        groups: a file that ``transfer-eval ir-groups`` wrote: its sources with each winner are rows as well, beyond the
            budget, so that a model has read intermediate code before GEPO asks for it.
    """

    corpus: str | None = None
    suite: str | None = None
    mixture: Literal["mono", "multi", "parallel"] = "parallel"
    source: str = "python"
    languages: tuple[str, ...] = ()
    tokens: int | None = None
    format: Literal["separate", "pairs"] = "separate"
    style: Style = "auto"
    verify: bool = True
    groups: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> SftData:
        if (self.corpus is None) == (self.suite is None):
            raise ValueError("give either corpus or suite")
        if self.mixture != "mono" and len(self.languages) < 2:
            raise ValueError(f"the mixture {self.mixture!r} needs at least two languages")
        if self.mixture != "parallel" and self.format == "pairs":
            raise ValueError("pairs need the mixture 'parallel': no other has a problem in two languages")
        return self


class SftSettings(Settings):
    """``train sft`` and ``train parallel-sft``."""

    data: SftData
    max_length: int = 1024
    packing: bool = False


class RlData(Section):
    """What is to be solved in ``languages``: a ``suite``; or ``programs``, ``verify``, or both, one beside the other.

    Attributes:
        suite: functions with unit tests; with ``sources`` they are translations from these.
        programs: whole programs over stdin and stdout, and the functions there are: a public set by its name
            (:mod:`transfer_eval.training.sets`), read from the Hub or from ``place``.
        verify: programs to be told right from wrong: a corpus folder, whose journal has both.
        limit: at most so many problems, and so many questions.
    """

    languages: tuple[str, ...] = Field(min_length=1)
    suite: str | None = None
    programs: str | None = None
    verify: str | None = None
    sources: tuple[str, ...] = ()
    place: str | None = None
    split: str = "train"
    limit: int | None = None
    style: Style = "auto"

    @model_validator(mode="after")
    def _one_of_them(self) -> RlData:
        if (self.suite is None) == (self.programs is None and self.verify is None):
            raise ValueError("give either suite, or programs, verify or both")
        if self.sources and self.suite is None:
            raise ValueError("sources are for a suite: only there is anything to translate")
        return self


class Policy(Section):
    """The on-policy part.

    Attributes:
        algorithm: ``grpo``, or ``reinforce++`` (no critic, token-level KL in the reward, advantages normalised over the
            global batch).
        rollouts: completions a prompt (silent in both papers).
        clip: epsilon of the clipped ratio (silent; PPO's).
        kl: weight of the KL to the model at the start (silent).
        baseline: REINFORCE++ only: subtract the prompt's mean reward first.
        reuse: optimiser steps over the same rollouts.
    """

    algorithm: Literal["grpo", "reinforce++"] = "grpo"
    rollouts: int = Field(default=8, ge=2)
    max_tokens: int = 256
    temperature: float = 1.0
    top_p: float = 1.0
    clip: float = 0.2
    kl: float = 0.0
    baseline: bool = False
    reuse: int = 1
    loss: Literal["grpo", "bnpo", "dr_grpo", "dapo"] = "dapo"
    scale: Literal["group", "batch", "none"] = "group"  # of GRPO's advantages
    partial: bool = False
    require_format: bool = False


class RlSettings(Settings):
    """``train rl``."""

    data: RlData
    policy: Policy = Policy()


class Groups(Section):
    """The groups of GEPO: a file that ``transfer-eval ir-groups`` wrote.

    Attributes:
        winners, losers: at most so many of each a group (silent in the paper, whose example has two of each).
        pairs: one of each, drawn by the seed: DPO, the paper's ablation. lambda has no effect then.
        beta: silent in the paper; DPO's customary value.
        variance_weight: lambda.
        max_length: of prompt and response together, in tokens; longer responses are left out, never cut.
        serial: response by response, for memory.
    """

    path: str
    winners: int = 2
    losers: int = 2
    pairs: bool = False
    beta: float = 0.1
    variance_weight: float = 1.0
    max_length: int = 1024
    batch: int = 1
    serial: bool = False


class OorlSettings(RlSettings):
    """``train oorl``. A weight of 0 leaves its part out altogether: ``rl_weight = 0`` is GEPO alone."""

    groups: Groups
    rl_weight: float = Field(default=1.0, ge=0)
    gepo_weight: float = Field(default=0.01, ge=0)

    @model_validator(mode="after")
    def _something(self) -> OorlSettings:
        if self.rl_weight == 0 and self.gepo_weight == 0:
            raise ValueError("rl_weight and gepo_weight are both 0: there is nothing to train")
        return self
