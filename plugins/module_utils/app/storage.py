# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold between the volumes of one process, beyond what each field may be by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.errors import Problem

from .document import Document, Path

KERNEL = ("/dev", "/proc", "/sys")  # what a container has of the kernel; nothing is mounted there or below
_ENGINES = "/etc"  # in which the engine writes hosts and resolv.conf


def stands_alone(document: Document, process: Any) -> bool:
    """Say whether an instance of a process must have stopped before its successor starts."""
    path = ("processes", process)
    volumes = document.items((*path, "volumes"))
    writes = any(isinstance(it, dict) and it.get("read_only") is not True for _, it in volumes)
    return writes or "publish" in document.mapping(path)


def within(path: str, folder: str) -> bool:
    """Say whether a path is a folder or below it."""
    return PurePosixPath(path).is_relative_to(folder)


def _come_from_one_place(document: Document) -> Iterator[Problem]:
    for path in _volumes(document):
        if {"node", "nfs"} <= set(document.mapping(path)):
            yield document.key_problem((*path, "nfs"), "stands beside node", "", "one of the two")


def _hold_something(document: Document) -> Iterator[Problem]:
    for path in _volumes(document):
        alone = not {"node", "nfs"} & set(document.mapping(path))
        if alone and document.get((*path, "read_only")) is True:
            expected = "node or nfs beside it, where others put something"
            yield document.key_problem((*path, "read_only"), "leaves it empty for ever", "", expected)


def _have_names_of_their_own(document: Document) -> Iterator[Problem]:
    for process in document.mapping(("processes",)):
        seen: set[str] = set()
        for path in _volumes_of(document, process):
            name = document.get((*path, "name"))
            if isinstance(name, str) and name in seen:
                expected = "each name once in a process"
                yield document.problem(
                    (*path, "name"), "is named twice", document.shown((*path, "name")), expected
                )
            seen.add(str(name))


def _have_paths_of_their_own(document: Document) -> Iterator[Problem]:
    for process in document.mapping(("processes",)):
        seen: list[str] = []
        for volume in _volumes_of(document, process):
            path = (*volume, "path")
            if not isinstance(at := document.get(path), str):
                continue
            for other in seen:
                if within(at, other) or within(other, at):
                    problem = (
                        "is that of another volume" if at == other else f"and {other} are inside each other"
                    )
                    yield document.problem(path, problem, document.shown(path), "a path of its own")
            seen.append(at)


def _leave_the_kernels_places(document: Document) -> Iterator[Problem]:
    for volume in _volumes(document):
        path = (*volume, "path")
        at = document.get(path)
        if isinstance(at, str) and (at == _ENGINES or any(within(at, each) for each in KERNEL)):
            expected = f"not {_ENGINES} itself, and nothing in {', '.join(KERNEL)}"
            yield document.problem(path, "belongs to the engine", document.shown(path), expected)


def _volumes(document: Document) -> Iterator[Path]:
    for process in document.mapping(("processes",)):
        yield from _volumes_of(document, process)


def _volumes_of(document: Document, process: str) -> Iterator[Path]:
    return (path for path, _ in document.items(("processes", process, "volumes")))


STORAGE_RULES = (
    _come_from_one_place,
    _hold_something,
    _have_names_of_their_own,
    _have_paths_of_their_own,
    _leave_the_kernels_places,
)
