# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger in PostgreSQL: shared by managers, kept through crashes, and clear words where it is not."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.ledger import database
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.lease import TTL, Held
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.ledger import Ledger
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.place import place_of
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.session import LedgerError, change
from tests.integration.engine_rig import ROOT
from tests.integration.ledger_rig import ADA, BOB, FIRST, FORK, SECOND, Home, opened, states
from tests.integration.postgres_rig import DATABASE, PASSWORD, USER, Server

JUST_NOW = 0.5  # seconds since the look


@pytest.fixture
def url(postgres: Server) -> str:
    return postgres.fresh()


@pytest.fixture
def shared(url: str) -> Home:
    """Return a ledger that is made, in a database."""
    home = Home(url=url)
    home.place.prepare()
    return home


def test_the_tables_are_made_once_as_foreseen(url: str) -> None:
    home = Home(url=url)
    assert home.place.prepare(check=True) == ("schema 0 to 3",)
    assert home.ask("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()") == [(0,)]
    assert home.place.prepare() == ("schema 0 to 3",)
    assert home.place.prepare() == ()


def _prepare(home: Home, start: Barrier, said: Queue[tuple[str, ...]]) -> None:
    start.wait(60)
    said.put(home.place.prepare())


def test_managers_that_make_it_at_once_do_not_disturb_each_other(url: str) -> None:
    start, said = FORK.Barrier(3), FORK.Queue()
    managers = [FORK.Process(target=_prepare, args=(Home(url=url), start, said)) for _ in range(3)]
    for manager in managers:
        manager.start()
    assert sorted(said.get(timeout=60) for _ in managers) == [(), (), ("schema 0 to 3",)]
    for manager in managers:
        manager.join()
    assert states(place_of("", url)) == {}


# A manager of its own: its clock counts from another start of the machine, a million seconds ago.
SECOND_MANAGER = ["unshare", "--time", "--boottime", "1000000"]
ON_IT = """
import sys
from ansible.plugins.loader import init_plugin_loader
init_plugin_loader([sys.argv[1] + "/.collections"])
from ansible_collections.fairlead.paas.plugins.modules.ledger import run
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from tests.integration.ledger_rig import Home, params
given = dict(who="bob", host="ci", since_look=0.5)
try:
    print("token", run(params(Home(url=sys.stdin.read()), "begin", **given), check=False)["token"])
except FairleadError as error:
    print(error)
"""


