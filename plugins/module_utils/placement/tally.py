# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts that rules over a label need, kept up to date as instances come and go."""

from __future__ import annotations

from typing import TypeVar

from .shape import Key

_T = TypeVar("_T")
Numbers = dict[int, int]  # slot number -> how many instances of it: an old and a new one count once


class Tally:
    """How many slots of one process stand on nodes of each value of a label."""

    __slots__ = ("_all", "_staying")

    def __init__(self) -> None:
        """Begin with none."""
        self._all: dict[str, Numbers] = {}
        self._staying: dict[str, Numbers] = {}

    def count(self, value: str) -> int:
        """Return how many slots stand there, also those that are leaving."""
        return len(self._all.get(value, ()))

    def staying(self, value: str) -> int:
        """Return how many slots stand there when all that is leaving has left."""
        return len(self._staying.get(value, ()))

    def has(self, value: str, number: int | None) -> bool:
        """Say whether a slot stands there."""
        return number in self._all.get(value, ())

    def note(self, value: str, number: int, change: int, *, leaving: bool) -> None:
        """Count an instance that comes (1) or goes (-1)."""
        _note(self._all, value, number, change)
        if not leaving:
            _note(self._staying, value, number, change)


class Census:
    """How many instances of each process stand on nodes of each value of a label; old and new both count."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        """Begin with none."""
        self._values: dict[str, dict[Key, int]] = {}

    def of(self, value: str) -> dict[Key, int]:
        """Return process -> instances on the nodes of one value."""
        return self._values.get(value, {})

    def note(self, value: str, key: Key, change: int) -> None:
        """Count an instance that comes (1) or goes (-1)."""
        _note(self._values, value, key, change)


def _note(values: dict[str, dict[_T, int]], value: str, of: _T, change: int) -> None:
    counts = values.get(value)
    if counts is None:
        counts = values[value] = {}
    now = counts.get(of, 0) + change
    if now:
        counts[of] = now
    else:
        del counts[of]
