# SPDX-License-Identifier: GPL-3.0-or-later
"""Leases, claims and events, in files and in a database; time passes when a test says so."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.ledger.claims import Bid, Room, Want
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.lease import LOOK_LASTS, TTL, Held, Holder
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.ledger import Ledger
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.records import Draft, Keep, Sealed
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.session import LedgerError
from tests.integration.ledger_rig import (
    ADA,
    BOB,
    FIRST,
    FORK,
    REFUSED,
    SECOND,
    Home,
    Time,
    states,
    told,
)

M = 2**20
JUST_NOW = 0.5  # seconds since the look
PLENTY = Room(1024 * M, 4.0)
GRAB = Want("shop.web.1", "n1", 25701, 128 * M, 0.5)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def ledger(home: Home, time: Time) -> Iterator[Ledger]:
    with Ledger(home.place, clock=time) as opened:
        yield opened


def want(app: str, port: int | None, memory: int = 128 * M) -> Want:
    return Want(f"{app}.web.1", "n1", port, memory, 0.5)


def bid(*wants: Want, seen: int = 0, room: Room = PLENTY, since_look: float = JUST_NOW) -> Bid:
    return Bid(wants, {"n1": room}, seen, since_look)


def test_a_deploy_holds_its_lease_from_begin_to_release(home: Home, ledger: Ledger, time: Time) -> None:
    begun = ledger.begin("shop", ADA, JUST_NOW)
    assert (begun.token, begun.stale, begun.releases, begun.claims, begun.seen) == (1, False, (), (), 0)
    for _ in range(3):
        time.wait(TTL - 1)
        ledger.renew("shop", 1)
        with pytest.raises(Held, match=r"held by ada on laptop \(deploy shop\) since .*, for another 15 s"):
            ledger.begin("shop", BOB, JUST_NOW)
    claimed = ledger.claim("shop", 1, bid(GRAB), FIRST)
    assert (claimed.conflicts, claimed.number) == ((), 1)
    ledger.activate("shop", 1, "4 started", 1)
    ledger.release("shop", 1)
    ledger.release("shop", 1)
    time.wait(1)
    begun = ledger.begin("shop", BOB, JUST_NOW)
    assert (begun.token, begun.stale, [release.state for release in begun.releases]) == (2, False, ["active"])
    assert told(home.place) == ["ada opened 1 rollback: the first", "ada activated 1 4 started"]


def test_other_apps_are_not_waited_for(ledger: Ledger) -> None:
    assert ledger.begin("shop", ADA, JUST_NOW).token == 1
    assert ledger.begin("blog", BOB, JUST_NOW).token == 1


def test_a_run_that_died_is_taken_over_and_that_is_told(home: Home, ledger: Ledger, time: Time) -> None:
    ledger.begin("shop", ADA, JUST_NOW)
    time.wait(TTL)
    assert ledger.begin("shop", BOB, JUST_NOW).token == 2
    (event,) = told(home.place)
    assert event.startswith("bob takeover - from ada on laptop (deploy shop), who began 2")


def settled(ledger: Ledger) -> None:
    ledger.settle("shop", 1)


def closed(ledger: Ledger) -> None:
    ledger.fail("shop", 1, "no", 1)


def given_up(_: Ledger) -> None:
    """Die between two tasks."""


@pytest.mark.parametrize(("ending", "stale"), [(settled, False), (closed, False), (given_up, True)])
def test_who_comes_after_a_run_that_did_not_settle_must_look_again(
    ledger: Ledger, time: Time, ending: Callable[[Ledger], None], *, stale: bool
) -> None:
    ledger.begin("shop", ADA, JUST_NOW)
    ledger.claim("shop", 1, bid(GRAB), FIRST)
    ending(ledger)
    ledger.release("shop", 1)
    time.wait(3600)
    assert ledger.begin("shop", BOB, JUST_NOW).stale == stale
    # and as long as nobody settles, whoever comes after that one, too
    ledger.release("shop", 2)
    time.wait(3600)
    assert ledger.begin("shop", BOB, JUST_NOW).stale == stale
    ledger.settle("shop", 3)
    ledger.release("shop", 3)
    time.wait(3600)
    assert not ledger.begin("shop", BOB, JUST_NOW).stale


def test_who_looked_while_another_held_the_lease_must_look_again(ledger: Ledger, time: Time) -> None:
    ledger.begin("shop", ADA, JUST_NOW)
    ledger.release("shop", 1)
    time.wait(10)
    assert ledger.begin("shop", BOB, 10).stale
    ledger.release("shop", 2)
    time.wait(10)
    assert not ledger.begin("shop", BOB, 9).stale


def test_a_reboot_of_the_manager_ends_every_lease_and_a_run_that_lives_goes_on(
    ledger: Ledger, time: Time
) -> None:
    ledger.begin("shop", ADA, JUST_NOW)
    ledger.begin("blog", ADA, JUST_NOW)
    time.reboot(uptime=5)
    assert ledger.claim("shop", 1, bid(GRAB)).conflicts == ()
    with pytest.raises(Held):
        ledger.begin("shop", BOB, JUST_NOW)
    assert ledger.begin("blog", BOB, JUST_NOW).token == 2


@pytest.mark.parametrize(
    "late",
    [
        lambda ledger: ledger.renew("shop", 1),
        lambda ledger: ledger.release("shop", 1),
        lambda ledger: ledger.claim("shop", 1, bid(GRAB), SECOND),
        lambda ledger: ledger.settle("shop", 1),
        lambda ledger: ledger.activate("shop", 1, "late", 1),
        lambda ledger: ledger.fail("shop", 1, "late", 1),
        lambda ledger: ledger.remove("shop", 1),
    ],
)
def test_whoever_was_taken_over_changes_nothing_any_more(
    home: Home, ledger: Ledger, time: Time, late: Callable[[Ledger], object]
) -> None:
    ledger.begin("shop", ADA, JUST_NOW)
    ledger.claim("shop", 1, bid(GRAB), FIRST)
    time.wait(TTL)
    ledger.begin("shop", BOB, JUST_NOW)
    before = home.dump()
    with pytest.raises(
        LedgerError, match=r"The lease of shop was taken over by bob on ci \(scale shop\) at "
    ):
        late(ledger)
    assert home.dump() == before


def test_a_run_that_slept_may_close_its_release_if_nobody_came(
    home: Home, ledger: Ledger, time: Time
) -> None:
    ledger.begin("shop", ADA, JUST_NOW)
    ledger.claim("shop", 1, bid(GRAB), FIRST)
    time.wait(TTL + 60)
    ledger.activate("shop", 1, "woke up", 1)
    assert states(home.place) == {1: "active"}


def test_a_claim_needs_a_lease_that_was_not_given_back_and_a_look_of_today(
    home: Home, ledger: Ledger
) -> None:
    ledger.begin("shop", ADA, JUST_NOW)
    with pytest.raises(LedgerError, match="The look that the plan was made from is too old: run again"):
        ledger.claim("shop", 1, bid(GRAB, since_look=LOOK_LASTS + 1), FIRST)
    ledger.release("shop", 1)
    with pytest.raises(LedgerError, match="The lease of shop was released: run again"):
        ledger.claim("shop", 1, bid(GRAB), FIRST)
    assert states(home.place) == {}


def test_a_run_so_slow_that_its_lease_ran_out_is_given_it_again_with_its_claim(
    home: Home, ledger: Ledger, time: Time
) -> None:
    ledger.begin("shop", ADA, JUST_NOW)
    time.wait(TTL + 5)
    assert ledger.claim("shop", 1, bid(GRAB, since_look=TTL + 5), FIRST).conflicts == ()
    assert states(home.place) == {1: "pending"}
    with pytest.raises(Held):
        ledger.begin("shop", BOB, JUST_NOW)


def test_who_plans_at_the_same_time_learns_what_the_other_has_claimed(ledger: Ledger, time: Time) -> None:
    shop, blog = ledger.begin("shop", ADA, JUST_NOW), ledger.begin("blog", BOB, JUST_NOW)
    assert ledger.claim("shop", shop.token, bid(want("shop", 25701))).conflicts == ()
    refused = ledger.claim("blog", blog.token, bid(want("blog", 25701), seen=blog.seen), FIRST)
    assert refused.conflicts == ("blog.web.1 wants port 25701 of n1, which shop.web.1 has claimed",)
    assert [(claim.app, claim.want) for claim in refused.claims] == [("shop", want("shop", 25701))]
    assert ledger.releases("blog", 5) == ()
    granted = ledger.claim("blog", blog.token, bid(want("blog", 25702), seen=refused.seen), FIRST)
    assert (granted.conflicts, granted.number) == ((), 1)
    # a third one is told at once; with time its look shows what came of the claims
    assert [claim.app for claim in ledger.begin("third", ADA, JUST_NOW).claims] == ["shop", "blog"]
    ledger.activate("blog", 1, "ok", blog.token)
    ledger.settle("shop", shop.token)
    time.wait(10)
    assert len(ledger.begin("fourth", ADA, 10).claims) == 2
    assert ledger.begin("fifth", ADA, 9).claims == ()


def test_memory_is_given_once(ledger: Ledger) -> None:
    tight = Room(100 * M, 4.0)
    shop, blog = ledger.begin("shop", ADA, JUST_NOW), ledger.begin("blog", BOB, JUST_NOW)
    assert not ledger.claim("shop", shop.token, bid(want("shop", None), room=tight)).conflicts
    refused = ledger.claim("blog", blog.token, bid(want("blog", None), room=tight, seen=blog.seen))
    assert refused.conflicts == (
        "n1 has 100M and 4 cpu left, and others have claimed 128M and 0.5 cpu of it since",
    )
    # a plan that knows of the claim has left it its room
    planned_again = bid(want("blog", None), room=tight, seen=refused.seen)
    assert not ledger.claim("blog", blog.token, planned_again).conflicts


def test_the_next_claim_of_a_run_replaces_its_last(ledger: Ledger, time: Time) -> None:
    ledger.begin("shop", ADA, JUST_NOW)
    ledger.claim("shop", 1, bid(want("shop", 25701)))
    ledger.claim("shop", 1, bid(want("shop", 25702)))
    time.wait(2)
    early, late = ledger.begin("blog", ADA, since_look=2), ledger.begin("news", ADA, since_look=1)
    assert [claim.want.port for claim in early.claims] == [25701, 25702]
    assert [claim.want.port for claim in late.claims] == [25702]


def test_claims_of_a_run_that_died_last_as_long_as_its_lease(ledger: Ledger, time: Time) -> None:
    shop = ledger.begin("shop", ADA, JUST_NOW)
    ledger.claim("shop", shop.token, bid(GRAB))
    time.wait(TTL + 2)
    blog = ledger.begin("blog", BOB, since_look=1)
    assert blog.claims == ()
    assert ledger.claim("blog", blog.token, bid(want("blog", 25701), since_look=3)).conflicts
    assert not ledger.claim("blog", blog.token, bid(want("blog", 25701), since_look=1)).conflicts


def test_who_takes_over_does_not_hide_the_claims_before_from_others(ledger: Ledger, time: Time) -> None:
    shop = ledger.begin("shop", ADA, JUST_NOW)
    ledger.claim("shop", shop.token, bid(GRAB))
    time.wait(TTL + 2)
    again = ledger.begin("shop", BOB, JUST_NOW)
    ledger.claim("shop", again.token, bid(want("shop", 25702)))
    early, late = ledger.begin("blog", ADA, since_look=3), ledger.begin("news", ADA, since_look=1)
    assert [claim.want.port for claim in early.claims] == [25701, 25702]
    assert [claim.want.port for claim in late.claims] == [25702]


def test_a_run_that_slept_is_not_renewed_once_its_port_was_given_away(ledger: Ledger, time: Time) -> None:
    for app in ("shop", "other"):
        ledger.begin(app, ADA, JUST_NOW)
        ledger.claim(app, 1, bid(want(app, 25701 if app == "shop" else 25709)))
    time.wait(TTL + 5)
    blog = ledger.begin("blog", BOB, since_look=1)
    assert not ledger.claim("blog", blog.token, bid(want("blog", 25701), since_look=1)).conflicts
    ledger.settle("blog", blog.token)
    ledger.release("blog", blog.token)
    time.wait(30)
    with pytest.raises(
        LedgerError, match=r"ran out, and now shop.web.1 wants port 25701 of n1, which blog.web.1 has claimed"
    ):
        ledger.renew("shop", 1)
    ledger.renew("other", 1)
    with pytest.raises(Held):
        ledger.begin("other", BOB, JUST_NOW)


def test_old_claims_are_forgotten(home: Home, ledger: Ledger, time: Time) -> None:
    for _ in range(3):
        begun = ledger.begin("shop", ADA, JUST_NOW)
        ledger.claim("shop", begun.token, bid(GRAB, seen=begun.seen))
        ledger.settle("shop", begun.token)
        ledger.release("shop", begun.token)
        time.wait(LOOK_LASTS + 1)
    assert home.ask("SELECT id FROM claims") == [(3,)]


def test_what_happened_is_told_newest_first_with_who_and_why(home: Home, ledger: Ledger, time: Time) -> None:
    ledger.begin("shop", ADA, JUST_NOW)
    ledger.claim("shop", 1, bid(GRAB), FIRST)
    time.wait(TTL)
    ledger.begin("shop", BOB, JUST_NOW)
    ledger.claim("shop", 2, bid(GRAB), SECOND)
    ledger.activate("shop", 2, "4 started", 2)
    ledger.remove("shop", 2)
    assert told(home.place)[2:] == [
        "bob failed 1 interrupted",
        "bob opened 2 rollback: the second",
        "bob activated 2 4 started",
        f"bob removed 2 {ledger.releases('shop', 1)[0].outcome}",
    ]
    assert [event.kind for event in ledger.events("shop", 2)] == ["removed", "activated"]
    assert ledger.events("blog", 2) == ()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM events", "events are never deleted"),
        ("UPDATE events SET text = 'other'", "events never change"),
        ("DELETE FROM leases", "leases are never deleted"),
        ("UPDATE leases SET token = 1", "the token of a lease never goes back"),
        ("UPDATE leases SET app = 'other'", "the token of a lease never goes back"),
    ],
)
def test_what_must_stay_cannot_be_taken_away(
    home: Home, ledger: Ledger, time: Time, statement: str, said: str
) -> None:
    ledger.begin("shop", ADA, JUST_NOW)
    time.wait(TTL)
    ledger.begin("shop", ADA, JUST_NOW)
    with pytest.raises(REFUSED, match=said):
        home.ask(statement)


def test_by_this_machines_own_clock_a_lease_is_live(home: Home) -> None:
    with Ledger(home.place) as ledger:
        ledger.begin("shop", ADA, JUST_NOW)
        ledger.renew("shop", 1)
        with pytest.raises(Held) as refused:
            ledger.begin("shop", BOB, JUST_NOW)
    assert 0 < refused.value.by["left"] <= TTL


APPS = [f"app{number}" for number in range(8)]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["begin", "renew", "release", "claim", "activate", "wait", "reboot"]),
        st.integers(1, 12),
    ),
    max_size=30,
)


EXAMPLES = itertools.count()  # each with an app, and a node, of its own


@settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(STEPS)
def test_an_old_token_never_succeeds_after_a_newer_one_was_given(
    home: Home, steps: list[tuple[str, int]]
) -> None:
    time, newest, app = Time(), 0, f"app{next(EXAMPLES)}"
    with Ledger(home.place, clock=time) as ledger:
        acts: dict[str, Callable[[int], Any]] = {
            "begin": lambda _: ledger.begin(app, ADA, JUST_NOW).token,
            "renew": lambda token: ledger.renew(app, token),
            "release": lambda token: ledger.release(app, token),
            "claim": lambda token: ledger.claim(app, token, bid(replace(GRAB, node=app)), FIRST).number,
            "activate": lambda token: ledger.activate(app, 1, "ok", token),
            "wait": time.wait,
            "reboot": time.reboot,
        }
        for do, number in steps:
            with suppress(Held, LedgerError):
                done = acts[do](number)
                if do == "begin":
                    assert done == newest + 1
                    newest = done
                else:
                    assert number == newest or do in {"wait", "reboot"}


def _race(home: Home, who: str, start: Barrier, won: Queue[tuple[str, str]]) -> None:
    for app in APPS:
        start.wait(60)
        with suppress(Held), Ledger(home.place) as ledger:
            ledger.begin(app, Holder(who, "laptop"), JUST_NOW)
            won.put((app, who))


def test_of_two_runs_that_begin_at_once_one_wins(home: Home) -> None:
    start, won = FORK.Barrier(2), FORK.Queue()
    runs = [FORK.Process(target=_race, args=(home, who, start, won)) for who in ("ada", "bob")]
    for run in runs:
        run.start()
    winners = dict(won.get(timeout=60) for _ in APPS)
    for run in runs:
        run.join()
        assert run.exitcode == 0
    assert sorted(winners) == APPS
    assert won.empty()


def _deploy(home: Home, app: str, start: Barrier) -> None:
    """Take the three lowest free ports, as a plan does, and plan again as long as others have them."""
    start.wait(60)
    with Ledger(home.place) as ledger:
        begun = ledger.begin(app, Holder(app, "ci"), JUST_NOW)
        claims, seen, conflict = begun.claims, begun.seen, True
        while conflict:
            taken = {claim.want.port for claim in claims}
            ports = [port for port in range(25701, 25731) if port not in taken][:3]
            wants = [Want(f"{app}.web.{port}", "n1", port, M, 0.1) for port in ports]
            made = ledger.claim(app, begun.token, bid(*wants, seen=seen), FIRST)
            claims, seen, conflict = made.claims, made.seen, bool(made.conflicts)


def test_eight_apps_at_once_never_get_the_same_port(home: Home) -> None:
    start = FORK.Barrier(len(APPS))
    runs = [FORK.Process(target=_deploy, args=(home, app, start)) for app in APPS]
    for run in runs:
        run.start()
    for run in runs:
        run.join(60)
        assert run.exitcode == 0
    ports = [port for (port,) in home.ask("SELECT port FROM claims WHERE ended IS NULL ORDER BY port")]
    assert ports == list(range(25701, 25701 + 3 * len(APPS)))


def test_values_of_secrets_are_kept_for_as_many_releases_as_asked(home: Home, ledger: Ledger) -> None:
    def release(value: str) -> None:
        token = ledger.begin("shop", ADA, JUST_NOW).token
        spec = {"secrets": {"KEY": f"hash of {value}"}}
        draft = Draft({"processes": [{"name": "web", "spec": spec}]}, f"hash {value}", "image")
        keep = Keep([Sealed("KEY", f"hash of {value}", f"sealed {value}")], retain=2)
        claimed = ledger.claim("shop", token, Bid(), draft, keep)
        ledger.activate("shop", claimed.number or 0, token=token)
        ledger.release("shop", token)

    for value in ("one", "two", "three"):
        release(value)

    kept = [secret.sealed for secret in ledger.begin("shop", ADA, JUST_NOW).secrets]
    assert kept == ["sealed three", "sealed two"]
    with Ledger(home.place, readonly=True) as read:
        assert [secret.sealed for secret in read.secrets("shop")] == kept
        assert read.secrets("blog") == ()
