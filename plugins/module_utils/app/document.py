# SPDX-License-Identifier: GPL-3.0-or-later
"""One file of plain data, with the place of every key and value, so that each problem can be pointed at."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.errors import Problem

Path = tuple[str | int, ...]

_SHOWN = 60  # characters of a value that a message repeats


@dataclass(frozen=True)
class Spot:
    """Where a value and its key stand, as (line, column) from 1, and the words of an unquoted scalar."""

    key: tuple[int, int]
    value: tuple[int, int]
    plain: str | None = None


@dataclass(frozen=True)
class Document:
    """The data of one file, and what was already wrong while reading it.

    ``value`` holds mappings, lists, strings, numbers and booleans only; ``file`` is the name in messages.
    """

    file: str
    value: Any
    spots: Mapping[Path, Spot]
    problems: tuple[Problem, ...] = ()

    def get(self, path: Path) -> Any:
        """Return the value at a path, or None where there is none."""
        value = self.value
        for part in path:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def mapping(self, path: Path) -> dict[str, Any]:
        """Return the mapping at a path; where there is none, an empty one."""
        value = self.get(path)
        return value if isinstance(value, dict) else {}

    def texts(self, path: Path) -> Iterator[tuple[Path, str]]:
        """Yield the path and value of each text in the list at a path, if there is one."""
        return ((at, item) for at, item in self.items(path) if isinstance(item, str))

    def items(self, path: Path) -> Iterator[tuple[Path, Any]]:
        """Yield the path and value of each item of the list at a path, if there is one."""
        value = self.get(path)
        for at, item in enumerate(value if isinstance(value, list) else []):
            yield (*path, at), item

    def shown(self, path: Path) -> str:
        """Return the value at a path as messages repeat it: numbers as written, never a whole mapping."""
        value, spot = self.get(path), self.spots.get(path)
        return one_line(spot.plain) if spot and spot.plain and not isinstance(value, str) else show(value)

    def problem(self, path: Path, problem: str, got: str = "", expected: str = "") -> Problem:
        """Return a problem with the value at a path; if there is none, it points at what should hold it."""
        return Problem(self.file, *self._place(path), dotted(path), problem, got, expected)

    def key_problem(self, path: Path, problem: str, got: str = "", expected: str = "") -> Problem:
        """Return a problem with the last key of a path."""
        spot = self.spots.get(path)
        return Problem(
            self.file, *(spot.key if spot else self._place(path)), dotted(path), problem, got, expected
        )

    def _place(self, path: Path) -> tuple[int, int]:
        while path not in self.spots:
            path = path[:-1]
        return self.spots[path].value


def dotted(path: Path) -> str:
    """Return ``processes.web.placement.constraints[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{one_line(part)}"
    return text.removeprefix(".")


def show(value: Any) -> str:
    """Return a value as messages repeat it: text in quotes, on one line; a mapping or list by its kind."""
    if isinstance(value, str):
        return json.dumps(_short(value), ensure_ascii=not value.isprintable())
    return kind(value) if isinstance(value, Mapping | list | None) else str(value)


def one_line(text: str) -> str:
    """Return text as it was written if that is short and printable, else as ``show`` has it."""
    return text if text.isprintable() and _short(text) == text else show(text)


def kind(value: Any) -> str:
    """Return the kind of a value in words, such as ``text``, ``a number`` or ``a list``."""
    if isinstance(value, bool):
        return "true or false"
    names = {str: "text", int: "a number", float: "a number", list: "a list", dict: "a mapping"}
    return next((name for type_, name in names.items() if isinstance(value, type_)), "nothing")


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
