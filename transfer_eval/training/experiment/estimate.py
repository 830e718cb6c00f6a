"""What an experiment costs: operations from tokens and weights, hours from operations, memory from what is held.

With N weights, a trained token takes 6N operations (4N with adapters), 2N more where activations are computed again;
a token that is read or written takes 2N. Hours are operations over the peak that is reached. All else is assumed, in a
preset's ``[estimate]``. Left out: attention's share (small at these lengths), evaluation during training, loading,
saving, the running of programs, and what is waited for.
"""

from __future__ import annotations

from dataclasses import dataclass

from transfer_eval.errors import UserError
from transfer_eval.tasks import generated
from transfer_eval.training.experiment.preset import Estimate, Experiment
from transfer_eval.training.experiment.stages import Stage
from transfer_eval.training.settings import OorlSettings, Optimisation, RlData, RlSettings, Settings, SftSettings

_READ = 2  # operations a weight and token
_GIGA = 1e9
_FUNCTIONS = "functions"  # whose groups the experiment makes


@dataclass(frozen=True)
class Work:
    """Tokens, each counted as often as it goes through the model in one way.

    Attributes:
        learnt: forward and backward.
        read: forward only, all at once: by a reference, or by the policy before a step.
        written: generated, and the prompts of what is generated.
        examined: the same, in the exams.
    """

    learnt: float = 0
    read: float = 0
    written: float = 0
    examined: float = 0


@dataclass(frozen=True)
class Cost:
    """Of one stage.

    Attributes:
        training, generation, exams: GPU-hours.
        gpu_gb, main_gb: 10^9 bytes that training holds on each GPU and in main memory: weights, gradients, the
            optimiser's state, the reference.
        fits: whether the GPU has them, and the reserve.
    """

    stage: Stage
    work: Work
    training: float
    generation: float
    exams: float
    gpu_gb: float
    main_gb: float
    fits: bool

    @property
    def hours(self) -> float:
        """GPU-hours of all."""
        return self.training + self.generation + self.exams


def cost(experiment: Experiment, stage: Stage, weights: int) -> Cost:
    """What a stage costs that trains a model of so many weights.

    Raises:
        UserError: the preset does not say how many problems there are in something that it names.
    """
    assumed = experiment.estimate
    made = f"{_FUNCTIONS}:{stage.functions.count}" if stage.functions else ""
    settings = stage.assembled("a model" if stage.parent else None, made)
    examined = _answers(experiment) * _length(assumed, experiment.measuring.max_tokens)
    if not isinstance(settings, Settings):
        work, per_token, gpu, main = Work(examined=examined), 0, _READ * weights / _GIGA, 0.0
    else:
        work = _work(settings, assumed, examined)
        optimisation = settings.optimisation
        per_token = (4 if settings.lora else 6) + (0 if optimisation.checkpointing is False else _READ)
        gpu, main = memory(settings, assumed, weights)

    def hours(operations: float, reached: float) -> float:
        return operations * weights / (assumed.peak_tflops * 1e12 * reached) / 3600

    return Cost(
        stage, work,
        training=hours(per_token * work.learnt + _READ * work.read, assumed.training),
        generation=hours(_READ * work.written, assumed.generation),
        exams=hours(_READ * work.examined, assumed.generation),
        gpu_gb=gpu, main_gb=main, fits=gpu <= assumed.memory_gb * (1 - assumed.reserve),
    )  # fmt: skip


def _work(settings: Settings, assumed: Estimate, examined: float) -> Work:
    if isinstance(settings, SftSettings):
        return Work(learnt=_supervised(settings, assumed), examined=examined)
    assert isinstance(settings, RlSettings), "there are no other kinds"
    learnt = read = written = 0.0
    if not isinstance(settings, OorlSettings) or settings.rl_weight > 0:
        policy = settings.policy
        learnt = _completions(settings, assumed) * _length(assumed, policy.max_tokens)
        written = learnt / policy.reuse
        before = policy.reuse > 1 or (policy.algorithm == "reinforce++" and policy.kl > 0)
        read = written * ((policy.kl > 0) + before)
    if isinstance(settings, OorlSettings) and settings.gepo_weight > 0:
        more_learnt, more_read = _preferences(settings, assumed)
        learnt, read = learnt + more_learnt, read + more_read
    return Work(learnt, read, written, examined)


def _supervised(settings: SftSettings, assumed: Estimate) -> float:
    """Tokens of supervised training."""
    data, optimisation = settings.data, settings.optimisation
    if optimisation.steps >= 0:
        return optimisation.steps * _batch(optimisation, assumed) * assumed.row_tokens
    if data.tokens is not None:
        return data.tokens * optimisation.epochs
    rows_each = len(data.languages) if data.mixture == "parallel" else 1
    return problems(str(data.corpus or data.suite), assumed) * rows_each * assumed.row_tokens * optimisation.epochs


