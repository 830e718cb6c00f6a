"""One page that tells an experiment: what was run, what was found, how sure it is; and, apart, the papers' own numbers.

The page is a single file that asks the network for nothing. All that comes from files is escaped.
"""

from __future__ import annotations

import base64
import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np

from transfer_eval.errors import UserError
from transfer_eval.files import write_bytes
from transfer_eval.training.experiment import plots
from transfer_eval.training.experiment.claims import KNOWN
from transfer_eval.training.experiment.findings import MARGIN, Finding, Outcome, find
from transfer_eval.training.experiment.results import OORL, PARALLEL_SFT, read
from transfer_eval.training.experiment.tabulation import of_analysis
from transfer_eval.training.experiment.transfer import Analysis, analyse

_HERE = Path(__file__).parent
_TITLES = {
    PARALLEL_SFT: "Does RL in one language help in others?",
    OORL: "What does preferring equivalent IR add to RL?",
}
_CLASSES = {Outcome.HOLDS: "holds", Outcome.DOES_NOT_HOLD: "fails"}
_IMAGES = {".svg": "image/svg+xml", ".png": "image/png"}
_TABLES = {
    "findings.csv": "Each claim, its contrast and the interval its verdict was computed from.",
    "gains.csv": "pass@1 before and after RL in the source, and the gain.",
    "transfer.csv": "Transfer ratio: the gain over the source's. Gap closed: over the oracle's. Fieller's intervals.",
    "ablation.csv": "pass@1 of each row: generation is a mean over languages, translation over pairs of them.",
    "comparisons.csv": "One arm less another. p_holm is corrected over the languages, in an ablation over the arms.",
    "pass_at_1.csv": "Everything that was evaluated by running it.",
    "verification.csv": "Is this program correct? Right answers; half of the questions' programs are.",
    "verification_gains.csv": "Right answers before and after RL in the source, and the gain.",
    "representation.csv": "Programs of equal function in the model's latent space.",
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
    drawn = plots.draw(analysis)
    for name, text in tables.items():
        write_bytes(out / name, text.encode())
    for title, images in drawn.items():
        for form, image in images.items():
            write_bytes(out / "plots" / f"{_slug(title)}.{form}", image)
    figures = {title: ("image/svg+xml", images["svg"]) for title, images in drawn.items()}
    html = render(analysis, findings, {**tables, **_others_table(folder)}, {**figures, **_others_images(folder)})
    write_bytes(out / "index.html", html.encode())
    return out / "index.html"


def render(
    analysis: Analysis,
    findings: Iterable[Finding],
    tables: Mapping[str, str],
    figures: Mapping[str, tuple[str, bytes]],
) -> str:
    """The page. ``tables`` are CSV texts by file name, ``figures`` media types and images by title."""
    name = analysis.results.name
    parts = [
        f"<h1>{escape(_TITLES[name])}</h1>",
        f'<p class="quiet">{escape(_summary(analysis))}</p>',
        "<h2>Findings</h2>",
        f'<p class="quiet">{escape(_method(analysis))}</p>',
        '<ul class="findings">', *map(_finding, findings), "</ul>",
        "<h2>Plots</h2>", '<div class="figures">', *(_figure(title, *of) for title, of in figures.items()), "</div>",
        "<h2>Tables</h2>", *(_table(file, text) for file, text in tables.items()),
        "<h2>What was run</h2>", _facts(analysis.results.facts),
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


def _finding(finding: Finding) -> str:
    claim = finding.claim
    number = f" Its own number: {claim.number} points." if claim.number else ""
    paper = f"The paper: {claim.where} ({KNOWN[claim.known]}).{number}"
    return (
        f'<li class="{_CLASSES.get(finding.outcome, "open")}">{escape(claim.sentence)}: '
        f"<strong>{finding.outcome.value}</strong><span>{escape(finding.numbers)}</span>"
        f'<span class="quiet">{escape(paper)}</span></li>'
    )


def _figure(title: str, kind: str, image: bytes) -> str:
    data = base64.b64encode(image).decode()
    name = escape(title)
    return f'<figure><img alt="{name}" src="data:{kind};base64,{data}"><figcaption>{name}</figcaption></figure>'


def _table(file: str, text: str) -> str:
    reader = csv.reader(io.StringIO(text, newline=""))
    header = next(reader, [])
    is_open = " open" if file in _OPEN else ""
    return (
        f"<details{is_open}><summary><b>{escape(file)}</b> {escape(_TABLES.get(file, ''))}</summary>"
        f"{_grid(header, list(reader))}</details>"
    )


def _grid(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table that scrolls by itself; a column of numbers stands to the right."""
    kinds = [_kind([row[place] for row in rows if place < len(row)]) for place in range(len(header))]
    head = "".join(
        f'<th scope="col" class="{kind}">{escape(column.replace("_", " "))}</th>'
        for column, kind in zip(header, kinds, strict=True)
    )
    lines = (
        "".join(f'<td class="{kind}">{escape(cell)}</td>' for cell, kind in zip(row, kinds, strict=False))
        for row in rows
    )
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>'


def _kind(cells: Iterable[str]) -> str:
    told = [cell for cell in cells if cell]
    if told and all(re.fullmatch(r"[+-]?\d+(\.\d+)?", cell) for cell in told):
        return "number"
    return "text" if any(len(cell) > 45 for cell in told) else "word"


def _facts(value: object) -> str:
    """Anything JSON can say: objects as lists of terms, a list of objects as a table."""
    if isinstance(value, Mapping):
        rows = "".join(f"<dt>{escape(str(key))}</dt><dd>{_facts(of)}</dd>" for key, of in value.items())
        return f"<dl>{rows}</dl>"
    if isinstance(value, list) and value and all(isinstance(of, Mapping) for of in value):
        columns = list(dict.fromkeys(key for of in value for key in of))
        return _grid(columns, [[_word(of.get(key, "")) for key in columns] for of in value])
    if isinstance(value, list):
        return ", ".join(map(_facts, value))
    return escape(_word(value))


def _word(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


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
        yield f"<h3>{escape(table)}</h3>{_grid(['', *columns], lines)}"
        yield f'<p class="quiet">{escape(known)}</p>'
    yield "</section>"


def _others_table(folder: Path) -> dict[str, str]:
    path = folder / "representation.csv"
    try:
        return {path.name: path.read_text(encoding="utf-8")} if path.exists() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from error


def _others_images(folder: Path) -> dict[str, tuple[str, bytes]]:
    """Images that stand beside the raw results; of one drawn in both formats, the SVG."""
    found = {path.stem: path for kind in (".png", ".svg") for path in sorted(folder.glob(f"*{kind}"))}
    return {
        stem.replace("-", " ").replace("_", " "): (_IMAGES[path.suffix], path.read_bytes())
        for stem, path in sorted(found.items())
    }


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
