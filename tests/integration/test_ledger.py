# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger, in real files and in a real PostgreSQL: its releases, and what a crash leaves of them."""

from __future__ import annotations

import os
import signal
from dataclasses import asdict, fields, replace
from multiprocessing.queues import Queue
from pathlib import Path

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.ledger.ledger import Ledger
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.session import LedgerError
from tests.integration.ledger_killing import killed_writers
from tests.integration.ledger_rig import ADA, BOB, FIRST, FORK, REFUSED, SECOND, Home, opened, states


def test_a_release_is_kept_as_it_was_given(home: Home) -> None:
    with Ledger(home.place) as ledger:
        opened(ledger, "shop", FIRST)
        ledger.activate("shop", 1, "4 instances started")
    with Ledger(home.place, readonly=True) as ledger:
        (release,) = ledger.releases("shop", 20)
    for given in fields(FIRST):
        assert getattr(release, given.name) == getattr(FIRST, given.name)
    assert (release.state, release.outcome) == ("active", "4 instances started")
    assert release.closed_at is not None
    assert release.opened_at <= release.closed_at


def test_a_life_of_releases(home: Home) -> None:
    with Ledger(home.place) as ledger:
        assert opened(ledger, "shop", FIRST)[0] == 1
        ledger.activate("shop", 1)
        assert opened(ledger, "shop", SECOND)[0] == 2
        ledger.fail("shop", 2, "web.1 on n1 did not become healthy")
        assert opened(ledger, "shop", SECOND)[0] == 3
        ledger.activate("shop", 3)
        assert opened(ledger, "blog", FIRST)[0] == 1
        assert states(home.place) == {3: "active", 2: "failed", 1: "superseded"}
        ledger.remove("shop")
        assert ledger.remove("shop") == ()
    assert states(home.place) == {3: "removed", 2: "failed", 1: "superseded"}
    assert states(home.place, "blog") == {1: "pending"}


def test_reading_gives_the_newest_first_up_to_the_limit(home: Home) -> None:
    with Ledger(home.place) as ledger:
        for number in range(1, 6):
            opened(ledger, "shop", replace(FIRST, configuration_hash=str(number)))
        assert [release.number for release in ledger.releases("shop", 2)] == [5, 4]
        assert ledger.releases("nothing", 2) == ()


def test_the_active_release_is_read_however_many_failed_since(home: Home) -> None:
    with Ledger(home.place) as ledger:
        opened(ledger, "shop", FIRST)
        ledger.activate("shop", 1)
        for number in range(2, 30):
            opened(ledger, "shop", replace(FIRST, configuration_hash=str(number)))
        assert [release.number for release in ledger.releases("shop", 2)] == [29, 28, 1]


def test_a_killed_run_is_resumed_or_marked(home: Home) -> None:
    with Ledger(home.place) as ledger:
        opened(ledger, "shop", FIRST)
    with Ledger(home.place) as ledger:
        assert opened(ledger, "shop", FIRST) == (1, ())
        assert opened(ledger, "shop", SECOND)[0] == 2
        newest, interrupted = ledger.releases("shop", 2)
    assert (newest.state, interrupted.state, interrupted.outcome) == ("pending", "failed", "interrupted")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM releases",
        "UPDATE releases SET image = 'other'",
        "UPDATE releases SET number = 9",
        "UPDATE releases SET configuration = '{}'",
        "UPDATE releases SET irreversible = 0",
        "UPDATE releases SET ref = 'other'",
    ],
)
def test_what_was_released_can_be_neither_changed_nor_deleted(home: Home, statement: str) -> None:
    with Ledger(home.place) as ledger:
        opened(ledger, "shop", FIRST)
    with pytest.raises(REFUSED, match="never"):
        home.ask(statement)


def _open_many(home: Home, who: str, numbers: Queue[int]) -> None:
    for turn in range(20):
        with Ledger(home.place) as ledger:
            number, _ = opened(ledger, "shop", replace(FIRST, configuration_hash=f"{who}{turn}"))
        numbers.put(number)


def test_two_processes_opening_at_once_lose_no_number(home: Home) -> None:
    numbers: Queue[int] = FORK.Queue()
    writers = [FORK.Process(target=_open_many, args=(home, who, numbers)) for who in "ab"]
    for writer in writers:
        writer.start()
    got = sorted(numbers.get(timeout=60) for _ in range(40))
    for writer in writers:
        writer.join()
    assert got == list(range(1, 41))
    assert list(states(home.place).values()) == ["pending"] + ["failed"] * 39


def _hold(home: Home, ready: Queue[int]) -> None:
    with Ledger(home.place) as ledger, ledger.change() as store:
        store.add_release("shop", 1, FIRST, "2026-01-02T03:04:05Z")
        ready.put(os.getpid())
        signal.pause()


def test_a_writer_killed_in_the_middle_leaves_no_trace_and_no_lock(home: Home) -> None:
    ready: Queue[int] = FORK.Queue()
    writer = FORK.Process(target=_hold, args=(home, ready))
    writer.start()
    os.kill(ready.get(timeout=60), signal.SIGKILL)
    writer.join()
    assert states(home.place) == {}
    with Ledger(home.place) as ledger:
        assert opened(ledger, "shop", SECOND)[0] == 1


