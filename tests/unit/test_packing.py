# SPDX-License-Identifier: GPL-3.0-or-later
"""Where packing puts what, and what holds for every packing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.placement.packing import Bin, Kind, pack
from ansible_collections.fairlead.paas.plugins.module_utils.placement.packing.bound import (
    large_and_small,
    least,
)
from ansible_collections.fairlead.paas.plugins.module_utils.placement.packing.problem import read
from tests.bench.placement import cases, columns, exact
from tests.bench.placement.cases import Case
from tests.bench.placement.packing import bound, measured, strong_bound

Packed = tuple[Mapping[int, int], ...]


def kind(*size: int, count: int = 1, most: int | None = None, bins: Sequence[int] | None = None) -> Kind:
    return Kind(size, count, most, None if bins is None else frozenset(bins))


def resources_of(world: tuple[list[Kind], list[Bin]]) -> int:
    kinds, bins = world
    return len(kinds[0].size if kinds else bins[0].free) if kinds or bins else 1


def opened(packed: Packed, bins: Sequence[Bin]) -> int:
    return sum(bool(held) and not one.used for held, one in zip(packed, bins, strict=True))


def taken(kinds: Sequence[Kind], held: Mapping[int, int], resource: int) -> int:
    return sum(kinds[index].size[resource] * count for index, count in held.items())


# What goes where, where there is one answer.
EXACT: dict[str, tuple[list[Kind], list[Bin], Packed]] = {
    "nothing to pack": ([], [Bin((4,))], ({},)),
    "no bins": ([kind(1)], [], ()),
    "a count of none": ([kind(1, count=0)], [Bin((4,))], ({},)),
    "one fits": ([kind(3)], [Bin((4,))], ({0: 1},)),
    "too large for all": ([kind(5)], [Bin((4,))], ({},)),
    "two kinds fill one to the last unit": ([kind(3), kind(1)], [Bin((4,)), Bin((4,))], ({0: 1, 1: 1}, {})),
    "the used one first, though the other is larger": (
        [kind(2)],
        [Bin((9,)), Bin((2,), used=True)],
        ({}, {0: 1}),
    ),
    "the larger one, as it holds all": ([kind(2, count=3)], [Bin((4,)), Bin((6,))], ({}, {0: 3})),
    "two halves, though the largest fill leaves less": (
        [kind(6), kind(5), kind(5), kind(4)],
        [Bin((10,)), Bin((10,))],
        ({0: 1, 3: 1}, {1: 1, 2: 1}),
    ),
    "only so many in one": ([kind(1, count=3, most=1)], [Bin((9,))] * 3, ({0: 1},) * 3),
    "none in any": ([kind(1, count=3, most=0)], [Bin((9,))], ({},)),
    "more than one may hold is left out": ([kind(1, count=5, most=2)], [Bin((9,))] * 2, ({0: 2}, {0: 2})),
    "only where it may": ([kind(1, bins=[1])], [Bin((9,)), Bin((9,))], ({}, {0: 1})),
    "nowhere": ([kind(1, bins=[])], [Bin((9,))], ({},)),
    "one that may go anywhere makes room": (
        [kind(9), kind(9, bins=[0])],
        [Bin((9,)), Bin((9,))],
        ({1: 1}, {0: 1}),
    ),
    "both resources count": ([kind(1, 9, count=2)], [Bin((9, 10)), Bin((9, 10))], ({0: 1}, {0: 1})),
    "one has memory, one has cpu": (
        [kind(1, 9), kind(9, 1)],
        [Bin((10, 10)), Bin((10, 10))],
        ({0: 1, 1: 1}, {}),
    ),
    "what takes nothing goes where something is": (
        [kind(0, 0, count=9), kind(1, 1)],
        [Bin((1, 1))] * 2,
        ({0: 9, 1: 1}, {}),
    ),
    "nothing free, nothing asked": ([kind(0)], [Bin((0,))], ({0: 1},)),
    "a bin that holds too much already": ([kind(0, 1)], [Bin((-1, 9), used=True), Bin((9, 9))], ({}, {0: 1})),
    "three resources": ([kind(1, 2, 3), kind(3, 2, 1)], [Bin((4, 4, 4))] * 2, ({0: 1, 1: 1}, {})),
    "of two of a kind the first": ([kind(3), kind(3)], [Bin((4,))], ({0: 1},)),
    "the small ones, as more of them fit": ([kind(8), kind(4, count=2)], [Bin((8,))], ({1: 2},)),
}


@pytest.mark.parametrize(("kinds", "bins", "packed"), EXACT.values(), ids=EXACT)
def test_items_go(kinds: list[Kind], bins: list[Bin], packed: Packed) -> None:
    assert pack(kinds, bins) == packed


@pytest.mark.parametrize(
    ("kinds", "bins"), [([kind(1)], [Bin((1, 1))]), ([kind(1), kind(1, 1)], []), ([kind()], [])]
)
def test_sizes_of_unequal_lengths_are_refused(kinds: list[Kind], bins: list[Bin]) -> None:
    with pytest.raises(ValueError, match="resources; all need the same number"):
        pack(kinds, bins)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Kind], list[Bin]]:
    """Return kinds with all their rules, and bins of all sorts."""
    resources = draw(st.integers(1, 3))
    sizes = st.tuples(*[st.integers(0, 12)] * resources)
    rooms = st.tuples(*[st.integers(-1, 30)] * resources)
    shapes = draw(st.lists(st.builds(Bin, rooms, st.booleans()), min_size=1, max_size=4))
    bins = draw(st.lists(st.sampled_from(shapes), max_size=10))
    some = st.frozensets(st.integers(0, max(len(bins) - 1, 0)))
    limits = st.none() | st.integers(0, 3)
    kinds = st.builds(Kind, sizes, st.integers(0, 6), limits, st.none() | some)
    return draw(st.lists(kinds, max_size=7)), bins


@settings(deadline=None)
@given(worlds())
def test_no_bin_gets_more_than_it_may_hold(world: tuple[list[Kind], list[Bin]]) -> None:
    kinds, bins = world
    packed = pack(kinds, bins)
    assert len(packed) == len(bins)
    for index, (held, one) in enumerate(zip(packed, bins, strict=True)):
        for number, count in held.items():
            assert count > 0
            assert kinds[number].most is None or count <= (kinds[number].most or 0)
            assert kinds[number].bins is None or index in (kinds[number].bins or ())
        if held:
            assert all(taken(kinds, held, resource) <= free for resource, free in enumerate(one.free))
    totals = sum((Counter(held) for held in packed), Counter[int]())
    assert all(count <= kinds[number].count for number, count in totals.items())


@settings(deadline=None)
@given(worlds())
def test_what_is_left_out_fits_nowhere(world: tuple[list[Kind], list[Bin]]) -> None:
    kinds, bins = world
    packed = pack(kinds, bins)
    for number, one in enumerate(kinds):
        if sum(held.get(number, 0) for held in packed) == one.count:
            continue
        for index, (held, room) in enumerate(zip(packed, bins, strict=True)):
            limited = one.most is not None and held.get(number, 0) >= one.most
            barred = one.bins is not None and index not in one.bins
            short = any(
                taken(kinds, held, resource) + part > room.free[resource]
                for resource, part in enumerate(one.size)
            )
            assert limited or barred or short or min(room.free) < 0


@settings(deadline=None)
@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_kinds_and_bins_is_no_matter(
    world: tuple[list[Kind], list[Bin]], random: Random
) -> None:
    kinds, bins = world
    ways, turns = list(range(len(bins))), list(range(len(kinds)))
    random.shuffle(ways)
    random.shuffle(turns)
    to = {old: new for new, old in enumerate(ways)}
    moved = [
        Kind(
            one.size,
            one.count,
            one.most,
            None if one.bins is None else frozenset(to[old] for old in one.bins if old in to),
        )
        for one in (kinds[turn] for turn in turns)
    ]
    before, after = pack(kinds, bins), pack(moved, [bins[way] for way in ways])
    assert opened(before, bins) == opened(after, [bins[way] for way in ways])
    assert sum(sum(held.values()) for held in before) == sum(sum(held.values()) for held in after)


@settings(deadline=None)
@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_kinds_changes_nothing_in_any_bin(
    world: tuple[list[Kind], list[Bin]], random: Random
) -> None:
    kinds, bins = world
    turns = list(range(len(kinds)))
    random.shuffle(turns)
    before, after = pack(kinds, bins), pack([kinds[turn] for turn in turns], bins)
    for held, moved in zip(before, after, strict=True):
        one = sorted((repr(kinds[number]), count) for number, count in held.items())
        other = sorted((repr(kinds[turns[number]]), count) for number, count in moved.items())
        assert one == other


def test_of_alike_kinds_that_do_not_all_fit_the_same_gets_the_room_in_any_order() -> None:
    one, two = kind(3, count=1), kind(3, count=2)
    assert pack([one, two], [Bin((3,))]) == ({1: 1},)
    assert pack([two, one], [Bin((3,))]) == ({0: 1},)


@settings(deadline=None)
@given(worlds())
def test_a_used_bin_that_could_hold_all_is_all_that_is_used(world: tuple[list[Kind], list[Bin]]) -> None:
    kinds = [Kind(one.size, one.count) for one in world[0]]
    every = tuple(sum(one.size[at] * one.count for one in kinds) for at in range(resources_of(world)))
    bins = [*world[1], Bin(every, used=True)]
    packed = pack(kinds, bins)
    assert sum(sum(held.values()) for held in packed) == sum(one.count for one in kinds)
    assert opened(packed, bins) == 0


@settings(deadline=None)
@given(worlds())
def test_no_packing_beats_the_lower_bound(world: tuple[list[Kind], list[Bin]]) -> None:
    kinds, bins = world
    packed = pack(kinds, bins)
    totals = sum((Counter(held) for held in packed), Counter[int]())
    placed = read([Kind(one.size, totals[at], one.most, one.bins) for at, one in enumerate(kinds)], bins)
    assert least(placed, placed.counts) <= opened(packed, bins)


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4, 6, 7])  # what the solver closes soon
def test_a_small_case_is_packed_as_well_as_the_exact_solver_does(seed: int) -> None:
    case = cases.small(seed)
    count, _ = measured(case)
    assert bound(case) <= (exact.optimum(case, count, 10) or 0) == count


# Some cases of each class, and the worst ratio over the lower bound that any may have; the bench has more.
QUALITY: dict[str, tuple[list[Case], float]] = {
    "like the web": ([cases.web(seed) for seed in range(3)], 1.005),
    "no waste, few in a bin": ([cases.whole_bins(50, (2, 4), 1)], 1.02),
    "no waste, more in a bin": ([cases.whole_bins(100, (3, 6), 1)], 1.02),
    "triplets of 60: the optimum": ([cases.triplets(20, seed) for seed in range(4)], 1),
    "triplets of 120: the optimum": ([cases.triplets(40, seed) for seed in range(3)], 1),
    "triplets of 249": ([cases.triplets(83, 0)], 1.02),
    "triplets of 501": ([cases.triplets(167, 0)], 1.02),
    "uniform": ([cases.uniform(items, 1) for items in (120, 250, 500, 1000)], 1.01),
    "Scholl 1": ([cases.scholl_1(items, 120, 20, 0) for items in (50, 100, 200)], 1.03),
    "Scholl 2": ([cases.scholl_2(items, 5, 50, 0) for items in (50, 100, 200)], 1.03),
    "Scholl 3": ([cases.scholl_3(seed) for seed in range(2)], 1.02),
}


@pytest.mark.parametrize(("some", "worst"), QUALITY.values(), ids=QUALITY)
def test_bins_are_opened_hardly_beyond_the_lower_bound(some: list[Case], worst: float) -> None:
    assert [case.name for case in some if measured(case)[0] > worst * bound(case)] == []


BOUNDS = {
    "nothing": ([], [], 10, 0),
    "the sum": ([3], [10], 10, 3),
    "what is above half is alone": ([6], [4], 10, 4),
    "small ones fit beside large ones": ([6, 4], [4, 4], 10, 4),
    "too small a rest is of no use": ([7, 4], [3, 4], 10, 5),
    "exactly half": ([5], [3], 10, 2),
}


@pytest.mark.parametrize(("sizes", "counts", "capacity", "bins"), BOUNDS.values(), ids=BOUNDS)
def test_the_lower_bound_is(sizes: list[int], counts: list[int], capacity: int, bins: int) -> None:
    assert large_and_small(sizes, counts, capacity) == bins


@given(
    st.lists(st.tuples(st.integers(20, 60), st.integers(1, 4)), min_size=1, max_size=3),
    st.integers(60, 100),
)
@settings(max_examples=20)
def test_the_strong_bound_is_no_weaker_and_never_beaten(drawn: list[tuple[int, int]], capacity: int) -> None:
    kinds = tuple(Kind((size,), count) for size, count in dict(drawn).items())
    case = Case("drawn", kinds, (Bin((capacity,)),) * 20)
    opened, _ = measured(case)
    best = exact.optimum(case, opened, 5.0)
    assert best is not None
    assert bound(case) <= strong_bound(case, opened) <= best


def test_the_strong_bound_knows_what_goes_into_no_bin_together() -> None:
    case = Case("thirds", (Kind((34,), 10),), (Bin((100,)),) * 10)
    assert columns.bound(case) == 5
    assert columns.applies(case)
    assert not columns.applies(Case("two resources", (Kind((34, 1), 10),), (Bin((100, 9)),) * 10))


def test_time_grows_with_the_items_and_not_faster() -> None:
    steps = [measured(cases.many(items, 1000, 0))[1] for items in (5_000, 50_000)]
    assert steps[1] < 14 * max(steps[0], 0.05)
