"""What made a result: recorded with every one, compared before results are mixed."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from typing import Any

import transfer_eval
from transfer_eval.execution.cgroups import probe
from transfer_eval.execution.identity import plugin_digest
from transfer_eval.execution.pool import cores
from transfer_eval.execution.sandbox import Sandbox
from transfer_eval.language import Language


def of_execution(language: Language, sandbox: Sandbox) -> Mapping[str, Any]:
    """Everything on our side of an execution that can change its verdict."""
    place = sandbox.within(language)
    return {
        "package": transfer_eval.__version__,
        "plugin": f"{language.name}@{plugin_digest(language)}",
        "toolchain": place.locate(language).version,
        "sandbox": str(place),
        "cgroups": probe().text,
        "limits": {"run": asdict(language.limits), **_compile_limits(language)},
        "host": host(),
    }


def _compile_limits(language: Language) -> Mapping[str, Any]:
    return {"compile": asdict(language.compile_limits)} if language.compile else {}


@cache
def host() -> str:
    """The machine, as far as verdicts could depend on it; its name is nobody's business."""
    return f"{platform.system()} {platform.machine()}, {cores()} cores, Python {platform.python_version()}"
