"""Files are whole or not there; journals survive being killed."""

from __future__ import annotations

import gzip
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer_eval.errors import UserError
from transfer_eval.files import Journal, read_json, write_json, write_lines


@pytest.mark.parametrize("name", ["a.json", "a.json.gz"])
def test_json_round_trip(tmp_path: Path, name: str) -> None:
    write_json(tmp_path / "deep" / name, {"ä": ["\ud800", 1]})
    assert read_json(tmp_path / "deep" / name) == {"ä": ["\ud800", 1]}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == [name]


@pytest.mark.parametrize(
    "data", [b"{", b"\xff", gzip.compress(b"{}", mtime=0)[:10], b""], ids=["cut", "binary", "torn", "empty"]
)
def test_damaged_files_are_named(tmp_path: Path, data: bytes) -> None:
    for name in ("a.json", "a.json.gz"):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UserError, match=name):
            read_json(tmp_path / name)


def test_a_full_disk_leaves_what_was_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.append({"x": 1})
    write_json(tmp_path / "a.json", {"old": 1})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, limits[1]))  # the nearest thing: writes fail past 50 bytes
    try:
        with pytest.raises(UserError, match="cannot be written"):
            journal.append({"y": "long" * 50})
        with pytest.raises(UserError, match="cannot be written"):
            write_json(tmp_path / "a.json", {"new": "long" * 50})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert read_json(tmp_path / "a.json") == {"old": 1}
    journal.append({"z": 1})
    assert list(journal.rows()) == [{"x": 1}, {"z": 1}]
    assert {path.name for path in tmp_path.iterdir()} == {"journal.jsonl", "a.json"}


def test_a_read_only_folder_is_one_clear_line(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        target = Path("/proc/here/a.json")  # root writes anywhere but there
    else:
        tmp_path.chmod(0o500)
        target = tmp_path / "a.json"
    with pytest.raises(UserError, match="cannot be written"):
        write_json(target, {})


@given(st.lists(st.dictionaries(st.text(), st.integers()), max_size=5), st.data())
def test_a_torn_journal_loses_only_its_last_row(
    tmp_path_factory: pytest.TempPathFactory, rows: list[object], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("j") / "journal.jsonl"
    journal = Journal(path)
    for row in rows:
        journal.append(row)
    whole = path.read_bytes() if rows else b""
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    kept = whole[:cut].count(b"\n")
    assert list(Journal(path).rows()) == rows[:kept]
    Journal(path).append({"new": 1})
    assert list(Journal(path).rows()) == [*rows[:kept], {"new": 1}]


def test_a_damaged_line_in_the_middle_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"a": 1}\nnonsense\n{"b": 2}\n')
    with pytest.raises(UserError, match="line 2"):
        list(Journal(path).rows())


def test_lines_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    write_lines(path, iter(["a", "b"]))
    assert path.read_text() == "a\nb\n"

    def broken() -> Iterator[str]:
        yield "c"
        raise FileNotFoundError(2, "no such sandbox")

    with pytest.raises(FileNotFoundError, match="no such sandbox"):  # not taken for a trouble with the file
        write_lines(path, broken())
    with pytest.raises(UserError, match="cannot be written"):
        write_lines(path / "below", iter(["d"]))
    assert path.read_text() == "a\nb\n"
    assert list(tmp_path.iterdir()) == [path]
