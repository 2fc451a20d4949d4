# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask HAProxy how its servers have served. Reads only."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.fairlead.paas.plugins.module_utils.canary.reading import Measure, Reading
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError

from .place import Place
from .traffic import after, mark_of, parse_counts, parse_events, with_events

RING = "fairlead-canary"  # of the role's haproxy.cfg


def measure(place: Place, backends: Iterable[str], mark: str = "") -> Reading:
    """Return the reading of these backends; its events are those after the mark of an earlier one.

    Raises FairleadError where HAProxy keeps no events: its configuration is older than canaries.
    """
    worker = place.admin.pid()
    counts: dict[str, Measure] = {}
    for backend in backends:
        counts |= parse_counts(place.admin.ask(f"show stat {backend} 4 -1"))
    lines = _events(place)
    events = list(parse_events(after(mark, lines)))
    return Reading(worker, mark_of(lines[-1]) if lines else "", with_events(counts, events))


def _events(place: Place) -> list[str]:
    answer = place.admin.ask(f"show events {RING}")
    if answer == "No such event sink":
        raise FairleadError(
            "this router's HAProxy notes no times of requests; run playbooks/site.yml on it first"
        )
    return answer.splitlines()
