# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of what an app's image is made from: for people, and for programs."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.app.catalog import Entry
from ansible_collections.fairlead.paas.plugins.module_utils.app.commands import completed
from ansible_collections.fairlead.paas.plugins.module_utils.image.converge import content_tag, reference_tag

from .choice import choose, procfile_of
from .chosen import Choice


def describe(entry: Entry, indexes: Mapping[str, str], run: Path | None = None) -> dict[str, Any]:
    """Return what an app's image is made from, how, and what its processes run. Raises FairleadError.

    ``dockerfile`` is a text, empty where nothing is built; a process without a command runs the image's own.
    """
    app = completed(entry.app, procfile_of(entry, run))
    choice = choose(entry, indexes, run)
    made = _built(choice) if choice else _taken(entry.app.build.image or "")
    commands = {name: list(process.command) for name, process in app.processes.items()}
    return {"app": app.app, **made, "commands": commands, "release": _release(app.release)}


def as_text(said: Mapping[str, Any]) -> str:
    """Return what ``describe`` gave as people read it."""
    lines = [f"{said['app']} is made from {said['source']}{_at(said['revision'])}", *_how(said)]
    lines.append(f"Content tag: {said['tag']}")
    for name, command in said["commands"].items():
        lines.append(f"Process {name} runs {shlex.join(command) if command else 'what the image says'}")
    if said["release"]:
        lines.append(f"Before a release runs {shlex.join(said['release'])}")
    lines += [f"Build argument {name}: {value}" for name, value in said["args"].items()]
    return "\n".join([*lines, *(["", said["dockerfile"].rstrip("\n")] if said["dockerfile"] else [])])


def _built(choice: Choice) -> dict[str, Any]:
    source, runtime = choice.source, choice.runtime
    return {
        "source": source.name,
        "revision": source.revision,
        "generated": runtime is not None,
        "runtime": f"{runtime.name}:{runtime.tag}" if runtime else "",
        "because": (runtime.why or "build.runtime") if runtime else "",
        "file": source.recipe.dockerfile,
        "args": dict(source.recipe.args),
        "tag": content_tag(source.hash()),
        "dockerfile": choice.dockerfile,
    }


def _taken(image: str) -> dict[str, Any]:
    nothing = {"revision": "", "generated": False, "runtime": "", "because": "", "file": "", "args": {}}
    return {"source": f"the image {image}", **nothing, "tag": reference_tag(image), "dockerfile": ""}


def _how(said: Mapping[str, Any]) -> list[str]:
    if said["generated"]:
        return [f"Runtime: {said['runtime']}, because of {said['because']}; the Dockerfile is generated"]
    return [f"Its own {said['file']} says how"] if said["file"] else ["It is taken as it is"]


def _release(release: Any) -> list[str]:
    return list(release.command) if release else []


def _at(revision: str) -> str:
    return f", at {revision}" if revision else ""
