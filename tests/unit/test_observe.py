# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inspect says, as an instance; and what the kernel's files say of a machine."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Spec
from ansible_collections.fairlead.paas.plugins.module_utils.containers.arguments import Start, create_body
from ansible_collections.fairlead.paas.plugins.module_utils.containers.instances import (
    Failure,
    InstancesFailed,
    end_of,
)
from ansible_collections.fairlead.paas.plugins.module_utils.containers.machine import (
    parse_free_memory,
    parse_listened_ports,
)
from ansible_collections.fairlead.paas.plugins.module_utils.containers.observe import (
    Strange,
    busy_ports,
    enforced,
    instance,
)
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Slot
from ansible_collections.fairlead.paas.plugins.module_utils.image.wanted import split_reference

START = Start(Slot("shop", "web", 1), "shop.web.1-v3", 3, Spec("r/shop@sha256:1", port=80), "hash", 25701)
EVERYTHING = enforced({})
RUNNING = {"Running": True, "Restarting": False, "Paused": False, "ExitCode": 0}


def inspected(**state: Any) -> dict[str, Any]:
    body = copy.deepcopy(create_body(START, "10.0.0.1", {}))
    host = {**body["HostConfig"], "RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0}}
    return {
        "Id": "c0ffee",
        "Name": "/shop.web.1-v3",
        "Config": {"Labels": body["Labels"]},
        "HostConfig": host,
        "State": {**RUNNING, **state},
        "NetworkSettings": {"Networks": {"bridge": {}}},
    }


def test_a_container_as_it_was_created_has_no_drift() -> None:
    assert instance(inspected(), EVERYTHING) == {
        "app": "shop",
        "process": "web",
        "number": 1,
        "container": "c0ffee",
        "name": "shop.web.1-v3",
        "release": 3,
        "image": "r/shop@sha256:1",
        "spec": "hash",
        "memory": 256 * 2**20,
        "cpu": 0.1,
        "port": 25701,
        "running": True,
        "drift": [],
    }


@pytest.mark.parametrize(
    ("state", "runs"),
    [
        ({}, True),
        ({"Paused": True}, True),
        ({"Restarting": True}, False),
        ({"Running": False}, False),
    ],
)
def test_what_runs(state: dict[str, bool], *, runs: bool) -> None:
    assert instance(inspected(**state), EVERYTHING)["running"] == runs


@pytest.mark.parametrize(
    ("info", "host", "drift"),
    [
        ({"SwapLimit": False}, {"MemorySwap": -1}, []),
        ({"SwapLimit": True}, {"MemorySwap": -1}, ["memory with swap is -1, released with 256M"]),
        ({"PidsLimit": False}, {"PidsLimit": None}, []),
        ({"PidsLimit": True}, {"PidsLimit": None}, ["pids limit is none, released with 512"]),
        ({}, {"BlkioWeight": None, "CpusetCpus": None}, []),
    ],
)
def test_what_an_engine_cannot_limit_is_no_drift(
    info: dict[str, bool], host: dict[str, Any], drift: list[str]
) -> None:
    found = inspected()
    found["HostConfig"].update(host)
    assert instance(found, enforced(info))["drift"] == drift


@pytest.mark.parametrize(
    ("label", "value", "said"),
    [
        ("io.fairlead.process", None, "the label io.fairlead.process is missing"),
        ("io.fairlead.app", "", "the label io.fairlead.app is missing"),
        ("io.fairlead.slot", "one", "the label io.fairlead.slot is 'one', expected a whole number"),
        ("io.fairlead.release", "-1", "the label io.fairlead.release is '-1', expected a whole number"),
        ("io.fairlead.port", "²", "the label io.fairlead.port is '²', expected a whole number"),
        ("io.fairlead.cpu", "nan", "the label io.fairlead.cpu is 'nan', expected a number of cores"),
    ],
)
def test_odd_labels_are_strange(label: str, value: str | None, said: str) -> None:
    found = inspected()
    found["Config"]["Labels"].pop(label)
    if value is not None:
        found["Config"]["Labels"][label] = value
    with pytest.raises(Strange) as caught:
        instance(found, EVERYTHING)
    assert str(caught.value) == said


def test_busy_ports_are_those_of_others_whether_they_show_as_listeners_or_not() -> None:
    ours: list[dict[str, Any]] = [{"Ports": [{"PublicPort": 25701}, {"PrivatePort": 80}]}]
    foreign: list[dict[str, Any]] = [{"Ports": [{"PublicPort": 25703}]}, {"Ports": []}]
    assert busy_ports({22, 25701, 25702}, ours, foreign) == {22, 25702, 25703}


def test_the_kernels_files() -> None:
    meminfo = "MemTotal:       24683996 kB\nMemFree:  1 kB\nMemAvailable:   22000000 kB\n"
    assert parse_free_memory(meminfo) == 22000000 * 1024
    listed = (
        "  sl  local_address rem_address   st tx_queue\n"
        "   0: 0100007F:6465 00000000:0000 0A 00000000:00000000\n"
        "   1: 0100007F:6466 0100007F:9999 01 00000000:00000000\n"
        "   2: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000\n"
    )
    assert parse_listened_ports(listed) == {0x6465, 22}


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({}, ""),
        ({"Running": False, "ExitCode": 3}, "exited with code 3"),
        ({"Restarting": True, "ExitCode": 1}, "exited with code 1"),
        (
            {"Running": False, "ExitCode": 137, "OOMKilled": True},
            "exited with code 137, killed for using more than its memory",
        ),
        (
            {"Running": False, "ExitCode": 137, "OOMKilled": False},
            "exited with code 137, killed, likely for using more than its memory",
        ),
        ({"Running": False, "ExitCode": 127, "Error": "no such file"}, "exited with code 127 (no such file)"),
    ],
)
def test_how_a_container_ended(state: dict[str, Any], said: str) -> None:
    assert end_of({**RUNNING, **state}) == said


def test_a_failure_names_slot_node_why_and_ends_with_the_logs() -> None:
    failures = [
        Failure("shop.web.1", "shop.web.1-v3", "exited with code 1", ("one", "two")),
        Failure("shop.web.2", "shop.web.2-v3", "did not start: no such file"),
    ]
    assert str(InstancesFailed("n1", failures)) == (
        "shop.web.1 on node n1 exited with code 1; shop.web.2 on node n1 did not start: no such file; "
        "the last log lines of shop.web.1:\none\ntwo"
    )


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("shop", ("shop", "latest")),
        ("shop:1", ("shop", "1")),
        ("host:5000/shop", ("host:5000/shop", "latest")),
        ("host:5000/team/shop:1", ("host:5000/team/shop", "1")),
        ("shop@sha256:ab", ("shop", "sha256:ab")),
    ],
)
def test_references_of_images(image: str, parts: tuple[str, str]) -> None:
    assert split_reference(image) == parts
