# SPDX-License-Identifier: GPL-3.0-or-later
"""Dockerfiles for those who bring none, each written from a template: ``dockerfiles/NAME.j2``.

The build context is the Dockerfile and, in ``root/app``, the source, which comes to ``/app`` and belongs to
root. What is built is built in a stage of its own, in ``/out``. Whole trees are copied onto ``/``, with the
times of all directories: two builds give the same layers, by either builder of the engine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .draft import Order
from .drafts import DRAFTS
from .drafts.python import WHEELS
from .runtimes import Runtime

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("dockerfiles")),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701 - Dockerfiles are no HTML; what comes into one is JSON, or of a grammar
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_TEMPLATES.filters["json"] = lambda value: json.dumps(list(value), ensure_ascii=False)


@dataclass(frozen=True)
class Written:
    """A Dockerfile: its text, its build arguments, its command, and why it has none."""

    text: str
    args: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    lacks: str = ""


def write(runtime: Runtime, order: Order) -> Written:
    """Return the Dockerfile of a source. Raises Unbuildable with what the runtime misses in it."""
    draft = DRAFTS[runtime.name](order)
    text = _TEMPLATES.get_template(f"{runtime.name}.j2").render(
        {**draft.values, "args": sorted(draft.args), "wheels_folder": WHEELS},
        tag=runtime.tag,
        command=draft.command,
    )
    return Written(text, draft.args, draft.command, draft.lacks)
