"""What a rehearsal trains on: rows of our own in the schema of each thing a preset may name, and a small model.

Programs are generated ones; the model is the preset's architecture in small, with random weights, and a tokenizer that
has learnt these programs.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from transfer_eval.files import write_lines
from transfer_eval.language import find
from transfer_eval.suite import Suite, load
from transfer_eval.task import Task
from transfer_eval.training.corpus.building import JOURNAL
from transfer_eval.training.corpus.finishing import FOLDER, save
from transfer_eval.training.corpus.sample import Sample
from transfer_eval.training.experiment.architecture import shrunken
from transfer_eval.training.model import tokenizer_of
from transfer_eval.training.sets import named
from transfer_eval.verdict import Verdict

_ROWS = 16
SUITE = f"generated:train:depth=1-2:count={_ROWS}"
EXAM = "generated:test:depth=2:count=2"
_VOCABULARY, _CONTEXT = 512, 1 << 15
# It has what a rehearsal needs of a template: roles, an end of answers, and a word on thinking.
_TEMPLATE = (
    "{%- set quiet = enable_thinking is defined and not enable_thinking %}"
    "{%- for message in messages %}<{{ message['role'] }}>\n"
    "{%- if message['role'] == 'assistant' and quiet %}<think></think>\n{% endif %}"
    "{{- message['content'] }}{% if message['role'] == 'assistant' %}<|end|>{% endif %}\n{% endfor %}"
    "{%- if add_generation_prompt %}<assistant>\n{%- if quiet %}<think></think>\n{% endif %}{% endif %}"
)


@dataclass(frozen=True)
class StandIns:
    """Files in a folder, each made when it is first asked for.

    Attributes:
        languages: those with a dialect among the experiment's, the source first.
        chat: whether the small model is asked in chats.
    """

    folder: Path
    languages: Sequence[str]
    configuration: Any
    chat: bool

    @cached_property
    def suite(self) -> Suite:
        """Generated problems with right programs."""
        return load(SUITE, [find(name) for name in self.languages])

    @cached_property
    def model(self) -> str:
        """The small model."""
        import torch
        from transformers import AutoModelForCausalLM

        texts = [task.prompt + (task.solution or "") for tasks in self.suite.tasks.values() for task in tasks]
        tokenizer = tokenizer_of(texts, _VOCABULARY, _CONTEXT)
        if self.chat:
            tokenizer.chat_template = _TEMPLATE
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = AutoModelForCausalLM.from_config(shrunken(self.configuration, tokenizer))
        model.save_pretrained(self.folder / "model")
        tokenizer.save_pretrained(self.folder / "model")
        return str(self.folder / "model")

    @cached_property
    def corpus(self) -> str:
        """A corpus folder with its journal: each problem has a right program and, of another problem, a wrong one."""
        samples = [
            _sample(task, language, answer.solution or "", verdict)
            for language, tasks in self.suite.tasks.items()
            for task, other in zip(tasks, [*tasks[1:], tasks[0]], strict=True)
            for answer, verdict in ((task, Verdict.PASSED), (other, Verdict.WRONG))
        ]
        write_lines(self.folder / "corpus" / JOURNAL, [json.dumps(sample.row()) for sample in samples])
        save([sample for sample in samples if sample.passed], self.folder / "corpus" / FOLDER)
        return str(self.folder / "corpus")

    def programs(self, name: str) -> str:
        """A file with rows of the public set called ``name``.

        Raises:
            UserError: there is no such set.
        """
        path = self.folder / f"{name}.jsonl"
        write_lines(path, [json.dumps(dict(named(name).example(number))) for number in range(_ROWS)])
        return str(path)

    @cached_property
    def groups(self) -> str:
        """A file of groups, of texts that are like intermediate code in nothing but their place."""
        rows = [
            {
                "name": f"f{number}",
                "prompt": f"long f(long a) {{ return a + {number}; }}\n",
                "winners": [f"%1 = add i64 %0, {number}", f"%2 = add i64 {number}, %0", f"%3 = add i64 %0, {number}"],
                "losers": [f"%1 = sub i64 %0, {number}", f"%1 = mul i64 %0, {number}", f"%1 = or i64 %0, {number}"],
            }
            for number in range(_ROWS)
        ]
        path = self.folder / "groups.jsonl"
        write_lines(path, [json.dumps(row) for row in rows])
        return str(path)


def _sample(task: Task, language: str, completion: str, verdict: Verdict) -> Sample:
    return Sample(
        problem=task.name, language=language, description=task.description, prompt=task.prompt, completion=completion,
        program=task.prompt + completion, whole=False, verdict=verdict.value, tests="",
        provenance={"origin": "stand-in"},
    )  # fmt: skip
