# SPDX-License-Identifier: GPL-3.0-or-later
"""What an app file may say, and what is meant where it says nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ansible_collections.fairlead.paas.plugins.module_utils.app.model import Volume
from ansible_collections.fairlead.paas.plugins.module_utils.configuration import STRATEGIES
from ansible_collections.fairlead.paas.plugins.module_utils.placement import rank
from tests.unit.app_texts import HEAD, process, read, top

ROOT = Path(__file__).parents[2]
PLACED: dict[str, Any] = {
    "strategy": None,
    "constraints": (),
    "preferences": (),
    "spread": None,
    "max_skew": None,
    "max_per_node": None,
    "max_per": {},
    "together": (),
    "apart": (),
    "mode": "replicated",
}


def test_the_sample_is_read_as_it_is_meant() -> None:
    app = read((ROOT / "apps/shop.yml").read_bytes())
    assert app.model_dump() == {
        "app": "shop",
        "version": "1.0.0",
        "build": {
            "context": "shop",
            "package": None,
            "git": None,
            "image": None,
            "runtime": None,
            "sha256": None,
            "dockerfile": "Dockerfile",
            "target": None,
            "args": {},
            "secrets": (),
        },
        "env": {"clear": {"GREETING": "hello"}, "secret": ("SESSION_KEY",)},
        "processes": {
            "web": {
                "command": ("python3", "-m", "shop"),
                "scale": 4,
                "memory": "128M",
                "cpu": 0.25,
                "port": 8080,
                "publish": None,
                "health": {
                    "kind": "http",
                    "path": "/_ping",
                    "interval": "2s",
                    "timeout": "1s",
                    "retries": 3,
                    "start_period": "10s",
                },
                "stop_timeout": "20s",
                "volumes": (),
                "placement": PLACED
                | {
                    "strategy": "spread",
                    "constraints": ("disk == ssd",),
                    "max_per_node": 2,
                },
                "capabilities": (),
            },
            "worker": {
                "command": ("python3", "-m", "shop.worker"),
                "scale": 1,
                "memory": "64M",
                "cpu": 0.1,
                "port": None,
                "publish": None,
                "health": None,
                "stop_timeout": "10s",
                "volumes": (),
                "placement": PLACED,
                "capabilities": (),
            },
        },
        "routes": ({"domain": "shop.example.com", "process": "web"},),
        "update": {
            "order": "start-first",
            "parallelism": 2,
            "max_unavailable": None,
            "drain": "10s",
            "deadline": "1m",
            "monitor": "0ms",
            "on_failure": "rollback",
            "canary": None,
        },
        "release": None,
        "irreversible": False,
        "require_signed": False,
    }
    assert app.processes["web"].memory == 128 * 2**20
    assert app.processes["web"].stop_timeout == 20.0
    assert app.update.deadline == 60.0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("command: [sleep, 30, '']", ("sleep", "30", "")),
        ("scale: 0", 0),
        ("scale: 1000", 1000),
        ("memory: 6M", 6 * 2**20),
        ("memory: 512MiB", 2**29),
        ('memory: "2G"', 2**31),
        ("cpu: 2", 2.0),
        ("cpu: 0.01", 0.01),
        ("stop_timeout: 0s", 0.0),
        ("stop_timeout: 1500ms", 1.5),
        ("capabilities: [CHOWN, NET_BIND_SERVICE]", ("CHOWN", "NET_BIND_SERVICE")),
    ],
)
def test_fields_of_a_process(field: str, value: object) -> None:
    web = read(process(field)).processes["web"]
    assert getattr(web, field.partition(":")[0]) == value


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("version: 1.0.0", "1.0.0"),
        ('version: "1.10"', "1.10"),
        ("env: {clear: {A: b, B: 8080, _C1: 'no'}}", {"A": "b", "B": "8080", "_C1": "no"}),
        ("env: {clear: {A: '{{ 6 * 7 }}'}}", {"A": "{{ 6 * 7 }}"}),
        ("routes: [{domain: Shop.Example.COM, process: web}]", "shop.example.com"),
        ("routes: [{domain: xn--bcher-kva.example, process: web}]", "xn--bcher-kva.example"),
    ],
)
def test_fields_of_an_app(line: str, value: object) -> None:
    app = read(top(line))
    assert value in (app.version, app.env.clear, *(route.domain for route in app.routes))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("parallelism: 1000", 1000),
        ("parallelism: 25%", "25%"),
        ("parallelism: '100%'", "100%"),
        ("parallelism: all", "all"),
        ("max_unavailable: 0", 0),
        ("max_unavailable: 0%", "0%"),
        ("monitor: 90s", 90.0),
        ("on_failure: pause", "pause"),
    ],
)
def test_rules_of_an_update(field: str, value: object) -> None:
    update = read(top(f"update: {{{field}}}")).update
    assert getattr(update, field.partition(":")[0]) == value


def test_what_runs_before_a_release_and_what_cannot_be_undone() -> None:
    app = read(top("release: {command: [python3, -m, shop.migrate], deadline: 30m}\nirreversible: true"))
    assert app.release
    assert (app.release.command, app.release.deadline) == (("python3", "-m", "shop.migrate"), 1800.0)
    assert app.irreversible


@pytest.mark.parametrize(
    "image",
    [
        "nginx",
        "library/nginx:1.27",
        "registry.example.com:5000/team/shop:1.0.0",
        "localhost/a__b.c-d",
        "nginx@sha256:" + "0" * 64,
    ],
)
def test_images(image: str) -> None:
    assert read(top("").replace("nginx", image)).build.image == image


@pytest.mark.parametrize("path", ["/", "/_ping", "/a/b.html?x=1&y=%20", "/" + "a" * 199])
def test_health_paths(path: str) -> None:
    health = read(process(f"health: {{path: '{path}'}}")).processes["web"].health
    assert health
    assert health.path == path


@pytest.mark.parametrize("name", ["a", "web-2", "a" * 40, "a--b"])
def test_names(name: str) -> None:
    text = top("").replace("app: shop", f"app: {name}").replace("web:", f"{name}:")
    assert list(read(text, f"apps/{name}.yml").processes) == [name]


def test_x_keys_are_ignored_everywhere_and_can_be_merged() -> None:
    app = read(
        "x-small: &small {memory: 64M, cpu: 0.5, x-why: no}\n"
        + HEAD
        + "env: {x-old: 010}\nprocesses:\n  x-off: {a: b}\n  web: {<<: *small, cpu: 1}\n"
    )
    assert list(app.processes) == ["web"]
    assert app.processes["web"].memory == 64 * 2**20
    assert app.processes["web"].cpu == 1.0


EVERY_RULE = """\
placement:
        strategy: binpack
        constraints: [disk==ssd, "zone in[a,b]", gpu, not old, cores>=8]
        preferences: [zone == a, {rule: disk == ssd, weight: 80}, {rule: fast}]
        spread: zone
        max_skew: 2
        max_per_node: 3
        max_per: {rack: 1}
        with: [cache, billing/web]
        apart: {apps: [search, blog], per: room}
        mode: replicated"""


def test_rules_of_placement() -> None:
    placement = read(process(EVERY_RULE)).processes["web"].placement
    assert placement.model_dump() == {
        "strategy": "binpack",
        "constraints": ("disk == ssd", "zone in [a, b]", "gpu", "not old", "cores >= 8"),
        "preferences": (
            "zone == a",
            {"rule": "disk == ssd", "weight": 80},
            {"rule": "fast", "weight": 50},
        ),
        "spread": "zone",
        "max_skew": 2,
        "max_per_node": 3,
        "max_per": {"rack": 1},
        "together": ("cache", "billing/web"),
        "apart": {"apps": ("search", "blog"), "per": "room"},
        "mode": "replicated",
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("spread: node", "node"),
        ("max_skew: 1, spread: zone", 1),
        ("max_per: {a/b.c: 1000}", {"a/b.c": 1000}),
        ("apart: [billing, '*']", ("billing", "*")),
        ("apart: [shop/worker]", ("shop/worker",)),
        ("mode: global", "global"),
        ("preferences: []", ()),
    ],
)
def test_a_rule_of_placement(field: str, value: object) -> None:
    placement = read(process(f"placement: {{{field}}}")).processes["web"].placement
    assert getattr(placement, field.partition(":")[0]) == value


def test_every_rule_reads_as_it_was_written() -> None:
    app = read(process(f"command: [a]\n      {EVERY_RULE}"))
    written: Any = app.model_dump(mode="json", exclude_none=True, by_alias=True)
    assert type(app).model_validate(written) == app


def test_what_an_app_writes_reads_as_the_same_app() -> None:
    app = read((ROOT / "apps/shop.yml").read_bytes())
    written: Any = app.model_dump(mode="json", exclude_none=True, by_alias=True)
    assert type(app).model_validate(written) == app


def test_every_strategy_of_placement_can_be_asked_for() -> None:
    assert set(STRATEGIES) == set(rank.STRATEGIES)


def test_the_manual_shows_the_sample() -> None:
    manual = (ROOT / "docs/app-files.md").read_text()
    block = manual.partition("```yaml\n")[2].partition("```")[0]
    assert read(block) == read((ROOT / "apps/shop.yml").read_bytes())


def test_every_rule_that_the_manual_shows_is_read() -> None:
    manual = (ROOT / "docs/app-files.md").read_text()
    section = manual.partition("## Where instances stand")[2].partition("\n## ")[0]
    shown = [block.partition("```")[0] for block in section.split("```yaml\n")[1:]]
    placements = [
        read(process(block.replace("\n", "\n      "))).processes["web"].placement for block in shown
    ]
    assert set().union(*(placement.model_fields_set for placement in placements)) == {*PLACED}


def test_the_volumes_that_the_manual_shows_are_read() -> None:
    manual = (ROOT / "docs/app-files.md").read_text()
    section = manual.partition("## Volumes")[2].partition("\n## ")[0]
    app = read(section.partition("```yaml\n")[2].partition("```")[0], "apps/database.yml")
    assert [volume.name for volume in app.processes["db"].volumes] == ["data", "backups", "media"]
    assert set().union(*(it.model_fields_set for it in app.processes["db"].volumes)) == {*Volume.model_fields}


def test_an_app_does_not_change_afterwards() -> None:
    app = read(top(""))
    with pytest.raises(ValidationError):
        app.version = "2"  # type: ignore[misc]
