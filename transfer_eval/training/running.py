"""The four entry points: settings in, a trained model in a folder out."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from transfer_eval.errors import UserError
from transfer_eval.execution.cache import Cache
from transfer_eval.execution.pool import Pool, Ways
from transfer_eval.execution.sandbox import choose
from transfer_eval.language import find
from transfer_eval.prompt import Style
from transfer_eval.suite import load
from transfer_eval.training import groups, mixture, model, rows
from transfer_eval.training.extra import require
from transfer_eval.training.mixture import Mixture, Solved, Text
from transfer_eval.training.rewards import ExecutionReward
from transfer_eval.training.session import Session
from transfer_eval.training.settings import OorlSettings, RlSettings, Settings, SftData, SftSettings


def train(kind: str, settings: Settings, out: Path) -> bool:
    """Train into ``out``; False if that was done already. A killed run goes on.

    Args:
        kind: what was asked for, ``sft``, ``parallel-sft``, ``rl`` or ``oorl``: a folder holds one kind.

    Raises:
        UserError: the extra is missing, or what the settings name is not to be had.
    """
    _prepare()
    session = Session(kind, settings, out)
    if not session.begin():
        return False
    if isinstance(settings, SftSettings):
        _sft(session, settings)
    elif isinstance(settings, OorlSettings):
        _oorl(session, settings)
    elif isinstance(settings, RlSettings):
        _rl(session, settings)
    return True


def _prepare() -> None:
    for library in ("trl", "peft", "tensorboard"):
        require(library)
    require("datasets").disable_progress_bars()
    require("transformers").utils.logging.set_verbosity_error()
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")  # of TRL's, not ours to mend


@contextmanager
def _workers(settings: Settings) -> Iterator[Pool]:
    cache = None if os.environ.get("TRANSFER_EVAL_NO_CACHE") else Cache()
    with Pool(choose(settings.sandbox), settings.jobs, Ways(cache=cache)) as pool:
        yield pool


def known(data: SftData, settings: Settings) -> list[Solved]:
    """The programs that supervised training may draw from.

    Raises:
        UserError: there is no such corpus or suite, or nothing is known of it in these languages.
    """
    languages = dict.fromkeys([data.source, *data.languages])
    if data.corpus is not None:
        return rows.of_corpus(Path(data.corpus))
    suite = load(str(data.suite), [find(name) for name in languages])
    if not data.verify:
        return rows.of_suite(suite, None)
    with _workers(settings) as pool:
        return rows.of_suite(suite, pool)


def mixed(solved: list[Solved], settings: SftSettings, tokenizer: Any) -> Mixture:
    """The mixture that the settings describe.

    Raises:
        UserError: the corpus is too small for it.
    """
    data = settings.data

    def count(text: Text) -> int:
        if isinstance(text, str):
            return len(tokenizer(text)["input_ids"])
        return len(tokenizer.apply_chat_template(text, tokenize=True, return_dict=False))

    return mixture.mix(
        solved, data.mixture, source=data.source, languages=data.languages, tokens=data.tokens,
        style=rows.style_of(data.style, tokenizer), count=count, pairs=data.format == "pairs", seed=settings.seed,
    )  # fmt: skip


def _sft(session: Session, settings: SftSettings) -> None:
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    solved = known(settings.data, settings)
    pairs = groups.pairs(Path(settings.data.groups)) if settings.data.groups else []
    policy, tokenizer = model.load(settings.model, [*_texts(solved), *map("".join, pairs)], settings.seed)
    chosen = mixed(solved, settings, tokenizer)
    also = [rows.answered(prompt, text, rows.style_of(settings.data.style, tokenizer)) for prompt, text in pairs]
    args = SFTConfig(
        **session.arguments(max_length=settings.max_length, packing=settings.packing, eos_token=tokenizer.eos_token)
    )
    trainer = SFTTrainer(
        policy, args, train_dataset=Dataset.from_list([*(example.row() for example in chosen.examples), *also]),
        processing_class=tokenizer, peft_config=model.adapters(settings.lora),
    )  # fmt: skip
    facts = {
        "examples": len(chosen.examples) + len(also),
        "problems": chosen.problems,
        "tokens": chosen.tokens,
        "learnt": chosen.learnt,
    }
    with _watched(trainer, tokenizer, settings, settings.data.style):
        session.train(trainer, tokenizer, {f"data/{name}": count for name, count in facts.items()})


def _texts(solved: list[Solved]) -> Iterator[str]:
    """What a new tokenizer is made from."""
    for item in solved:
        described = f"{item.task.description}\n\n" if item.task.described_first else ""
        yield described + item.task.prompt + item.completion


def _rl(session: Session, settings: RlSettings) -> None:
    from trl import GRPOTrainer

    from transfer_eval.training.trainers.reinforce import ReinforcePlusPlusTrainer

    policy, tokenizer = model.load(settings.model, (), settings.seed)
    with _reward(settings) as reward:
        kinds = {"grpo": GRPOTrainer, "reinforce++": ReinforcePlusPlusTrainer}
        trainer = _on_policy(kinds[settings.policy.algorithm], session, settings, policy, tokenizer, reward)
        with _watched(trainer, tokenizer, settings, settings.data.style, reward.pool):
            session.train(trainer, tokenizer, {})


def _reward(settings: RlSettings) -> ExecutionReward:
    policy = settings.policy
    return ExecutionReward(
        sandbox=settings.sandbox, jobs=settings.jobs, partial=policy.partial, require_format=policy.require_format
    )


def _on_policy(
    kind: Any, session: Session, settings: RlSettings, policy: Any, tokenizer: Any, reward: ExecutionReward
) -> Any:
    """A trainer of the kind, with its tasks."""
    from datasets import Dataset
    from trl import GRPOConfig

    data, rl = settings.data, settings.policy
    dataset = Dataset.from_list(rows.of_settings(data, rows.style_of(data.style, tokenizer)))
    if settings.logging.save % rl.reuse:
        raise UserError(f"logging.save = {settings.logging.save} is no multiple of policy.reuse = {rl.reuse}")
    args = GRPOConfig(
        **session.arguments(
            num_generations=rl.rollouts, max_completion_length=rl.max_tokens, temperature=rl.temperature,
            top_p=rl.top_p, top_k=0, epsilon=rl.clip, beta=rl.kl, loss_type=rl.loss,
            scale_rewards=rl.scale, num_iterations=rl.reuse, mask_truncated_completions=False,
        )
    )  # fmt: skip
    model.still(policy)
    options = {"baseline": rl.baseline} if rl.algorithm == "reinforce++" else {}
    return kind(
        model=policy, reward_funcs=reward, args=args, train_dataset=dataset, processing_class=tokenizer,
        peft_config=model.adapters(settings.lora), **options,
    )  # fmt: skip


def _oorl(session: Session, settings: OorlSettings) -> None:
    from transfer_eval.training.trainers.oorl import OorlGrpoTrainer, OorlTrainer

    if settings.gepo_weight == 0:
        _rl(session, settings)
        return
    policy, tokenizer = model.load(settings.model, (), settings.seed)
    if settings.rl_weight == 0:
        _gepo(session, settings, policy, tokenizer)
        return
    with _reward(settings) as reward:
        kinds = {"grpo": OorlGrpoTrainer, "reinforce++": OorlTrainer}
        trainer = _on_policy(kinds[settings.policy.algorithm], session, settings, policy, tokenizer, reward)
        trainer.groups = _preference(settings, trainer, tokenizer)
        trainer.rl_weight, trainer.gepo_weight = settings.rl_weight, settings.gepo_weight
        with _watched(trainer, tokenizer, settings, settings.data.style, reward.pool):
            session.train(trainer, tokenizer, {"data/groups": len(trainer.groups.groups)})


def _gepo(session: Session, settings: OorlSettings, policy: Any, tokenizer: Any) -> None:
    """GEPO alone."""
    from datasets import Dataset
    from transformers import TrainingArguments, default_data_collator

    from transfer_eval.training.trainers.oorl import GepoTrainer

    model.still(policy)
    lora = model.adapters(settings.lora)
    if lora is not None:
        from peft import get_peft_model

        policy = get_peft_model(policy, lora)
    args = TrainingArguments(**session.arguments(remove_unused_columns=False))
    trainer = GepoTrainer(policy, args, data_collator=default_data_collator, processing_class=tokenizer)
    trainer.groups = _preference(settings, trainer, tokenizer)
    steps = trainer.groups.steps_an_epoch * args.per_device_train_batch_size * args.world_size
    trainer.train_dataset = Dataset.from_list([{"labels": number} for number in range(steps)])
    with _watched(trainer, tokenizer, settings, settings.data.style):
        session.train(trainer, tokenizer, {"data/groups": len(trainer.groups.groups)})


def _preference(settings: OorlSettings, trainer: Any, tokenizer: Any) -> Any:
    """The groups, and what the model says of them before it is trained."""
    from transfer_eval.training.trainers.gepo import GepoSettings, GroupPreference

    chosen = settings.groups
    gepo = GepoSettings(
        beta=chosen.beta,
        variance_weight=0.0 if chosen.pairs else chosen.variance_weight,
        serial=chosen.serial,
        batch=chosen.batch,
        seed=settings.seed,
    )
    accelerator, asked = trainer.accelerator, trainer.model
    preference = GroupPreference(
        groups.read(chosen, tokenizer, settings.seed), asked, tokenizer.pad_token_id, gepo,
        rank=accelerator.process_index, world=accelerator.num_processes,
    )  # fmt: skip
    home = asked.device  # DeepSpeed leaves the model in main memory until the training begins
    asked.to(accelerator.device)
    with trainer.compute_loss_context_manager():
        preference.prepare()
    asked.to(home)
    return preference


@contextmanager
def _watched(trainer: Any, tokenizer: Any, settings: Settings, style: str, pool: Pool | None = None) -> Iterator[None]:
    """The trainer with its held-out tasks scored as it goes, if the settings ask for it."""
    evaluation = settings.evaluation
    if evaluation is None:
        yield
        return
    from transfer_eval.training.trainers.watching import Watching

    tasks = rows.tasks_of(evaluation.suite, evaluation.languages, evaluation.sources, evaluation.limit)
    shown: Style = rows.style_of(style, tokenizer)

    def watch(workers: Pool) -> None:
        watching = Watching(tasks, evaluation, tokenizer, shown, workers)
        watching.trainer = trainer
        trainer.add_callback(watching)

    if pool is not None:
        watch(pool)
        yield
        return
    with _workers(settings) as workers:
        watch(workers)
        yield
