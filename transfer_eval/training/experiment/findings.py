"""A claim and an interval -> a finding: it holds, it does not, or this size does not resolve it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from transfer_eval.training.experiment.claims import CLAIMS, MARGIN, SOME, SOURCE, Claim, Prediction
from transfer_eval.training.experiment.resampling import LEVEL, Interval, Quantity
from transfer_eval.training.experiment.transfer import PASS, Analysis


class Outcome(Enum):
    """What the interval says of a claim."""

    HOLDS = "holds"
    DOES_NOT_HOLD = "does not hold"
    NOT_RESOLVED = "not resolved at this size"
    NOT_MEASURED = "not measured here"


@dataclass(frozen=True)
class Finding:
    """A claim and what came of it; ``interval`` is None and ``numbers`` empty where it was not measured."""

    claim: Claim
    outcome: Outcome
    interval: Interval | None
    numbers: str

    @property
    def text(self) -> str:
        """All of it in a sentence or two."""
        return f"{self.claim.sentence}: {self.outcome.value}. {self.numbers}".rstrip()


def find(analysis: Analysis) -> list[Finding]:
    """The findings on all claims about this experiment."""
    return [_finding(claim, analysis) for claim in CLAIMS if claim.experiment == analysis.results.name]


def judge(interval: Interval, prediction: Prediction, margin: float = MARGIN) -> Outcome:
    """What an interval says of a prediction."""
    none = interval.high <= margin
    if prediction is Prediction.GAIN:
        yes, no = interval.low > 0, none
    else:
        yes, no = none, interval.low > 0
    if yes:
        return Outcome.HOLDS
    return Outcome.DOES_NOT_HOLD if no else Outcome.NOT_RESOLVED


def _finding(claim: Claim, analysis: Analysis) -> Finding:
    scopes = _contrasts(claim, analysis)
    if not scopes:
        return Finding(claim, Outcome.NOT_MEASURED, None, "")
    # Of several languages the best is reported; the level then pays for having had the choice (Bonferroni).
    level = 1 - (1 - LEVEL) / len(scopes)
    intervals = {scope: contrast.interval(level) for scope, contrast in scopes.items()}
    held = [scope for scope, of in intervals.items() if judge(of, claim.prediction, claim.margin) is Outcome.HOLDS]
    scope = max(held or intervals, key=lambda name: intervals[name].high)
    interval = intervals[scope]
    outcome = judge(interval, claim.prediction, claim.margin)
    return Finding(claim, outcome, interval, _numbers(claim, outcome, interval, scope, len(scopes)))


def _contrasts(claim: Claim, analysis: Analysis) -> Mapping[str, Quantity]:
    """The quantity the claim is about, by scope; empty if something it needs was not measured."""
    by_arm = analysis.measures.get(claim.measure, {})
    of = by_arm.get(claim.arm, {})
    if claim.scope == SOME:
        wanted = [scope for scope in of if scope != analysis.results.source]
    else:
        wanted = [analysis.results.source if claim.scope == SOURCE else claim.scope]
    if claim.against is None:
        return {scope: of[scope] for scope in wanted if scope in of}
    other = by_arm.get(claim.against, {})
    return {scope: of[scope] - other[scope] for scope in wanted if scope in of and scope in other}


def _numbers(claim: Claim, outcome: Outcome, interval: Interval, scope: str, choices: int) -> str:
    arms = claim.arm if claim.against is None else f"{claim.arm} less {claim.against}"
    value, low, high = (
        f"{round(100 * number, claim.digits) + 0.0:+.{claim.digits}f}"  # a zero has no sign
        for number in (interval.value, interval.low, interval.high)
    )
    half = f"{100 * interval.half_width:.{claim.digits}f}"
    level = f"{LEVEL:.0%}" + (f" for the best of {choices}" if choices > 1 else "")
    small = claim.margin > 0 and outcome is not Outcome.NOT_RESOLVED and interval.low <= 0 <= interval.high
    margin = f", surely below the margin of {100 * claim.margin:.0f}" if small else ""
    where = "over" if claim.of_space else "on" if claim.measure == PASS else "in"
    return (
        f"{claim.measure} of {arms}, {where} {scope}: {value} ± {half} {claim.unit} ({level}: {low} to {high}{margin})."
    )
