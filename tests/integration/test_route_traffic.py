# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients must not notice a deploy: a paced load of clients that never retry, and nothing may fail."""

from __future__ import annotations

import contextlib
import http.client
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.converge import converge
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.state import parse_stat
from ansible_collections.fairlead.paas.plugins.module_utils.routing import Table
from tests.integration.router_rig import CHECK, Instance, Router, running_router, table, wait_for
from tests.load import under_load

HOST = "shop.example.com"


@pytest.fixture
def router() -> Iterator[Router]:
    with running_router() as running:
        yield running


def replace_all(router: Router, old: list[Instance]) -> list[Instance]:
    """Replace every server, and kill the old ones at once after."""
    new = [router.instance() for _ in old]
    assert not converge(router.place, table(*new), drain=5, deadline=10).reloaded
    for instance in old:
        instance.kill()
    return new


def test_full_replacements_under_load_lose_no_request_and_reload_nothing(router: Router) -> None:
    running = [router.instance(), router.instance()]
    converge(router.place, table(*running), drain=5, deadline=10)
    worker = router.worker()
    with under_load([("127.0.0.1", router.port)], HOST) as load:
        for _ in range(6):
            running = replace_all(router, running)
    assert load.failures == []
    assert load.rate >= 100
    assert len(load.names) == 14
    assert router.worker() == worker


def test_reloads_for_other_apps_and_a_replacement_right_after_lose_no_request(router: Router) -> None:
    running = [router.instance(), router.instance()]
    converge(router.place, table(*running), drain=5, deadline=10)
    with under_load([("127.0.0.1", router.port)], HOST) as load:
        for app in ("blog", "wiki"):
            other = router.instance()
            assert converge(router.place, table(other, app=app), drain=5, deadline=10).reloaded
            assert router.get(f"{app}.example.com").body == other.server.name
            running = replace_all(router, running)
        converge(router.place, Table("blog"), drain=5, deadline=10)
    assert load.failures == []
    assert load.rate >= 100


def test_a_changed_check_with_new_servers_under_load_loses_no_request(router: Router) -> None:
    running = [router.instance(), router.instance()]
    converge(router.place, table(*running), drain=5, deadline=10)
    with under_load([("127.0.0.1", router.port)], HOST) as load:
        new = [router.instance(health="/broken"), router.instance(health="/broken")]
        changed = table(*new, check=replace(CHECK, path="/broken"))
        assert converge(router.place, changed, drain=5, deadline=10).reloaded
        for instance in running:
            instance.kill()
        end = time.monotonic() + 2
        while time.monotonic() < end:
            assert router.get(HOST).status == 200
    assert load.failures == []


def test_an_unhealthy_release_under_load_loses_no_request(router: Router) -> None:
    converge(router.place, table(router.instance(), router.instance()), drain=5, deadline=10)
    bad = [router.instance(ping="503"), router.instance()]
    with under_load([("127.0.0.1", router.port)], HOST) as load, pytest.raises(Exception, match="L7STS/503"):
        converge(router.place, table(*bad), drain=5, deadline=2)
    assert load.failures == []


def test_an_idle_connection_of_before_a_reload_is_served_until_it_ends(router: Router) -> None:
    old, new = router.instance(), router.instance()
    converge(router.place, table(old), drain=2, deadline=10)
    idle = http.client.HTTPConnection("127.0.0.1", router.port, timeout=10)
    assert ask(idle) == old.server.name
    converge(router.place, table(router.instance(), app="blog"), drain=2, deadline=10)
    assert len(router.leaving()) == 1
    with ThreadPoolExecutor() as pool:
        run = pool.submit(converge, router.place, table(new), 2, 10)
        wait_for(lambda: router.get(HOST).body == new.server.name, "the new server ready")
        assert not run.done()
        assert ask(idle) == old.server.name
        run.result(5)
    assert router.leaving() == ()


def ask(connection: http.client.HTTPConnection) -> str:
    """Ask over this connection and leave it open."""
    connection.request("GET", "/", headers={"Host": HOST})
    return connection.getresponse().read().decode()


def test_a_request_longer_than_the_drain_does_not_hold_up_a_replacement(router: Router) -> None:
    old, new = router.instance(), router.instance()
    converge(router.place, table(old), drain=2, deadline=10)
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(router.get, HOST, "/slow?ms=9000", method="POST")
        wait_for(lambda: sessions(router, old) == 1, "the slow request under way")
        began = time.monotonic()
        converge(router.place, table(new), drain=1, deadline=10)
        assert time.monotonic() - began < 4
        with contextlib.suppress(http.client.HTTPException):
            assert slow.result(5).status >= 500
    assert router.get(HOST).body == new.server.name


def sessions(router: Router, instance: Instance) -> int:
    """Return the requests under way on the instance."""
    stat = parse_stat(router.place.admin.ask("show stat shop.web 4 -1"))
    return stat["shop.web", instance.server.name].sessions


def test_only_what_may_be_repeated_is_asked_again(router: Router) -> None:
    one = router.instance()
    converge(router.place, table(one), drain=5, deadline=10)
    assert router.get(HOST, "/broken", method="POST").body == "1"
    asked = router.get(HOST, "/broken")
    assert (asked.status, int(asked.body) > 2) == (500, True)


def test_a_hung_instance_costs_no_get(router: Router) -> None:
    good, hung = router.instance(), router.instance()
    converge(router.place, table(good, hung), drain=5, deadline=10)
    hung.process.send_signal(signal.SIGSTOP)
    assert {router.get(HOST).status for _ in range(20)} == {200}
