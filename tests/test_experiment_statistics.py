"""The experiments' statistics on outcomes whose truth is known."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from transfer_eval.errors import UserError
from transfer_eval.training.experiment.claims import CLAIMS, KNOWN, MARGIN, Prediction
from transfer_eval.training.experiment.findings import Outcome, find, judge
from transfer_eval.training.experiment.resampling import (
    Interval,
    Quantity,
    holm,
    mean,
    ratio,
    resample,
    student_quantile,
)
from transfer_eval.training.experiment.results import Cell, Outcomes, read
from transfer_eval.training.experiment.tabulation import tables
from transfer_eval.training.experiment.transfer import GAIN, LEAD, OUTSIDE, analyse, comparisons, shares

pytest.importorskip("scipy", reason="the [report] extra is not installed")

Truth = Mapping[tuple[str, str], Mapping[str, float]]
"""pass@1 in each language, by (arm, stage)."""

SOURCE, NEAR, FAR = "python", "java", "go"
BEFORE = {SOURCE: 0.3, NEAR: 0.3, FAR: 0.1}


def planted(parallel: float, multi: float = 0.0, oracle: float = 0.5) -> Truth:
    """RL gains 0.4 in the source in every arm, and in the targets what is planted."""
    gains = {"mono": 0.0, "multi": multi, "parallel": parallel}
    truth: dict[tuple[str, str], Mapping[str, float]] = {}
    for arm, gain in gains.items():
        truth[arm, "sft"] = BEFORE
        truth[arm, "rl"] = {SOURCE: 0.7, NEAR: 0.3 + gain, FAR: 0.1 + gain}
    for language in (NEAR, FAR):
        truth[f"oracle-{language}", "oracle"] = {language: oracle}
    return truth


def write(folder: Path, truth: Truth, *, seeds: int = 5, problems: int = 100, chance: int = 0) -> Path:
    """Outcomes with a hardness for each problem, shared by everything, and a luck for each seed and cell."""
    random = np.random.default_rng(chance)
    hardness = random.random(problems)
    lines = ["arm,stage,seed,task,source,language,problem,passed"]
    for (arm, stage), rates in truth.items():
        for language, rate in rates.items():
            for seed in range(seeds):
                noisy = hardness + random.normal(0, 0.1, problems)
                # The easiest share passes, so that the rate is what was planted in any draw of hardness.
                passed = noisy <= np.quantile(noisy, np.clip(rate + random.normal(0, 0.01), 0, 1))
                lines += [f"{arm},{stage},{seed},generation,,{language},p{p},{int(passed[p])}" for p in range(problems)]
    return write_raw(folder, "parallel-sft", lines)


def write_raw(folder: Path, name: str, lines: list[str], **facts: Any) -> Path:
    targets = [
        {"language": NEAR, "in_pretraining": True, "in_corpus": True},
        {"language": FAR, "in_pretraining": True, "in_corpus": False},
    ]
    folder.mkdir(parents=True, exist_ok=True)
    written = {"name": name, "preset": "toy", "source": SOURCE, "targets": targets, **facts}
    (folder / "experiment.json").write_text(json.dumps(written))
    (folder / "outcomes.csv").write_text("\n".join(lines) + "\n")
    return folder


def verdicts(folder: Path) -> dict[tuple[str, str, str, str], Outcome]:
    return {
        (of.claim.measure, of.claim.arm, of.claim.against or "", of.claim.scope): of.outcome
        for of in find(analyse(read(folder)))
    }


PARALLEL_OVER_MULTI = (GAIN, "parallel", "multi", "all targets")


def test_a_planted_effect_is_found(tmp_path: Path) -> None:
    found = verdicts(write(tmp_path, planted(parallel=0.25)))
    assert found[PARALLEL_OVER_MULTI] is Outcome.HOLDS
    assert found[GAIN, "parallel", "multi", OUTSIDE] is Outcome.HOLDS
    assert found[GAIN, "mono", "", "the source"] is Outcome.HOLDS


def test_no_effect_is_not_resolved_at_a_small_size(tmp_path: Path) -> None:
    found = verdicts(write(tmp_path, planted(parallel=0.1, multi=0.1), problems=40, seeds=3))
    assert found[PARALLEL_OVER_MULTI] is Outcome.NOT_RESOLVED


def test_an_opposite_effect_does_not_hold(tmp_path: Path) -> None:
    found = verdicts(write(tmp_path, planted(parallel=0.0, multi=0.25)))
    assert found[PARALLEL_OVER_MULTI] is Outcome.DOES_NOT_HOLD


def test_a_surplus_over_the_oracle_in_one_language_is_found(tmp_path: Path) -> None:
    truth = planted(parallel=0.3, oracle=0.2)
    assert verdicts(write(tmp_path, truth))[LEAD, "parallel", "", "some target"] is Outcome.HOLDS


@pytest.mark.parametrize(
    ("low", "high", "gain", "no_gain"),
    [
        (0.01, 0.10, Outcome.HOLDS, Outcome.DOES_NOT_HOLD),
        (-0.10, -0.01, Outcome.DOES_NOT_HOLD, Outcome.HOLDS),
        (-0.01, MARGIN, Outcome.DOES_NOT_HOLD, Outcome.HOLDS),
        (-0.01, 0.10, Outcome.NOT_RESOLVED, Outcome.NOT_RESOLVED),
        (0.001, MARGIN, Outcome.HOLDS, Outcome.HOLDS),
    ],
)
def test_verdicts_follow_from_intervals(low: float, high: float, gain: Outcome, no_gain: Outcome) -> None:
    interval = Interval((low + high) / 2, low, high, 0.5)
    assert judge(interval, Prediction.GAIN) is gain
    assert judge(interval, Prediction.NO_GAIN) is no_gain


def test_claims_say_how_they_are_known() -> None:
    assert {claim.known for claim in CLAIMS} <= KNOWN.keys()


def before_and_after(
    random: np.random.Generator, seeds: int, problems: int, of_seed: float = 0.0, of_problem: float = 0.0
) -> tuple[Quantity, Quantity]:
    """True pass@1 of 0.3 and 0.4; the gain varies with the seed and with the problem."""
    chance = 0.4 + random.normal(0, of_seed, (seeds, 1)) + random.normal(0, of_problem, (1, problems))
    before, after = Cell("a", "sft", "generation", "", "x"), Cell("a", "rl", "generation", "", "x")
    cells = {
        before: (random.random((seeds, problems)) < 0.3).astype(float),
        after: (random.random((seeds, problems)) < chance).astype(float),
    }
    drawn = resample(Outcomes(tuple(range(seeds)), tuple(map(str, range(problems))), cells), resamples=500)
    return drawn[before], drawn[after]


@pytest.mark.parametrize(
    ("seeds", "problems", "of_seed", "of_problem"),
    [(5, 80, 0.0, 0.0), (5, 80, 0.1, 0.0), (5, 40, 0.0, 0.2), (2, 40, 0.1, 0.0), (1, 80, 0.0, 0.1)],
)
def test_intervals_cover(seeds: int, problems: int, of_seed: float, of_problem: float) -> None:
    random = np.random.default_rng(7)
    covered = 0
    for _ in range(200):
        before, after = before_and_after(random, seeds, problems, of_seed, of_problem)
        interval = (after - before).interval()
        covered += interval.low <= 0.1 <= interval.high
    assert covered / 200 >= 0.91, "95 % less three standard errors of this simulation"


def test_intervals_are_not_wider_than_they_need_be() -> None:
    random = np.random.default_rng(7)
    gains = [after - before for before, after in (before_and_after(random, 5, 80) for _ in range(200))]
    needed = 2.776 * float(np.std([gain.value for gain in gains]))  # Student's t of five seeds
    assert np.mean([gain.interval().half_width for gain in gains]) < 1.1 * needed


def test_pairing_narrows(tmp_path: Path) -> None:
    analysis = analyse(read(write(tmp_path, planted(parallel=0.1))))
    before, after = (analysis.cells[Cell("parallel", stage, "generation", "", NEAR)] for stage in ("sft", "rl"))
    unpaired = math.hypot(before.error, after.error)
    assert (after - before).error < 0.7 * unpaired


def test_one_seed_is_not_resampled(tmp_path: Path) -> None:
    analysis = analyse(read(write(tmp_path, planted(parallel=0.2), seeds=1)))
    for quantity in analysis.cells.values():
        assert quantity.draws[0].var() < 1e-30 and quantity.freedom > 50


def test_certainty_needs_more_than_agreement() -> None:
    cell = Cell("a", "sft", "generation", "", "x")
    never = resample(Outcomes((0, 1), tuple("abcdefghij"), {cell: np.zeros((2, 10))}))[cell]
    assert never.interval().half_width == pytest.approx(0.27753, abs=1e-4), "Wilson's of 0 in 10"
    assert never.share().low == 0.0


def test_what_is_measured_and_does_not_vary_is_sure() -> None:
    cell = Cell("a", "sft", "generation", "", "x")
    counted = resample(Outcomes((0, 1), tuple("abcdefghij"), {cell: np.full((2, 10), 0.25)}))[cell]
    measured = replace(counted, counted=False)
    assert counted.interval().half_width > 0.2
    assert measured.interval() == Interval(0.25, 0.25, 0.25, 0.0)
    assert (measured - measured).interval() == Interval(0.0, 0.0, 0.0, 1.0)


def test_problems_that_a_language_lacks_do_not_count() -> None:
    whole, part = Cell("a", "sft", "generation", "", "x"), Cell("a", "sft", "generation", "", "y")
    passed = np.array([[1.0, 0.0, 1.0, 0.0]])
    drawn = resample(Outcomes((0,), tuple("abcd"), {whole: passed, part: np.array([[1.0, np.nan, 1.0, np.nan]])}))
    assert (drawn[whole].value, drawn[part].value, drawn[part].problems) == (0.5, 1.0, 2)
    assert mean([drawn[whole], drawn[part]]).value == 0.75


def test_ratios_are_refused_where_nothing_is_to_be_divided(tmp_path: Path) -> None:
    truth = dict(planted(parallel=0.2))
    truth["mono", "rl"] = BEFORE  # RL gained nothing
    truth["oracle-go", "oracle"] = {FAR: 0.05}  # nor did the oracle
    found = {(of.kind, of.arm, of.scope): of.ratio for of in shares(analyse(read(write(tmp_path, truth))))}
    undefined = found["transfer ratio", "mono", NEAR]
    assert math.isnan(undefined.value) and math.isnan(undefined.low)
    assert undefined.reason.startswith("the gain in the source is not surely positive")
    assert found["gap closed", "parallel", FAR].reason.startswith("the oracle's gain")
    half = found["transfer ratio", "parallel", NEAR]
    assert half.low < 0.5 < half.high and half.reason == ""
    assert found["gap closed", "parallel", NEAR].value == pytest.approx(1.0, abs=0.15)


def test_ratios_cover() -> None:
    random = np.random.default_rng(3)
    covered = 0
    for _ in range(200):
        before, after = before_and_after(random, 5, 200, of_seed=0.02)
        of = ratio(before, after, "pass@1")  # the truth is 0.3 / 0.4
        covered += of.low <= 0.75 <= of.high
    assert covered / 200 >= 0.91


def test_holm_against_its_definition() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]


def test_comparisons_are_corrected_over_languages_only(tmp_path: Path) -> None:
    found = [
        of
        for of in comparisons(analyse(read(write(tmp_path, planted(parallel=0.2)))))
        if (of.measure, of.arm, of.against) == (GAIN, "parallel", "multi")
    ]
    single = [of for of in found if of.scope in BEFORE]
    assert [of.p_holm for of in single] == holm([of.difference.p for of in single])
    assert all(of.p_holm is None for of in found if of.scope not in BEFORE)


def ablation(folder: Path, gepo: float) -> Path:
    random = np.random.default_rng(0)
    rates = {"none": 0.2, "rl": 0.4, "rl+dpo": 0.4, "rl+gepo": 0.4 + gepo, "gepo": 0.2, "gepo-lambda0": 0.2}
    lines = ["arm,stage,seed,task,source,language,problem,passed"]
    for arm, rate in rates.items():
        stage = "sft" if arm == "none" else "rl"
        for place in (f"generation,,{NEAR}", f"translation,{SOURCE},{NEAR}", f"translation,{SOURCE},{FAR}"):
            for seed in range(5):
                passed = random.random(200) < rate
                lines += [f"{arm},{stage},{seed},{place},p{p},{int(x)}" for p, x in enumerate(passed)]
    return write_raw(folder, "oorl", lines)


@pytest.mark.parametrize(("gepo", "outcome"), [(0.2, Outcome.HOLDS), (-0.2, Outcome.DOES_NOT_HOLD)])
def test_the_ablation(tmp_path: Path, gepo: float, outcome: Outcome) -> None:
    folder = ablation(tmp_path, gepo)
    found = verdicts(folder)
    assert found["pass@1", "rl+gepo", "rl", "translation, all targets"] is outcome
    assert found["pass@1", "rl", "none", "generation"] is Outcome.HOLDS
    rows = tables(folder)["ablation.csv"].splitlines()
    assert any(row.startswith('rl+gepo,"translation, held-out targets",') for row in rows)


def test_tables_are_the_same_bytes(tmp_path: Path) -> None:
    folder = write(tmp_path, planted(parallel=0.2))
    made = tables(folder)
    header, *rows = (folder / "outcomes.csv").read_text().splitlines()
    (folder / "outcomes.csv").write_text("\n".join([header, *reversed(rows)]) + "\n")
    assert tables(folder) == made, "the order of rows says nothing"
    assert set(made) == {"findings.csv", "comparisons.csv", "gains.csv", "transfer.csv", "pass_at_1.csv"}
    assert not any("nan" in text for text in made.values())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: lines + lines[-1:], "a second outcome"),
        (lambda lines: lines[:-1], "were not asked the same"),
        (lambda lines: [x for x in lines if not x.startswith("mono,rl,2")], "no outcomes of seed 2"),
        (lambda lines: [x.replace(",p3,", ",p3,,") for x in lines], "9 cells, not 8"),
        (lambda lines: [x[:-1] + "2" if ",p3," in x else x for x in lines], "malformed"),
        (lambda lines: [x.replace("mono,rl,1,", "mono,rl,-1,") for x in lines], "no whole number"),
        (lambda lines: ["x" + lines[0], *lines[1:]], "the columns are"),
        (lambda lines: lines[:1], "no outcomes"),
        (lambda lines: [x for x in lines if f",{FAR}," not in x], "no outcomes of mono/sft/go"),
    ],
)
def test_incomplete_outcomes_are_refused(tmp_path: Path, change: Callable[[list[str]], list[str]], said: str) -> None:
    folder = write(tmp_path, planted(parallel=0.2), seeds=3, problems=10)
    lines = change((folder / "outcomes.csv").read_text().splitlines())
    (folder / "outcomes.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(UserError, match=said):
        tables(folder)


def test_an_arm_that_was_asked_less_is_refused(tmp_path: Path) -> None:
    folder = ablation(tmp_path, 0.2)
    lines = (folder / "outcomes.csv").read_text().splitlines()
    kept = [line for line in lines if not (line.startswith("gepo,") and line.split(",")[5] == FAR)]
    (folder / "outcomes.csv").write_text("\n".join(kept) + "\n")
    with pytest.raises(UserError, match="gepo and rl were not both asked translation/python/go"):
        tables(folder)


@pytest.mark.parametrize(("arm", "language"), [("mono,rl", "lua"), ("oracle-lua,oracle", NEAR)])
def test_a_language_that_is_no_target_is_refused(tmp_path: Path, arm: str, language: str) -> None:
    folder = write(tmp_path, planted(parallel=0.2), seeds=2, problems=10)
    with (folder / "outcomes.csv").open("a") as file:
        file.writelines(f"{arm},{seed},generation,,{language},p{p},1\n" for seed in range(2) for p in range(10))
    with pytest.raises(UserError, match="lua was evaluated, but"):
        tables(folder)


def test_a_missing_library_is_told_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    with pytest.raises(UserError, match=r"pip install 'transfer-eval\[report\]'"):
        student_quantile(0.95, 4)


def test_an_unknown_experiment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no experiment 'other'"):
        read(write_raw(tmp_path, "other", ["arm"]))
