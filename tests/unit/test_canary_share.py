# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights that give a new release its share, whatever the numbers of instances."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.canary.share import (
    HEAVIEST,
    share,
    weighed,
    weights,
)
from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Canary
from ansible_collections.fairlead.paas.plugins.module_utils.routing import Server

NAMES = ("a", "b", "c", "d", "new")
SERVERS = tuple(Server(name, "198.18.0.11", port) for port, name in enumerate(NAMES, 1))


@pytest.mark.parametrize(
    ("percent", "old", "new", "pair"),
    [
        (5, 4, 1, (19, 4)),
        (5, 1, 1, (19, 1)),
        (50, 1, 1, (1, 1)),
        (50, 4, 2, (1, 2)),
        (1, 1, 1, (99, 1)),
        (20, 4, 1, (1, 1)),
        (1, 2, 1, (99, 2)),
        (25, 3, 1, (1, 1)),
        (33, 7, 3, (67, 77)),
    ],
)
def test_the_lightest_weights_that_give_the_share(
    percent: int, old: int, new: int, pair: tuple[int, int]
) -> None:
    assert weights(percent, old, new) == pair


@given(percent=st.integers(1, 50), scale=st.integers(1, 1000), missing=st.integers(0, 3))
def test_the_fewest_instances_get_their_share_within_a_hundredth_of_it(
    percent: int, scale: int, missing: int
) -> None:
    new = Canary(percent).instances(scale)
    old = max(1, scale - missing)
    pair = weights(percent, old, new)
    assert share(pair, old, new) == pytest.approx(percent, rel=0.01)
    assert 1 <= min(pair) <= max(pair) <= HEAVIEST


@given(percent=st.integers(1, 50), scale=st.integers(1, 1000))
def test_each_of_the_fewest_bears_no_more_than_usual_and_one_less_would_not_do(
    percent: int, scale: int
) -> None:
    fewest = Canary(percent).instances(scale)
    assert scale * percent <= fewest * 100
    assert fewest == 1 or scale * percent > (fewest - 1) * 100


def test_only_a_mixture_of_old_and_new_is_weighed() -> None:
    assert [server.weight for server in weighed(SERVERS, ["new"], 5)] == [19, 19, 19, 19, 4]
    assert weighed(SERVERS, [], 5) == SERVERS
    assert weighed(SERVERS, NAMES, 5) == SERVERS
    assert weighed((), ["new"], 5) == ()
