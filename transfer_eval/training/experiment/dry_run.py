"""A dry run: every stage resolved, what is missing, a rehearsal, and what it all would cost; told as tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from transfer_eval.training.experiment import architecture, estimate, needs, rehearsal
from transfer_eval.training.experiment.preset import Experiment
from transfer_eval.training.experiment.stages import Stage

_PAPER = 140  # characters in a line where no terminal says


def dry_run(experiment: Experiment, seeds: Sequence[Sequence[Stage]], sandbox: str) -> None:
    """Try an experiment of these seeds' stages without training it, and tell of it.

    Raises:
        UserError: a setting is wrong; it says of which stage.
    """
    console = Console(markup=False, emoji=False)  # names of suites have colons and brackets
    if not console.is_terminal:
        console.width = _PAPER
    first = seeds[0]
    weights = architecture.weights(architecture.configuration(experiment))
    stages = Table("stage", "kind", *(f"seed {stage[0].seed}" for stage in seeds), title="Stages", title_justify="left")
    for same in zip(*seeds, strict=True):
        stages.add_row(f"{same[0].arm}/{same[0].name}", same[0].kind, *(stage.key for stage in same))
    console.print(stages)
    if experiment.launch:
        console.print(f"Trained by {experiment.launch} -m transfer_eval train …", highlight=False)
    console.print(_missing(needs.missing(experiment, first, weights)))
    costs = [estimate.cost(experiment, stage, weights) for stage in first]
    rehearsed = rehearsal.rehearse(experiment, first, sandbox)
    console.print(_tried(rehearsed))
    console.print(_replaced(rehearsed))
    console.print(_costs(costs, len(seeds)))
    console.print(_assumptions(experiment, weights), highlight=False)


def _missing(found: Iterable[needs.Need]) -> Table:
    table = Table("not here yet", "GB", "how it is had", title="Needs", title_justify="left")
    for need in found:
        table.add_row(need.what, "" if need.gigabytes is None else f"{need.gigabytes:.1f}", need.how)
    if not table.row_count:
        table.add_row("nothing", "", "")
    return table


def _tried(found: rehearsal.Rehearsal) -> Table:
    table = Table("tried", "what came of it", "seconds", title="Rehearsal", title_justify="left")
    for tried in found.tried:
        table.add_row(", ".join(tried.stages), tried.outcome, f"{tried.seconds:.1f}")
    return table


def _replaced(found: rehearsal.Rehearsal) -> Table:
    table = Table("for the rehearsal", "stood", title="Replaced", title_justify="left")
    for what, by in found.replaced.items():
        table.add_row(what, by)
    return table


def _costs(costs: Sequence[estimate.Cost], seeds: int) -> Table:
    columns = ("learnt", "written", "training", "generation", "exams", "GPU-hours", "GB a GPU", "GB main", "fits")
    table = Table(title="Cost of one seed: millions of tokens, GPU-hours, memory", title_justify="left")
    table.add_column("stage", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right")
    for of in costs:
        tokens = [f"{count / 1e6:.1f}" for count in (of.work.learnt, of.work.written)]
        hours = [_hours(value) for value in (of.training, of.generation, of.exams, of.hours)]
        held = [f"{of.gpu_gb:.1f}", f"{of.main_gb:.1f}"]
        fits = "yes" if of.fits else Text("no", "bold red")
        table.add_row(f"{of.stage.arm}/{of.stage.name}", *tokens, *hours, *held, fits)
    table.add_section()
    total = sum(of.hours for of in costs)
    table.add_row("one seed", *[""] * 5, _hours(total), *[""] * 3)
    table.add_row(f"all {seeds} seeds", *[""] * 5, _hours(total * seeds), *[""] * 3)
    return table


def _hours(value: float) -> str:
    """Hours to three digits, but not below a hundredth."""
    if 0 < value < 0.01:
        return "< 0.01"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _assumptions(experiment: Experiment, weights: int) -> str:
    """The formula, and every value that went into it."""
    assumed = experiment.estimate
    values = {key: value for key, value in assumed.model_dump().items() if key != "problems"}
    told = ", ".join(f"{key} {value}" for key, value in values.items())
    counted = ", ".join(f"{name} {count}" for name, count in assumed.problems.items())
    return (
        f"Assumed, as [estimate] has it: {told}.\nProblems: {counted or 'as generated suites say'}.\n"
        f"N = {weights:,} weights. Learnt: 6N operations a token (4N with adapters), 2N more where activations are "
        "computed again; read or written: 2N.\nGPU-hours = operations / (peak x share reached). A GPU holds weights, "
        "gradients, optimiser and reference, and fits if the reserve is left."
    )
