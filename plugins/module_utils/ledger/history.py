# SPDX-License-Identifier: GPL-3.0-or-later
"""How the releases of one app follow each other: which of them moves to which state, and why not.

``pending`` becomes ``active`` or ``failed``; ``active`` becomes ``superseded`` or ``removed``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

PENDING, ACTIVE, FAILED, SUPERSEDED, REMOVED = "pending", "active", "failed", "superseded", "removed"
STATES = (PENDING, ACTIVE, FAILED, SUPERSEDED, REMOVED)
OPEN, SERVED = (PENDING, ACTIVE), (SUPERSEDED, REMOVED)
INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Turn:
    """A release among the others of its app, reduced to what decides."""

    number: int
    state: str
    configuration_hash: str


@dataclass(frozen=True)
class Move:
    """One release goes from one state (None: it did not exist) to another."""

    number: int
    before: str | None
    after: str
    outcome: str = ""


def opening(turns: Sequence[Turn], configuration_hash: str) -> tuple[int, tuple[Move, ...]]:
    """Return the number to deploy under, and the moves. ``turns`` are all of the app, oldest first.

    A pending newest release of the same configuration is resumed; any other pending one was interrupted.
    """
    newest = turns[-1] if turns else Turn(0, REMOVED, "")
    if (newest.state, newest.configuration_hash) == (PENDING, configuration_hash):
        return newest.number, ()
    number = newest.number + 1
    return number, (*_close(turns, PENDING, FAILED, INTERRUPTED), Move(number, None, PENDING))


def activation(turns: Sequence[Turn], number: int, outcome: str) -> tuple[Move, ...]:
    """Return the moves that make a release active, and settle what a killed run left pending.

    Raises ValueError unless the release is pending or active.
    """
    state = _state(turns, number, ACTIVE)
    others = _close([turn for turn in turns if turn.number != number], PENDING, FAILED, INTERRUPTED)
    if state == ACTIVE:
        return others
    return (*others, *_close(turns, ACTIVE, SUPERSEDED), Move(number, PENDING, ACTIVE, outcome))


def failure(turns: Sequence[Turn], number: int, outcome: str) -> tuple[Move, ...]:
    """Return the moves that mark a release failed. Raises ValueError unless it is pending or failed."""
    return () if _state(turns, number, FAILED) == FAILED else (Move(number, PENDING, FAILED, outcome),)


def removal(turns: Sequence[Turn], when: str) -> tuple[Move, ...]:
    """Return the moves of an app's removal; none where it was removed before."""
    return (
        *_close(turns, ACTIVE, REMOVED, f"removed {when}"),
        *_close(turns, PENDING, FAILED, f"{INTERRUPTED}, app removed"),
    )


def retained(releases: Iterable[Mapping[str, Any]], retain: int) -> Iterator[Mapping[str, Any]]:
    """Yield the releases whose images are kept, of all apps, newest first within each.

    Of each app: what is open, the newest ``retain`` of all, and the newest ``retain`` of those that have
    served, so that many failures in a row push no rollback target out. ``releases`` come newest first.
    """
    for _, group in groupby(releases, key=itemgetter("app")):
        served = 0
        for place, release in enumerate(group):
            serves = release["state"] in SERVED
            if release["state"] in OPEN or place < retain or (serves and served < retain):
                yield release
            served += serves


def _close(turns: Sequence[Turn], before: str, after: str, outcome: str = "") -> tuple[Move, ...]:
    return tuple(Move(turn.number, before, after, outcome) for turn in turns if turn.state == before)


def _state(turns: Sequence[Turn], number: int, goal: str) -> str:
    found = {turn.number: turn.state for turn in turns}.get(number)
    if found is None:
        raise ValueError(f"There is no release v{number}; the newest is v{turns[-1].number if turns else 0}")
    if found not in (PENDING, goal):
        raise ValueError(f"Release v{number} is {found}; only a pending one can become {goal}")
    return found
