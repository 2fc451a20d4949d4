# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at a real engine: what is there, what was changed by hand, what is strange."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.containers.client import Engine
from ansible_collections.fairlead.paas.plugins.module_utils.containers.converge import act, inspect
from ansible_collections.fairlead.paas.plugins.module_utils.containers.observe import look
from ansible_collections.fairlead.paas.plugins.modules.converge import wish_from
from tests.integration.engine_rig import APP, Wanted, ansible, docker, free_port
from tests.integration.wishes import parameters


@pytest.fixture
def web(engine: Engine, wanted: Wanted) -> dict[str, Any]:
    """Return the start description of one healthy instance."""
    start = wanted.start()
    wish = wish_from(parameters(start=[start]))
    act(engine, wish, inspect(engine, wish))
    return start


def seen(engine: Engine) -> list[dict[str, Any]]:
    return [instance for instance in look(engine, APP, 25701, 26700)["instances"] if instance["app"] == APP]


def test_an_instance_is_seen_as_it_was_started(engine: Engine, web: dict[str, Any]) -> None:
    [found] = seen(engine)
    container = found.pop("container")
    assert len(container) == 64
    assert found == {
        "app": APP,
        "process": "web",
        "number": 1,
        "name": f"{APP}.web.1-v1",
        "release": 1,
        "image": web["spec"]["image"],
        "spec": web["spec_hash"],
        "memory": 64 * 2**20,
        "cpu": 0.1,
        "port": web["host_port"],
        "running": True,
        "drift": [],
    }


@pytest.mark.parametrize(
    ("by_hand", "said"),
    [
        (["update", "--memory", "128m", "--memory-swap", "128m"], ["memory is 128M, released with 64M"]),
        (["update", "--memory-swap", "256m"], ["memory with swap is 256M, released with 64M"]),
        (["update", "--cpu-shares", "512"], ["cpu shares is 512, released with 102"]),
        (["update", "--cpus", "0.5"], ["cpu limit is 0.5, released with 0"]),
        (["update", "--pids-limit", "64"], ["pids limit is 64, released with 512"]),
        (["update", "--cpuset-cpus", "0"], ["cpu set is 0, released with any"]),
        (["update", "--restart", "always"], ["restart policy is always, released with unless-stopped"]),
        (["network", "disconnect", "bridge"], ["network bridge is disconnected"]),
        (["pause"], ["is paused"]),
    ],
)
def test_what_was_changed_by_hand_is_said(
    engine: Engine, web: dict[str, Any], by_hand: list[str], said: list[str]
) -> None:
    docker(*by_hand, web["name"])
    [found] = seen(engine)
    assert found["drift"][: len(said)] == said
    assert found["running"]
    if by_hand == ["pause"]:
        docker("unpause", web["name"])
        assert seen(engine)[0]["drift"] == []


def test_a_new_name_is_drift_and_the_slot_is_still_known(engine: Engine, web: dict[str, Any]) -> None:
    docker("rename", web["name"], f"{APP}.mine")
    [found] = seen(engine)
    assert found["drift"] == [f"name is {APP}.mine, released as {APP}.web.1-v1"]
    assert (found["process"], found["number"]) == ("web", 1)


def test_one_that_was_stopped_does_not_run_and_has_no_drift(engine: Engine, web: dict[str, Any]) -> None:
    docker("stop", "--time", "1", web["name"])
    [found] = seen(engine)
    assert (found["running"], found["drift"]) == (False, [])


@pytest.mark.parametrize("by_hand", [[], ["pause"], ["stop", "--time", "1"]])
def test_another_apps_look_says_the_same_but_not_what_drifted(
    engine: Engine, web: dict[str, Any], by_hand: list[str]
) -> None:
    if by_hand:
        docker(*by_hand, web["name"])
    [own] = seen(engine)
    others = look(engine, "another", 25701, 26700)["instances"]
    assert [found for found in others if found["app"] == APP] == [own | {"drift": []}]
    if by_hand == ["pause"]:
        docker("unpause", web["name"])


def test_ports_held_by_others_are_busy_and_our_own_are_not(
    engine: Engine, web: dict[str, Any], digest: str
) -> None:
    published = free_port()
    docker("run", "-d", "--name", f"{APP}.other", "-p", f"127.0.0.1:{published}:80", digest, "sleep", "60")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        busy = look(engine, APP, 1, 65535)["node"]["busy_ports"]
        open_to_all = look(engine, APP, 1, 2)["node"]["busy_ports"]
        taken = listener.getsockname()[1]
    assert {published, taken} <= set(busy)
    assert web["host_port"] not in busy
    assert {port for port in busy if port >= 1024} == set(open_to_all), "an app may ask for any of these"


def test_labels_that_say_no_instance_are_strange_and_hide_nothing(
    engine: Engine, web: dict[str, Any], digest: str
) -> None:
    labels = ["--label", f"io.fairlead.app={APP}", "--label", "io.fairlead.process=web"]
    docker(
        "run", "-d", "--name", f"{APP}.odd", *labels, "--label", "io.fairlead.slot=x", digest, "sleep", "60"
    )
    docker("create", "--name", f"{APP}.poor", *labels, digest, "sleep", "60")
    found = look(engine, APP, 25701, 26700)
    strange = [text for text in found["strange"] if APP in text]
    assert strange == [
        f"container {APP}.odd: the label io.fairlead.slot is 'x', expected a whole number",
        f"container {APP}.poor: the label io.fairlead.slot is missing",
    ]
    assert [instance["name"] for instance in found["instances"] if instance["app"] == APP] == [web["name"]]


def test_the_module_says_the_node_and_changes_nothing(web: dict[str, Any]) -> None:
    said = ansible("look", {"app": APP, "ports": {"first": 25701, "last": 26700}}, "--check")
    assert said["changed"] is False
    assert {"cpus", "memory", "free_memory", "load", "busy_ports", "engine_version", "arch"} == set(
        said["node"]
    )
    assert 0 < said["node"]["free_memory"] <= said["node"]["memory"] * 1.01
    assert web["name"] in [instance["name"] for instance in said["instances"]]
    assert not any(APP in text for text in said["strange"])
