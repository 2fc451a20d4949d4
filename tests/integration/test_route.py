# SPDX-License-Identifier: GPL-3.0-or-later
"""One app's part of a real HAProxy: added, changed, removed, refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError, Refused
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.converge import Outcome, converge, foresee
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.landing import check, landing, reload
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.place import Place
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.runtime import Runtime
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.state import parse_stat
from ansible_collections.fairlead.paas.plugins.module_utils.routing import Backend, Server, Table
from tests.integration.router_rig import CHECK, Router, running_router, table, wait_for


@pytest.fixture
def router() -> Iterator[Router]:
    with running_router() as running:
        yield running


@pytest.fixture(scope="module")
def untouched() -> Iterator[Router]:
    """Give a router that no test changes."""
    with running_router() as running:
        yield running


def route(router: Router, wanted: Table, deadline: float = 10) -> Outcome:
    """Converge, and see that it was foreseen exactly and that a second run changes nothing."""
    foreseen = foresee(router.place, wanted)
    outcome = converge(router.place, wanted, drain=2, deadline=deadline)
    assert outcome.lines == foreseen.lines
    assert not foresee(router.place, wanted).changed
    return outcome


def files(place: Place) -> dict[str, str]:
    """Return all of HAProxy's files: a refused change must leave each as it is."""
    found = (path for path in place.config_dir.rglob("*") if path.is_file() and path != place.lock)
    return {str(path): path.read_text() for path in found}


def test_a_first_table_is_routed_by_one_reload(router: Router) -> None:
    one, two = router.instance(), router.instance()
    outcome = route(router, table(one, two))
    assert outcome.reloaded
    assert f"+ server shop.web/{one.server.name} 127.0.0.1:{one.server.port}" in outcome.lines
    assert "+ host shop.example.com -> shop.web" in outcome.lines
    assert {router.get("shop.example.com").body for _ in range(8)} == {one.server.name, two.server.name}


def test_servers_are_replaced_by_the_api_and_a_later_reload_forgets_nothing(router: Router) -> None:
    route(router, table(router.instance()))
    worker = router.worker()
    new = router.instance()
    outcome = route(router, table(new))
    assert (outcome.reloaded, router.worker()) == (False, worker)
    with landing(router.place):
        reload(router.place)
    assert router.get("shop.example.com").body == new.server.name
    assert not foresee(router.place, table(new)).changed


def test_hosts_come_and_go_without_a_reload(router: Router) -> None:
    one = router.instance()
    route(router, table(one))
    both = table(one, hosts=("shop.example.com", "www.shop.example.com"))
    assert not route(router, both).reloaded
    assert router.get("www.shop.example.com").status == 200
    assert route(router, table(one, hosts=("www.shop.example.com",))).lines == ("- host shop.example.com",)
    assert [router.get(f"{name}shop.example.com").status for name in ("", "www.")] == [404, 200]


def test_a_changed_check_is_reloaded_and_used(router: Router) -> None:
    one = router.instance()
    route(router, table(one))
    changed = table(one, check=replace(CHECK, path="/headers?from=check", retries=2))
    assert route(router, changed).lines == ("~ backends and checks: reload",)
    assert router.get("shop.example.com").status == 200


def test_a_check_that_its_servers_fail_is_refused_before_anything_lands(router: Router) -> None:
    one = router.instance(health="/healthz")
    route(router, table(one, check=replace(CHECK, path="/healthz")))
    before, worker = files(router.place), router.worker()
    with pytest.raises(FairleadError, match="/_ping answers 404"):
        converge(router.place, table(one), drain=1, deadline=1)
    assert (files(router.place), router.worker()) == (before, worker)
    assert router.get("shop.example.com").status == 200


def test_new_servers_that_are_unhealthy_go_again_and_the_old_serve_on(router: Router) -> None:
    old, good, bad = router.instance(), router.instance(), router.instance(ping="500")
    route(router, table(old))
    before = files(router.place)
    with pytest.raises(FairleadError, match=rf"^not healthy in time: shop.web/{bad.server.name}: L7STS/500$"):
        converge(router.place, table(good, bad), drain=1, deadline=2)
    assert files(router.place) == before
    assert not foresee(router.place, table(old)).changed
    assert {router.get("shop.example.com").body for _ in range(4)} == {old.server.name}


