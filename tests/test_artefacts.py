"""The store of prepared artefacts: whole or not at all, once, bounded, and never in the way."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from tests.conftest import needs
from transfer_eval.execution.artefacts import Artefacts
from transfer_eval.language import Language
from transfer_eval.step import Artefact
from transfer_eval.toolchain import Located, locate


@pytest.fixture
def lua() -> tuple[Language, Located]:
    language = needs("lua")
    return language, locate(language)


def shell(text: str, **more: int) -> Artefact:
    return Artefact(build=(("/bin/sh", "-c", text),), **more)  # type: ignore[arg-type]


def test_it_is_built_once_and_found_by_others(tmp_path: Path, lua: tuple[Language, Located]) -> None:
    made = shell(f"echo x >> {tmp_path}/builds; sleep 0.3; mkdir {{artefact}}/in; echo text > {{artefact}}/in/file")
    stores = [Artefacts(tmp_path / "store") for _ in range(3)]
    threads = [threading.Thread(target=store.build, args=(*lua, made)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    folder = Artefacts(tmp_path / "store").get(*lua, made)
    assert folder is not None
    assert (folder / "in" / "file").read_text() == "text\n"
    assert (folder / "in" / "file").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "builds").read_text() == "x\n"


def test_it_is_built_when_it_pays(tmp_path: Path, lua: tuple[Language, Located]) -> None:
    store, made = Artefacts(tmp_path / "store"), shell("echo > {artefact}/file", pays_after=3)
    assert [store.get(*lua, made) is not None for _ in range(4)] == [False, False, True, True]


def test_a_failed_build_is_remembered_until_asked_for(tmp_path: Path, lua: tuple[Language, Located]) -> None:
    made = shell(f"echo x >> {tmp_path}/builds; echo nothing works >&2; exit 4")
    store = Artefacts(tmp_path / "store")
    assert store.get(*lua, made) is store.get(*lua, made) is Artefacts(tmp_path / "store").get(*lua, made) is None
    assert (tmp_path / "builds").read_text() == "x\n"
    assert store.build(*lua, made).problem == "sh exits 4: nothing works"
    assert (tmp_path / "builds").read_text() == "x\nx\n"
    assert not [path for path in (tmp_path / "store").iterdir() if path.is_dir()]


def test_a_recipe_or_its_files_make_another(tmp_path: Path, lua: tuple[Language, Located]) -> None:
    store, language = Artefacts(tmp_path), lua[0]
    build = (("true",),)
    recipes = [Artefact(build=build), Artefact(build=(("false",),)), Artefact(build=build, files={"a": "b"})]
    assert len({store.key(language, recipe) for recipe in recipes}) == 3
    assert store.key(language, recipes[0]) == store.key(language, Artefact(build=build))


def test_a_store_that_cannot_be_written_is_no_hindrance(tmp_path: Path, lua: tuple[Language, Located]) -> None:
    (tmp_path / "file").write_text("in the way")
    store, made = Artefacts(tmp_path / "file" / "store"), shell("true")
    assert not store.usable
    assert store.get(*lua, made) is None
    assert store.build(*lua, made).problem
    blocked = Artefacts(tmp_path / "store")
    (tmp_path / "store" / f"{blocked.key(lua[0], made)}.lock").mkdir()  # as a full disk would refuse it
    assert blocked.get(*lua, made) is blocked.get(*lua, made) is None


def test_what_is_long_unused_goes_when_there_is_too_much(
    tmp_path: Path, lua: tuple[Language, Located], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRANSFER_EVAL_ARTEFACTS_MB", "1")
    store = Artefacts(tmp_path)
    folders = []
    for name in ("old", "younger", "new"):
        folder = store.build(*lua, shell(f"head -c 600000 /dev/zero > {{artefact}}/{name}")).folder
        assert folder is not None
        folders.append(folder)
        days = {"old": 3, "younger": 0.5, "new": 0}[name]
        os.utime(folder, (time.time() - days * 86400,) * 2)
    assert [folder.exists() for folder in folders] == [False, True, True]
