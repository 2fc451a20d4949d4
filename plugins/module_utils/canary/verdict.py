# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a new release goes on, by what was measured of it and of the old one at the same time.

Few requests scatter, so what counts is not that a limit was passed but that chance alone would hardly have
passed it: in one of twenty canaries of a release that keeps just within the limit, and before the time is
over, when it is asked again and again, in one of a thousand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, lgamma, log, log1p

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Canary
from ansible_collections.fairlead.paas.plugins.module_utils.units import format_factor

from .tally import Side, Tallies, Tally

ENOUGH = 50  # requests to compare times by, of each release
_EARLY = 10  # requests before the first verdict
_ALONE = 1  # failed requests that are chance
_GRAIN = 5  # milliseconds that make no difference: HAProxy measures whole ones
_SLOW = 95  # percent
_WHOLE = 10  # percent, from which on tenths say nothing


@dataclass(frozen=True)
class Verdict:
    """Why to abort, if anything says so, and what was measured, a sentence for each process."""

    faults: tuple[str, ...]
    found: tuple[str, ...]


def verdict(canary: Canary, measured: Tallies, *, final: bool) -> Verdict:
    """Return the verdict; ``final`` when the time is over."""
    faults = (
        words for name, tally in measured.items() for words in _faults(canary, name, tally, final=final)
    )
    return Verdict(tuple(faults), tuple(_words(name, tally) for name, tally in measured.items()))


def exceeds(hits: int, tries: int, percent: float) -> float:
    """Return how likely so many hits or more are, if each try hits with ``percent``.

    1 if they are no more than expected.
    """
    likely = percent / 100
    if hits <= tries * likely:
        return 1.0
    if likely <= 0:
        return 0.0
    ways = lgamma(tries + 1) - lgamma(hits + 1) - lgamma(tries - hits + 1)
    term = exp(ways + hits * log(likely) + (tries - hits) * log1p(-likely))
    found = 0.0
    while term > found * 1e-9:
        found += term
        term *= (tries - hits) / (hits + 1) * likely / (1 - likely)
        hits += 1
    return found


def _faults(canary: Canary, name: str, tally: Tally, *, final: bool) -> Iterator[str]:
    new, old = tally.new, tally.old
    chance = 0.05 if final else 0.001
    if not final and min(new.requests, old.requests) < _EARLY:
        return
    if new.failed > _ALONE and exceeds(new.failed, new.requests, old.share + canary.max_5xx) < chance:
        yield f"{name}: {_failed(tally)}; update.canary.max_5xx allows {canary.max_5xx:g} % more"
    if min(new.times.total(), old.times.total()) < ENOUGH:
        return
    usual = old.within(_SLOW)
    limit = max(usual * canary.max_p95, usual + _GRAIN)
    if exceeds(new.slower(limit), new.times.total(), 100 - _SLOW) < chance:
        allowed = f"update.canary.max_p95 allows {format_factor(canary.max_p95)}, {limit:g} ms"
        yield f"{name}: {_answered(tally)}; {allowed}"


def _words(name: str, tally: Tally) -> str:
    few = min(tally.new.requests, tally.old.requests) < ENOUGH
    note = f"; fewer than {ENOUGH} requests each say little" if few else f"; {_answered(tally)}"
    return f"{name}: {_failed(tally)}{note}"


def _failed(tally: Tally) -> str:
    return f"{_share(tally.new)} to the new release failed, {_share(tally.old)} to the old one"


def _share(side: Side) -> str:
    of = f"{side.failed:,} of {side.requests:,} requests"
    return f"{of} ({side.share:{'.0f' if side.share >= _WHOLE else '.2g'}} %)" if side.failed else of


def _answered(tally: Tally) -> str:
    new, old = tally.new.within(_SLOW), tally.old.within(_SLOW)
    return f"{_SLOW} % of its answers began within {new} ms, of the old one's within {old} ms"
