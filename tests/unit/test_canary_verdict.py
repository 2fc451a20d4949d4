# SPDX-License-Identifier: GPL-3.0-or-later
"""When a new release is taken back, and when few or slow requests are nothing against it."""

from __future__ import annotations

import json
from collections import Counter
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.canary.reading import Measure, Reading
from ansible_collections.fairlead.paas.plugins.module_utils.canary.tally import (
    Side,
    Tally,
    ailing,
    as_data,
    from_data,
    tallies,
    total,
)
from ansible_collections.fairlead.paas.plugins.module_utils.canary.verdict import exceeds, verdict
from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Canary

CANARY = Canary(weight=5, hold=60.0, max_5xx=1.0, max_p95=1.5)
SERVERS = {"shop.web": ("new",)}


def side(requests: int, failed: int = 0, fast: int = 10, slow: int = 0, slowly: int = 1000) -> Side:
    """Return a side with ``slow`` answers after ``slowly`` milliseconds, the others after ``fast``."""
    return Side(requests, failed, Counter({fast: requests - slow, slowly: slow}))


# new, old, whether it is taken back at the end, and already before
CASES = {
    "both well": (side(1000), side(19000), False, False),
    "no requests at all": (Side(), Side(), False, False),
    "a third fails": (side(100, 30), side(1900), True, True),
    "all of three fail": (side(3, 3), side(60), True, False),
    "all of ten fail": (side(10, 10), side(190), True, True),
    "one of five fails": (side(5, 1), side(95), False, False),
    "one of a million fails": (side(10**6, 1), side(10**7), False, False),
    "3 % of 100": (side(100, 3), side(1900), False, False),
    "3 % of 1000": (side(1000, 30), side(19000), True, True),
    "2 % of 1000": (side(1000, 20), side(19000), True, False),
    "just at the limit": (side(10000, 100), side(190000), False, False),
    "fails as the old one does": (side(1000, 300), side(19000, 5700), False, False),
    "fails more than the old one": (side(1000, 400), side(19000, 5700), True, True),
    "both fail wholly": (side(100, 100), side(1900, 1900), False, False),
    "old one fails, new one does not": (side(100), side(1900, 1900), False, False),
    "the old one had no requests": (side(100, 30), Side(), True, False),
    "three times as slow": (side(300, fast=30), side(5700, fast=10), True, True),
    "1.4 times as slow": (side(300, fast=140), side(5700, fast=100), False, False),
    "1.6 times as slow": (side(300, fast=160), side(5700, fast=100), True, True),
    "slow, but too few to say": (side(49, fast=300), side(931, fast=10), False, False),
    "slow, but nothing to compare": (side(300, fast=300), side(49, fast=10), False, False),
    "a few slow ones": (side(300, slow=15), side(5700), False, False),
    "7 % slow ones of 100": (side(100, slow=7), side(1900), False, False),
    "12 % slow ones of 100": (side(100, slow=12), side(1900), True, False),
    "20 % slow ones of 100": (side(100, slow=20), side(1900), True, True),
    "a few milliseconds more": (side(1000, fast=6), side(19000, fast=1), False, False),
    "some milliseconds more": (side(1000, fast=7), side(19000, fast=1), True, True),
    "faster": (side(1000, fast=1), side(19000, fast=100), False, False),
}


@pytest.mark.parametrize(("new", "old", "final", "early"), CASES.values(), ids=CASES)
def test_verdicts(new: Side, old: Side, final: bool, early: bool) -> None:  # noqa: FBT001 a table
    measured = {"shop.web": Tally(new, old)}
    assert bool(verdict(CANARY, measured, final=True).faults) == final
    assert bool(verdict(CANARY, measured, final=False).faults) == early


def test_a_fault_says_what_was_measured_against_what() -> None:
    measured = {"shop.web": Tally(side(300, 62, fast=90), side(5700, 6, fast=30))}
    assert verdict(CANARY, measured, final=True).faults == (
        (
            "shop.web: 62 of 300 requests (21 %) to the new release failed, 6 of 5,700 requests (0.11 %)"
            " to the old one; update.canary.max_5xx allows 1 % more"
        ),
        (
            "shop.web: 95 % of its answers began within 90 ms, of the old one's within 30 ms;"
            " update.canary.max_p95 allows 1.5x, 45 ms"
        ),
    )


def test_what_was_found_is_said_also_when_it_is_little() -> None:
    well = {"shop.web": Tally(side(60), side(1140, 3)), "shop.api": Tally(side(4), side(76))}
    assert verdict(CANARY, well, final=True).found == (
        (
            "shop.web: 0 of 60 requests to the new release failed, 3 of 1,140 requests (0.26 %) to the old"
            " one; 95 % of its answers began within 10 ms, of the old one's within 10 ms"
        ),
        (
            "shop.api: 0 of 4 requests to the new release failed, 0 of 76 requests to the old one;"
            " fewer than 50 requests each say little"
        ),
    )


