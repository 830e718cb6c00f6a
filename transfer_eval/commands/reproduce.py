"""``transfer-eval reproduce``: the papers' experiments, from nothing to raw results, tables, plots and a page."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click


@click.command(short_help="Run a paper's source→target experiment.")
@click.argument("experiment", type=click.Choice(["parallel-sft", "oorl"]))
@click.option("--preset", default="tiny", show_default=True, help="tiny, quick, paper, or a .toml file.")
@click.option("--seeds", type=click.IntRange(1), help="How many.  [default: the preset's]")
@click.option("--seed", "only", type=int, multiple=True, help="Only this one; seeds may run anywhere with one --store.")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Seeds at once, a process each.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="[default: runs/EXPERIMENT-PRESET]")
@click.option("--store", type=click.Path(path_type=Path, file_okay=False), help="Models.  [default: OUT/store]")
@click.option("--sandbox", default="auto", show_default=True, metavar="auto|bwrap|docker|podman|none")
@click.option("--report/--no-report", default=True, help="Gather the finished seeds into tables, plots and a page.")
@click.option(
    "--dry-run", is_flag=True, help="Check every setting, try each kind of stage in small, estimate the cost."
)
def command(
    experiment: str, preset: str, seeds: int | None, only: tuple[int, ...], out: Path | None, store: Path | None,
    jobs: int, sandbox: str, dry_run: bool, report: bool,
) -> int:  # fmt: skip
    """Run an experiment. Given again, it goes on where it was; finished stages are used again.

    OUT/raw holds what was measured (outcomes.csv, curves.csv and experiment.json); the tables, plots and page beside it
    are made of that alone.
    """
    from transfer_eval.errors import UserError

    try:
        from transfer_eval.training.experiment import preset as presets
    except ImportError as error:
        raise UserError(f"training needs `pip install 'transfer-eval[train]'` ({error})") from None
    from transfer_eval.training.experiment import running
    from transfer_eval.training.experiment.stages import stages

    declared = presets.read(experiment, preset)
    folder = out or Path("runs") / f"{experiment}-{Path(preset).stem}"
    every = list(range(seeds or declared.seeds))
    kept = running.Store((store or folder / "store").resolve())
    made = {seed: stages(declared, seed) for seed in only or every}
    for stage in (stage for of in made.values() for stage in of):
        stage.assembled("parent" if stage.parent else None)
    if dry_run:
        from transfer_eval.training.experiment.dry_run import dry_run as tell

        tell(declared, list(made.values()), sandbox)
        return 0
    if jobs > 1:
        running.prepare([stage for of in made.values() for stage in of], kept, sandbox)
        arguments = [experiment, "--preset", preset, "--out", str(folder), "--store", str(kept.folder)]
        _at_once([*arguments, "--sandbox", sandbox], list(made), jobs, folder / "logs")
    else:
        for seed, of in made.items():
            for number, stage in enumerate(running.run(declared, seed, kept, sandbox), 1):
                click.echo(f"seed {seed}, stage {number} of {len(of)}: {stage.name} {stage.arm}", err=True)
    if report:
        _publish(running.gather(declared, every, kept, folder, {"preset": preset}), len(every), folder)
    return 0


def _at_once(arguments: list[str], seeds: list[int], jobs: int, logs: Path) -> None:
    from transfer_eval.training.experiment.seeds import run

    run(["reproduce", *arguments, "--no-report"], seeds, jobs, logs, partial(click.echo, err=True))


def _publish(done: list[int], wanted: int, folder: Path) -> None:
    from transfer_eval.training.experiment.page import publish

    click.echo(f"raw results of {len(done)} of {wanted} seeds: {folder / 'raw'}")
    click.echo(f"tables, plots and page: {publish(folder / 'raw', folder)}")