def test_writers_that_are_killed_at_any_moment_lose_nothing_acknowledged(home: Home, tmp_path: Path) -> None:
    assert killed_writers(home, tmp_path, kills=6, each=25) >= 150


def test_a_ledger_held_by_another_is_said_and_can_be_read(home: Home) -> None:
    with (
        Ledger(home.place) as other,
        other.change(),
        Ledger(home.place, patience=0.05) as ledger,
    ):
        with pytest.raises(LedgerError, match="in use by another run"):
            opened(ledger, "shop", FIRST)
        assert ledger.releases("shop", 1) == ()


def test_a_newer_ledger_is_refused_by_all(home: Home) -> None:
    home.set_version(99)
    with pytest.raises(LedgerError, match=r"newer Fairlead \(schema 99, this one knows 3\)"):
        Ledger(home.place)
    with pytest.raises(LedgerError, match="newer Fairlead"):
        home.place.prepare()


def test_an_older_ledger_asks_for_the_playbook_that_lifts_it(home: Home) -> None:
    home.set_version(1)
    with pytest.raises(LedgerError, match=r"schema 1, this Fairlead needs 3: run playbooks/site\.yml"):
        Ledger(home.place)


def test_a_ledger_of_schema_1_is_lifted_and_nothing_is_lost(bare: Home) -> None:
    old = {
        name: value for name, value in asdict(FIRST).items() if name not in {"kind", "irreversible", "ref"}
    }
    old |= {"configuration": '{"app": "shop"}', "app": "shop", "opened_at": "2026-01-02T03:04:05Z"}
    bare.make_schema_1()
    for number, state in enumerate(["superseded", "active", "pending"], start=1):
        row = old | {"number": number, "state": state}
        values = ", ".join(f"'{value}'" if isinstance(value, str) else f"{value:d}" for value in row.values())
        bare.ask(f"INSERT INTO releases ({', '.join(row)}) VALUES ({values})")  # noqa: S608 - our names
    kept = f"SELECT {', '.join(row)} FROM releases ORDER BY number"  # noqa: S608 - our names
    before = bare.ask(kept)
    assert bare.place.prepare(check=True) == bare.place.prepare() == ("schema 1 to 3",)
    assert bare.place.prepare() == ()
    assert bare.ask(kept) == before
    with pytest.raises(REFUSED, match="what a release is never changes"):
        bare.ask("UPDATE releases SET kind = 'scale'")
    with Ledger(bare.place) as ledger:
        newest = ledger.releases("shop", 1)[0]
        assert (newest.kind, newest.irreversible, newest.ref) == ("deploy", False, "")
        assert ledger.begin("shop", ADA, 0.5).token == 1
        ledger.activate("shop", 3, "ok", 1)
    assert states(bare.place) == {3: "active", 2: "superseded", 1: "superseded"}


def test_a_release_that_cannot_move_is_said(home: Home) -> None:
    with Ledger(home.place) as ledger, pytest.raises(LedgerError, match=r"There is no release v9; .* v0\."):
        ledger.activate("shop", 9)


def test_check_mode_takes_the_release_that_a_real_run_would_open_as_open(home: Home) -> None:
    with Ledger(home.place) as ledger:
        opened(ledger, "shop", FIRST)
        ledger.activate("shop", 1)
    with Ledger(home.place, readonly=True) as foreseen:
        moves = foreseen.activate("shop", 2)
    assert [(move.number, move.after) for move in moves] == [(1, "superseded"), (2, "active")]
    assert states(home.place) == {1: "active"}
    with (
        Ledger(home.place, readonly=True) as foreseen,
        pytest.raises(LedgerError, match="There is no release v3"),
    ):
        foreseen.activate("shop", 3)


def test_what_is_said_of_a_node_holds_until_it_is_said_anew(home: Home) -> None:
    with Ledger(home.place) as ledger:
        assert ledger.mark("n2", "cordoned", ADA, "a new disk") == "active"
        assert ledger.mark("n2", "cordoned", BOB, "again") == "cordoned"
        (said,) = ledger.nodes()
        assert (said.node, said.state, said.who, said.why) == ("n2", "cordoned", "ada", "a new disk")
        assert ledger.mark("n2", "draining", BOB) == "cordoned"
        assert ledger.begin("shop", ADA, 0.5).nodes == ledger.nodes() != (said,)
        assert ledger.mark("n2", "active", ADA) == "draining"
        assert ledger.nodes() == ()
        assert ledger.mark("n2", "active", ADA) == "active"


def test_rules_that_bind_others_are_those_of_active_releases_of_other_apps(home: Home) -> None:
    web = {"name": "web", "rules": {"apart": ["*"]}}
    worker = {"name": "worker", "rules": {"apart": [], "strategy": "spread"}}
    draft = replace(FIRST, configuration={"processes": [web, worker]})
    with Ledger(home.place) as ledger:
        opened(ledger, "billing", draft)
        assert ledger.bonds("shop") == ()
        ledger.activate("billing", 1)
        (bond,) = ledger.bonds("shop")
        assert (bond.app, bond.process, bond.rules) == ("billing", "web", {"apart": ["*"]})
        assert ledger.begin("shop", ADA, 0.5).bonds == (bond,)
        assert ledger.bonds("billing") == ()
