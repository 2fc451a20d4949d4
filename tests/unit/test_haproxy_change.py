# SPDX-License-Identifier: GPL-3.0-or-later
"""Wanted against observed: the exact difference, and when only a reload can mend it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.change import (
    Observed,
    changes,
    keeping_servers,
)
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.state import Running
from ansible_collections.fairlead.paas.plugins.module_utils.routing import Backend, Check, Server, Table
from tests.unit.routers import serving

ONE, TWO = Server("web.1-n1-1", "198.18.0.11", 1), Server("web.2-n2-2", "198.18.0.12", 2)
HOST = "shop.example.com"


def shop(*servers: Server, check: Check | None = None, hosts: tuple[str, ...] = (HOST,)) -> Table:
    backend = Backend("shop.web", check or Check(), servers)
    return Table("shop", dict.fromkeys(hosts, "shop.web"), (backend,))


NOW = serving(shop(ONE))
HELD = {"shop.web": {ONE.name: Running(ONE.name, ONE.address, ONE.port, 8)}}
ADD_TWO = "+ server shop.web/web.2-n2-2 198.18.0.12:2"
DROP_ONE = "- server shop.web/web.1-n1-1 198.18.0.11:1"
RELOAD = "~ backends and checks: reload"
CASES = {
    "nothing": (shop(ONE), NOW, []),
    "one more": (shop(ONE, TWO), NOW, [ADD_TWO]),
    "another": (shop(TWO), NOW, [ADD_TWO, DROP_ONE]),
    "none": (shop(), NOW, [DROP_ONE]),
    "held by hand": (shop(ONE), replace(NOW, backends=HELD), ["~ server shop.web/web.1-n1-1 ready"]),
    "weight left over": (
        shop(ONE, TWO),
        serving(shop(replace(ONE, weight=19), replace(TWO, weight=4))),
        ["~ server shop.web/web.1-n1-1 weight 19 -> 1", "~ server shop.web/web.2-n2-2 weight 4 -> 1"],
    ),
    "weight and one more": (
        shop(replace(ONE, weight=19), TWO),
        NOW,
        [ADD_TWO, "~ server shop.web/web.1-n1-1 weight 1 -> 19"],
    ),
    "host more": (shop(ONE, hosts=(HOST, "b.com")), NOW, ["+ host b.com -> shop.web"]),
    "host less": (shop(ONE, hosts=()), NOW, [f"- host {HOST}"]),
    "map forgot": (shop(ONE), replace(NOW, hosts={}), [f"+ host {HOST} -> shop.web"]),
    "map file forgot": (shop(ONE), replace(NOW, file_hosts={}), [f"+ host {HOST} -> shop.web"]),
    "file edited": (shop(ONE), replace(NOW, file="x"), ["~ file"]),
    "file gone": (shop(ONE), replace(NOW, file=None), ["~ file"]),
    "check": (shop(ONE, check=Check(path="/x")), NOW, [RELOAD]),
    "never reloaded": (shop(ONE), replace(NOW, fingerprint="old"), [RELOAD]),
    "moved": (shop(replace(ONE, port=9)), NOW, [RELOAD]),
    "leaves": (Table("shop"), NOW, [DROP_ONE, f"- host {HOST}", RELOAD]),
    "gone": (Table("shop"), serving(Table("shop")), []),
    "new": (
        shop(ONE),
        serving(Table("shop")),
        ["+ server shop.web/web.1-n1-1 198.18.0.11:1", f"+ host {HOST} -> shop.web", RELOAD],
    ),
}


@pytest.mark.parametrize(("wanted", "observed", "lines"), CASES.values(), ids=CASES)
def test_the_difference(wanted: Table, observed: Observed, lines: list[str]) -> None:
    change = changes(wanted, observed)
    assert change.lines() == lines
    assert change.reload == (RELOAD in lines)
    assert bool(change) == bool(lines)


@pytest.mark.parametrize("where", ["file_hosts", "hosts"])
def test_a_host_of_another_app_is_refused(where: str) -> None:
    taken = {HOST: "blog.web"}
    observed = replace(NOW, file_hosts=taken) if where == "file_hosts" else replace(NOW, hosts=taken)
    with pytest.raises(FairleadError, match=r'shop\.example\.com belongs to the app "blog"'):
        changes(shop(ONE), observed)


def test_a_reload_keeps_the_servers_that_run() -> None:
    assert keeping_servers(shop(TWO, check=Check(path="/x")), NOW) == shop(TWO, ONE, check=Check(path="/x"))
    weighed = replace(ONE, weight=19)
    assert keeping_servers(shop(TWO), serving(shop(weighed))) == shop(TWO, weighed)


def test_weights_change_in_an_order_in_which_no_light_server_gets_too_much() -> None:
    old, new = [replace(ONE, name=name, weight=19) for name in "ab"], replace(TWO, weight=4)
    usual = [replace(server, weight=1) for server in (*old, new)]
    rising = changes(shop(new, *old), serving(shop(*usual))).rising
    assert [(it.seat.server.name, it.now, it.wanted) for it in rising] == [
        ("a", 1, 19),
        ("b", 1, 19),
        (new.name, 1, 4),
    ]
    falling = changes(shop(*usual), serving(shop(*old, new))).falling
    assert [(it.seat.server.name, it.now, it.wanted) for it in falling] == [
        (new.name, 4, 1),
        ("a", 19, 1),
        ("b", 19, 1),
    ]


def test_a_canary_is_seen_in_what_runs_and_brought_by_a_reload() -> None:
    table = shop(ONE)
    measured = replace(table, backends=tuple(replace(it, canary=True) for it in table.backends))
    assert changes(measured, NOW).lines() == [RELOAD]
    assert changes(table, serving(measured)).lines() == [RELOAD]


servers = st.lists(
    st.builds(
        Server, st.sampled_from("abcdef"), st.just("198.18.0.11"), st.integers(1, 4), st.integers(1, 3)
    ),
    unique_by=lambda s: s.name,
)
tables = st.builds(lambda found: shop(*found), servers)


@given(tables)
def test_what_runs_as_wanted_differs_in_nothing(table: Table) -> None:
    assert not changes(table, serving(table))


@given(tables, tables)
def test_a_swap_takes_every_wanted_server_in_and_every_other_out(old: Table, new: Table) -> None:
    observed = serving(old)
    change = changes(new, observed)
    before = set(observed.backends["shop.web"])
    after = (before | {seat.server.name for seat in change.add}) - {
        server.name for _, server in change.remove
    }
    assert after == {server.name for server in new.backends[0].servers}


@pytest.mark.parametrize("table", [shop(ONE, TWO), shop(), Table("shop")], ids=["two", "none", "gone"])
def test_what_a_look_saw_comes_back_whole_through_json(table: Table) -> None:
    seen = serving(table)
    assert Observed.from_dict(json.loads(json.dumps(seen.as_dict()))) == seen


def test_a_look_brings_the_hosts_of_the_app_and_those_it_wants() -> None:
    seen = serving(shop(ONE))
    assert seen.of("shop", []).hosts == {HOST: "shop.web"}
    assert seen.of("shop", ["blog.example.com"]).file_hosts == seen.file_hosts
