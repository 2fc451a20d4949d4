# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.ledger.history import (
    Move,
    Turn,
    activation,
    failure,
    opening,
    removal,
)

ACTIVE = Turn(1, "active", "a")
PENDING = Turn(2, "pending", "b")


@pytest.mark.parametrize(
    ("turns", "wanted", "number", "moves"),
    [
        ((), "a", 1, (Move(1, None, "pending"),)),
        ((ACTIVE,), "b", 2, (Move(2, None, "pending"),)),
        ((ACTIVE, PENDING), "b", 2, ()),
        ((ACTIVE, PENDING), "c", 3, (Move(2, "pending", "failed", "interrupted"), Move(3, None, "pending"))),
        ((Turn(1, "failed", "a"),), "a", 2, (Move(2, None, "pending"),)),
        ((Turn(1, "removed", "a"),), "a", 2, (Move(2, None, "pending"),)),
        ((ACTIVE,), "a", 2, (Move(2, None, "pending"),)),
    ],
)
def test_opening_resumes_or_takes_the_next_number(
    turns: tuple[Turn, ...], wanted: str, number: int, moves: tuple[Move, ...]
) -> None:
    assert opening(turns, wanted) == (number, moves)


def test_activating_supersedes_what_was_active() -> None:
    assert activation((ACTIVE, PENDING), 2, "ok") == (
        Move(1, "active", "superseded"),
        Move(2, "pending", "active", "ok"),
    )


def test_a_second_activation_moves_nothing() -> None:
    assert activation((ACTIVE,), 1, "ok") == ()


def test_a_failure_leaves_the_active_release_alone() -> None:
    assert failure((ACTIVE, PENDING), 2, "web.1 on n1") == (Move(2, "pending", "failed", "web.1 on n1"),)
    assert failure((ACTIVE, Turn(2, "failed", "b")), 2, "again") == ()


def test_removal_closes_all_that_is_open() -> None:
    moves = removal((Turn(1, "superseded", "z"), ACTIVE, PENDING), "now")
    assert [(move.number, move.after) for move in moves] == [(1, "removed"), (2, "failed")]
    assert removal((Turn(1, "removed", "a"),), "now") == ()


@pytest.mark.parametrize(
    ("turns", "number", "said"),
    [
        ((), 1, "There is no release v1; the newest is v0"),
        ((ACTIVE,), 7, "There is no release v7; the newest is v1"),
        ((Turn(1, "superseded", "a"),), 1, "Release v1 is superseded; only a pending one can become active"),
        ((Turn(1, "failed", "a"),), 1, "Release v1 is failed; only a pending one can become active"),
    ],
)
def test_what_cannot_become_active_is_said(turns: tuple[Turn, ...], number: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        activation(turns, number, "")


def test_an_active_release_cannot_fail_any_more() -> None:
    with pytest.raises(ValueError, match="Release v1 is active; only a pending one can become failed"):
        failure((ACTIVE,), 1, "late")


STEPS = st.lists(st.tuples(st.sampled_from(["open", "activate", "fail", "remove"]), st.sampled_from("abc")))


@given(STEPS)
def test_numbers_grow_by_one_and_at_most_one_release_is_open(steps: list[tuple[str, str]]) -> None:
    turns: dict[int, Turn] = {}
    for do, wanted in steps:
        _step(turns, do, wanted)
        states = [turn.state for turn in turns.values()]
        assert list(turns) == list(range(1, len(turns) + 1))
        assert states.count("pending") <= 1
        assert states.count("active") <= 1


def _step(turns: dict[int, Turn], do: str, wanted: str) -> None:
    known = tuple(turns.values())
    pending = [turn.number for turn in known if turn.state == "pending"]
    moves: tuple[Move, ...] = ()
    if do == "open":
        _, moves = opening(known, wanted)
    elif do == "remove":
        moves = removal(known, "now")
    elif pending:
        moves = activation(known, pending[0], "") if do == "activate" else failure(known, pending[0], "")
    for move in moves:
        kept = turns[move.number].configuration_hash if move.before else wanted
        turns[move.number] = Turn(move.number, move.after, kept)
