# SPDX-License-Identifier: GPL-3.0-or-later
"""From what an engine says of itself to the arguments of a machine. Pure: nothing is run here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .progress import LabError

NETWORK = "fairlead-lab"
SUBNET = "198.18.0.0/16"
CAP_SYS_RESOURCE = 24
TMPFS = ("/run", "/run/lock", "/tmp:exec")  # noqa: S108 - mount points inside a machine
# A private cgroup tree is mounted read-only; systemd must own it.
INIT_V2 = ("/bin/sh", "-c", "mount -o remount,rw /sys/fs/cgroup && exec /sbin/init")


@dataclass(frozen=True)
class Machine:
    """One lab machine: ``publish`` is ``ADDRESS:PORT:PORT`` on this host, or None."""

    name: str
    debian: int
    address: str
    publish: str | None = None

    @property
    def container(self) -> str:
        """Return the name of its container."""
        return f"fairlead-{self.name}"

    @property
    def volumes(self) -> dict[str, str]:
        """Return its volumes' names and where they are mounted: a nested engine needs a real file system."""
        return {
            f"{self.container}-docker": "/var/lib/docker",
            f"{self.container}-containerd": "/var/lib/containerd",
        }


@dataclass(frozen=True)
class Engine:
    """What of an engine decides a machine's arguments."""

    cgroup: int
    security: frozenset[str]
    desktop: bool
    may_raise_limits: bool

    @classmethod
    def of(cls, said: Mapping[str, Any], bounding_set: int) -> Engine:
        """Read ``docker info`` and this process's capability bounding set (a bit mask; -1 holds all).

        Raises:
            LabError: the engine cannot hold machines.
        """
        security = frozenset(
            item.partition("name=")[2].partition(",")[0] for item in said.get("SecurityOptions") or ()
        )
        if "rootless" in security:
            raise LabError("the Docker engine runs rootless; lab machines need one that runs as root")
        return cls(
            cgroup=int(said.get("CgroupVersion") or 1),
            security=security,
            desktop="Docker Desktop" in said.get("OperatingSystem", ""),
            may_raise_limits=bool(bounding_set >> CAP_SYS_RESOURCE & 1),
        )


def create_arguments(engine: Engine, machine: Machine, image: str) -> list[str]:
    """Return the arguments that follow ``docker create``, ending with the image and its command if any."""
    command = INIT_V2 if engine.cgroup == 2 else ()
    return [
        *("--name", machine.container, "--hostname", machine.name),
        *("--label", "fairlead.lab=true", "--stop-signal", "SIGRTMIN+3"),
        *("--network", NETWORK, "--ip", machine.address),
        *_published(machine),
        *_privileges(engine),
        *_cgroups(engine, machine),
        *(word for mount in TMPFS for word in ("--tmpfs", mount)),
        *(word for name, at in machine.volumes.items() for word in ("--volume", f"{name}:{at}")),
        image,
        *command,
    ]


def _published(machine: Machine) -> list[str]:
    return ["--publish", machine.publish] if machine.publish else []


def _privileges(engine: Engine) -> list[str]:
    """Return what lets systemd and a nested engine work, short of ``--privileged``.

    That flag would hand over the host's devices, and fails on a host that itself lacks SYS_RESOURCE.
    """
    drop = [] if engine.may_raise_limits else ["--cap-drop", "SYS_RESOURCE"]
    options = ["seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined"]
    if "selinux" in engine.security:
        options.append("label=disable")
    return ["--cap-add", "ALL", *drop, *(word for option in options for word in ("--security-opt", option))]


def _cgroups(engine: Engine, machine: Machine) -> list[str]:
    if engine.cgroup == 2:
        return ["--cgroupns", "private"]
    legacy = ["--env", "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"] if machine.debian >= 13 else []
    return ["--cgroupns", "host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw", *legacy]
