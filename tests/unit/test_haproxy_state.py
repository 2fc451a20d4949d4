# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy's own words, as 2.6 and 3.0 say them, and what they mean."""

from __future__ import annotations

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.state import (
    Load,
    Processes,
    Running,
    down_only,
    parse_backends,
    parse_environment,
    parse_map,
    parse_map_file,
    parse_processes,
    parse_servers,
    parse_stat,
)

SERVERS = """\
1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight \
srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state \
srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port \
srv_check_addr srv_agent_addr srv_agent_port
6 shop.web 1 web.1-n1-25701 198.18.0.11 2 0 1 1 1 15 3 4 6 0 0 0 - 25701 - 0 0 - - 0
6 shop.web 2 web.2-n2-25701 198.18.0.12 0 0 1 1 1 8 2 0 6 0 0 0 - 25701 - 0 0 - - 0
6 shop.web 3 web.3-n3-25701 198.18.0.13 2 8 1 1 1 8 2 0 6 0 0 0 - 25701 - 0 0 - - 0
7 blog.web 1 web.1-n1-25702 198.18.0.11 0 0 1 1 1 8 2 0 6 0 0 0 - 25702 - 0 0 - - 0
7 blog.web 2 web.2-n1-25703 198.18.0.11 0 1 1 1 1 8 2 0 6 0 0 0 - 25703 - 0 0 - - 0"""

STAT = """\
# pxname,svname,qcur,scur,status,check_status,check_code,
shop.web,web.1,0,0,UP,L7OK,200,
shop.web,web.2,0,3,DOWN,L7STS,500,
shop.web,web.3,0,1,DRAIN,* L4CON,,
shop.web,web.4,0,0,UP,* L7OK,200,
shop.web,BACKEND,0,4,UP,,,"""

PROCESSES_26 = """\
#<PID>          <type>          <reloads>       <uptime>        <version>
1162            master          5 [failed: 2]   0d00h02m07s     2.6.12-1+deb12u4
# workers
1271            worker          0               0d01h00m05s     2.6.12-1+deb12u4
# old workers
1233            worker          3               0d00h00m43s     2.6.12-1+deb12u4
1234            worker          1               0d00h00m43s     2.6.12-1+deb12u4
# programs
"""
PROCESSES_30 = """\
#<PID>          <type>          <reloads>       <uptime>        <version>
31246           master          1 [failed: 0]   0d00h00m01s     3.0.11-1+deb13u5
# workers
31260           worker          0               1d00h00m01s     3.0.11-1+deb13u5
# programs
"""


def test_servers_by_backend() -> None:
    servers = parse_servers(SERVERS)
    assert servers["shop.web"]["web.3-n3-25701"] == Running("web.3-n3-25701", "198.18.0.13", 25701, 8)
    assert {name: list(found) for name, found in servers.items()} == {
        "shop.web": ["web.1-n1-25701", "web.2-n2-25701", "web.3-n3-25701"],
        "blog.web": ["web.1-n1-25702", "web.2-n1-25703"],
    }


@pytest.mark.parametrize("text", ["", "1", "1\n# be_id be_name srv_id srv_name"])
def test_no_servers(text: str) -> None:
    assert parse_servers(text) == {}


@pytest.mark.parametrize(
    ("app", "kept"),
    [("", ["web.2-n2-25701", "web.1-n1-25702"]), ("shop", ["web.1-n1-25702"]), ("blog", ["web.2-n2-25701"])],
)
def test_only_what_checks_found_down_is_handed_to_the_next_worker(app: str, kept: list[str]) -> None:
    lines = down_only(SERVERS, app).splitlines()
    assert lines[:2] == SERVERS.splitlines()[:2]
    assert [line.split()[3] for line in lines[2:]] == kept


def test_backends() -> None:
    assert parse_backends("# name\nshop.web\nfairlead-unknown\n") == {"shop.web", "fairlead-unknown"}


def test_loads() -> None:
    assert parse_stat(STAT) == {
        ("shop.web", "web.1"): Load(0, "UP", "L7OK"),
        ("shop.web", "web.2"): Load(3, "DOWN", "L7STS/500"),
        ("shop.web", "web.3"): Load(1, "DRAIN", "L4CON"),
        ("shop.web", "web.4"): Load(0, "UP", "L7OK"),
    }


def test_a_running_map() -> None:
    text = "0x55f7f4d3f6a0 shop.example.com shop.web\n0x55f7f4d3f6e0 blog.example.com blog.web"
    assert parse_map(text) == {"shop.example.com": "shop.web", "blog.example.com": "blog.web"}


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("", {}),
        ("a.com a.web\n\n# b.com b.web\n", {"a.com": "a.web"}),
        ("a.com a.web\na.com b.web\n", {"a.com": "a.web"}),
        ("  a.com   a.web  ", {"a.com": "a.web"}),
    ],
)
def test_a_map_file(text: str, hosts: dict[str, str]) -> None:
    assert parse_map_file(text) == hosts


@pytest.mark.parametrize(
    ("text", "processes"),
    [
        (PROCESSES_26, Processes((1271,), (1233, 1234), 2, 3605.0)),
        (PROCESSES_30, Processes((31260,), (), 0, 86401.0)),
        ("", Processes((), (), 0, 0.0)),
    ],
)
def test_processes(text: str, processes: Processes) -> None:
    assert parse_processes(text) == processes


def test_an_environment() -> None:
    assert parse_environment("A=1\nB=x=y\nnonsense\nC=") == {"A": "1", "B": "x=y", "C": ""}
