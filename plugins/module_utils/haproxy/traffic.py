# SPDX-License-Identifier: GPL-3.0-or-later
"""What HAProxy says of the requests that it has passed on: its servers' counts, and one line a request. Pure.

Which counts hold was measured, on 2.6 and 3.0. A request that is asked again counts as ``wretr`` at the
server that failed, and as nothing else on which both agree; ``eresp`` counts some failures twice.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ansible_collections.fairlead.paas.plugins.module_utils.canary.reading import Measure

_ANSWERS = ("hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx", "hrsp_other")
_DIGITS = 3  # of a time: enough to compare by, and few different ones
# CLIENT [TIME] FRONTEND BACKEND/SERVER TR/Tw/Tc/Tr/Ta STATUS: the rest of "option httplog" may be cut off.
_EVENT = re.compile(
    r"<\d>\S+ \S+ \[[^]]+\] \S+ (?P<server>[^/ ]+/\S+)"
    r" (?:-?\d+/){3}(?P<time>-?\d+)/\+?-?\d+ (?P<status>-?\d+) "
)


@dataclass(frozen=True)
class Event:
    """A request that is over. ``time``: milliseconds until the answer began, None if none did."""

    server: str  # backend/server
    status: int
    time: int | None


def parse_counts(text: str) -> dict[str, Measure]:
    """Return ``backend/server`` → its counts, from ``show stat``."""
    rows = csv.DictReader(text.removeprefix("# ").splitlines())
    return {
        f"{row['pxname']}/{row['svname']}": Measure(
            status=row["status"],
            downs=int(row["chkdown"] or 0),
            answered=sum(int(row[name] or 0) for name in _ANSWERS),
            failed=int(row["hrsp_5xx"] or 0),
            repeated=int(row["wretr"] or 0),
        )
        for row in rows
        if row["svname"] not in ("FRONTEND", "BACKEND")
    }


def after(mark: str, lines: Sequence[str]) -> Sequence[str]:
    """Return the lines after the marked one; all of them if it is there no more."""
    for at in range(len(lines) - 1, -1, -1):
        if mark_of(lines[at]) == mark:
            return lines[at + 1 :]
    return lines


def mark_of(line: str) -> str:
    """Return what a line is found by again without telling what it says: it may hold a visitor's words."""
    return hashlib.sha256(line.encode()).hexdigest()[:16]


def parse_events(lines: Collection[str]) -> Iterator[Event]:
    """Yield the requests in the lines of ``show events``."""
    for found in map(_EVENT.match, lines):
        if found:
            time = int(found["time"])
            yield Event(found["server"], int(found["status"]), _rounded(time) if time >= 0 else None)


def with_events(counts: Mapping[str, Measure], events: Collection[Event]) -> dict[str, Measure]:
    """Return the counts with what only the events tell: the times, and failures without an answer."""
    times: dict[str, Counter[int]] = {name: Counter() for name in counts}
    unanswered: Counter[str] = Counter()
    for event in events:
        if event.time is not None and event.server in times:
            times[event.server][event.time] += 1
        elif event.status >= 500:  # noqa: PLR2004 - 5xx
            unanswered[event.server] += 1
    return {
        name: replace(measure, times=dict(times[name]), unanswered=unanswered[name])
        for name, measure in counts.items()
    }


def _rounded(milliseconds: int) -> int:
    return round(milliseconds, min(0, _DIGITS - len(str(milliseconds))))