def test_a_server_that_nobody_listens_for_is_named_with_its_check(router: Router) -> None:
    old, gone = router.instance(), router.instance()
    route(router, table(old))
    gone.kill()
    with pytest.raises(FairleadError, match=rf"shop.web/{gone.server.name}: L4CON"):
        converge(router.place, table(old, gone), drain=1, deadline=1)


def test_an_app_leaves_and_its_neighbour_stays(router: Router) -> None:
    one, two = router.instance(), router.instance()
    route(router, table(one))
    route(router, table(two, app="blog"))
    outcome = route(router, Table("shop"))
    assert outcome.lines[:2] == (
        f"- server shop.web/{one.server.name} 127.0.0.1:{one.server.port}",
        "- host shop.example.com",
    )
    assert not router.place.app_file("shop").exists()
    assert router.place.hosts.read_text() == "blog.example.com blog.web\n"
    assert [router.get(f"{app}.example.com").status for app in ("shop", "blog")] == [404, 200]


def test_an_app_that_was_never_here_leaves_without_a_change(router: Router) -> None:
    assert not route(router, Table("shop")).changed


def test_a_process_takes_over_the_host_of_another_that_leaves(router: Router) -> None:
    web, api = router.instance(), router.instance("api")
    route(router, table(web))
    moved = Table("shop", {"shop.example.com": "shop.api"}, (Backend("shop.api", CHECK, (api.server,)),))
    assert route(router, moved).reloaded
    assert router.get("shop.example.com").body == api.server.name
    assert router.leaving() == ()


def test_a_server_at_another_address_keeps_its_name(router: Router) -> None:
    one, two = router.instance(), router.instance()
    route(router, table(one))
    moved = replace(two.server, name=one.server.name)
    assert route(router, Table("shop", table(one).hosts, (Backend("shop.web", CHECK, (moved,)),))).reloaded
    assert router.get("shop.example.com").body == two.server.name


@pytest.mark.parametrize("state", ["drain", "maint"])
def test_a_server_held_by_hand_is_made_ready(router: Router, state: str) -> None:
    one = router.instance()
    route(router, table(one))
    router.place.admin.order(f"set server shop.web/{one.server.name} state {state}")
    assert route(router, table(one)).lines == (f"~ server shop.web/{one.server.name} ready",)
    assert router.get("shop.example.com").status == 200


def test_weights_change_by_the_api_and_what_a_killed_run_left_of_them_is_mended(router: Router) -> None:
    one, two = router.instance(), router.instance()
    route(router, table(one, two))
    usual = table(one, two)
    servers = (replace(one.server, weight=9), two.server)
    uneven = replace(usual, backends=(replace(usual.backends[0], servers=servers),))
    assert route(router, uneven).lines == (f"~ server shop.web/{one.server.name} weight 1 -> 9",)
    router.place.admin.order(f"set server shop.web/{two.server.name} weight 3")
    assert route(router, uneven).lines == (f"~ server shop.web/{two.server.name} weight 3 -> 1",)
    with landing(router.place):
        reload(router.place)
    assert not foresee(router.place, uneven).changed
    assert not route(router, usual).reloaded


def test_what_was_down_stays_down_over_a_reload(router: Router) -> None:
    one, two = router.instance(), router.instance()
    route(router, table(one, two))
    two.kill()

    def status() -> str:
        return parse_stat(router.place.admin.ask("show stat shop.web 4 -1"))[
            "shop.web", two.server.name
        ].status

    wait_for(lambda: status() == "DOWN", "the dead server down")
    with landing(router.place):
        reload(router.place)
    assert status() == "DOWN"
    assert not router.place.saved.exists()


def test_a_host_of_another_app_is_refused(router: Router) -> None:
    one = router.instance()
    route(router, table(one))
    before = files(router.place)
    with pytest.raises(FairleadError, match=r'shop\.example\.com belongs to the app "shop"'):
        converge(router.place, table(one, app="blog", hosts=("shop.example.com",)), drain=1, deadline=1)
    assert files(router.place) == before


