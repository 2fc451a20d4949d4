# SPDX-License-Identifier: GPL-3.0-or-later
"""App files and build contexts on the controller's disk; nothing outside of the apps directory is read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.fairlead.paas.plugins.module_utils.errors import Problem
from ansible_collections.fairlead.paas.plugins.module_utils.image.recipe import DOCKERFILE

from .document import Document
from .syntax import MAX_BYTES

CONTEXT = ("build", "context")
_DOCKERFILE = ("build", "dockerfile")


def app_files(directory: Path) -> Iterator[Path]:
    """Yield the files of a directory that are meant as app files, sorted; hidden ones are not."""
    for path in sorted(directory.iterdir()):
        if path.suffix in (".yml", ".yaml") and not path.name.startswith("."):
            yield path


def read_bytes(path: Path) -> bytes:
    """Return what is in an app file. Raises ValueError with what is wrong with it, as a file."""
    if not _is_inside(path, path.parent):
        raise ValueError("is a link that leads out of the apps directory")
    if not path.is_file():
        raise ValueError("is not a regular file")
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error


def check_context(directory: Path, document: Document) -> tuple[Path | None, list[Problem]]:
    """Return the absolute path of an app's build context, None where nothing is built, and its problems."""
    context = document.get(CONTEXT)
    if not isinstance(context, str):
        return None, []
    path, named = directory / context, document.get(_DOCKERFILE)
    problem, expected = _context_problem(directory, path, named if isinstance(named, str) else DOCKERFILE)
    if problem:
        return None, [document.problem(CONTEXT, problem, document.shown(CONTEXT), expected)]
    return path.resolve(), []


def _context_problem(directory: Path, path: Path, named: str) -> tuple[str, str]:
    dockerfile = path / named
    if not _is_inside(path, directory):
        return "leads out of the apps directory", "a directory beside this file"
    if not path.is_dir():
        return "is no directory", "a directory beside this file"
    if not _is_inside(dockerfile, path):
        return f"has a {named} that leads out of it", "a regular file"
    if not dockerfile.is_file():
        return f"has no {named}", f"a regular file {path.name}/{named}"
    return "", ""


def _is_inside(path: Path, directory: Path) -> bool:
    # Unlike Path.resolve, realpath does not fail for links that lead to themselves.
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(directory))
