"""Results files -> scores: pass@k with intervals and honest counts, one row a folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transfer_eval.completions import results_files
from transfer_eval.errors import UserError
from transfer_eval.files import read_json
from transfer_eval.language import find
from transfer_eval.metrics import Estimate, mean_pass_at_k, upstream_pass_at_k
from transfer_eval.verdict import Verdict

RUN_FILE = "run.json"
UPSTREAM_HEADER = "Dataset,Pass@k,Estimate,NumProblems,MinCompletions,MaxCompletions"


@dataclass(frozen=True)
class ProblemResults:
    """All results of one problem."""

    name: str
    results: Sequence[Mapping[str, Any]]

    def count(self, verdicts: str) -> tuple[int, int]:
        """(samples, passes) without harness faults, by ``strict`` or ``compat`` verdicts."""
        judged = [r for r in self.results if r.get("verdict") != Verdict.HARNESS_FAULT.value]
        return len(judged), sum(passed(result, verdicts) for result in judged)


def passed(result: Mapping[str, Any], verdicts: str) -> bool:
    """Whether one result counts as a pass; results of other tools have only upstream's status."""
    if verdicts == "strict" and "verdict" in result:
        return bool(result["verdict"] == Verdict.PASSED.value)
    return result.get("status") == "OK" and result.get("exit_code") == 0


@dataclass(frozen=True)
class Dataset:
    """One folder of results files, i.e. one model, suite and language."""

    folder: Path
    problems: Sequence[ProblemResults]
    fields: Mapping[str, Any]
    run: Mapping[str, Any] = field(default_factory=dict)

    @property
    def language(self) -> str:
        """The language's own name, whatever alias the files use."""
        return find(str(self.fields["language"])).name


@dataclass(frozen=True)
class Score:
    """pass@k of one dataset. Counts are of samples, but ``problems`` and ``skipped``."""

    dataset: Dataset
    k: int
    estimate: Estimate
    verdicts: str
    problems: int
    samples: int
    passes: int
    infra: int
    truncated: int
    skipped: int


def read_datasets(folders: Iterable[Path]) -> list[Dataset]:
    """The datasets in ``folders``: each folder itself, or those below it that hold results.

    Raises:
        UserError: a folder is missing or holds no results; a file is malformed.
    """
    found: list[Dataset] = []
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder")
        below = [f for f in [folder, *sorted(p for p in folder.rglob("*") if p.is_dir())] if results_files(f)]
        if not below:
            raise UserError(f"{folder}: no results files (*.results.json or *.results.json.gz) in it")
        found += [read_dataset(f) for f in below]
    return found


def read_dataset(folder: Path) -> Dataset:
    """One folder's results.

    Raises:
        UserError: a file lacks a field it must have, or the run that made the folder is unfinished.
    """
    problems, fields = [], {}
    for path in results_files(folder):
        fields = read_json(path)
        if not isinstance(fields, dict) or not isinstance(fields.get("results"), list):
            raise UserError(f"{path}: the field 'results' is missing or no list")
        problems.append(ProblemResults(str(fields.get("name", path.name)), fields.pop("results")))
    run = read_json(folder / RUN_FILE) if (folder / RUN_FILE).exists() else {}
    asked = run.get("problems")
    if asked is not None:
        problems = [problem for problem in problems if problem.name in set(asked)]
        if len(problems) < len(asked):
            missing = len(asked) - len(problems)
            raise UserError(f"{folder}: {missing} of {len(asked)} problems have no results yet; run it again to finish")
    return Dataset(folder, problems, fields, run)


def score(dataset: Dataset, k: int, verdicts: str = "strict", only: frozenset[str] | None = None) -> Score:
    """pass@k of a dataset, over ``only`` these problems where given.

    Raises:
        UserError: k is larger than the samples of some problem, or nothing was judged.
    """
    problems = [p for p in dataset.problems if only is None or p.name in only]
    counts = [count for p in problems if (count := p.count(verdicts))[0]]
    try:
        estimate = mean_pass_at_k(counts, k)
    except ValueError as error:
        raise UserError(f"{dataset.folder}: {error}") from error
    results = [result for problem in problems for result in problem.results]
    return Score(
        dataset=dataset,
        k=k,
        estimate=estimate,
        verdicts=verdicts,
        problems=len(counts),
        samples=sum(n for n, _ in counts),
        passes=sum(c for _, c in counts),
        infra=len(results) - sum(n for n, _ in counts),
        truncated=sum(result.get("finish_reason") == "length" for result in results),
        skipped=len(dataset.run.get("refused", {})),
    )


def common_problems(datasets: Sequence[Dataset]) -> frozenset[str]:
    """The problems that all datasets have: the only ones over which languages may be averaged."""
    return frozenset.intersection(*(frozenset(p.name for p in d.problems) for d in datasets))


def upstream_rows(folder: Path, extra_k: int | None = None) -> list[str]:
    """The lines MultiPL-E's ``pass_k.py`` prints for one folder, byte for byte.

    Temperature 0.8 gives k = 1, 10 and 100, any other only 1; estimates are printed at full precision
    and are 1.0 for k > n, as upstream's are.

    Raises:
        UserError: the folder holds no results, or files of several temperatures.
    """
    counts, temperatures = [], set()
    for path in results_files(folder):
        fields = read_json(path)
        counts.append((len(fields["results"]), sum(passed(r, "compat") for r in fields["results"])))
        temperatures.add(fields.get("temperature"))
    if not counts:
        raise UserError(f"{folder}: no results files in it")
    if len(temperatures) > 1:
        raise UserError(f"{folder}: results of several temperatures: {sorted(map(str, temperatures))}")
    ks = [1, 10, 100] if temperatures == {0.8} else [1]
    ks += [extra_k] if extra_k and extra_k not in ks else []
    sizes = [n for n, _ in counts]
    rows = []
    for k in ks:
        mean = _numpy_mean([upstream_pass_at_k(n, c, k) for n, c in counts])
        rows.append(f"{folder.resolve().name},{k},{mean},{len(counts)},{min(sizes)},{max(sizes)}")
    return rows


def _numpy_mean(values: list[float]) -> float:
    import numpy as np

    return float(np.mean(values))  # upstream's summation order, hence its last digit