HOSTILE_HOSTS = [
    "a.example.com blog.web\nb.example.com",
    "shop.example.com x",
    "shop.example.com\t",
    "${HOME}",
    "-f",
    "#shop.example.com",
    "SHOP.example.com",
    "*.example.com",
    "shop.example.com:80",
    "shop.example.com\n",
    "",
    "a" * 254,
]


@pytest.mark.parametrize("host", HOSTILE_HOSTS)
def test_a_hostile_host_is_refused_before_any_file_is_written(untouched: Router, host: str) -> None:
    _is_refused(untouched, Table("shop", {host: "shop.web"}, (Backend("shop.web", CHECK),)))


BACKEND = Backend("shop.web", CHECK)
HOSTILE_TABLES = {
    "app": Table("../shop"),
    "app with a line": Table("shop\nglobal", {}, ()),
    "backend of another": Table("shop", {}, (replace(BACKEND, name="blog.web"),)),
    "backend with words": Table("shop", {}, (replace(BACKEND, name="shop.web from x"),)),
    "path with a word": Table("shop", {}, (replace(BACKEND, check=replace(CHECK, path="/ hdr X y")),)),
    "path with a line": Table("shop", {}, (replace(BACKEND, check=replace(CHECK, path="/\n    server x")),)),
    "path with a comment": Table("shop", {}, (replace(BACKEND, check=replace(CHECK, path="/#x")),)),
    "no path": Table("shop", {}, (replace(BACKEND, check=replace(CHECK, path="x")),)),
    "endless": Table("shop", {}, (replace(BACKEND, check=replace(CHECK, interval=float("inf"))),)),
    "no retry": Table("shop", {}, (replace(BACKEND, check=replace(CHECK, retries=0)),)),
    "server": Table("shop", {}, (replace(BACKEND, servers=(Server("a; quit", "127.0.0.1", 1),)),)),
    "address": Table("shop", {}, (replace(BACKEND, servers=(Server("a", "example.com", 1),)),)),
    "zone": Table("shop", {}, (replace(BACKEND, servers=(Server("a", "fe80::1%eth0 x", 1),)),)),
    "port": Table("shop", {}, (replace(BACKEND, servers=(Server("a", "127.0.0.1", 65536),)),)),
    "weight": Table("shop", {}, (replace(BACKEND, servers=(Server("a", "127.0.0.1", 1, 257),)),)),
    "no weight": Table("shop", {}, (replace(BACKEND, servers=(Server("a", "127.0.0.1", 1, 0),)),)),
    "twice": Table("shop", {}, (replace(BACKEND, servers=(Server("a", "127.0.0.1", 1),) * 2),)),
}


@pytest.mark.parametrize("wanted", HOSTILE_TABLES.values(), ids=HOSTILE_TABLES)
def test_a_hostile_table_is_refused_before_any_file_is_written(untouched: Router, wanted: Table) -> None:
    _is_refused(untouched, wanted)


def _is_refused(router: Router, wanted: Table) -> None:
    before, worker = files(router.place), router.worker()
    with pytest.raises(Refused):
        converge(router.place, wanted, drain=1, deadline=1)
    assert (files(router.place), router.worker()) == (before, worker)


def test_a_broken_file_of_another_app_is_named_and_nothing_lands(router: Router) -> None:
    router.place.app_file("blog").write_text("backend blog.web\n    nonsense\n")
    before = files(router.place)
    with pytest.raises(FairleadError, match=r"blog\.cfg:2.*nonsense"):
        converge(router.place, table(router.instance()), drain=1, deadline=5)
    assert files(router.place) == before


def test_without_haproxy_it_says_so(tmp_path: Path) -> None:
    place = Place(tmp_path, Runtime(f"{tmp_path}/admin.sock"), Runtime(f"{tmp_path}/master.sock"))
    with pytest.raises(FairleadError, match=r"HAProxy does not answer on .*admin\.sock .*; is it running\?"):
        converge(place, Table("shop"), drain=1, deadline=1)


def test_what_haproxy_itself_refuses_is_said_of_the_apps_file(router: Router) -> None:
    text = "backend shop.web from nowhere\n"
    with pytest.raises(FairleadError, match=rf"(?s)refuses.*{router.place.app_file('shop')}:1.*nowhere"):
        check(router.place, "shop", text)
