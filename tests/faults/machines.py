# SPDX-License-Identifier: GPL-3.0-or-later
"""What can happen to the lab's machines and to the ways between them; each of it ends with its ``with``."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.lab.command import docker, run
from tests.lab.inventory import machines as of_inventory
from tests.lab.inventory import members
from tests.lab.paths import ROOT

NODES, ROUTERS, MANAGERS = (tuple(members(group)) for group in ("nodes", "routers", "managers"))
MANAGER = MANAGERS[0]
ADDRESSES = {machine.name: machine.address for machine in of_inventory()}
WAYS = [(ADDRESSES[router], 80) for router in ROUTERS]


def on(machine: str, *command: str, text: str | None = None) -> str:
    """Run a command as root on a machine, by no network; return what it printed. Raises LabError."""
    return docker("exec", "-i", f"fairlead-{machine}", *command, text=text)


def shell(machine: str, script: str) -> str:
    """Run a script as root on a machine; return what it printed. Raises LabError."""
    return on(machine, "sh", "-euc", script)


def bring_back() -> None:
    """Make every machine be there and answer."""
    for machine in ADDRESSES:
        run(["docker", "unpause", f"fairlead-{machine}"])
    subprocess.run([sys.executable, "-m", "tests.lab", "up"], cwd=ROOT, check=True, capture_output=True)


@contextmanager
def killed(machine: str) -> Iterator[None]:
    """Let a machine lose its power, and have it again afterwards."""
    docker("kill", f"fairlead-{machine}")
    try:
        yield
    finally:
        bring_back()


def restart(machine: str) -> None:
    """Restart a machine, and wait until it answers."""
    docker("restart", "--time", "5", f"fairlead-{machine}")
    bring_back()


@contextmanager
def without_ssh(machine: str) -> Iterator[None]:
    """Drop all that comes to a machine over SSH; what it serves goes on."""
    with _dropped(machine, "INPUT", "-p", "tcp", "--dport", "22"):
        yield


@contextmanager
def without_way(source: str, target: str) -> Iterator[None]:
    """Drop all that a machine sends to another one."""
    with _dropped(source, "OUTPUT", "-d", ADDRESSES[target]):
        yield


@contextmanager
def stopped(machine: str, unit: str) -> Iterator[None]:
    """Let a service of a machine be down for a while."""
    on(machine, "systemctl", "stop", unit)
    try:
        yield
    finally:
        on(machine, "systemctl", "start", unit)


@contextmanager
def full(machine: str, folder: str) -> Iterator[None]:
    """Let a folder stand on a disk without a free byte; what is written there meanwhile stays."""
    shell(machine, _FILL.format(folder=folder))
    try:
        yield
    finally:
        shell(machine, _EMPTY.format(folder=folder))


def in_network(machine: str, *command: str) -> list[str]:
    """Return the command that runs a program of this host in the network of a machine."""
    process = docker("inspect", "--format", "{{.State.Pid}}", f"fairlead-{machine}")
    return ["nsenter", "--target", process, "--net", *command]


@contextmanager
def _dropped(machine: str, *rule: str) -> Iterator[None]:
    chain, *match = rule
    tables = in_network(machine, "iptables", "--wait")
    subprocess.run([*tables, "-I", chain, *match, "-j", "DROP"], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run([*tables, "-D", chain, *match, "-j", "DROP"], check=True, capture_output=True)


# The folder's own files move onto a small disk in its place, and back when there is room again.
_FILL = """
mkdir -p /run/full/own /run/full/disk
mount --bind {folder} /run/full/own
mount -t tmpfs -o size=$(($(du -sk {folder} | cut -f 1) + 64))k full /run/full/disk
cp -a {folder}/. /run/full/disk
mount --bind /run/full/disk {folder}
head -c 1G /dev/zero > {folder}/filler 2> /dev/null || true
"""
_EMPTY = """
rm -f {folder}/filler
cp -a {folder}/. /run/full/own
umount {folder} /run/full/disk /run/full/own
"""
