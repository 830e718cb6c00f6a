"""Candidates -> samples: each is run once, and what became of it is in the journal before the next one counts."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path

from transfer_eval.chunks import bare
from transfer_eval.errors import HarnessFault
from transfer_eval.execution.execution import Execution
from transfer_eval.execution.pool import Pool
from transfer_eval.files import Journal
from transfer_eval.provenance import of_execution
from transfer_eval.training.corpus.candidate import Candidate
from transfer_eval.training.corpus.sample import Sample
from transfer_eval.verdict import Verdict

JOURNAL = "samples.jsonl"
_FAULT = Verdict.HARNESS_FAULT.value
_MACHINE = ("package", "plugin", "toolchain", "sandbox")  # of what provenance tells, what a sample repeats

Key = tuple[str, ...]


class Builder:
    """Judges candidates, and keeps every sample, passed or not, in ``samples.jsonl`` of a folder.

    A candidate that is in the journal already is not run again, so an interrupted build goes on when its candidates
    are put again. Attributes: ``samples``, of the candidates put so far; ``faults``, by language and source,
    what the harness or the model's server failed at: it is not journaled, and the next build tries it again.
    """

    def __init__(self, folder: Path, pool: Pool) -> None:
        self._pool = pool
        self._journal = Journal(folder / JOURNAL)
        self._judged = {_key(sample): sample for sample in map(Sample.from_row, self._journal.rows())}
        self.samples: list[Sample] = []
        self.faults: collections.Counter[tuple[str, str]] = collections.Counter()
        self._put: set[Key] = set()
        self._waiting: collections.deque[tuple[Candidate, Future[Execution]]] = collections.deque()

    def put(self, candidate: Candidate) -> None:
        """Queue a candidate, and journal those before it that are done.

        Raises:
            UserError: the language is not here, or the journal cannot be written.
        """
        key = _key(candidate.sample(Verdict.NO_CODE))
        if key in self._put:
            return
        self._put.add(key)
        if key in self._judged:
            self.samples.append(self._judged[key])
            return
        if not candidate.code.strip():
            self._record(candidate, Verdict.NO_CODE)
            return
        label = f"{candidate.language.name} {candidate.task.name}"
        future = self._pool.submit(candidate.program, candidate.language, candidate.limits, label=label)
        self._waiting.append((candidate, future))
        while self._waiting and self._waiting[0][1].done():
            self._collect()

    def wait(self) -> None:
        """Until everything put is judged.

        Raises:
            UserError: as :meth:`put`.
        """
        while self._waiting:
            self._collect()

    def _collect(self) -> None:
        candidate, future = self._waiting.popleft()
        try:
            execution = future.result()
        except HarnessFault:
            self.faults[candidate.language.name, str(candidate.provenance["source"])] += 1
            return
        self._record(candidate, candidate.judge(execution))

    def _record(self, candidate: Candidate, verdict: Verdict) -> None:
        sample = candidate.sample(verdict)
        machine = of_execution(candidate.language, self._pool.sandbox)
        provenance = {**sample.provenance, **{key: machine[key] for key in _MACHINE}}
        sample = replace(sample, provenance=provenance)
        self._journal.append(sample.row())
        self.samples.append(sample)


def _key(sample: Sample) -> Key:
    """What makes a candidate the same one in a later build: its problem and tests, where it is from, the program."""
    return (sample.problem, sample.language, sample.tests, str(sample.provenance["origin"]), sample.program)


def _order(sample: Sample) -> tuple[object, ...]:
    return (sample.problem, sample.language, "model" in sample.provenance, str(sample.provenance["origin"]))


def kept(samples: Iterable[Sample], most: int = 1) -> list[Sample]:
    """The samples that passed, at most ``most`` different programs per problem and language, in a fixed order.

    Known programs come before a model's.
    """
    found: dict[tuple[str, str], dict[str, Sample]] = {}
    for sample in sorted(samples, key=_order):
        programs = found.setdefault((sample.problem, sample.language), {})
        if sample.passed and len(programs) < most:
            programs.setdefault(bare(sample.program), sample)
    return [sample for programs in found.values() for sample in programs.values()]


@dataclass(frozen=True)
class Yield:
    """What came of the candidates of one source in one language: how many there were of each verdict, how many stay."""

    language: str
    source: str
    verdicts: Mapping[str, int]
    kept: int

    @property
    def asked(self) -> int:
        """How many candidates there were."""
        return sum(self.verdicts.values())

    def row(self) -> dict[str, object]:
        """A JSON object."""
        return {
            "language": self.language, "source": self.source, "asked": self.asked, **self.verdicts, "kept": self.kept,
        }  # fmt: skip


def yields(builder: Builder, most: int = 1) -> list[Yield]:
    """The yield of each language and source, in alphabetical order."""
    verdicts = {place: collections.Counter({_FAULT: count}) for place, count in builder.faults.items()}
    for sample in builder.samples:
        verdicts.setdefault(_place(sample), collections.Counter())[sample.verdict] += 1
    remaining = collections.Counter(map(_place, kept(builder.samples, most)))
    return [Yield(*place, verdicts[place], remaining[place]) for place in sorted(verdicts)]


def _place(sample: Sample) -> tuple[str, str]:
    return (sample.language, str(sample.provenance["source"]))