@given(tries=st.integers(1, 60), percent=st.floats(0.1, 99.9), data=st.data())
def test_chance_is_the_sum_of_all_ways(tries: int, percent: float, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, tries))
    likely = percent / 100
    exact = sum(comb(tries, n) * likely**n * (1 - likely) ** (tries - n) for n in range(hits, tries + 1))
    assert exceeds(hits, tries, percent) == pytest.approx(1.0 if hits <= tries * likely else exact, rel=1e-6)


@given(requests=st.integers(0, 10**6), share=st.floats(0, 100), limit=st.floats(0, 100))
def test_a_release_within_the_limit_is_never_taken_back_for_its_failures(
    requests: int, share: float, limit: float
) -> None:
    new, old = Side(requests, int(requests * share / 100)), Side(10**6, int(10**4 * share))
    canary = Canary(max_5xx=limit)
    assert not verdict(canary, {"shop.web": Tally(new, old)}, final=True).faults


times = st.dictionaries(st.integers(0, 10**5), st.integers(1, 500), min_size=1, max_size=20)


@given(times)
def test_the_95th_percentile_is_the_first_time_within_which_so_many_answers_began(
    found: dict[int, int],
) -> None:
    these = Side(times=Counter(found))
    every = sorted(Counter(found).elements())
    p95 = these.within(95)
    assert p95 == every[-(-len(every) * 95 // 100) - 1]
    assert these.slower(p95) <= len(every) * 0.05 < these.slower(p95 - 1)


@given(times)
def test_a_release_as_fast_as_the_old_one_is_never_taken_back_for_its_times(found: dict[int, int]) -> None:
    same = Side(times=Counter(found))
    assert not verdict(Canary(max_p95=1.0), {"shop.web": Tally(same, same)}, final=True).faults


def reading(worker: int = 1, /, **servers: Measure) -> Reading:
    return Reading(worker, "", {f"shop.web/{name}": measure for name, measure in servers.items()})


def test_what_happened_lies_between_two_readings() -> None:
    before = reading(
        new=Measure("UP", answered=5, failed=1, times={9: 9}), old=Measure("UP", answered=100, failed=7)
    )
    now = reading(
        new=Measure("UP", answered=15, failed=3, repeated=4, unanswered=2, times={8: 10}),
        old=Measure("UP", answered=300, failed=9, times={7: 200}),
    )
    assert tallies(SERVERS, before, now) == {
        "shop.web": Tally(
            new=Side(requests=16, failed=8, times=Counter({8: 10})),
            old=Side(requests=200, failed=2, times=Counter({7: 200})),
        )
    }


def test_after_a_reload_the_counts_of_the_new_worker_count_whole() -> None:
    before, now = reading(1, new=Measure("UP", answered=500)), reading(2, new=Measure("UP", answered=3))
    assert tallies(SERVERS, before, now)["shop.web"].new.requests == 3


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        ({"new": Measure("UP")}, {"new": Measure("UP")}, []),
        ({"new": Measure("UP", downs=2)}, {"new": Measure("UP 1/3", downs=2)}, []),
        ({"new": Measure("UP")}, {"new": Measure("DOWN", downs=1)}, ["shop.web/new is DOWN"]),
        ({"new": Measure("UP")}, {"new": Measure("UP", downs=1)}, ["shop.web/new was down for a while"]),
        ({"new": Measure("UP")}, {"new": Measure("MAINT")}, ["shop.web/new is MAINT"]),
        ({"new": Measure("UP")}, {}, ["shop.web/new is gone from HAProxy"]),
        ({"old": Measure("UP")}, {"old": Measure("DOWN", downs=1), "new": Measure("UP")}, []),
    ],
)
def test_a_new_instance_that_is_not_healthy_is_named(
    before: dict[str, Measure], now: dict[str, Measure], words: list[str]
) -> None:
    assert list(ailing(SERVERS, reading(**before), reading(**now))) == words


counts = st.builds(
    lambda requests, failed, times: Side(requests + failed, failed, Counter(times)),
    st.integers(0, 1000),
    st.integers(0, 50),
    times,
)
measured = st.dictionaries(st.sampled_from(["shop.web", "shop.api"]), st.builds(Tally, counts, counts))


@given(st.lists(measured, max_size=3))
def test_routers_add_up_also_after_a_way_through_a_file(parts: list[dict[str, Tally]]) -> None:
    sums = total(from_data(json.loads(json.dumps(as_data(part)))) for part in parts)
    for backend, found in sums.items():
        here = [part[backend] for part in parts if backend in part]
        assert found.new.requests == sum(tally.new.requests for tally in here)
        assert found.old.times.total() == sum(tally.old.times.total() for tally in here)


@given(st.dictionaries(st.sampled_from(["shop.web/a", "shop.web/b"]), st.builds(Measure, times=times)))
def test_a_reading_comes_back_whole_from_a_router(servers: dict[str, Measure]) -> None:
    seen = Reading(7, "mark", servers)
    assert Reading.from_dict(json.loads(json.dumps(seen.as_dict()))) == seen
