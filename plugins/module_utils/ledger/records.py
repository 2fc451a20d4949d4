# SPDX-License-Identifier: GPL-3.0-or-later
"""What the ledger keeps, as plain values: releases, events, editions. Times are UTC, ISO 8601."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

KINDS = ("deploy", "rollback", "scale", "restart", "recover")


@dataclass(frozen=True)
class Draft:
    """What a release will be: its configuration, why it is made, by whom, from where, at which commit."""

    configuration: Mapping[str, Any]
    configuration_hash: str
    image: str  # by digest
    who: str = ""
    host: str = ""
    git_commit: str = ""
    git_dirty: bool = False
    message: str = ""
    kind: str = "deploy"  # one of KINDS
    irreversible: bool = False  # nothing may be rolled back across it
    ref: str = ""  # the git branch


@dataclass(frozen=True)
class Release:
    """One release as the ledger keeps it. ``closed_at`` is when its rollout ended, None while pending."""

    app: str
    number: int
    state: str
    image: str
    configuration: Mapping[str, Any]
    configuration_hash: str
    who: str
    host: str
    git_commit: str
    git_dirty: bool
    message: str
    opened_at: str
    closed_at: str | None
    outcome: str
    kind: str
    irreversible: bool
    ref: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Sealed:
    """One value that a secret has had; ``hash`` is what configurations call it by."""

    name: str
    hash: str
    sealed: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


@dataclass(frozen=True)
class NodeState:
    """What somebody has said of a node: it takes nothing new, or is to be emptied."""

    node: str
    state: str  # cordoned, draining
    who: str
    host: str
    since: str  # UTC
    why: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Bond:
    """The placement rules of a process of an active release that bind other processes too."""

    app: str
    process: str
    rules: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Keep:
    """Values that a release is the first to have; what no newest ``retain`` releases had is forgotten."""

    secrets: Sequence[Sealed] = ()
    retain: int = 10


@dataclass(frozen=True)
class Edition:
    """Which ledger a copy is of, by a name made with it, and how many changes are in it."""

    ledger: str
    change: int


@dataclass(frozen=True)
class Event:
    """One thing that happened to an app."""

    id: int
    at: str
    app: str
    kind: str  # opened, activated, failed, removed, takeover
    number: int | None  # the release
    who: str
    host: str
    text: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)