def _completions(settings: RlSettings, assumed: Estimate) -> float:
    """Completions that are learnt from, each as often as it is."""
    optimisation, policy = settings.optimisation, settings.policy
    if optimisation.steps >= 0:
        return optimisation.steps * _batch(optimisation, assumed)
    return _tasks(settings.data, assumed) * policy.rollouts * policy.reuse * optimisation.epochs


def _tasks(data: RlData, assumed: Estimate) -> int:
    """Rows for rewards."""
    found = 0
    for name in (data.suite, data.programs and f"{data.programs}:{data.split}"):
        if name is not None:
            found += _limited(problems(name, assumed), data.limit) * len(data.languages) * max(1, len(data.sources))
    if data.verify is not None:
        found += _limited(problems(data.verify, assumed), data.limit)
    return found


def _preferences(settings: OorlSettings, assumed: Estimate) -> tuple[float, float]:
    """Tokens of groups that are learnt from, and those that are only read: before, and before each serial step."""
    chosen, optimisation = settings.groups, settings.optimisation
    every = problems(chosen.path, assumed)
    if optimisation.steps >= 0:
        passes = optimisation.steps * optimisation.accumulation
    elif settings.rl_weight == 0:
        passes = round(optimisation.epochs * every / (chosen.batch * assumed.gpus))
    else:
        passes = round(_completions(settings, assumed) / (optimisation.batch * assumed.gpus))
    size = (2 if chosen.pairs else chosen.winners + chosen.losers) * assumed.ir_tokens
    seen = passes * chosen.batch * assumed.gpus * size
    return seen, min(every * size, seen) + (seen if chosen.serial else 0)


def _answers(experiment: Experiment) -> int:
    """What is asked in the exams."""
    measuring, assumed = experiment.measuring, experiment.estimate
    languages = len(experiment.languages.every)
    found = 0
    if measuring.suite is not None:
        asked = problems(measuring.suite, assumed)
        pairs = len(measuring.translate_from) * (languages - 1)
        found += asked * languages + _limited(asked, measuring.translated) * pairs
    if measuring.programs is not None:
        found += _limited(problems(f"{measuring.programs}:{measuring.split}", assumed), measuring.limit) * languages
    if measuring.verification is not None:
        found += _limited(problems(measuring.verification, assumed), measuring.limit) * languages
    return found


def problems(name: str, assumed: Estimate) -> int:
    """How many problems there are in what a preset calls by this name.

    Raises:
        UserError: nobody says.
    """
    kind, _, options = name.partition(":")
    if kind == _FUNCTIONS:
        return int(options)
    if kind == "generated":
        return int(generated.parse(options)[1])
    if name not in assumed.problems:
        raise UserError(f"estimate.problems: how many problems are there in {name!r}?")
    return assumed.problems[name]


def _limited(count: int, limit: int | None) -> int:
    return count if limit is None else min(count, limit)


def _batch(optimisation: Optimisation, assumed: Estimate) -> int:
    return optimisation.batch * optimisation.accumulation * assumed.gpus


def _length(assumed: Estimate, max_tokens: int) -> float:
    """Of a prompt with its answer."""
    return assumed.prompt_tokens + assumed.filled * max_tokens


def memory(settings: Settings, assumed: Estimate, weights: int) -> tuple[float, float]:
    """What training holds on each GPU, and in main memory, in 10^9 bytes.

    Without DeepSpeed all is in the precision of the weights; with it, weights and gradients have 16 bits, and the
    optimiser keeps weights and both of its moments in 32.
    """
    gpus, zero = assumed.gpus, assumed.zero
    full = settings.model.dtype == "float32" or settings.model.new is not None
    of_weight = gradient = 4 if full and not zero else 2
    optimiser = 12 if zero else 2 * of_weight
    if settings.lora is not None:
        optimiser = gradient = 0  # of adapters: next to nothing
    refers = isinstance(settings, RlSettings) and settings.policy.kl > 0 and settings.lora is None
    refers = refers and not (isinstance(settings, OorlSettings) and settings.rl_weight == 0)
    held = of_weight * (1 + refers) + gradient / (gpus if zero == 2 else 1)
    if assumed.offload:
        return held * weights / _GIGA, optimiser * weights / _GIGA
    return (held + optimiser / (gpus if zero else 1)) * weights / _GIGA, 0.0
