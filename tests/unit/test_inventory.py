# SPDX-License-Identifier: GPL-3.0-or-later
"""What the platform needs of an inventory, and what one app needs of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.allotment import allotment_of, reserved_for
from ansible_collections.fairlead.paas.plugins.module_utils.app.catalog import Entry
from ansible_collections.fairlead.paas.plugins.module_utils.app.domains import DOMAIN_HELP
from ansible_collections.fairlead.paas.plugins.module_utils.app.file import parse_app
from ansible_collections.fairlead.paas.plugins.module_utils.app.grammar import NAME_HELP
from ansible_collections.fairlead.paas.plugins.module_utils.app.needs import (
    check_hopes,
    check_machines,
    check_needs,
    check_reservations,
    secret_names,
)
from ansible_collections.fairlead.paas.plugins.module_utils.app.resolve import Platform, configuration_of
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError, Problem
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Allotment, Node
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
from ansible_collections.fairlead.paas.plugins.module_utils.roots import refuse_outside
from ansible_collections.fairlead.paas.plugins.module_utils.units import SIZE_HELP

ACCOUNT = {"username": "push", "password": "hunter2"}
CI = {"username": "ci", "password": "of the pipeline"}
GONE = Unreadable("'vault' is undefined")
ADDRESS = "expected the machine's private IPv4 address"
PORTS = "expected {first: 25701, last: 26700}, from 1024 to 65535"
OTHER_LABEL = "expected another label than arch, engine_version, node"
APPS = "expected names of apps, such as [shop]"
NAME = f"expected {NAME_HELP}"
SYSTEM = "expected a mapping such as {memory: 512M, cpu: 0.5}"
SIZE = f"expected {SIZE_HELP}"
CORES = "expected cores such as 0.5 or 2, from 0 to 1024"
FACTORS = "expected a mapping such as {memory: 1.0, cpu: 2.0}"
NAN = float("nan")
LONG_KEY = "expected a secret text of at least 16 characters"
INDEX = "expected http(s)://HOST/PATH, without a user: it stays in the builder's cache"
GOOD = Inventory(
    groups=dict.fromkeys(GROUPS, ("m1",)) | {"nodes": ("n1", "n2")},
    machines={
        "m1": Machine("198.18.0.10"),
        "n1": Machine("198.18.0.11", {"disk": "ssd", "zone": "a"}),
        "n2": Machine("198.18.0.12", {"disk": "hdd"}, {"first": 30000, "last": 30099}),
    },
    settings={
        "fairlead_domain": "apps.localhost",
        "fairlead_indexes": {"python": "https://index.example/simple/", "go": "http://10.0.0.1:8080"},
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
        (
            {"labels": {"node": "a", "zone": "b"}},
            f"labels.node: is what each machine says of itself; {OTHER_LABEL}",
        ),
        (
            {"labels": {"Engine-Version": "20"}},
            f"labels.Engine-Version: is what each machine says of itself; {OTHER_LABEL}",
        ),
        ({"reserved_for": "shop"}, f'reserved_for: is not a list; got "shop"; {APPS}'),
        ({"reserved_for": {"shop": 1}}, f"reserved_for: is not a list; got a mapping; {APPS}"),
        ({"reserved_for": ["Shop"]}, f'reserved_for[0]: is no name of an app; got "Shop"; {NAME}'),
        ({"reserved_for": ["shop", 7]}, f"reserved_for[1]: is no name of an app; got 7; {NAME}"),
        ({"reserved_for": GONE}, "reserved_for: cannot be evaluated: 'vault' is undefined"),
        ({"system": "512M"}, f'system: is not a mapping; got "512M"; {SYSTEM}'),
        ({"system": {"memory": 512}}, f"system.memory: is not a size; got 512; {SIZE}"),
        ({"system": {"memory": "512"}}, f'system.memory: is not a size; got "512"; {SIZE}'),
        ({"system": {"cpu": "1"}}, f'system.cpu: is no number of cores; got "1"; {CORES}'),
        ({"system": {"cpu": -1}}, f"system.cpu: is no number of cores; got -1; {CORES}"),
        ({"system": {"cpu": True}}, f"system.cpu: is no number of cores; got True; {CORES}"),
        (
            {"system": {"memroy": "1G"}},
            'system.memroy: is not known; got "memroy"; expected one of cpu, memory (did you mean "memory"?)',
        ),
        ({"overcommit": 2}, f"overcommit: is not a mapping; got 2; {FACTORS}"),
        (
            {"overcommit": {"cpu": 0.5}},
            "overcommit.cpu: is no factor; got 0.5; expected a number from 1 to 100",
        ),
        (
            {"overcommit": {"cpu": 101}},
            "overcommit.cpu: is no factor; got 101; expected a number from 1 to 100",
        ),
        (
            {"overcommit": {"cpu": "2x"}},
            'overcommit.cpu: is no factor; got "2x"; expected a number from 1 to 100',
        ),
        (
            {"overcommit": {"cpu": NAN}},
            "overcommit.cpu: is no factor; got nan; expected a number from 1 to 100",
        ),
        (
            {"overcommit": {"memory": 11}},
            "overcommit.memory: is no factor; got 11; expected a number from 1 to 10",
        ),
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
        ("registry_pushers", ["shop"], ": is no mapping; got a list; expected accounts by app,"),
        ("registry_pushers", GONE, ": cannot be evaluated: 'vault' is undefined"),
        ("registry_pushers", {"Shop": CI}, f': names what is no name of an app; got "Shop"; {NAME}'),
        (
            "registry_pushers",
            {"shop": {"password": "long enough"}},
            ".shop.username: is not set; expected text",
        ),
        ("registry_pushers", {"shop": {"username": "ci"}}, ".shop.password: is not set; expected text"),
        (
            "registry_pushers",
            {"shop": {**CI, "username": "a b"}},
            '.shop.username: is no name of an account; got "a b"',
        ),
        (
            "registry_pushers",
            {"shop": {**CI, "username": "push"}},
            ".shop.username: is the name of fairlead_registry_push too",
        ),
        (
            "registry_pushers",
            {"shop": CI, "api": CI},
            ".api.username: is the name of fairlead_registry_pushers.shop too",
        ),
        ("registry_pushers", {"shop": {**CI, "password": "abc"}}, f".shop.password: {TOO_SHORT}; expected"),
        ("registry_pushers", {"shop": {**CI, "password": "ä" * 37}}, ".shop.password: is too long; expected"),
        ("registry_push", {**ACCOUNT, "password": "hun"}, f".password: {TOO_SHORT}; expected a longer one"),
        ("registry_pull", GONE, ": cannot be evaluated: 'vault' is undefined; expected {username: …"),
        (
            "strategy",
            "spred",
            ': is not known; got "spred"; expected one of binpack, least-cpu, most-free-memory, spread (did',
        ),
        ("strategy", ["spread"], ": is not known; got a list; expected one of binpack"),
        ("strategy", GONE, ": cannot be evaluated: 'vault' is undefined"),
        ("indexes", ["a"], ": is not a mapping; got a list; expected such as {python: https://…/simple}"),
        ("indexes", GONE, ": cannot be evaluated: 'vault' is undefined"),
        (
            "indexes",
            {"pypi": "https://a"},
            ".pypi: is not known; expected one of go, java, node, php, python",
        ),
        ("indexes", {"go": "https://u:hunter2@h/"}, f".go: is no address of an index; {INDEX}"),
        ("indexes", {"go": "https://h/' x"}, f".go: is no address of an index; {INDEX}"),
        ("indexes", {"go": None}, f".go: is no address of an index; {INDEX}"),
        ("volume_roots", "/srv", ': is not a list; got "/srv"; expected directories such as [/srv]'),
        ("volume_roots", ["srv"], '[0]: is not a path; got "srv"; expected an absolute path'),
        ("volume_roots", ["/"], '[0]: is not a path; got "/"; expected an absolute path'),
        ("volume_roots", ["/srv/../etc"], "[0]: is not a path"),
        (
            "volume_roots",
            ["/srv", "/etc/ssl"],
            '[1]: holds /etc, or is in it; got "/etc/ssl"; expected a dir',
        ),
        ("volume_roots", ["/var"], "[0]: holds /var/cache, or is in it"),
        ("volume_roots", ["/var/run"], "[0]: holds /var/run, or is in it"),
        ("volume_roots", ["/var/lib/docker/volumes"], "[0]: holds /var/lib/docker, or is in it"),
        ("volume_roots", GONE, ": cannot be evaluated: 'vault' is undefined"),
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


def test_rooms_that_are_fine() -> None:
    inventory = with_machine(
        "n1",
        reserved_for=["shop", "a-b"],
        system={"memory": "512M", "cpu": 0.5},
        overcommit={"memory": 1, "cpu": 2.5},
    )
    assert said(check_inventory(inventory)) == []
    assert warnings_of(inventory) == []
    assert said(check_inventory(with_setting("fairlead_strategy", "binpack"))) == []
    empty = with_machine("n1", reserved_for=[], system={}, overcommit={})
    assert said(check_inventory(empty)) == []


def test_more_memory_than_there_is_may_be_promised_but_is_said() -> None:
    inventory = with_machine("n1", overcommit={"memory": 1.5})
    assert said(check_inventory(inventory)) == []
    risk = "1.5 times the memory is promised; when instances use it, the kernel kills some of them"
    assert warnings_of(inventory) == [f"inventory n1.fairlead_overcommit.memory: {risk}"]


def test_what_is_said_of_a_node_becomes_what_instances_get() -> None:
    system, overcommit = {"memory": "512M", "cpu": 0.5}, {"memory": 1.5, "cpu": 2}
    assert allotment_of(None, None) == allotment_of({}, {}) == Allotment()
    assert allotment_of(system, None) == Allotment(2**29, 0.5)
    assert allotment_of(system, overcommit) == Allotment(2**29, 0.5, 1.5, 2.0)
    node = Node("n1", "198.18.0.11", memory=2**30, cpus=4.0, allotment=allotment_of(system, overcommit))
    assert (node.memory_for_instances, node.cpus_for_instances) == (2**29 * 3 // 2, 7.0)
    assert reserved_for(None) == reserved_for([]) == ()
    assert reserved_for(["shop", "blog", "shop"]) == ("blog", "shop")


def test_a_public_address_is_allowed_but_said() -> None:
    inventory = with_machine("n1", address="203.0.114.1")
    assert said(check_inventory(inventory)) == []
    assert warnings_of(inventory) == [
        "inventory n1.fairlead_address: 203.0.114.1 is a public address; instances listen on it"
    ]


def app_file(rest: str) -> Entry:
    text = f"app: shop\nbuild: {{image: nginx}}\n{rest}"
    return Entry(*parse_app("apps/shop.yml", text.encode()), context=Path("apps/shop"))


def placed(rules: str) -> Entry:
    return app_file(f"processes:\n  web:\n    placement: {{{rules}}}\n")


SECRET = app_file("env: {secret: [A, B]}\nprocesses: {web: {}}\n")


@pytest.mark.parametrize(
    "secrets", [{"A": "hunter2", "B": "hunter3"}, {"A": "hunter2", "B": "\u00e9\u00e9\u00e9\n"}]
)
def test_an_app_whose_needs_are_met(secrets: dict[str, Any]) -> None:
    assert check_needs(SECRET, secrets) == []


KNOWN = 'one of arch, disk, engine_version, node, zone (did you mean "zone"?)'


@pytest.mark.parametrize(
    ("rule", "field", "got"),
    [
        ("constraints: [zon == a]", "constraints[0]", '"zon == a"'),
        ("constraints: [disk, zon != a]", "constraints[1]", '"zon != a"'),
        ("constraints: [not zon]", "constraints[0]", '"not zon"'),
        ("constraints: [zon not in [a]]", "constraints[0]", '"zon not in [a]"'),
        ("preferences: [zon]", "preferences[0]", '"zon"'),
        ("preferences: [{rule: zon > 1}]", "preferences[0].rule", '"zon > 1"'),
        ("spread: zon", "spread", '"zon"'),
        ("max_per: {zon: 3}", "max_per.zon", "3"),
        ("apart: {apps: [blog], per: zon}", "apart.per", '"zon"'),
    ],
)
def test_labels_that_no_node_has_are_said_with_what_was_meant(rule: str, field: str, got: str) -> None:
    rule = rule.replace("[zon not in [a]]", "['zon not in [a]']")
    found = said(check_hopes(placed(rule), GOOD))
    words = f"processes.web.placement.{field}: no node has the label zon; got {got}; expected {KNOWN}"
    assert len(found) == 1
    assert found[0].startswith("apps/shop.yml:5:")
    assert found[0].endswith(f" {words}")


def test_what_each_machine_says_of_itself_needs_no_label() -> None:
    rules = "constraints: [node != n9, arch == x86_64, engine_version >= 20.10], spread: zone"
    assert check_hopes(placed(rules), GOOD) == []


def test_a_fleet_without_labels() -> None:
    bare = with_machine("n1", labels=None)
    bare = replace(bare, machines={**bare.machines, "n2": Machine("198.18.0.12")})
    found = said(check_hopes(placed("constraints: [disk == ssd, zone == a]"), bare))
    assert len(found) == 2
    assert found[0].endswith("; expected one of arch, engine_version, node")


def test_nodes_that_are_reserved_for_an_app_that_has_no_file() -> None:
    inventory = with_machine("n1", reserved_for=["shop", "blgo"])
    words = 'names an app that has no file; got "blgo"; expected one of blog, shop (did you mean "blog"?)'
    assert said(check_reservations(inventory, ("blog", "shop"))) == [
        f"inventory n1.fairlead_reserved_for[1]: {words}"
    ]
    assert check_reservations(GOOD, ()) == []


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
    found = said(check_needs(SECRET, {"A": "hunter2", "B": value}))
    assert found == [f"inventory fairlead_secrets.shop.B: {words}; expected text, in a vault"]


def test_secrets_that_an_image_is_built_with_need_a_value_too() -> None:
    text = "app: shop\nbuild: {context: a, secrets: [A, TOKEN]}\nenv: {secret: [A]}\nprocesses: {web: {}}\n"
    entry = Entry(*parse_app("apps/shop.yml", text.encode()), context=Path("apps/shop"))
    assert secret_names(entry.app) == ("A", "TOKEN")
    words = "inventory fairlead_secrets.shop.TOKEN: is not set; expected text, in a vault"
    assert said(check_needs(entry, {"A": "hunter2"})) == [words]


def with_folder(folder: str) -> Entry:
    return app_file(f"processes: {{db: {{volumes: [{{name: data, path: /data, node: {folder}}}]}}}}\n")


@pytest.mark.parametrize("folder", ["/srv", "/etc", "/srvdata/a", "/mnt/a", "/data"])
def test_directories_of_nodes_are_those_that_the_inventory_allows(folder: str) -> None:
    assert said(check_machines(with_folder(folder), GOOD)) == [
        (
            "apps/shop.yml:3:60 processes.db.volumes[0].node: is not among what the inventory allows; got"
            f' "{folder}"; expected a directory below /srv, or another fairlead_volume_roots'
        )
    ]
    wider = with_setting("fairlead_volume_roots", ["/srvdata", "/mnt", "/data"])
    allowed = folder in ("/srvdata/a", "/mnt/a")
    assert (said(check_machines(with_folder(folder), wider)) == []) is allowed
    for wrong in (GONE, "/mnt", ["/etc"]):
        inventory = with_setting("fairlead_volume_roots", wrong)
        assert said(check_machines(with_folder(folder), inventory)) == [], "the inventory's own check says it"


def test_a_directory_below_what_is_allowed() -> None:
    assert said(check_machines(with_folder("/srv/shop/data"), GOOD)) == []
    release = configuration_of(with_folder("/srv/shop").app, "image", {}, Platform("key", "apps.localhost"))
    refuse_outside(release, ("/srv",))
    with pytest.raises(FairleadError, match=r"^shop\.db: its volume data is /srv/shop of the node, and the"):
        refuse_outside(release, ("/mnt", "/srv/shop"))


def test_a_port_of_ones_own_is_none_that_is_chosen_from() -> None:
    def found(port: int) -> list[str]:
        return said(check_machines(app_file(f"processes: {{db: {{port: 1, publish: {port}}}}}\n"), GOOD))

    assert found(5432) == []
    assert found(30050) == [
        (
            "apps/shop.yml:3:36 processes.db.publish: is a port that n2 may give to any instance; got 30050;"
            " expected a port outside 30000-30099, the fairlead_ports of n2"
        )
    ]
    assert "n1 may give" in found(25701)[0]
