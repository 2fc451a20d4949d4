# SPDX-License-Identifier: GPL-3.0-or-later
"""From an app to the configuration that is released."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.app.resolve import (
    Platform,
    configuration_of,
    hosts_of,
    secret_hash,
)
from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    Configuration,
    Health,
    Preference,
    Process,
    ReleaseCommand,
    Rules,
    Spec,
    Update,
    Volume,
)
from tests.unit.app_texts import HEAD, process, read, top

ROOT = Path(__file__).parents[2]
SAMPLE = read((ROOT / "apps/shop.yml").read_bytes())
IMAGE = "198.18.0.10:5000/shop@sha256:" + "0" * 64
KEY = "a key of the tests"
SECRETS = {"SESSION_KEY": "hunter2"}


def resolved(
    secrets: Mapping[str, str] = SECRETS, key: str = KEY, text: str = "", strategy: str | None = None
) -> Configuration:
    platform = Platform(key, "apps.localhost", strategy)
    return configuration_of(read(text) if text else SAMPLE, IMAGE, secrets, platform)


def test_the_sample_resolves_to_what_its_file_says() -> None:
    hashed = {"SESSION_KEY": secret_hash("shop", "SESSION_KEY", "hunter2", KEY)}
    web = Spec(
        image=IMAGE,
        command=("python3", "-m", "shop"),
        env={"GREETING": "hello"},
        secrets=hashed,
        memory=128 * 2**20,
        cpu=0.25,
        port=8080,
        stop_timeout=20.0,
    )
    worker = Spec(
        image=IMAGE,
        command=("python3", "-m", "shop.worker"),
        env={"GREETING": "hello"},
        secrets=hashed,
        memory=64 * 2**20,
    )
    assert resolved() == Configuration(
        app="shop",
        processes=(
            Process("web", 4, web, Rules("spread", ("disk == ssd",), 2), Health("/_ping", 2.0, 1.0, 3, 10.0)),
            Process("worker", 1, worker),
        ),
        hosts={"shop.apps.localhost": "web", "shop.example.com": "web"},
        update=Update("start-first", 2, None, 10.0, 60.0, 0.0, "rollback"),
    )


STORED = """\
volumes:
        - {name: media, path: /media, nfs: "10.0.0.5:/export/media"}
        - {name: data, path: /var/lib/data}
        - {name: certs, path: /certs, node: /srv/certs, read_only: true}
      publish: 5432
      health: {interval: 5s}"""


def test_volumes_and_a_port_of_its_own_make_a_container_what_it_is() -> None:
    web = resolved({}, text=process(STORED)).processes[0]
    assert web.spec.volumes == (
        Volume("certs", "/certs", node="/srv/certs", read_only=True),
        Volume("data", "/var/lib/data"),
        Volume("media", "/media", nfs="10.0.0.5:/export/media"),
    )
    assert (web.spec.publish, web.spec.binding) == (5432, ("data",))
    hashes = {web.spec.hash(), replace(web.spec, publish=None).hash(), replace(web.spec, volumes=()).hash()}
    assert len(hashes) == 3
    assert Spec.from_dict(json.loads(json.dumps(web.spec.as_dict()))) == web.spec


def test_what_has_none_is_what_it_was_before_there_were_any() -> None:
    web = resolved({}, text=process("scale: 2"))
    assert not {"volumes", "publish"} & {*web.processes[0].spec.as_dict()}
    spec = Spec("a@b", ("x",), {"A": "b"}, {"K": "h"}, 5, 0.1, 80)
    both = (Process("web", 1, spec, Rules(), Health("/p")), Process("w", 1, spec))
    known = (spec.hash(), Configuration("a", both, {"h": "web"}).hash())
    assert known == ("7e6db7fbc4aee9d3", "79acb8e4b09a53de"), "containers of running fleets would be replaced"


PLACED = """\
placement:
        strategy: binpack
        constraints: [disk==ssd]
        preferences: [zone == a, {rule: gpu, weight: 80}]
        spread: zone
        max_skew: 2
        max_per_node: 3
        max_per: {room: 4, rack: 1}
        with: [cache, billing/web]
        apart: {apps: [search, blog], per: room}"""


def test_rules_of_placement_are_kept_as_they_are_meant() -> None:
    assert resolved(text=process(PLACED)).processes[0].rules == Rules(
        strategy="binpack",
        constraints=("disk == ssd",),
        max_per_node=3,
        preferences=(Preference("zone == a", 50), Preference("gpu", 80)),
        spread="zone",
        max_skew=2,
        max_per={"rack": 1, "room": 4},
        together=("billing/web", "cache"),
        apart=("blog", "search"),
        apart_per="room",
    )
    alone = resolved(text=process("placement: {apart: ['*'], mode: global}")).processes[0].rules
    assert alone == Rules(apart=("*",), mode="global")


@pytest.mark.parametrize(
    ("written", "platform", "meant"),
    [
        ("", None, "spread"),
        ("", "least-cpu", "least-cpu"),
        ("placement: {strategy: binpack}", None, "binpack"),
        ("placement: {strategy: binpack}", "least-cpu", "binpack"),
        ("placement: {strategy: spread}", "least-cpu", "spread"),
    ],
)
def test_a_strategy_is_the_process_s_or_the_platform_s_or_spread(
    written: str, platform: str | None, meant: str
) -> None:
    made = resolved(text=process(written), strategy=platform)
    assert made.processes[0].rules.strategy == meant


def test_only_an_app_that_asks_for_signatures_says_so() -> None:
    assert "require_signed" not in resolved({}, text=process("scale: 2")).as_dict()
    asking = resolved({}, text=process("scale: 2") + "\nrequire_signed: true\n")
    assert asking.as_dict()["require_signed"] is True
    assert Configuration.from_dict(json.loads(json.dumps(asking.as_dict()))) == asking


MIGRATING = "release: {command: [migrate, --all]}\nirreversible: true\nupdate: {parallelism: 25%}"


@pytest.mark.parametrize("text", ["", top(MIGRATING), process(PLACED)])
def test_a_configuration_survives_the_ledger(text: str) -> None:
    made = resolved(text=text)
    again = Configuration.from_dict(json.loads(json.dumps(made.as_dict())))
    assert again == made
    assert again.hash() == made.hash()


def test_a_release_that_was_recorded_before_there_were_release_commands_is_read() -> None:
    made = resolved().as_dict()
    old = {key: value for key, value in made.items() if key not in {"release", "irreversible"}}
    old["update"] = {"order": "start-first", "parallelism": 2, "drain": 10.0, "deadline": 60.0}
    assert Configuration.from_dict(old) == resolved()


def test_what_runs_before_a_release_is_part_of_it_and_so_is_that_it_cannot_be_undone() -> None:
    made = resolved(text=top(MIGRATING))
    assert made.release == ReleaseCommand(("migrate", "--all"), 600.0)
    assert made.irreversible
    lines = ["", "release: {command: [migrate]}", "release: {command: [other]}", "irreversible: true"]
    assert len({resolved(text=top(line)).hash() for line in lines}) == len(lines)


def test_no_secret_is_in_a_configuration() -> None:
    assert "hunter2" not in json.dumps(resolved().as_dict())


@pytest.mark.parametrize(("secrets", "key"), [({"SESSION_KEY": "other"}, KEY), (SECRETS, "another key")])
def test_another_secret_or_key_is_another_release(secrets: Mapping[str, str], key: str) -> None:
    assert resolved(secrets, key).hash() != resolved().hash()


def test_a_secret_s_hash_depends_on_who_has_it() -> None:
    assert len(secret_hash("shop", "A", "v", KEY)) == 32
    assert len({secret_hash(app, name, "v", KEY) for app in ("a", "b") for name in ("A", "B")}) == 4


def test_a_secret_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        resolved(secrets={})


def test_the_order_of_what_is_written_does_not_matter() -> None:
    one = HEAD + "env: {clear: {A: a, B: b}}\nprocesses:\n  web: {capabilities: [KILL, CHOWN]}\n  api: {}\n"
    two = (
        HEAD
        + "env: {clear: {B: b, A: a}}\nprocesses:\n  api: {}\n  web: {capabilities: [CHOWN, KILL, KILL]}\n"
    )
    assert resolved(text=one).hash() == resolved(text=two).hash()


@pytest.mark.parametrize(
    ("processes", "hosts"),
    [
        ("{web: {port: 80}}", {"shop.apps.localhost": "web"}),
        ("{web: {}}", {}),
        ("{api: {port: 80}}", {}),
    ],
)
def test_web_answers_at_its_name_if_it_has_a_port(processes: str, hosts: dict[str, str]) -> None:
    assert hosts_of(read(HEAD + f"processes: {processes}"), "Apps.Localhost") == hosts


def test_a_port_is_asked_for_its_root_unless_the_file_says_otherwise() -> None:
    assert resolved(text=top("")).processes[0].health == Health()
    assert resolved(text=HEAD + "processes: {web: {}}").processes[0].health is None
