# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that are killed anywhere, and runs that meet: the next one mends, and none loses another's work."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.converge import converge, foresee
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.landing import landing, write, write_hosts
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.render import app_file
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.running import due, mend
from ansible_collections.fairlead.paas.plugins.module_utils.routing import Table
from tests.integration.router_rig import (
    Router,
    canary_table,
    configure,
    running_router,
    table,
    trial,
    wait_for,
)
from tests.load import under_load

RUN = """
import json, sys
from pathlib import Path
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.converge import converge
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.place import Place
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.runtime import Runtime
from ansible_collections.fairlead.paas.plugins.module_utils.routing import Table
folder = sys.argv[1]
place = Place(Path(folder), Runtime(folder + "/admin.sock"), Runtime(folder + "/master.sock"))
print("begun", flush=True)
converge(place, Table.from_dict(json.loads(sys.argv[2])), drain=2, deadline=15)
"""


@pytest.fixture
def router() -> Iterator[Router]:
    with running_router() as running:
        yield running


def begin(router: Router, wanted: Table) -> subprocess.Popen[bytes]:
    """Converge in a process of its own, and return when it is about to."""
    command = [sys.executable, "-c", RUN, str(router.place.config_dir), json.dumps(wanted.as_dict())]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env={"PYTHONPATH": ":".join(sys.path)})
    assert process.stdout
    with process.stdout:
        assert process.stdout.readline() == b"begun\n"
    return process


def test_a_run_killed_between_file_and_reload_is_finished_by_the_next(router: Router) -> None:
    wanted = table(router.instance())
    write(router.place.app_file("shop"), app_file(wanted, router.place.admin.info().version))
    write_hosts(router.place, "shop", wanted.hosts)
    assert router.get("shop.example.com").status == 404
    assert foresee(router.place, wanted).reloaded
    assert converge(router.place, wanted, drain=1, deadline=10).reloaded
    assert router.get("shop.example.com").status == 200


@pytest.mark.parametrize("seconds", [0.01, 0.05, 0.1, 0.2, 0.4, 0.55, 0.6, 0.7, 0.9])
def test_a_replacement_killed_anywhere_loses_no_request_and_is_finished_by_the_next(
    router: Router, seconds: float
) -> None:
    old, new = [router.instance(), router.instance()], [router.instance(), router.instance()]
    converge(router.place, table(*old), drain=2, deadline=10)
    with under_load([("127.0.0.1", router.port)], "shop.example.com") as load:
        run = begin(router, table(*new, hosts=("shop.example.com", "www.shop.example.com")))
        _kill_after(run, seconds)
        wanted = table(*new)
        converge(router.place, wanted, drain=5, deadline=10)
        for instance in old:
            instance.kill()
    assert load.failures == []
    assert not foresee(router.place, wanted).changed
    assert router.place.hosts.read_text() == "shop.example.com shop.web\n"


@pytest.mark.parametrize("seconds", [0.02, 0.1, 0.6, 0.7])
def test_a_canary_killed_anywhere_leaves_no_weights_after_the_next_run(
    router: Router, seconds: float
) -> None:
    old, new = [router.instance(), router.instance()], [router.instance()]
    usual = canary_table(*old)
    converge(router.place, usual, drain=2, deadline=10)
    with under_load([("127.0.0.1", router.port)], "shop.example.com") as load:
        _kill_after(begin(router, trial(new).shared_out(canary_table(*old, *new))), seconds)
        converge(router.place, usual, drain=5, deadline=10)
        new[0].kill()
    assert load.failures == []
    assert not foresee(router.place, usual).changed


@pytest.mark.parametrize("seconds", [0.02, 0.05, 0.08, 0.12, 0.2, 0.3])
def test_a_first_deploy_killed_anywhere_is_finished_by_the_next(router: Router, seconds: float) -> None:
    neighbour, wanted = table(router.instance(), app="blog"), table(router.instance())
    converge(router.place, neighbour, drain=2, deadline=10)
    with under_load([("127.0.0.1", router.port)], "blog.example.com") as load:
        _kill_after(begin(router, wanted), seconds)
        converge(router.place, wanted, drain=5, deadline=10)
    assert load.failures == []
    assert router.get("shop.example.com").status == 200
    assert not foresee(router.place, wanted).changed
    assert not foresee(router.place, neighbour).changed


def _kill_after(run: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        run.wait(seconds)
    except subprocess.TimeoutExpired:
        run.kill()
        run.wait()


def test_apps_that_deploy_at_once_lose_nothing_of_each_other(router: Router) -> None:
    apps = [f"app{n}" for n in range(6)]
    tables = [table(router.instance(), app=app) for app in apps]
    runs = [begin(router, wanted) for wanted in tables]
    assert [run.wait(60) for run in runs] == [0] * len(apps)
    assert [router.get(f"{app}.example.com").status for app in apps] == [200] * len(apps)
    again = [table(router.instance(), app=app, hosts=(f"new-{app}.example.com",)) for app in apps]
    runs = [begin(router, wanted) for wanted in again]
    assert [run.wait(60) for run in runs] == [0] * len(apps)
    assert router.place.hosts.read_text() == "".join(f"new-{app}.example.com {app}.web\n" for app in apps)
    assert not any(foresee(router.place, wanted).changed for wanted in again)
    runs = [begin(router, Table(app, {}, ())) for app in apps]
    assert [run.wait(60) for run in runs] == [0] * len(apps)
    assert router.place.hosts.read_text() == ""
    assert [*router.place.apps.iterdir()] == []


def test_what_another_app_lands_is_not_read_half_way(router: Router) -> None:
    blog = router.place.app_file("blog")
    with landing(router.place):
        blog.write_text("listen blog\n    not all of it\n")
        run = begin(router, table(router.instance()))
        waiting = re.compile(f"-> FLOCK .*:{router.place.lock.stat().st_ino} ")
        wait_for(lambda: bool(waiting.search(Path("/proc/locks").read_text())), "the run at the lock")
        blog.unlink()
    assert run.wait(60) == 0
    assert router.get("shop.example.com").status == 200


def test_a_swap_that_meets_a_reload_of_another_app_is_finished(router: Router) -> None:
    old, new = router.instance(), router.instance()
    converge(router.place, table(old), drain=2, deadline=10)
    with under_load([("127.0.0.1", router.port)], "shop.example.com") as load:
        run = begin(router, table(new))
        converge(router.place, table(router.instance(), app="blog"), drain=2, deadline=10)
        assert run.wait(60) == 0
        old.kill()
    assert load.failures == []
    assert not foresee(router.place, table(new)).changed


def test_shared_configuration_that_landed_without_a_reload_is_seen_and_mended(router: Router) -> None:
    converge(router.place, table(router.instance()), drain=1, deadline=10)
    assert due(router.place, "") == ""
    configure(router.place, router.port, router.stats_port, fingerprint="new")
    assert due(router.place, "") == "reload"
    assert mend(router.place, "", "haproxy") == "reload"
    assert due(router.place, "") == ""
    assert due(router.place, "other arguments") == "restart"
    assert router.get("shop.example.com").status == 200
