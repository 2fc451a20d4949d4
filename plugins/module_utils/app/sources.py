# SPDX-License-Identifier: GPL-3.0-or-later
"""App files and build contexts on the controller's disk; nothing outside of the apps directory is read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.errors import Problem
from ansible_collections.fairlead.paas.plugins.module_utils.image.recipe import DOCKERFILE
from ansible_collections.fairlead.paas.plugins.module_utils.source.runtimes import RUNTIMES, detect
from ansible_collections.fairlead.paas.plugins.module_utils.source.tree import glance

from .document import Document
from .syntax import MAX_BYTES

CONTEXT = ("build", "context")
PACKAGE = ("build", "package")
_OF_A_DOCKERFILE = {
    "dockerfile",
    "target",
    "args",
    "secrets",
}  # what is said of one, so that there has to be one


def app_files(directory: Path) -> Iterator[Path]:
    """Yield the files of a directory that are meant as app files, sorted; hidden ones are not."""
    for path in sorted(directory.iterdir()):
        if path.suffix in (".yml", ".yaml") and not path.name.startswith("."):
            yield path


def read_bytes(path: Path) -> bytes:
    """Return what is in an app file. Raises ValueError with what is wrong with it, as a file."""
    if not is_inside(path, path.parent):
        raise ValueError("is a link that leads out of the apps directory")
    if not path.is_file():
        raise ValueError("is not a regular file")
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error


def check_context(directory: Path, document: Document) -> tuple[Path | None, list[Problem]]:
    """Return the absolute path of an app's build context, None where it has none, and its problems."""
    context = document.get(CONTEXT)
    if not isinstance(context, str):
        return None, []
    path, build = directory / context, document.mapping(CONTEXT[:1])
    problem, expected = _context_problem(directory, path, build)
    if problem:
        return None, [document.problem(CONTEXT, problem, document.shown(CONTEXT), expected)]
    return path.resolve(), []


def check_package(directory: Path, document: Document) -> tuple[Path | None, list[Problem]]:
    """Return the absolute path of an app's package, None where it is no file here, and its problems."""
    package = document.get(PACKAGE)
    if not isinstance(package, str) or "://" in package:
        return None, []
    path, problem = directory / package, ""
    if not is_inside(path, directory):
        problem = "leads out of the apps directory"
    elif not path.is_file():
        problem = "is no file"
    if problem:
        return None, [document.problem(PACKAGE, problem, document.shown(PACKAGE), "a file beside this file")]
    return path.resolve(), []


def _context_problem(directory: Path, path: Path, build: Mapping[str, Any]) -> tuple[str, str]:
    if not is_inside(path, directory):
        return "leads out of the apps directory", "a directory beside this file"
    if not path.is_dir():
        return "is no directory", "a directory beside this file"
    if "runtime" in build:
        return "", ""
    named = build.get("dockerfile")
    dockerfile = path / (named if isinstance(named, str) else DOCKERFILE)
    if os.path.lexists(dockerfile) or _OF_A_DOCKERFILE & set(build):
        return _dockerfile_problem(path, dockerfile)
    return _undetected(path)


def _dockerfile_problem(path: Path, dockerfile: Path) -> tuple[str, str]:
    named = dockerfile.relative_to(path)
    if not is_inside(dockerfile, path):
        return f"has a {named} that leads out of it", "a regular file"
    if dockerfile.is_symlink():
        return f"has a {named} that is a link", "a regular file"
    if not dockerfile.is_file():
        return f"has no {named}", f"a regular file {path.name}/{named}"
    return "", ""


def _undetected(path: Path) -> tuple[str, str]:
    """Return what is wrong with a directory that no Dockerfile is for and that does not say what it is."""
    try:
        detect(glance(path))
    except OSError as error:
        return f"cannot be read: {error.strerror}", "a directory"
    except ValueError as error:
        return str(
            error
        ), f"a regular file {path.name}/{DOCKERFILE}, or runtime: one of {', '.join(RUNTIMES)}"
    return "", ""


def is_inside(path: Path, directory: Path) -> bool:
    """Say whether a path is in a directory, wherever links on the way to either lead."""
    # Unlike Path.resolve, realpath does not fail for links that lead to themselves.
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(directory))
