# SPDX-License-Identifier: GPL-3.0-or-later
"""What one router has measured of the servers of a canary, as its module reports it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Measure:
    """Of one server. The counts go up for as long as HAProxy's worker lives.

    ``times`` (milliseconds until an answer began → how many took so long) and ``unanswered`` (requests that
    HAProxy had to answer in the server's place) are of the time since the reading before.
    """

    status: str = ""  # UP, DOWN …; empty if HAProxy does not have it
    downs: int = 0  # how often its checks found it down
    answered: int = 0  # requests that it answered
    failed: int = 0  # of these, with 5xx
    repeated: int = 0  # failed too, but asked again, so that nobody noticed
    unanswered: int = 0
    times: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """Of all servers (``backend/server``), by the worker with this process id; up to the ``mark``."""

    worker: int
    mark: str
    servers: Mapping[str, Measure]

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Reading:
        """Return what ``as_dict`` gave, also after a way as JSON."""
        servers = {name: Measure(**{**each, "times": _times(each)}) for name, each in data["servers"].items()}
        return cls(data["worker"], data["mark"], servers)


def _times(data: Mapping[str, Any]) -> dict[int, int]:
    return {int(time): count for time, count in data["times"].items()}
