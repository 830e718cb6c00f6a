"""Shared fixtures: the sandbox, a pool of workers, and named skips for what a machine lacks."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from transfer_eval.errors import UserError
from transfer_eval.execution.pool import Pool
from transfer_eval.execution.sandbox import Sandbox, choose
from transfer_eval.language import Language, find
from transfer_eval.toolchain import State, locate

# Tests run what they say they run; those of the cache ask for one of their own.
os.environ["TRANSFER_EVAL_NO_CACHE"] = "1"

# The same examples each time: a new one found by chance belongs in a test of its own, not in a red build.
settings.register_profile("steady", derandomize=True)
settings.load_profile("steady")


def needs(name: str) -> Language:
    """The language, or a skip that names what is missing."""
    language = find(name)
    located = locate(language)
    if located.state is not State.INSTALLED:
        pytest.skip(f"{name} is {located.state.value}: {located.problem}")
    return language


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    try:
        return choose("bwrap")
    except UserError as error:
        pytest.skip(f"no bwrap: {error}")


@pytest.fixture(scope="session")
def pool(sandbox: Sandbox) -> Iterator[Pool]:
    with Pool(sandbox, 2) as workers:
        yield workers