def on_a_second_manager(url: str) -> str:
    """Take the lease on another manager; return its answer."""
    done = subprocess.run(
        [*SECOND_MANAGER, sys.executable, "-c", ON_IT, str(ROOT)],
        input=url,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_second_manager_takes_over_when_the_first_is_lost_and_no_sooner(shared: Home) -> None:
    with Ledger(shared.place) as first:
        token = first.begin("shop", ADA, JUST_NOW).token
        opened(first, "shop", FIRST)
    assert on_a_second_manager(shared.url).startswith("shop is held by ada on laptop (deploy shop) since ")
    shared.ask("UPDATE leases SET until = until - 15")  # as that many seconds would do
    assert on_a_second_manager(shared.url) == f"token {token + 1}"
    with Ledger(shared.place) as back, pytest.raises(LedgerError, match="was taken over by bob on ci"):
        back.activate("shop", 1, "late", token)
    with Ledger(shared.place) as second:
        second.activate("shop", 1, "resumed", token + 1)
    assert states(shared.place) == {1: "active"}


def test_a_lease_lives_by_the_clock_of_the_database(shared: Home) -> None:
    with Ledger(shared.place) as ledger:
        ledger.begin("shop", ADA, JUST_NOW)
        with pytest.raises(Held) as held:
            ledger.begin("shop", BOB, JUST_NOW)
    assert 0 < held.value.by["left"] <= TTL
    [(left,)] = shared.ask("SELECT until - extract(epoch FROM clock_timestamp())::float8 FROM leases")
    assert 0 < left <= held.value.by["left"] + 0.1


def test_ledgers_in_one_server_do_not_wait_for_each_other(postgres: Server, shared: Home) -> None:
    other = Home(url=postgres.fresh())
    other.place.prepare()
    with Ledger(shared.place) as ledger, ledger.change(), Ledger(other.place, patience=0.05) as apart:
        opened(apart, "shop", FIRST)
    assert (states(shared.place), states(other.place)) == ({}, {1: "pending"})


def _vanish(vanished: Ledger, until: Callable[[], object]) -> None:
    """Begin to change the ledger, and say no more until something has happened."""
    with vanished.change() as store:
        store.add_release("shop", 1, FIRST, "2026-01-02T03:04:05Z")
        until()


def test_a_manager_that_vanished_holds_nobody_up_for_long(
    shared: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_IDLE", 0.1)
    with Ledger(shared.place) as vanished, Ledger(shared.place) as ledger:
        with pytest.raises(LedgerError, match=r"was lost while it was in use: .* Run again\."):
            _vanish(vanished, until=lambda: opened(ledger, "shop", SECOND))
        (release,) = ledger.releases("shop", 5)
    assert release.configuration_hash == SECOND.configuration_hash


def _write_until_it_is_lost(home: Home, said: Queue[str]) -> None:
    try:
        with Ledger(home.place) as ledger:
            for number in range(1, 10**6):
                opened(ledger, f"app{number}", FIRST)
                said.put(f"app{number}")
    except LedgerError as error:
        said.put(str(error))


def test_a_server_that_crashes_loses_nothing_acknowledged(postgres: Server, shared: Home) -> None:
    for turn in range(3):
        said: Queue[str] = FORK.Queue()
        writer = FORK.Process(target=_write_until_it_is_lost, args=(shared, said))
        writer.start()
        words = [said.get(timeout=60) for _ in range(10 + turn)]
        postgres.stop(signal.SIGQUIT)
        with pytest.raises(LedgerError, match=r"cannot be reached \(Connection refused\)"):
            Ledger(shared.place)
        while words[-1].startswith("app"):
            words.append(said.get(timeout=60))
        writer.join()
        postgres.start()
        assert words.pop().startswith(f"The ledger in the database {DATABASE} on 127.0.0.1:")
        kept = {app for (app,) in shared.ask("SELECT app FROM releases")}
        assert {*words} <= kept
        assert len(kept) <= len({*words}) + 1 or turn
        shared.ask("SELECT count(*) FROM events")


def wrong_password(server: Server) -> str:
    return server.url(password="v3ry-wr0ng")  # noqa: S106 - that is the point


def no_such_user(server: Server) -> str:
    return server.url(user="nobody-known")


def no_such_database(server: Server) -> str:
    return server.url(database="elsewhere")


def nobody_listens(server: Server) -> str:
    return server.url().replace(f":{server.port}/", ":1/")


def no_such_host(server: Server) -> str:
    return server.url().replace("127.0.0.1", "db.invalid")


def not_prepared(server: Server) -> str:
    return server.fresh()


def no_url(_: Server) -> str:
    return f"mysql://ada:{PASSWORD}@127.0.0.1/fairlead"


def not_quoted(server: Server) -> str:
    return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{server.port}/{DATABASE}"


WHAT_IS_WRONG: list[tuple[Callable[[Server], str], str]] = [
    (
        wrong_password,
        'cannot be opened (password authentication failed for user "ada"): see that fairlead_ledger',
    ),
    (no_such_user, 'cannot be opened (password authentication failed for user "nobody-known"): see that'),
    (
        no_such_database,
        'The ledger in the database elsewhere on 127.0.0.1:{port} cannot be opened (database "else',
    ),
    (
        nobody_listens,
        "The ledger in the database fairlead on 127.0.0.1:1 cannot be reached (Connection refused): se",
    ),
    (
        no_such_host,
        "The ledger in the database fairlead on db.invalid:{port} cannot be reached (could not transla",
    ),
    (
        not_prepared,
        "There is no ledger in the database fairlead on 127.0.0.1:{port}: run playbooks/site.yml, whic",
    ),
    (
        no_url,
        "fairlead_ledger_url is no URL of a database; expected postgresql://user:password@host:5432/name",
    ),
    (
        not_quoted,
        "fairlead_ledger_url is no URL of a database; expected postgresql://user:password@host:5432/",
    ),
]


@pytest.mark.parametrize(("wrong", "said"), WHAT_IS_WRONG)
def test_what_is_wrong_is_said_without_the_password(
    postgres: Server, wrong: Callable[[Server], str], said: str
) -> None:
    with pytest.raises(LedgerError) as refused:
        Ledger(place_of("", wrong(postgres)))
    assert said.format(port=postgres.port) in str(refused.value)
    assert PASSWORD not in str(refused.value)
    assert "v3ry" not in str(refused.value)


def test_without_the_driver_it_is_said_who_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, database.__name__)
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    with pytest.raises(
        LedgerError, match=r"needs python3-psycopg2 on its manager .*: run playbooks/site\.yml"
    ):
        place_of("", "postgresql://ada@db/fairlead")


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("CREATE TABLE events (what TEXT)", "already exists. Give the ledger a database of its own."),
        ("ALTER DATABASE {0} OWNER TO postgres", "Make the user of fairlead_ledger_url the owner"),
        (
            "UPDATE pg_database SET encoding = pg_char_to_encoding('SQL_ASCII') WHERE datname = '{0}'",
            "in UTF8",
        ),
    ],
)
def test_a_database_that_will_not_do_is_refused_and_left_as_it_is(
    postgres: Server, before: str, said: str
) -> None:
    name = f"other_{next(postgres.schemas)}"
    administrator = postgres.url(user="postgres", database="postgres")
    postgres.ask(f"CREATE DATABASE {name} OWNER {USER}", administrator)
    there = administrator if before.startswith("UPDATE") else postgres.url(user="postgres", database=name)
    postgres.ask(before.format(name), there)
    home = Home(url=postgres.url(database=name))
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    had = home.ask(tables)
    with pytest.raises(LedgerError) as refused:
        home.place.prepare()
    assert said in str(refused.value)
    assert home.ask(tables) == had


def test_what_is_acknowledged_is_on_the_disk_whatever_the_server_is_set_to(shared: Home) -> None:
    session = place_of("", shared.url + "%20-csynchronous_commit%3Doff").open()
    assert session.execute("SHOW synchronous_commit").fetchone()[0] == "off"
    with change(session, keep=False):
        assert session.execute("SHOW synchronous_commit").fetchone()[0] == "on"
    assert session.execute("SHOW synchronous_commit").fetchone()[0] == "off"
    session.close()


def test_any_words_of_an_instance_can_be_kept(shared: Home) -> None:
    with Ledger(shared.place) as ledger:
        opened(ledger, "shop", FIRST)
        ledger.fail("shop", 1, "its last line: \0 ? :what %s 100 % 'é' \\")
        (release,) = ledger.releases("shop", 1)
    assert release.outcome == "its last line: \N{REPLACEMENT CHARACTER} ? :what %s 100 % 'é' \\"
