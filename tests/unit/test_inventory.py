# SPDX-License-Identifier: GPL-3.0-or-later
"""What the platform needs of an inventory, and what one app needs of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.app.catalog import Entry
from ansible_collections.fairlead.paas.plugins.module_utils.app.domains import DOMAIN_HELP
from ansible_collections.fairlead.paas.plugins.module_utils.app.file import parse_app
from ansible_collections.fairlead.paas.plugins.module_utils.app.needs import check_needs
from ansible_collections.fairlead.paas.plugins.module_utils.errors import Problem
from ansible_collections.fairlead.paas.plugins.module_utils.inventory import (
    GROUPS,
    TOO_SHORT,
    Inventory,
    Machine,
    Unreadable,
    check_inventory,
    warnings_of,
)
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.postgresql import URL_HELP

ACCOUNT = {"username": "push", "password": "hunter2"}
GONE = Unreadable("'vault' is undefined")
ADDRESS = "expected the machine's private IPv4 address"
PORTS = "expected {first: 25701, last: 26700}, from 1024 to 65535"
LONG_KEY = "expected a secret text of at least 16 characters"
GOOD = Inventory(
    groups=dict.fromkeys(GROUPS, ("m1",)) | {"nodes": ("n1", "n2")},
    machines={
        "m1": Machine("198.18.0.10"),
        "n1": Machine("198.18.0.11", {"disk": "ssd", "zone": "a"}),
        "n2": Machine("198.18.0.12", {"disk": "hdd"}, {"first": 30000, "last": 30099}),
    },
    settings={
        "fairlead_domain": "apps.localhost",
        "fairlead_registry": "198.18.0.10:5000",
        "fairlead_registry_pull": ACCOUNT,
        "fairlead_registry_push": ACCOUNT,
        "fairlead_hash_key": "a key of the tests",
    },
)


def said(problems: list[Problem]) -> list[str]:
    return [str(problem) for problem in problems]


def with_machine(name: str, **changes: Any) -> Inventory:
    return replace(GOOD, machines={**GOOD.machines, name: replace(GOOD.machines[name], **changes)})


def with_setting(name: str, value: Any) -> Inventory:
    return replace(GOOD, settings={**GOOD.settings, name: value})


def test_a_good_inventory_has_no_problems() -> None:
    assert said(check_inventory(GOOD)) == []
    assert warnings_of(GOOD) == []


@pytest.mark.parametrize("group", GROUPS)
def test_empty_groups(group: str) -> None:
    inventory = replace(GOOD, groups={**GOOD.groups, group: ()})
    assert said(check_inventory(inventory)) == [
        f"inventory {group}: is an empty group; expected at least one machine"
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"address": None}, f"address: is not set; {ADDRESS}"),
        ({"address": GONE}, f"address: cannot be evaluated: 'vault' is undefined; {ADDRESS}"),
        ({"address": "n1.internal"}, f'address: is not an IPv4 address; got "n1.internal"; {ADDRESS}'),
        ({"address": "fd00::1"}, f'address: is not an IPv4 address; got "fd00::1"; {ADDRESS}'),
        ({"address": 12}, f"address: is not an IPv4 address; got 12; {ADDRESS}"),
        (
            {"address": "224.0.0.1"},
            f'address: cannot be reached by other machines; got "224.0.0.1"; {ADDRESS}',
        ),
        (
            {"address": "127.0.0.1"},
            f'address: cannot be reached by other machines; got "127.0.0.1"; {ADDRESS}',
        ),
        ({"address": "198.18.0.10"}, f'address: is m1\'s address too; got "198.18.0.10"; {ADDRESS}'),
        ({"labels": ["ssd"]}, "labels: is not a mapping; got a list; expected labels such as {disk: ssd}"),
        ({"labels": {"zone": 1}}, "labels.zone: is not text; got 1; expected quotes around it"),
        ({"labels": GONE}, "labels: cannot be evaluated: 'vault' is undefined"),
        ({"ports": {"first": 80, "last": 90}}, f"ports: is no range of ports; got a mapping; {PORTS}"),
        ({"ports": {"first": 9000, "last": 8000}}, f"ports: is no range of ports; got a mapping; {PORTS}"),
        ({"ports": {"first": "9000", "last": 9001}}, f"ports: is no range of ports; got a mapping; {PORTS}"),
        ({"ports": {"first": 9000}}, f"ports: is no range of ports; got a mapping; {PORTS}"),
        ({"ports": GONE}, f"ports: is no range of ports; {PORTS}"),
    ],
)
def test_machines(changes: dict[str, Any], words: str) -> None:
    assert said(check_inventory(with_machine("n1", **changes))) == [f"inventory n1.fairlead_{words}"]


URL = "postgresql://ada:pass@db.internal:5432/fairlead"
NO_URL = f"is no URL of a database; expected {URL_HELP}"


@pytest.mark.parametrize(
    ("urls", "words"),
    [
        ((None, None), []),
        ((None, ""), []),
        ((URL, URL), []),
        (("postgres://db1,db2:5433/fairlead?target_session_attrs=read-write",) * 2, []),
        (("postgresql:///fairlead?host=/run/postgresql",) * 2, []),
        ((URL, None), ["m2.fairlead_ledger_url: is not that of m1; expected the same for all managers"]),
        ((None, URL), ["m2.fairlead_ledger_url: is not that of m1; expected the same for all managers"]),
        (
            ("db.internal", URL),
            [f"m1.fairlead_ledger_url: {NO_URL}", "m2.fairlead_ledger_url: is not that of m1"],
        ),
        (
            ("mysql://ada:pass@db/fairlead",) * 2,
            [f"{name}.fairlead_ledger_url: {NO_URL}" for name in ("m1", "m2")],
        ),
        (
            (URL.replace("pass", "p@ss"),) * 2,
            [f"{name}.fairlead_ledger_url: {NO_URL}" for name in ("m1", "m2")],
        ),
        (
            (URL.replace("pass", "p/ss"),) * 2,
            [f"{name}.fairlead_ledger_url: {NO_URL}" for name in ("m1", "m2")],
        ),
        ((5432, 5432), [f"{name}.fairlead_ledger_url: {NO_URL}" for name in ("m1", "m2")]),
        (
            (GONE, GONE),
            [f"{name}.fairlead_ledger_url: cannot be evaluated: {GONE.why}" for name in ("m1", "m2")],
        ),
    ],
)
def test_the_database_of_the_managers(urls: tuple[Any, Any], words: list[str]) -> None:
    machines = {
        name: Machine("198.18.0.10", ledger_url=url) for name, url in zip(("m1", "m2"), urls, strict=True)
    }
    inventory = replace(
        GOOD, groups={**GOOD.groups, "managers": ("m1", "m2")}, machines={**GOOD.machines, **machines}
    )
    found = said(check_inventory(inventory))
    assert len(found) == len(words)
    for problem, expected in zip(found, words, strict=True):
        assert problem.startswith(f"inventory {expected}")
        assert "pass" not in problem.replace("password", "")
        assert "p@ss" not in problem


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("domain", None, ": is not set; expected the domain under which each app is NAME.DOMAIN"),
        ("domain", "-f", f': is not a domain; got "-f"; expected {DOMAIN_HELP}'),
        ("domain", ".".join(["a" * 59] * 4), ""),
        (
            "registry",
            "nowhere",
            ': is no address of a registry; got "nowhere"; expected HOST:PORT, or nothing',
        ),
        ("registry", GONE, ": cannot be evaluated: 'vault' is undefined; expected HOST:PORT"),
        ("registry_push", None, ": is not set; expected {username: …, password: …}"),
        ("registry_push", {"username": "push"}, ".password: is not set; expected text"),
        ("registry_push", {**ACCOUNT, "username": ""}, ".username: is not set; expected text"),
        ("registry_push", {**ACCOUNT, "password": "hun"}, f".password: {TOO_SHORT}; expected a longer one"),
        ("registry_pull", GONE, ": cannot be evaluated: 'vault' is undefined; expected {username: …"),
        ("hash_key", None, f": is not set; {LONG_KEY}"),
        ("hash_key", "hunter2", f": is not long enough a text; {LONG_KEY}"),
        ("hash_key", GONE, f": cannot be evaluated: 'vault' is undefined; {LONG_KEY}"),
    ],
)
def test_settings(name: str, value: Any, words: str) -> None:
    found = said(check_inventory(with_setting(f"fairlead_{name}", value)))
    assert len(found) == 1
    assert found[0].startswith(f"inventory fairlead_{name}{words}")
    assert "hunter2" not in found[0]


def test_a_registry_s_address_is_computed_where_it_is_not_set() -> None:
    assert check_inventory(with_setting("fairlead_registry", None)) == []


def test_names_of_machines_reach_the_routers_configuration() -> None:
    name = "n1 maxconn 1"
    machines = {**GOOD.machines, name: Machine("198.18.0.20")}
    inventory = replace(GOOD, groups={**GOOD.groups, "nodes": (name,)}, machines=machines)
    found = said(check_inventory(inventory))
    assert len(found) == 1
    assert found[0].startswith('inventory "n1 maxconn 1": is no name for a machine; expected letters, digits')


def test_one_machine_in_all_groups_may_talk_to_itself() -> None:
    alone = replace(GOOD, groups=dict.fromkeys(GROUPS, ("m1",)), machines={"m1": Machine("127.0.0.1")})
    assert said(check_inventory(alone)) == []


def test_a_public_address_is_allowed_but_said() -> None:
    inventory = with_machine("n1", address="203.0.114.1")
    assert said(check_inventory(inventory)) == []
    assert warnings_of(inventory) == [
        "inventory n1.fairlead_address: 203.0.114.1 is a public address; instances listen on it"
    ]


def entry(constraint: str) -> Entry:
    text = (
        "app: shop\nbuild: {image: nginx}\nenv: {secret: [A, B]}\n"
        f"processes:\n  web:\n    placement: {{constraints: ['disk == ssd', '{constraint}']}}\n"
    )
    return Entry(*parse_app("apps/shop.yml", text.encode()), context=Path("apps/shop"))


@pytest.mark.parametrize(
    "secrets", [{"A": "hunter2", "B": "hunter3"}, {"A": "hunter2", "B": "\u00e9\u00e9\u00e9\n"}]
)
def test_an_app_whose_needs_are_met(secrets: dict[str, Any]) -> None:
    assert check_needs(entry("zone != b"), GOOD, secrets) == []


def test_labels_that_no_node_has() -> None:
    found = said(check_needs(entry("zon == a"), GOOD, {"A": "hunter2", "B": "hunter3"}))
    place = "apps/shop.yml:6:46 processes.web.placement.constraints[1]"
    words = 'no node has the label zon; got "zon == a"; expected one of disk, zone (did you mean "zone"?)'
    assert found == [f"{place}: {words}"]


def test_a_fleet_without_labels() -> None:
    bare = with_machine("n1", labels=None)
    bare = replace(bare, machines={**bare.machines, "n2": Machine("198.18.0.12")})
    assert len(check_needs(entry("zone == a"), bare, {"A": "hunter2", "B": "hunter3"})) == 2


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "is not set"),
        ("", "is not set"),
        (4711, "is not text; quotes make it so"),
        (["hunter2"], "is not text; quotes make it so"),
        ("hunter2\0", "has a character that no environment may hold"),
        ("hun", TOO_SHORT),
        ("\u00e9\u00e9\u00e9", TOO_SHORT),
        (GONE, "cannot be evaluated: 'vault' is undefined"),
    ],
)
def test_secrets_that_are_not_there_are_named_but_never_shown(value: Any, words: str) -> None:
    found = said(check_needs(entry("zone == a"), GOOD, {"A": "hunter2", "B": value}))
    assert found == [f"inventory fairlead_secrets.shop.B: {words}; expected text, in a vault"]
