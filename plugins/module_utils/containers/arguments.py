# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container is created with: a start's description in, the body of the engine's create call out.

Field names are the Docker Engine API's, so that they can be compared with what an inspect returns.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils import labels
from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Health, Spec, Volume
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Slot

NETWORK = "bridge"
PIDS_LIMIT = 512
RESTART_POLICY = "unless-stopped"
UNPROVEN = "no"  # an instance that dies before it was healthy stays dead, with its exit code and its logs
_LOGS = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}
_LONGEST_HOSTNAME = 63


@dataclass(frozen=True)
class Start:
    """One instance to start: which slot, of what, and where it is published."""

    slot: Slot
    name: str  # the container's
    release: int
    spec: Spec
    spec_hash: str
    host_port: int | None = None  # on the node's private address
    health: Health | None = None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Start:
        """Return the start written as plain data, as the module ``converge`` gets it."""
        health = data.get("health")
        return cls(
            slot=Slot(**data["slot"]),
            name=data["name"],
            release=data["release"],
            spec=Spec.from_dict(data["spec"]),
            spec_hash=data["spec_hash"],
            host_port=data.get("host_port"),
            health=Health(**health) if health else None,
        )


def create_body(
    start: Start, address: str, secrets: Mapping[str, str], configuration: str = ""
) -> dict[str, Any]:
    """Return the body of the create call; ports are published on ``address`` only.

    ``configuration``, packed, is what the container remembers of its release; nothing is decided by it.

    Raises FairleadError when a secret that the spec names has no value.
    """
    spec = start.spec
    command = {"Cmd": list(spec.command)} if spec.command else {}
    exposed: dict[str, Any] = {"ExposedPorts": {f"{spec.port}/tcp": {}}} if spec.port else {}
    return {
        "Image": spec.image,
        "Hostname": hostname(start.slot),
        "Env": [f"{name}={value}" for name, value in environment(start, address, secrets).items()],
        "Labels": labels_of(start) | ({labels.CONFIGURATION: configuration} if configuration else {}),
        "StopTimeout": math.ceil(spec.stop_timeout),
        "HostConfig": _host_config(start, address),
        **command,
        **exposed,
    }


def limits(memory: int, cpu: float) -> dict[str, Any]:
    """Return every limit that ``docker update`` could change, as promised: no swap, no quota, no pinning.

    ``memory`` in bytes, ``cpu`` in cores: a weight under contention, not a ceiling.
    """
    return {
        "Memory": memory,
        "MemorySwap": memory,
        "MemoryReservation": 0,
        "CpuShares": max(2, round(cpu * 1024)),
        "NanoCpus": 0,
        "CpuQuota": 0,
        "CpuPeriod": 0,
        "CpusetCpus": "",
        "CpusetMems": "",
        "BlkioWeight": 0,
        "PidsLimit": PIDS_LIMIT,
    }


def labels_of(start: Start) -> dict[str, str]:
    """Return the labels by which ``look`` knows the container again."""
    port = {labels.PORT: str(start.host_port)} if start.host_port else {}
    return {
        labels.APP: start.slot.app,
        labels.PROCESS: start.slot.process,
        labels.SLOT: str(start.slot.number),
        labels.RELEASE: str(start.release),
        labels.IMAGE: start.spec.image,
        labels.SPEC: start.spec_hash,
        labels.MEMORY: str(start.spec.memory),
        labels.CPU: str(float(start.spec.cpu)),
        **port,
    }


def environment(start: Start, address: str, secrets: Mapping[str, str]) -> dict[str, str]:
    """Return what the instance finds in its environment; the platform's own names win."""
    spec, slot = start.spec, start.slot
    missing = sorted(set(spec.secrets) - set(secrets))
    if missing:
        raise FairleadError(f"{slot}: no value was given for the secret {', '.join(missing)}")
    port = {"PORT": str(spec.port)} if spec.port else {}
    return {
        **spec.env,
        **{name: secrets[name] for name in spec.secrets},
        "APP_NAME": slot.app,
        "PROCESS": slot.process,
        "INSTANCE": f"{slot.process}.{slot.number}",
        "RELEASE": f"v{start.release}",
        "HOST_IP": address,
        **port,
    }


def volume_name(slot: Slot, name: str) -> str:
    """Return what the engine calls a volume of one slot: ``shop.db.1.data``."""
    return f"{slot}.{name}"


def hostname(slot: Slot) -> str:
    """Return ``shop-web-1``, cut in the middle where it would be longer than the kernel allows."""
    number = f"-{slot.number}"
    name = f"{slot.app}-{slot.process}"[: _LONGEST_HOSTNAME - len(number)]
    return name.rstrip("-") + number


def name_pattern(slot: Slot, release: int) -> re.Pattern[str]:
    """Return what a container's name must match: ``shop.web.1-v3``, or ``shop.web.1-v3-2`` on a conflict."""
    return re.compile(rf"{re.escape(str(slot))}-v{release}(-[0-9]+)?")


def _host_config(start: Start, address: str) -> dict[str, Any]:
    spec = start.spec
    bindings = {f"{spec.port}/tcp": [{"HostIp": address, "HostPort": str(start.host_port)}]}
    return {
        **limits(spec.memory, spec.cpu),
        "CapDrop": ["ALL"],
        "CapAdd": list(spec.capabilities),
        "SecurityOpt": ["no-new-privileges"],
        "Init": True,
        "LogConfig": _LOGS,
        "NetworkMode": NETWORK,
        "PortBindings": bindings if spec.port and start.host_port else {},
        "RestartPolicy": {"Name": UNPROVEN},
        **({"Mounts": [_mount(start.slot, volume) for volume in spec.volumes]} if spec.volumes else {}),
    }


def _mount(slot: Slot, volume: Volume) -> dict[str, Any]:
    return {
        "Type": "volume",
        "Source": volume_name(slot, volume.name),
        "Target": volume.path,
        "ReadOnly": volume.read_only,
    }
