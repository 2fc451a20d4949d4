# SPDX-License-Identifier: GPL-3.0-or-later
"""What was chosen to build an app's image from, and where its file says so."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.fairlead.paas.plugins.module_utils.app.catalog import Entry

from .contents import PROCFILE
from .generated import Source
from .procfile import Procfile, parse_procfile
from .runtimes import Runtime


@dataclass(frozen=True)
class Choice:
    """A source, the text of its Dockerfile, and the runtime that this was written for, None if it was not."""

    source: Source
    dockerfile: str
    runtime: Runtime | None = None


def parsed(name: str, text: str | None) -> Procfile:
    """Return what the Procfile of a source says, nothing where it has none. Raises Refused."""
    return parse_procfile(f"{name}/{PROCFILE}", text) if text is not None else Procfile()


def place_in(entry: Entry) -> tuple[str, ...]:
    """Return where in the app's file its source is named."""
    build = entry.app.build
    return ("build", "package" if build.package else "git" if build.git else "context")
