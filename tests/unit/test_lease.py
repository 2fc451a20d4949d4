# SPDX-License-Identifier: GPL-3.0-or-later
"""Who holds an app: each decision, and then any order of begin, renew, release, waiting and reboots."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.ledger.clock import Instant
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.lease import (
    LOOK_LASTS,
    TTL,
    Held,
    Holder,
    Lease,
    current,
    is_stale,
    released,
    renewed,
    taken,
)
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.session import Lost

ADA, BOB = Holder("ada", "laptop", "deploy shop"), Holder("bob", "ci", "scale shop")
AT = "2026-01-02T03:04:05Z"
NOW = Instant("boot 2", 1000.0)
LIVE = Lease(7, ADA, AT, NOW.later(8.2))
RAN_OUT = replace(LIVE, end=NOW.later(-20))
GIVEN_BACK = replace(RAN_OUT, released=True)
OTHER_BOOT = replace(LIVE, end=Instant("boot 1", 5000.0))


@pytest.mark.parametrize(
    ("last", "token"),
    [
        (None, 1),
        (RAN_OUT, 8),
        (GIVEN_BACK, 8),
        (OTHER_BOOT, 8),
        (replace(LIVE, end=NOW), 8),  # valid until a moment, not in it
    ],
)
def test_what_is_free_or_over_is_taken_under_the_next_token(last: Lease | None, token: int) -> None:
    assert taken("shop", last, BOB, NOW, AT) == Lease(token, BOB, AT, NOW.later(TTL))


def test_what_is_held_is_refused_with_all_that_a_waiting_person_asks() -> None:
    with pytest.raises(Held) as refused:
        taken("shop", LIVE, BOB, NOW, AT)
    assert str(refused.value) == (
        "shop is held by ada on laptop (deploy shop) since 2026-01-02T03:04:05Z,"
        " for another 9 s unless it is renewed."
    )
    assert refused.value.by == {
        "who": "ada",
        "host": "laptop",
        "what": "deploy shop",
        "since": AT,
        "left": 8.2,
    }


def test_what_was_not_settled_stays_so_over_any_number_of_runs_that_die() -> None:
    second = taken("shop", replace(RAN_OUT, dirty=True), BOB, NOW, AT)
    third = taken("shop", second, ADA, NOW.later(60), AT)
    assert second.dirty
    assert third.dirty


@pytest.mark.parametrize(
    ("last", "since_look", "stale"),
    [
        (None, 5.0, False),
        (RAN_OUT, 19.9, False),  # it ended 20 s ago
        (RAN_OUT, 20.0, True),
        (GIVEN_BACK, 19.9, False),
        (GIVEN_BACK, 30.0, True),
        (replace(GIVEN_BACK, dirty=True), 1.0, True),
        (OTHER_BOOT, 999.0, False),  # the manager came up 1000 s ago
        (OTHER_BOOT, 1001.0, True),
        (None, LOOK_LASTS + 1, True),
        (None, -1.0, True),  # the clock that measured it went back
        (None, float("nan"), True),
    ],
)
def test_a_look_that_may_miss_something_is_stale(
    last: Lease | None,
    since_look: float,
    stale: bool,  # noqa: FBT001 - pytest gives it
) -> None:
    assert is_stale(last, NOW, since_look) == stale


@pytest.mark.parametrize("lease", [LIVE, RAN_OUT, OTHER_BOOT])
def test_renewing_gives_a_whole_term_from_now(lease: Lease) -> None:
    assert renewed("shop", lease, NOW) == replace(lease, end=NOW.later(TTL))


def test_what_was_given_back_is_not_renewed() -> None:
    with pytest.raises(Lost, match="The lease of shop was released: run again"):
        renewed("shop", GIVEN_BACK, NOW)


def test_releasing_ends_it_now_and_only_once() -> None:
    ended = released(LIVE, NOW)
    assert ended == replace(LIVE, released=True, end=NOW)
    assert released(ended, NOW.later(5)) == ended
    assert released(RAN_OUT, NOW) == GIVEN_BACK


@pytest.mark.parametrize(
    ("lease", "token", "said"),
    [
        (LIVE, 6, "The lease of shop was taken over by ada on laptop .deploy shop. at 2026-01-02T03:04:05Z"),
        (LIVE, 8, "There was no lease of shop with token 8; the newest has 7"),
        (None, 1, "There was no lease of shop with token 1; the newest has 0"),
    ],
)
def test_only_the_newest_token_may_act(lease: Lease | None, token: int, said: str) -> None:
    assert current("shop", LIVE, 7) == LIVE
    with pytest.raises(Lost, match=said):
        current("shop", lease, token)


@dataclass
class World:
    """A manager with one lease, and what its clients believe: token -> the moment their lease is over."""

    lease: Lease | None = None
    now: Instant = NOW
    believed: dict[int, Instant] = field(default_factory=dict)

    def begin(self, _: int) -> None:
        before = max(self.believed, default=0)
        self.lease = taken("shop", self.lease, BOB, self.now, AT)
        assert self.lease.token > before
        assert self.believing() == []
        self.believed[self.lease.token] = self.lease.end

    def renew(self, token: int) -> None:
        self.lease = renewed("shop", current("shop", self.lease, token), self.now)
        assert token == max(self.believed)
        self.believed[token] = self.lease.end

    def release(self, token: int) -> None:
        self.lease = released(current("shop", self.lease, token), self.now)
        self.believed[token] = self.now

    def wait(self, seconds: int) -> None:
        self.now = self.now.later(seconds)

    def reboot(self, uptime: int) -> None:
        self.now = Instant(self.now.boot + "'", float(uptime))

    def believing(self) -> list[int]:
        """Return the tokens whose holders rightly think that they may act."""
        return [token for token, end in self.believed.items() if end.on(self.now) > self.now.seconds]

    def accepted(self) -> list[int]:
        """Return the tokens under which one may act."""
        found = []
        for token in self.believed:
            with suppress(Lost):
                renewed("shop", current("shop", self.lease, token), self.now)
                found.append(token)
        return found


STEPS = st.lists(
    st.tuples(st.sampled_from(["begin", "renew", "release", "wait", "reboot"]), st.integers(1, 20)),
    max_size=40,
)


@given(STEPS)
def test_at_most_one_holds_an_app_and_an_old_token_never_acts(steps: list[tuple[str, int]]) -> None:
    world = World()
    for do, number in steps:
        with suppress(Held, Lost):
            getattr(world, do)(number)
        assert set(world.believing()) <= set(world.accepted())
        assert len(world.accepted()) <= 1
        assert set(world.accepted()) <= {max(world.believed, default=0)}
