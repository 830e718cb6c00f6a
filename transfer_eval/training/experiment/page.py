"""One page that tells an experiment: what was run, what was found, how sure it is; and, apart, the papers' own numbers.

The page is a single file that asks the network for nothing. All that comes from files is escaped.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np

from transfer_eval.files import write_bytes
from transfer_eval.training.experiment import plots, space_plots, space_section
from transfer_eval.training.experiment.claims import KNOWN, MARGIN
from transfer_eval.training.experiment.drawing import draw
from transfer_eval.training.experiment.findings import Finding, Outcome, find
from transfer_eval.training.experiment.markup import facts, figures, grid
from transfer_eval.training.experiment.results import OORL, PARALLEL_SFT, read
from transfer_eval.training.experiment.space import Space
from transfer_eval.training.experiment.tabulation import of_analysis
from transfer_eval.training.experiment.transfer import Analysis, analyse

_HERE = Path(__file__).parent
_TITLES = {
    PARALLEL_SFT: "Does RL in one language help in others?",
    OORL: "What does preferring equivalent IR add to RL?",
}
_CLASSES = {Outcome.HOLDS: "holds", Outcome.DOES_NOT_HOLD: "fails"}
_TABLES = {
    "findings.csv": "Each claim, its contrast and the interval its verdict was computed from.",
    "gains.csv": "pass@1 before and after RL in the source, and the gain.",
    "transfer.csv": "Transfer ratio: the gain over the source's. Gap closed: over the oracle's. Fieller's intervals.",
    "ablation.csv": "pass@1 of each row: generation is a mean over languages, translation over pairs of them.",
    "comparisons.csv": "One arm less another. p_holm is corrected over the languages, in an ablation over the arms.",
    "pass_at_1.csv": "Everything that was evaluated by running it.",
    "verification.csv": "Is this program correct? Right answers; half of the questions' programs are.",
    "verification_gains.csv": "Right answers before and after RL in the source, and the gain.",
}
_OPEN = ("gains.csv", "transfer.csv", "ablation.csv", "comparisons.csv")


def publish(folder: Path, out: Path) -> Path:
    """Write the page ``index.html``, the tables and the plots of a folder of raw results; return the page's path.

    Raises:
        UserError: the results are malformed or incomplete, matplotlib is not installed, or ``out`` cannot be written.
    """
    analysis = analyse(read(folder))
    findings = find(analysis)
    tables = of_analysis(analysis, findings)
    drawn = draw(plots.figures(analysis))
    drawn_space = draw(space_plots.figures(analysis.space)) if analysis.space else {}
    for name, text in tables.items():
        write_bytes(out / name, text.encode())
    for title, images in {**drawn, **drawn_space}.items():
        for form, image in images.items():
            write_bytes(out / "plots" / f"{_slug(title)}.{form}", image)
    html = render(analysis, findings, tables, _svg(drawn), _svg(drawn_space))
    write_bytes(out / "index.html", html.encode())
    return out / "index.html"


def _svg(drawn: Mapping[str, Mapping[str, bytes]]) -> dict[str, bytes]:
    return {title: images["svg"] for title, images in drawn.items()}


def render(
    analysis: Analysis,
    findings: Sequence[Finding],
    tables: Mapping[str, str],
    drawn: Mapping[str, bytes],
    drawn_space: Mapping[str, bytes],
) -> str:
    """The page. ``tables`` are CSV texts by file name, the others images in SVG by title."""
    name, space = analysis.results.name, analysis.space
    of_space = [finding for finding in findings if space and finding.claim.of_space]
    parts = [
        f"<h1>{escape(_TITLES[name])}</h1>",
        f'<p class="quiet">{escape(_summary(analysis))}</p>',
        "<h2>Findings</h2>",
        f'<p class="quiet">{escape(_method(analysis))}</p>',
        _findings(finding for finding in findings if finding not in of_space),
        "<h2>Plots</h2>", figures(drawn),
        *(_space(space, of_space, drawn_space) if space else ()),
        "<h2>Tables</h2>", *(_table(file, text) for file, text in tables.items() if file in _TABLES),
        "<h2>What was run</h2>", *_run(analysis.results.facts),
        *_papers(name),
    ]  # fmt: skip
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(name)}: {escape(_TITLES[name])}</title>\n"
        f"<style>\n{(_HERE / 'page.css').read_text()}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def _space(space: Space, findings: Sequence[Finding], drawn: Mapping[str, bytes]) -> Iterator[str]:
    """The section on the latent space; its table of all layers is too long for a page."""
    yield "<h2>Latent space</h2>"
    yield f'<p class="quiet">{escape(space_section.method(space))}</p>'
    yield _findings(findings)
    yield figures(drawn)
    yield from space_section.tables(space)


def _summary(analysis: Analysis) -> str:
    results, outcomes = analysis.results, analysis.results.outcomes
    answers = sum(np.count_nonzero(~np.isnan(passed)) for passed in outcomes.cells.values())
    arms = len(next(iter(analysis.measures.values())))
    return (
        f"Experiment {results.name}, preset {results.facts.get('preset', 'not named')}: {arms} arms, "
        f"{_count(len(outcomes.seeds), 'seed')}, {_count(len(outcomes.problems), 'problem')}, {answers:,} answers run."
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _method(analysis: Analysis) -> str:
    over = "seeds and problems"
    if len(analysis.results.outcomes.seeds) == 1:
        over = "problems only: there is one seed, so nothing here speaks of other seeds"
    return (
        f"Every verdict is computed from a paired 95 % interval by resampling {over}. A gain that is surely below "
        f"{100 * MARGIN:.0f} points of pass@1 counts as none; where an interval leaves both open, that is said. "
        "Verdicts are not corrected for there being several."
    )


def _findings(findings: Iterable[Finding]) -> str:
    return f'<ul class="findings">{"".join(map(_finding, findings))}</ul>'


def _finding(finding: Finding) -> str:
    claim = finding.claim
    number = f" Its own number: {claim.number} points." if claim.number else ""
    paper = f"The paper: {claim.where} ({KNOWN[claim.known]}).{number}"
    return (
        f'<li class="{_CLASSES.get(finding.outcome, "open")}">{escape(claim.sentence)}: '
        f"<strong>{finding.outcome.value}</strong><span>{escape(finding.numbers)}</span>"
        f'<span class="quiet">{escape(paper)}</span></li>'
    )


def _table(file: str, text: str) -> str:
    reader = csv.reader(io.StringIO(text, newline=""))
    header = next(reader, [])
    is_open = " open" if file in _OPEN else ""
    return (
        f"<details{is_open}><summary><b>{escape(file)}</b> {escape(_TABLES.get(file, ''))}</summary>"
        f"{grid(header, list(reader))}</details>"
    )


def _run(told: Mapping[str, object]) -> Iterator[str]:
    """``experiment.json``; what is long is folded."""
    yield facts({name: of for name, of in told.items() if not isinstance(of, Mapping)})
    for name, of in told.items():
        if isinstance(of, Mapping):
            yield f"<details><summary><b>{escape(name)}</b></summary>{facts(of)}</details>"


def _papers(experiment: str) -> Iterator[str]:
    """What the paper itself reports, on other models and problems: never in one table with ours."""
    with (_HERE / "papers.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["experiment"] == experiment]
    yield '<section class="papers"><h2>The paper’s own numbers</h2>'
    yield '<p class="quiet">Other models, other problems, in per cent: not to be compared cell by cell with ours.</p>'
    for table in dict.fromkeys(row["table"] for row in rows):
        of_table = [row for row in rows if row["table"] == table]
        known = ", ".join(KNOWN[tag] for tag in dict.fromkeys(row["known"] for row in of_table))
        values = {(row["row"], row["column"]): row["value"] for row in of_table}
        columns = list(dict.fromkeys(column for _, column in values))
        lines = [
            [name, *(values.get((name, of), "") for of in columns)] for name in dict.fromkeys(r for r, _ in values)
        ]
        yield f"<h3>{escape(table)}</h3>{grid(['', *columns], lines)}"
        yield f'<p class="quiet">{escape(known)}</p>'
    yield "</section>"


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
