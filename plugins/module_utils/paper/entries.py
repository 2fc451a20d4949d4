# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of a mapping in a file: each is read strictly, and all that is wrong with any of them is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ansible_collections.fairlead.paas.plugins.module_utils.allotment import Wrong
from ansible_collections.fairlead.paas.plugins.module_utils.app.document import Document, Path, show
from ansible_collections.fairlead.paas.plugins.module_utils.errors import Problem, did_you_mean
from ansible_collections.fairlead.paas.plugins.module_utils.units import SIZE_HELP, format_size, size_of

_KILOBYTE = 1024
_MOST_CORES = 1024
_PORTS = (1024, 65535)
_PORT_HELP = "a port from 1024 to 65535"
_CORES_HELP = "cores such as 0.25 or 16"


class Unfit(Exception):
    """A value is not what its key takes; ``problem`` and ``expected`` are as messages have them."""

    def __init__(self, problem: str, expected: str) -> None:
        """Keep both."""
        super().__init__(problem)
        self.problem, self.expected = problem, expected


class Key(NamedTuple):
    """How a key's value is read; the reader raises Unfit. ``needs``: what is expected where it is missing."""

    read: Callable[[Any], Any]
    needs: str = ""


class Entries:
    """A document being read, and every problem of it so far."""

    def __init__(self, document: Document) -> None:
        """Begin with what was wrong while the document itself was read."""
        self.document = document
        self.problems: list[Problem] = [*document.problems]

    def take(self, path: Path, found: Any, keys: Mapping[str, Key]) -> dict[str, Any]:
        """Return those values of a mapping at a path that are right, by their keys."""
        if not isinstance(found, dict):
            self.wrong(path, "is not a mapping", f"a mapping of {', '.join(keys)}")
            return {}
        taken: dict[str, Any] = {}
        for key, value in found.items():
            if key not in keys:
                self._unknown((*path, key), keys)
                continue
            try:
                taken[key] = keys[key].read(_something(value))
            except Unfit as unfit:
                self.wrong((*path, key), unfit.problem, unfit.expected)
        for key, each in keys.items():
            if each.needs and key not in found:
                self.problems.append(self.document.problem((*path, key), "is missing", "", each.needs))
        return taken

    def pairs(self, path: Path, found: Any, expected: str) -> Iterator[tuple[Path, str, Any]]:
        """Yield path, key and value of a mapping at a path, if it is one."""
        if isinstance(found, dict):
            yield from (((*path, key), key, value) for key, value in found.items())
        elif found is not None:
            self.wrong(path, "is not a mapping", expected)

    def items(self, path: Path, found: Any, expected: str) -> Iterator[tuple[Path, Any]]:
        """Yield path and value of each item of a list at a path, if it is one."""
        if isinstance(found, list):
            yield from (((*path, at), item) for at, item in enumerate(found))
        elif found is not None:
            self.wrong(path, "is not a list", expected)

    def wrong(self, path: Path, problem: str, expected: str) -> None:
        """Keep a problem with the value at a path."""
        got = self.document.shown(path) if self.document.get(path) is not None else ""
        self.problems.append(self.document.problem(path, problem, got, expected))

    def wrong_key(self, path: Path, problem: str, expected: str) -> None:
        """Keep a problem with the last key of a path."""
        self.problems.append(self.document.key_problem(path, problem, show(path[-1]), expected))

    def wrong_inside(self, path: Path, wrongs: Iterable[Wrong]) -> bool:
        """Keep problems within a value, as the inventory's checks say them; return whether there is one."""
        before = len(self.problems)
        for at, problem, got, expected in wrongs:
            found = self.document.problem(path, problem, got, expected)
            self.problems.append(
                Problem(found.file, found.line, found.column, found.field + at, problem, got, expected)
            )
        return len(self.problems) > before

    def _unknown(self, path: Path, keys: Mapping[str, Key]) -> None:
        self.wrong_key(path, "is not known", did_you_mean(str(path[-1]), keys))


def size(value: Any) -> int:
    """Return the bytes of ``64G``."""
    try:
        return size_of(value)
    except ValueError as error:
        raise Unfit("is not a size", SIZE_HELP) from error


def spelled(memory: int) -> str:
    """Return bytes as ``size`` reads them, rounded down to whole kilobytes."""
    return format_size(memory // _KILOBYTE * _KILOBYTE) if memory >= _KILOBYTE else "0K"


def cores(value: Any) -> float:
    """Return a number of cores, above 0."""
    if not _is_number(value) or not 0 < value <= _MOST_CORES:
        raise Unfit("is no number of cores", f"{_CORES_HELP}, up to {_MOST_CORES}")
    return float(value)


def load(value: Any) -> float:
    """Return a load average."""
    if not _is_number(value) or value < 0:
        raise Unfit("is no load", "the average of 1 minute, such as 0.5")
    return float(value)


def port(value: Any) -> int:
    """Return a port of a node."""
    if not isinstance(value, int) or isinstance(value, bool) or not _PORTS[0] <= value <= _PORTS[1]:
        raise Unfit("is no port", _PORT_HELP)
    return value


def text(value: Any) -> str:
    """Return text that is not empty."""
    if not isinstance(value, str) or not value:
        raise Unfit("is not text", "text")
    return value


def flag(value: Any) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise Unfit("is not true or false", "true or false")
    return value


def whole(value: Any) -> int:
    """Return a whole number from 0."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Unfit("is not a whole number", "a whole number from 0")
    return value


def anything(value: Any) -> Any:
    """Return what is there, to be read elsewhere."""
    return value


def _something(value: Any) -> Any:
    if value is None:
        raise Unfit("has no value", "a value, or leave the key out")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
