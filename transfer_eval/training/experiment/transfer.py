"""What each experiment measures: gains by RL and their transfer, and the ablation of OORL. Pure arithmetic.

Both experiments end as ``Measures``: a measure, of an arm, in a scope (a language, or the mean of a group of them), is
a quantity. Tables, plots and findings take them from there, so that all say the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

from transfer_eval.errors import UserError
from transfer_eval.training.experiment import space
from transfer_eval.training.experiment.resampling import (
    Interval,
    Quantity,
    Ratio,
    holm,
    mean,
    ratio,
    resample,
)
from transfer_eval.training.experiment.results import (
    GENERATION,
    ORACLE,
    PARALLEL_SFT,
    REFERENCE,
    RL,
    SFT,
    STAGES,
    TRANSLATION,
    VERIFICATION,
    Cell,
    Results,
    Target,
    ordered,
)
from transfer_eval.training.experiment.space import Space

BEFORE, AFTER, GAIN, LEAD = "pass@1 before RL", "pass@1 after RL", "gain by RL", "lead over the oracle"
PASS = "pass@1"
ALL, INSIDE, OUTSIDE, FOREIGN = (
    "all targets",
    "targets in the corpus",
    "targets outside the corpus",
    "targets outside pretraining",
)
TRAINED, HELD_OUT = "targets of RL", "held-out targets"
"""What the middle two are in an ablation of RL on translation."""

Measures = Mapping[str, Mapping[str, Mapping[str, Quantity]]]
"""By measure, arm and scope."""


@dataclass(frozen=True)
class Analysis:
    """An experiment's numbers.

    Attributes:
        cells: pass@1 of each cell.
        measures: what is compared.
        groups: the languages of each scope that is a mean.
        oracles: pass@1 in a target after RL in that target.
        space: the latent space, if it was looked at; its measures are among ``measures``, too.
    """

    results: Results
    cells: Mapping[Cell, Quantity]
    measures: Measures
    groups: Mapping[str, tuple[str, ...]]
    oracles: Mapping[str, Quantity]
    space: Space | None = None


@dataclass(frozen=True)
class Comparison:
    """One arm less another. ``p_holm`` is corrected over what was compared alike; None for the mean of a group."""

    measure: str
    arm: str
    against: str
    scope: str
    difference: Interval
    p_holm: float | None


@dataclass(frozen=True)
class Share:
    """``transfer ratio``: the gain over that in the source. ``gap closed``: the gain over what the oracle gains."""

    kind: str
    arm: str
    scope: str
    ratio: Ratio


def analyse(results: Results) -> Analysis:
    """The numbers of an experiment.

    Raises:
        UserError: it has no arm with the stages it is about.
    """
    cells = resample(results.outcomes)
    made = _transfer(results, cells, GENERATION) if results.name == PARALLEL_SFT else _ablation(results, cells)
    if results.latent is None:
        return made
    seen = space.analyse(results.latent)
    return replace(made, measures={**made.measures, **space.measures(seen)}, space=seen)


def verified(analysis: Analysis) -> Analysis | None:
    """The numbers of verification in the place of generation's; None where they were not measured, or are no gains.

    Raises:
        UserError: an arm was not asked in a language.
    """
    if GAIN not in analysis.measures or all(cell.task != VERIFICATION for cell in analysis.cells):
        return None
    return _transfer(analysis.results, analysis.cells, VERIFICATION)


def _transfer(results: Results, cells: Mapping[Cell, Quantity], task: str) -> Analysis:
    of = {(c.arm, c.stage, c.language): q for c, q in cells.items() if c.task == task}
    languages = [results.source, *(target.language for target in results.targets)]
    arms = [a for a in ordered(arm for arm, stage, _ in of if stage == RL) if (a, SFT, results.source) in of]
    if not arms or not results.targets:
        raise UserError("outcomes.csv: no arm was evaluated after sft and after rl, or there is no target")
    missing = [(a, s, x) for a in arms for s in (SFT, RL) for x in languages if (a, s, x) not in of]
    if missing:
        raise UserError(f"outcomes.csv: no outcomes of {'/'.join(missing[0])}")
    _check_listed((c.language for c in cells), languages)
    _check_listed((c.arm.removeprefix("oracle-") for c in cells if c.stage == ORACLE), languages)
    groups = _groups(results.targets)
    before = {arm: _scopes({x: of[arm, SFT, x] for x in languages}, groups) for arm in arms}
    after = {arm: _scopes({x: of[arm, RL, x] for x in languages}, groups) for arm in arms}
    oracles = {x: of[f"oracle-{x}", ORACLE, x] for x in languages if (f"oracle-{x}", ORACLE, x) in of}
    measures = {
        BEFORE: before,
        AFTER: after,
        GAIN: {arm: {scope: after[arm][scope] - before[arm][scope] for scope in after[arm]} for arm in arms},
        LEAD: {arm: {x: after[arm][x] - oracle for x, oracle in oracles.items()} for arm in arms},
    }
    return Analysis(results, cells, measures, groups, oracles)


def _groups(targets: Iterable[Target]) -> dict[str, tuple[str, ...]]:
    """Named groups of targets, none of them empty."""
    targets = list(targets)
    parts = {
        ALL: targets,
        INSIDE: [t for t in targets if t.in_corpus],
        OUTSIDE: [t for t in targets if not t.in_corpus],
        FOREIGN: [t for t in targets if not t.in_pretraining],
    }
    return {name: tuple(t.language for t in part) for name, part in parts.items() if part}


def _scopes(of: Mapping[str, Quantity], groups: Mapping[str, tuple[str, ...]]) -> dict[str, Quantity]:
    return {**of, **{name: mean([of[language] for language in group]) for name, group in groups.items()}}


def _ablation(results: Results, cells: Mapping[Cell, Quantity]) -> Analysis:
    """Each arm as its last stage left it.

    Generation and verification are means over languages, translation over (source, target).
    """
    last: dict[str, str] = {}
    for cell in cells:
        last[cell.arm] = max(last.get(cell.arm, cell.stage), cell.stage, key=STAGES.index)
    of = {arm: {c[2:]: q for c, q in cells.items() if c[:2] == (arm, last[arm])} for arm in ordered(last)}
    if REFERENCE not in of:
        raise UserError(f"outcomes.csv: the ablation has no arm {REFERENCE!r} to compare with")
    for arm, places in of.items():
        if different := places.keys() ^ of[REFERENCE].keys():
            raise UserError(f"outcomes.csv: {arm} and {REFERENCE} were not both asked {'/'.join(min(different))}")
    names = {ALL: ALL, INSIDE: TRAINED, OUTSIDE: HELD_OUT}
    groups = {names[name]: group for name, group in _groups(results.targets).items() if name in names}
    scopes = {task: [place for place in of[REFERENCE] if place[0] == task] for task in (GENERATION, VERIFICATION)}
    into = [place for place in of[REFERENCE] if place[0] == TRANSLATION]
    _check_listed((place[2] for place in into), groups.get(ALL, ()))
    scopes |= {f"{TRANSLATION}, {name}": [p for p in into if p[2] in group] for name, group in groups.items()}
    scores = {
        arm: {scope: mean([of[arm][place] for place in places]) for scope, places in scopes.items() if places}
        for arm in of
    }
    return Analysis(results, cells, {PASS: scores}, groups, {})


def _check_listed(languages: Iterable[str], listed: Iterable[str]) -> None:
    if unlisted := set(languages) - set(listed):
        raise UserError(f"outcomes.csv: {min(unlisted)} was evaluated, but is no target in experiment.json")


def comparisons(analysis: Analysis) -> Iterator[Comparison]:
    """Every two arms, the later in the usual order less the earlier; in an ablation, each arm less the reference."""
    if PASS in analysis.measures:
        yield from _with_reference(analysis.measures[PASS])
        return
    for measure in (GAIN, AFTER):
        for against, arm in combinations(analysis.measures[measure], 2):
            yield from _by_language(analysis, measure, arm, against)


def _by_language(analysis: Analysis, measure: str, arm: str, against: str) -> Iterator[Comparison]:
    """Two arms in all scopes; corrected over the languages."""
    of = analysis.measures[measure]
    differences = {scope: (of[arm][scope] - of[against][scope]).interval() for scope in of[arm]}
    languages = [scope for scope in differences if scope not in analysis.groups]
    adjusted = dict(zip(languages, holm([differences[x].p for x in languages]), strict=True))
    for scope, difference in differences.items():
        yield Comparison(measure, arm, against, scope, difference, adjusted.get(scope))


def _with_reference(scores: Mapping[str, Mapping[str, Quantity]]) -> Iterator[Comparison]:
    """All arms less the reference, scope by scope; corrected over the arms."""
    arms = [arm for arm in scores if arm != REFERENCE]
    for scope, reference in scores[REFERENCE].items():
        differences = [(scores[arm][scope] - reference).interval() for arm in arms]
        adjusted = holm([difference.p for difference in differences])
        for arm, difference, p in zip(arms, differences, adjusted, strict=True):
            yield Comparison(PASS, arm, REFERENCE, scope, difference, p)


def shares(analysis: Analysis) -> Iterator[Share]:
    """How much of the source's gain, and of the oracle's, came to each target and group of targets."""
    source = analysis.results.source
    for arm, gains in analysis.measures.get(GAIN, {}).items():
        targets = [scope for scope in gains if scope != source]
        for scope in targets:
            yield Share("transfer ratio", arm, scope, ratio(gains[scope], gains[source], "the gain in the source"))
        for scope in targets:
            languages = analysis.groups.get(scope, (scope,))
            if all(language in analysis.oracles for language in languages):
                oracle = mean([analysis.oracles[language] for language in languages])
                possible = oracle - analysis.measures[BEFORE][arm][scope]
                yield Share("gap closed", arm, scope, ratio(gains[scope], possible, "the oracle's gain"))
