# SPDX-License-Identifier: GPL-3.0-or-later
"""A table becomes exactly this text, and nothing outside the grammar becomes any."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.errors import Refused
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.grammar import is_host
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.render import (
    app_file,
    fingerprint,
    map_text,
    server_line,
)
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.state import parse_map_file
from ansible_collections.fairlead.paas.plugins.module_utils.routing import Backend, Check, Server, Table

V26, V30 = (2, 6), (3, 0)
ONE = Server("web.1-n1-25701", "198.18.0.11", 25701)
TWO = Server("web.2-n2-25701", "198.18.0.12", 25701)
CHECK = Check(path="/_ping", interval=2.0, timeout=1.0, retries=3)
WEB = Backend("shop.web", CHECK, (TWO, ONE))
SHOP = Table("shop", {"shop.example.com": "shop.web"}, (WEB,))


def test_the_whole_file() -> None:
    options = "check inter 2000ms fastinter 500ms fall 3 rise 2 on-marked-down shutdown-sessions"
    assert app_file(SHOP, V26).splitlines()[1:] == [
        "global",
        f"    setenv FAIRLEAD_APP_shop {fingerprint(SHOP, V26)}",
        "",
        "backend shop.web from fairlead-app",
        "    option httpchk",
        "    http-check send meth GET uri /_ping ver HTTP/1.1 hdr Host shop",
        "    http-check expect status 200-399",
        "    timeout check 1000ms",
        f"    server web.1-n1-25701 198.18.0.11:25701 {options}",
        f"    server web.2-n2-25701 198.18.0.12:25701 {options}",
    ]


def test_a_backend_for_canaries_deals_by_weight_and_notes_its_requests() -> None:
    weighed = (replace(ONE, weight=4), replace(TWO, weight=19))
    table = replace(SHOP, backends=(replace(WEB, servers=weighed, canary=True),))
    lines = app_file(table, V26).splitlines()
    assert lines[9:11] == ["    balance roundrobin", "    http-request set-log-level notice"]
    assert [line.rpartition("shutdown-sessions ")[2] for line in lines[11:]] == ["weight 4", "weight 19"]
    assert fingerprint(table, V26) != fingerprint(SHOP, V26)


@pytest.mark.parametrize(
    ("server", "check", "line"),
    [
        (
            ONE,
            Check(interval=0.2),
            "web.1-n1-25701 198.18.0.11:25701 check inter 200ms fastinter 200ms fall 3 ",
        ),
        (
            ONE,
            Check(retries=1),
            "web.1-n1-25701 198.18.0.11:25701 check inter 2000ms fastinter 500ms fall 1 ",
        ),
        (replace(ONE, address="fd00::1"), Check(), "web.1-n1-25701 [fd00::1]:25701 check inter 2000ms "),
        (ONE, Check(interval=0.001), "web.1-n1-25701 198.18.0.11:25701 check inter 1ms fastinter 1ms "),
    ],
)
def test_server_lines(server: Server, check: Check, line: str) -> None:
    assert server_line(server, check, V26).startswith(line)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (replace(SHOP, backends=(replace(WEB, servers=(ONE,)),)), True),
        (replace(SHOP, backends=(replace(WEB, servers=(replace(ONE, weight=9), TWO)),)), True),
        (replace(SHOP, backends=(replace(WEB, canary=True),)), False),
        (replace(SHOP, hosts={}), True),
        (replace(SHOP, backends=(replace(WEB, check=replace(CHECK, path="/")),)), False),
        (replace(SHOP, backends=(replace(WEB, check=replace(CHECK, interval=3.0)),)), False),
        (replace(SHOP, backends=(replace(WEB, check=replace(CHECK, timeout=2.0)),)), False),
        (replace(SHOP, backends=(replace(WEB, check=replace(CHECK, retries=4)),)), False),
        (replace(SHOP, backends=(WEB, replace(WEB, name="shop.api"))), False),
    ],
)
def test_the_fingerprint_is_of_all_but_servers_and_hosts(other: Table, same: bool) -> None:  # noqa: FBT001 a table
    assert (fingerprint(other, V26) == fingerprint(SHOP, V26)) == same


def test_only_a_haproxy_that_repeats_what_it_cuts_may_cut() -> None:
    assert "shutdown-sessions" in app_file(SHOP, V26)
    assert "shutdown-sessions" not in app_file(SHOP, V30)
    assert fingerprint(SHOP, V26) != fingerprint(SHOP, V30)


def test_the_order_of_backends_and_servers_makes_no_difference() -> None:
    api = Backend("shop.api", CHECK, (ONE,))
    forward = replace(SHOP, backends=(WEB, api))
    backward = replace(SHOP, backends=(api, replace(WEB, servers=(ONE, TWO))))
    assert app_file(forward, V26) == app_file(backward, V26)


def test_every_problem_is_said_at_once() -> None:
    bad = Table("Shop", {"a b": "blog.web"}, (Backend("shop.web", replace(CHECK, path="x y"), (ONE, ONE)),))
    with pytest.raises(Refused) as caught:
        app_file(bad, V26)
    assert len(caught.value.problems) == 6


texts = st.one_of(st.text(max_size=30), st.text(alphabet="ab.-_ \n\t#\"'\\${}:/%;", max_size=20))


@given(app=texts, host=texts, path=texts, name=texts, address=texts)
def test_no_text_adds_a_line_or_a_word(app: str, host: str, path: str, name: str, address: str) -> None:
    backend = Backend(f"{app}.web", Check(path=path), (Server(name, address, 80),))
    try:
        text = app_file(Table(app, {host: backend.name}, (backend,)), V26)
    except Refused:
        return
    assert [len(line.split()) for line in text.splitlines()[1:]] == [1, 3, 0, 4, 2, 10, 4, 3, 14]


@given(host=texts, path=st.text(alphabet='ab/.%?=&#" \n', max_size=12))
def test_one_bad_word_is_enough(host: str, path: str) -> None:
    wanted = Table("shop", {host: "shop.web"}, (replace(WEB, check=replace(CHECK, path=f"/{path}")),))
    clean = is_host(host) and not set(path) & set('# "\n')
    try:
        text = app_file(wanted, V26)
    except Refused:
        return
    assert clean
    assert len(text.splitlines()) == 11


@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}(\.[a-z]{1,5}){0,2}", fullmatch=True), st.just("shop.web")))
def test_the_map_is_read_back_as_it_was_written(hosts: dict[str, str]) -> None:
    assert parse_map_file(map_text(hosts)) == hosts


@pytest.mark.parametrize("host", ["a b", "a\nb c", "", "A.com", "a.com:80", "-f", "10.0.0.1"])
def test_the_map_takes_host_names_only(host: str) -> None:
    with pytest.raises(ValueError, match="is not a host name"):
        map_text({host: "shop.web"})
