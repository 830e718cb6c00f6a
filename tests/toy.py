"""A small world for tests: three problems of our own, a backend that answers from a table."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from transfer_eval.generation import FinishReason, Generation, Key, Sampling, compose
from transfer_eval.prompt import Prompt, Style

ORIGINALS = {
    "Toy_0_double": '''def double(n: int) -> int:
    """Twice a number.
    >>> double(2)
    4
    """
    ### Canonical solution below ###
    return 2 * n

### Unit tests below ###
def check(candidate):
    assert candidate(2) == 4
    assert candidate(-3) == -6
''',
    "Toy_1_evens": '''from typing import List

def evens(numbers: List[int]) -> List[int]:
    """The even numbers of a list.
    >>> evens([1, 2])
    [2]
    """
    ### Canonical solution below ###
    return [n for n in numbers if n % 2 == 0]

### Unit tests below ###
def check(candidate):
    assert candidate([1, 2, 3, 4]) == [2, 4]
    assert candidate([]) == []
''',
    "Toy_2_shout": '''def shout(text: str) -> str:
    """The text with an exclamation mark.
    >>> shout("hi")
    'hi!'
    """
    ### Canonical solution below ###
    return text + "!"

### Unit tests below ###
def check(candidate):
    assert candidate("hi") == "hi!"
    assert candidate("a 'b' \\\\ c") == "a 'b' \\\\ c!"
''',
}

SOLUTIONS = {
    ("Toy_0_double", "lua"): "    return 2 * n\nend\n",
    ("Toy_1_evens", "lua"): (
        "    local out = {}\n    for _, n in ipairs(numbers) do if n % 2 == 0 then out[#out + 1] = n end end\n"
        "    return out\nend\n"
    ),
    ("Toy_2_shout", "lua"): "    return text .. '!'\nend\n",
    ("Toy_0_double", "py"): "    return 2 * n\n",
    ("Toy_1_evens", "py"): "    return [n for n in numbers if n % 2 == 0]\n",
    ("Toy_2_shout", "py"): "    return text + 'wrong'\n",
}


def write_originals(folder: Path) -> Path:
    """A folder of MultiPL-E-style originals."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in ORIGINALS.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def solve(name: str, language: str, sample: int) -> str:
    """The answers of the toy model: right but for one Python problem."""
    return SOLUTIONS[name, language]


@dataclass
class ToyBackend:
    """Answers from ``answer``, in batches of two; ``asked`` counts the batches it made."""

    answer: Callable[[str, str, int], str] = solve
    asked: list[list[Key]] = field(default_factory=list)
    style: Style = Style.COMPLETION

    @property
    def identity(self) -> Mapping[str, object]:
        return {"model": "toy", "backend": "toy", "revision": "1"}

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling, done: Collection[Key] = frozenset()
    ) -> Iterator[list[Generation]]:
        for batch in compose(prompts, sampling, 2):
            if set(batch.keys) <= set(done):
                continue
            self.asked.append(batch.keys)
            yield [self._one(prompt, sample, sampling) for prompt, sample in batch.requests]

    def _one(self, prompt: Prompt, sample: int, sampling: Sampling) -> Generation:
        task = prompt.task
        return Generation(
            name=task.name, language=task.language, sample=sample,
            text=self.answer(task.name, task.language, sample), finish_reason=FinishReason.STOP, tokens=9,
            style=self.style, prompt=prompt.digest, model="toy@1", temperature=sampling.temperature,
            top_p=sampling.top_p, max_tokens=sampling.max_tokens, seed=sampling.seed,
        )  # fmt: skip
