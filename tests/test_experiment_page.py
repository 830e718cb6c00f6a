"""The page and the plots of an experiment: whole, self-contained, and deaf to what names say."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.test_experiment_statistics import NEAR, SOURCE, ablation, planted, write
from transfer_eval.errors import UserError
from transfer_eval.training.experiment.page import publish
from transfer_eval.training.experiment.tabulation import tables

image = pytest.importorskip("matplotlib.image", reason="the [report] extra is not installed")

HOSTILE = "<script>alert('$x_1$ & \\frac')</script>"


class Reader(HTMLParser):
    """The tags of a page, what they refer to and what can be read."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.references: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = write(tmp_path / "raw", planted(parallel=0.2), seeds=2, problems=20)
    curve = [
        f"{arm},rl,{seed},{step},reward,0.{step}"
        for arm in ("mono", "parallel")
        for seed in (0, 1)
        for step in range(5)
    ]
    (folder / "curves.csv").write_text("\n".join(["arm,stage,seed,step,metric,value", *curve]) + "\n")
    return folder


def test_a_page_is_one_file_with_everything(folder: Path, tmp_path: Path) -> None:
    page = Reader(publish(folder, tmp_path / "out").read_text())
    assert page.references and all(of.startswith("data:image/") for of in page.references)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert page.tags.count("img") == 3, "two plots of transfer, and learning curves"
    for told in ("holds", "The paper’s own numbers", "up to 3.3", "20 problems", "2 seeds"):
        assert told in page.text
    assert (tmp_path / "out" / "gains.csv").read_text() == tables(folder)["gains.csv"]


def test_the_page_of_the_ablation(tmp_path: Path) -> None:
    page = Reader(publish(ablation(tmp_path / "raw", 0.2), tmp_path / "out").read_text())
    assert "GEPO adds to RL in translation: holds" in page.text
    assert "63.15" in page.text, "the paper's table 4"
    assert page.tags.count("img") == 2, "the ablation and the matrix of translation"


def test_translations_of_the_other_experiment_are_drawn(folder: Path, tmp_path: Path) -> None:
    with (folder / "outcomes.csv").open("a") as file:
        file.writelines(
            f"{arm},{seed},translation,{NEAR},{SOURCE},p{problem},1\n"
            for arm in ("mono,sft", "mono,rl")
            for seed in range(2)
            for problem in range(20)
        )
    publish(folder, tmp_path / "out")
    assert (tmp_path / "out" / "plots" / "pass-1-of-translation-from-and-to.svg").exists()


def test_one_seed_is_told(tmp_path: Path) -> None:
    page = Reader(publish(write(tmp_path, planted(parallel=0.2), seeds=1, problems=20), tmp_path / "out").read_text())
    assert "there is one seed, so nothing here speaks of other seeds" in page.text


def test_hostile_names_are_text(folder: Path, tmp_path: Path) -> None:
    for file in ("outcomes.csv", "curves.csv"):
        text = (folder / file).read_text().replace("parallel,", f"{HOSTILE},").replace("reward", HOSTILE)
        (folder / file).write_text(text)
    facts = (folder / "experiment.json").read_text().replace("toy", HOSTILE.replace("\\", "\\\\"))
    (folder / "experiment.json").write_text(facts)
    page = Reader(publish(folder, tmp_path / "out").read_text())
    assert "script" not in page.tags
    assert HOSTILE in page.text


def test_results_make_the_same_files_each_time(folder: Path, tmp_path: Path) -> None:
    first, second = (publish(folder, tmp_path / name).parent for name in ("first", "second"))
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert len(files) == 6 + 2 * 3
    for file in files:
        assert (first / file).read_bytes() == (second / file).read_bytes(), file


def test_plots_have_no_ground(folder: Path, tmp_path: Path) -> None:
    out = publish(folder, tmp_path / "out").parent
    assert len(list((out / "plots").glob("*.svg"))) == 3
    for plot in (out / "plots").glob("*.png"):
        opacity = image.imread(plot)[..., 3]
        assert opacity[0, 0] == 0 and opacity.max() > 0.9, "a corner is transparent, and something is drawn"


@pytest.mark.parametrize("row", ["mono,rl,0,1,reward,nan", "mono,xx,0,1,reward,1", "mono,rl,0,1.5,reward,1"])
def test_damaged_curves_are_refused(folder: Path, tmp_path: Path, row: str) -> None:
    with (folder / "curves.csv").open("a") as file:
        file.write(row + "\n")
    with pytest.raises(UserError, match=r"curves\.csv:22: "):
        publish(folder, tmp_path / "out")
