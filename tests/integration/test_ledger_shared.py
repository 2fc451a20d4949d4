# SPDX-License-Identifier: GPL-3.0-or-later
"""A database that managers share, as playbooks use it: the inventory says where it is, nothing else does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.ledger.backup import LEAP
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.file import File
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.ledger import Ledger
from tests.integration.engine_rig import until
from tests.integration.ledger_rig import ADA, BOB, FIRST, Home, opened, states, told
from tests.integration.managers_rig import Managers
from tests.integration.postgres_rig import PASSWORD, Server

LOOK: dict[str, Any] = {
    "fairlead.paas.look": {"app": "shop", "lease": {"what": "deploy shop", "began": 0.0}},
    "register": "seen",
}
READ: dict[str, Any] = {"fairlead.paas.ledger": {"do": "read", "app": "shop"}}


@pytest.fixture
def shared(postgres: Server) -> Home:
    home = Home(url=postgres.fresh())
    home.place.prepare()
    return home


def leases(home: Home) -> list[tuple[Any, ...]]:
    return home.ask("SELECT token, released FROM leases")


def test_a_run_over_one_manager_holds_off_a_run_over_another(shared: Home, tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    first = Managers(tmp_path / "first", shared.url)
    second = Managers(tmp_path / "second", shared.url, names=("m2", "m1"))
    goal = tmp_path / "goal"
    work = [LOOK, {"ansible.builtin.wait_for": {"path": str(goal), "sleep": 0, "timeout": 60}}]
    with ThreadPoolExecutor() as pool:
        run = pool.submit(first.do, "m1", work)
        until(lambda: leases(shared), "the first run has the lease")
        refused = second.do("m2", [LOOK])
        goal.touch()
    assert refused.returncode != 0
    assert "nothing was touched. shop is held by " in " ".join(refused.stdout.split())
    assert run.result().returncode == 0, run.result().stdout
    until(lambda: leases(shared) == [(1, 1)], "the keeper of the first run has released the lease")
    done = second.do("m2", [LOOK])
    assert done.returncode == 0, done.stdout
    until(lambda: leases(shared) == [(2, 1)], "the keeper of the second run has released the lease")
    assert told(shared.place) == []


def test_wherever_a_task_runs_the_first_managers_database_is_asked_and_its_password_never_shown(
    postgres: Server, shared: Home, tmp_path: Path
) -> None:
    with Ledger(shared.place) as ledger:
        opened(ledger, "shop", FIRST)
    wrong = [postgres.url(password="v3ry-wr0ng"), shared.url.replace(quote(PASSWORD, safe=""), PASSWORD)]  # noqa: S106
    tasks = [
        READ | {"register": "read"},
        {"ansible.builtin.assert": {"that": "read.releases[0].number == 1"}},
    ]
    for url in wrong:
        given = {**READ["fairlead.paas.ledger"], "url": url}
        tasks.append({"fairlead.paas.ledger": given, "ignore_errors": True})
    done = Managers(tmp_path, shared.url).do("m3", [*tasks, LOOK], "-vvvv", "--diff")
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "password authentication failed" in said
    assert "fairlead_ledger_url is no URL of a database" in said
    for secret in (PASSWORD, quote(PASSWORD, safe=""), "v3ry-wr0ng"):
        assert secret not in said


def test_a_ledger_moves_into_a_database_with_all_that_it_knows(shared: Home, tmp_path: Path) -> None:
    managers = Managers(tmp_path, shared.url)
    file = File(managers.ledger("m1"))
    file.prepare()
    with Ledger(file) as ledger:
        token = ledger.begin("shop", ADA, 0.5).token
        opened(ledger, "shop", FIRST)
        ledger.activate("shop", 1, "4 started", token)
        before = ledger.releases("shop", 5), ledger.events("shop", 5)
    move = ("-e", "source=m1", "-e", "file=/var/lib/fairlead/ledger.db")
    assert managers.restore(*move, "--check").returncode == 0
    assert states(shared.place) == {}
    done = managers.restore(*move)
    assert done.returncode == 0, done.stdout
    with Ledger(shared.place) as ledger:
        assert (ledger.releases("shop", 5), ledger.events("shop", 5)) == before
        begun = ledger.begin("shop", BOB, 0.5)
        assert (begun.token, begun.stale) == (token + LEAP + 1, True)
        assert ledger.begin("blog", BOB, 0.5).token > LEAP
    again = managers.restore(*move)
    assert again.returncode != 0
    assert "is in use, with " in " ".join(again.stdout.split())


def test_a_database_that_was_put_back_goes_on_with_tokens_that_were_never_given(
    shared: Home, tmp_path: Path
) -> None:
    with Ledger(shared.place) as ledger:
        token = ledger.begin("shop", ADA, 0.5).token
        managers = Managers(tmp_path, shared.url)
        refused = managers.restore()
        assert refused.returncode != 0
        assert "Once it is back, -e force=true lets runs go on from it." in " ".join(refused.stdout.split())
        ledger.renew("shop", token)
        assert managers.restore("-e", "force=true").returncode == 0
        assert leases(shared) == [(token + LEAP, 1)]
