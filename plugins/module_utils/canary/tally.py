# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured of the new release and of the old one at the same time, over all routers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .reading import Measure, Reading

Servers = Mapping[str, tuple[str, ...]]  # backend name → the new release's servers


@dataclass(frozen=True)
class Side:
    """Of one release: requests, how many failed, and how many milliseconds answers took to begin."""

    requests: int = 0
    failed: int = 0
    times: Counter[int] = field(default_factory=Counter)

    def __add__(self, other: Side) -> Side:
        """Return both together."""
        return Side(
            self.requests + other.requests, self.failed + other.failed, Counter(self.times + other.times)
        )

    @property
    def share(self) -> float:
        """The percent that failed."""
        return 100 * self.failed / self.requests if self.requests else 0.0

    def within(self, percent: int) -> int:
        """Return the milliseconds within which so many percent of the answers began; 0 without any."""
        left = -(-self.times.total() * percent // 100)
        for time, count in sorted(self.times.items()):
            left -= count
            if left <= 0:
                return time
        return 0

    def slower(self, limit: float) -> int:
        """Return how many answers took longer to begin."""
        return sum(count for time, count in self.times.items() if time > limit)


@dataclass(frozen=True)
class Tally:
    """Of one process."""

    new: Side = field(default_factory=Side)
    old: Side = field(default_factory=Side)

    def __add__(self, other: Tally) -> Tally:
        """Return both together."""
        return Tally(self.new + other.new, self.old + other.old)


Tallies = Mapping[str, Tally]  # backend name → of its process


def tallies(servers: Servers, before: Reading, now: Reading) -> dict[str, Tally]:
    """Return what happened on one router between two readings. After a reload all counts begin anew."""
    known = before.servers if before.worker == now.worker else {}
    found = {backend: Tally() for backend in servers}
    for name, measure in now.servers.items():
        backend, _, server = name.partition("/")
        side = _side(known.get(name, Measure()), measure)
        found[backend] += Tally(new=side) if server in servers[backend] else Tally(old=side)
    return found


def total(parts: Iterable[Tallies]) -> dict[str, Tally]:
    """Return the sum."""
    found: dict[str, Tally] = {}
    for part in parts:
        for backend, tally in part.items():
            found[backend] = found.get(backend, Tally()) + tally
    return found


def ailing(servers: Servers, before: Reading, now: Reading) -> Iterator[str]:
    """Yield in words which new servers are not healthy, or were not since the reading before."""
    known = before.servers if before.worker == now.worker else {}
    for backend, names in servers.items():
        for name in (f"{backend}/{name}" for name in names):
            measure = now.servers.get(name, Measure())
            if not measure.status:
                yield f"{name} is gone from HAProxy"
            elif not measure.status.startswith("UP"):
                yield f"{name} is {measure.status}"
            elif measure.downs > known.get(name, Measure()).downs:
                yield f"{name} was down for a while"


def as_data(found: Tallies) -> dict[str, Any]:
    """Return plain data."""
    return {
        backend: {side: {**vars(each), "times": dict(each.times)} for side, each in vars(tally).items()}
        for backend, tally in found.items()
    }


def from_data(data: Mapping[str, Any]) -> dict[str, Tally]:
    """Return what ``as_data`` gave, also after a way as JSON."""
    return {
        backend: Tally(**{side: _read(each) for side, each in sides.items()})
        for backend, sides in data.items()
    }


def _side(before: Measure, now: Measure) -> Side:
    answered, repeated = now.answered - before.answered, now.repeated - before.repeated
    unseen = repeated + now.unanswered
    return Side(answered + unseen, now.failed - before.failed + unseen, Counter(now.times))


def _read(side: Mapping[str, Any]) -> Side:
    times = Counter({int(time): count for time, count in side["times"].items()})
    return Side(side["requests"], side["failed"], times)
