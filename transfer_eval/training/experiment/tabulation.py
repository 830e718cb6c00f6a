"""Raw results -> the derived tables, as CSV text: the same bytes from the same files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path

from transfer_eval.training.experiment import table
from transfer_eval.training.experiment.findings import Finding, find
from transfer_eval.training.experiment.latent import Spot
from transfer_eval.training.experiment.resampling import Interval
from transfer_eval.training.experiment.results import VERIFICATION, read
from transfer_eval.training.experiment.space import NAMES, Space, pairs
from transfer_eval.training.experiment.transfer import (
    AFTER,
    BEFORE,
    GAIN,
    PASS,
    Analysis,
    analyse,
    comparisons,
    shares,
    verified,
)

CHANCE = 0.5
"""Of a verification: questions are balanced in each language."""
_INTERVAL = ("low", "high", "half_width")


def tables(folder: Path) -> dict[str, str]:
    """The tables of a folder of raw results, by file name.

    Raises:
        UserError: the folder is malformed or incomplete (``results.read``).
    """
    analysis = analyse(read(folder))
    return of_analysis(analysis, find(analysis))


def of_analysis(analysis: Analysis, findings: Sequence[Finding]) -> dict[str, str]:
    """The same, of numbers at hand."""
    made = {"findings.csv": _findings(findings), "comparisons.csv": _comparisons(analysis)}
    if GAIN in analysis.measures:
        made |= {"gains.csv": _gains(analysis), "transfer.csv": _shares(analysis)}
    else:
        made["ablation.csv"] = _ablation(analysis)
    made["pass_at_1.csv"] = _rates(analysis)
    if any(cell.task == VERIFICATION for cell in analysis.cells):
        made["verification.csv"] = _accuracies(analysis)
    if (verification := verified(analysis)) is not None:
        made["verification_gains.csv"] = _gains(verification)
    if analysis.space is not None:
        made["representation.csv"] = _representation(analysis.space)
    return made


def _rates(analysis: Analysis) -> str:
    rows = []
    for cell, quantity in analysis.cells.items():
        if cell.task != VERIFICATION:
            rows.append([*cell, *_numbers(quantity.share()), quantity.problems, quantity.seeds])
    return table.text(("arm", "stage", "task", "source", "language", PASS, *_INTERVAL, "problems", "seeds"), rows)


def _accuracies(analysis: Analysis) -> str:
    rows = []
    for cell, quantity in analysis.cells.items():
        if cell.task == VERIFICATION:
            place = (cell.arm, cell.stage, cell.language)
            rows.append([*place, *_numbers(quantity.share()), CHANCE, quantity.problems, quantity.seeds])
    return table.text(("arm", "stage", "language", "accuracy", *_INTERVAL, "chance", "questions", "seeds"), rows)


def _gains(analysis: Analysis) -> str:
    before, after = (analysis.measures[measure] for measure in (BEFORE, AFTER))
    rows = []
    for arm, gains in analysis.measures[GAIN].items():
        for scope, gain in gains.items():
            change = [_number(of[arm][scope].value) for of in (before, after)]
            rows.append([arm, scope, *change, *_numbers(gain.interval()), _number(gain.interval().p)])
    return table.text(("arm", "scope", "before", "after", "gain", *_INTERVAL, "p"), rows)


def _shares(analysis: Analysis) -> str:
    rows = []
    for share in shares(analysis):
        of = share.ratio
        rows.append(
            [share.kind, share.arm, share.scope, _number(of.value), _number(of.low), _number(of.high), of.reason]
        )
    return table.text(("measure", "arm", "scope", "ratio", "low", "high", "undefined_because"), rows)


def _comparisons(analysis: Analysis) -> str:
    rows = []
    for of in comparisons(analysis):
        adjusted = "" if of.p_holm is None else _number(of.p_holm)
        difference = of.difference
        rows.append([of.measure, of.arm, of.against, of.scope, *_numbers(difference), _number(difference.p), adjusted])
    return table.text(("measure", "arm", "less", "scope", "difference", *_INTERVAL, "p", "p_holm"), rows)


def _ablation(analysis: Analysis) -> str:
    rows = []
    for arm, scopes in analysis.measures[PASS].items():
        rows += [[arm, scope, *_numbers(quantity.share())] for scope, quantity in scopes.items()]
    return table.text(("arm", "scope", PASS, *_INTERVAL), rows)


def _representation(space: Space) -> str:
    """Every measure of every model, then every difference of two; chance of a difference is none."""
    rows: list[list[object]] = []
    for model, layer, measure in product(space.models, space.layers, NAMES):
        chance = space.chance(measure)
        level = _numbers(space.level(Spot(model, layer, measure)))
        rows.append([*model, "", "", layer, measure, *level, "" if chance is None else _number(chance)])
    for (model, less), layer, measure in product(pairs(space), space.layers, NAMES):
        difference = _numbers(space.difference(Spot(model, layer, measure), less))
        rows.append([*model, *less, layer, measure, *difference, _number(0.0)])
    return table.text(
        ("arm", "stage", "less_arm", "less_stage", "layer", "measure", "value", *_INTERVAL, "chance"), rows
    )


def _findings(findings: Iterable[Finding]) -> str:
    rows = []
    for of in findings:
        claim = of.claim
        numbers = _numbers(of.interval) if of.interval else [""] * 4
        contrast = [claim.measure, claim.arm, claim.against or "", claim.scope, claim.prediction.value]
        rows.append([of.outcome.value, claim.sentence, *contrast, *numbers, claim.number, claim.where, claim.known])
    contrast_columns = ("measure", "arm", "less", "scope", "predicted")
    paper_columns = ("paper_points", "paper_where", "paper_known")
    return table.text(("outcome", "claim", *contrast_columns, "value", *_INTERVAL, *paper_columns), rows)


def _numbers(interval: Interval) -> list[str]:
    return [_number(n) for n in (interval.value, interval.low, interval.high, interval.half_width)]


def _number(value: float) -> str:
    """Four digits; no digits where there is no number. A zero has no sign."""
    return "" if math.isnan(value) else f"{round(value, 4) + 0.0:.4f}"
