# SPDX-License-Identifier: GPL-3.0-or-later
"""How many of a process one step replaces, and how many of it may be missing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Update


@pytest.mark.parametrize(
    ("parallelism", "scale", "replaced"),
    [
        (1, 4, 1),
        (6, 4, 6),
        ("25%", 4, 1),
        ("25%", 7, 1),
        ("25%", 8, 2),
        ("25%", 3, 1),
        ("99%", 3, 2),
        ("100%", 3, 3),
        ("all", 3, 3),
        ("all", 0, 1),
    ],
)
def test_a_step_replaces_a_number_or_a_share_rounded_down_and_at_least_one(
    parallelism: int | str, scale: int, replaced: int
) -> None:
    assert Update(parallelism=parallelism).in_a_step(scale) == replaced


@pytest.mark.parametrize(
    ("order", "parallelism", "setting", "scale", "missing"),
    [
        ("start-first", 3, None, 4, 0),
        ("start-first", "all", None, 4, 0),
        ("start-first", 1, 2, 4, 2),
        ("start-first", 1, "25%", 4, 1),
        ("start-first", 1, "25%", 3, 0),
        ("stop-first", 3, None, 4, 3),
        ("stop-first", "50%", None, 4, 2),
        ("stop-first", "all", None, 4, 4),
        ("stop-first", 3, 1, 4, 1),
        ("stop-first", 3, "25%", 3, 1),
    ],
)
def test_none_may_be_missing_unless_said_and_with_stop_first_a_step_s_worth(
    order: str, parallelism: int | str, setting: int | str | None, scale: int, missing: int
) -> None:
    update = Update(order=order, parallelism=parallelism, max_unavailable=setting)
    assert update.may_be_missing(scale) == missing


@given(st.integers(0, 1000), st.integers(0, 100))
def test_a_share_is_never_more_than_the_whole(scale: int, percent: int) -> None:
    update = Update(max_unavailable=f"{percent}%")
    assert 0 <= update.may_be_missing(scale) <= scale
