# SPDX-License-Identifier: GPL-3.0-or-later
"""Start descriptions in, exact bodies of the engine's create call out."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Health, Spec, Volume
from ansible_collections.fairlead.paas.plugins.module_utils.containers.arguments import (
    Start,
    create_body,
    hostname,
    limits,
    name_pattern,
)
from ansible_collections.fairlead.paas.plugins.module_utils.containers.volumes import wanted
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Slot

IMAGE = "198.18.0.10:5000/shop@sha256:" + "a" * 64
SPEC = Spec(
    image=IMAGE,
    command=("python3", "-m", "shop"),
    env={"GREETING": "hello"},
    secrets={"SESSION_KEY": "keyed-hash"},
    memory=128 * 2**20,
    cpu=0.25,
    port=8080,
    stop_timeout=20.0,
    capabilities=("NET_BIND_SERVICE",),
)
WEB = Start(Slot("shop", "web", 1), "shop.web.1-v3", 3, SPEC, "0123456789abcdef", 25701, Health("/_ping"))
WORKER = replace(
    WEB,
    slot=Slot("shop", "worker", 2),
    name="shop.worker.2-v3",
    spec=Spec(image=IMAGE, memory=64 * 2**20),
    host_port=None,
    health=None,
)


def test_a_container_remembers_the_configuration_of_its_release() -> None:
    secrets = {"SESSION_KEY": "s3cret"}
    plain, marked = (create_body(WEB, "198.18.0.11", secrets, text) for text in ("", "eJx="))
    assert marked.pop("Labels") == plain.pop("Labels") | {"io.fairlead.configuration": "eJx="}
    assert marked == plain


def test_a_web_process() -> None:
    assert create_body(WEB, "198.18.0.11", {"SESSION_KEY": "s3cret", "OTHER": "x"}) == {
        "Image": IMAGE,
        "Cmd": ["python3", "-m", "shop"],
        "Hostname": "shop-web-1",
        "Env": [
            "GREETING=hello",
            "SESSION_KEY=s3cret",
            "APP_NAME=shop",
            "PROCESS=web",
            "INSTANCE=web.1",
            "RELEASE=v3",
            "HOST_IP=198.18.0.11",
            "PORT=8080",
        ],
        "Labels": {
            "io.fairlead.app": "shop",
            "io.fairlead.process": "web",
            "io.fairlead.slot": "1",
            "io.fairlead.release": "3",
            "io.fairlead.image": IMAGE,
            "io.fairlead.spec": "0123456789abcdef",
            "io.fairlead.memory": "134217728",
            "io.fairlead.cpu": "0.25",
            "io.fairlead.port": "25701",
        },
        "StopTimeout": 20,
        "ExposedPorts": {"8080/tcp": {}},
        "HostConfig": {
            "Memory": 134217728,
            "MemorySwap": 134217728,
            "MemoryReservation": 0,
            "CpuShares": 256,
            "NanoCpus": 0,
            "CpuQuota": 0,
            "CpuPeriod": 0,
            "CpusetCpus": "",
            "CpusetMems": "",
            "BlkioWeight": 0,
            "PidsLimit": 512,
            "CapDrop": ["ALL"],
            "CapAdd": ["NET_BIND_SERVICE"],
            "SecurityOpt": ["no-new-privileges"],
            "Init": True,
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}},
            "NetworkMode": "bridge",
            "PortBindings": {"8080/tcp": [{"HostIp": "198.18.0.11", "HostPort": "25701"}]},
            "RestartPolicy": {"Name": "no"},
        },
    }


def test_volumes_are_those_of_the_slot() -> None:
    stored = (
        Volume("certs", "/certs", node="/srv/certs", read_only=True),
        Volume("data", "/var/lib/data"),
        Volume("media", "/media", nfs="nas:/export/media"),
    )
    start = replace(WORKER, spec=replace(WORKER.spec, volumes=stored))
    mounts = [
        ("shop.worker.2.certs", "/certs", True),
        ("shop.worker.2.data", "/var/lib/data", False),
        ("shop.worker.2.media", "/media", False),
    ]
    assert create_body(start, "h", {})["HostConfig"]["Mounts"] == [
        {"Type": "volume", "Source": name, "Target": path, "ReadOnly": read_only}
        for name, path, read_only in mounts
    ]
    assert [(volume.name, volume.options) for volume in wanted([start])] == [
        ("shop.worker.2.certs", {"type": "none", "o": "bind", "device": "/srv/certs"}),
        ("shop.worker.2.data", {}),
        ("shop.worker.2.media", {"type": "nfs", "o": "addr=nas,nfsvers=4,rw", "device": ":/export/media"}),
    ]
    assert wanted([start])[1].labels == {
        "io.fairlead.app": "shop",
        "io.fairlead.process": "worker",
        "io.fairlead.slot": "2",
        "io.fairlead.volume": "data",
    }
    assert "Mounts" not in create_body(WORKER, "h", {})["HostConfig"]


def test_a_worker_publishes_nothing_and_runs_the_images_own_command() -> None:
    body = create_body(WORKER, "198.18.0.11", {})
    assert "Cmd" not in body
    assert "ExposedPorts" not in body
    assert body["HostConfig"]["PortBindings"] == {}
    assert "io.fairlead.port" not in body["Labels"]
    assert not any(line.startswith("PORT=") for line in body["Env"])


@pytest.mark.parametrize(("cpu", "shares"), [(0.25, 256), (1, 1024), (0.001, 2), (2.5, 2560), (0.1, 102)])
def test_cores_are_a_weight_the_kernel_accepts(cpu: float, shares: int) -> None:
    assert limits(2**20, cpu)["CpuShares"] == shares


@pytest.mark.parametrize(("seconds", "timeout"), [(0, 0), (0.2, 1), (1.0, 1), (1.5, 2), (90.0, 90)])
def test_a_grace_is_never_cut_short(seconds: float, timeout: int) -> None:
    start = replace(WORKER, spec=replace(WORKER.spec, stop_timeout=seconds))
    assert create_body(start, "a", {})["StopTimeout"] == timeout


def test_the_platforms_names_win_over_the_apps() -> None:
    start = replace(WORKER, spec=replace(WORKER.spec, env={"INSTANCE": "mine", "A": "b=c\nd"}))
    assert create_body(start, "h", {})["Env"][:2] == ["INSTANCE=worker.2", "A=b=c\nd"]


def test_secrets_without_a_value_are_named() -> None:
    start = replace(WORKER, spec=replace(WORKER.spec, secrets={"B": "h", "A": "h", "C": "h"}))
    with pytest.raises(FairleadError, match=r"^shop\.worker\.2: no value was given for the secret A, B$"):
        create_body(start, "h", {"C": "given"})


@pytest.mark.parametrize(
    ("slot", "name"),
    [
        (Slot("shop", "web", 1), "shop-web-1"),
        (Slot("a" * 40, "b" * 40, 12), "a" * 40 + "-" + "b" * 19 + "-12"),
        (Slot("a" * 40, "b" * 18 + "-" + "c" * 9, 123), "a" * 40 + "-" + "b" * 18 + "-123"),
    ],
)
def test_host_names_fit_the_kernel(slot: Slot, name: str) -> None:
    assert hostname(slot) == name
    assert len(name) <= 63


@pytest.mark.parametrize(
    ("name", "matches"),
    [
        ("shop.web.1-v3", True),
        ("shop.web.1-v3-2", True),
        ("shop.web.1-v4", False),
        ("shop.web.1-v33", False),
        ("shopxweb.1-v3", False),
        ("shop.web.1-v3-", False),
    ],
)
def test_names_of_containers(name: str, *, matches: bool) -> None:
    assert bool(name_pattern(Slot("shop", "web", 1), 3).fullmatch(name)) == matches


@pytest.mark.parametrize("start", [WEB, WORKER])
def test_a_start_survives_its_way_as_plain_data(start: Start) -> None:
    plain: dict[str, Any] = asdict(start)
    plain["spec"] = {k: list(v) if isinstance(v, tuple) else v for k, v in plain["spec"].items()}
    assert Start.from_dict(plain) == start
