# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's verbs: up, start, remove, down, status. Each may be run again after being killed anywhere."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from . import engine, image, machine, ssh
from .arguments import NETWORK, SUBNET, Engine, Machine
from .command import LABEL, docker, listed, run
from .inventory import machines
from .paths import BUILD, SSH, STATE, locked
from .progress import heartbeat, say
from .recipe import CODENAMES


def up(*, fresh: bool = False) -> None:
    """Make every machine of the lab's inventory be there and answer."""
    _ensure(machines(), fresh=fresh)


def start(wanted: Machine, *, fresh: bool = False) -> None:
    """Make one machine be there and answer."""
    _ensure([wanted], fresh=fresh)


def images() -> None:
    """Make the images that machines are made from, so that none of them waits for that later."""
    engine.ensure()
    image.ensure(CODENAMES)


def remove(name: str) -> None:
    """Remove one machine with its volumes and what is known of it; nothing where it is not there."""
    container = Machine(name, 0, "").container
    done = run(["docker", "container", "inspect", "--format", _ADDRESS, container])
    machine.remove(Machine(name, 0, done.stdout.strip()))
    say(f"{name}: removed")


def down() -> None:
    """Remove every trace of the lab: machines, volumes, network, images, keys, what a killed build left.

    An engine that has stopped is started for it, for it still holds them.
    """
    with heartbeat("removing the lab"), locked("image-12"), locked("image-13"):
        if shutil.which("docker"):
            engine.ensure()
            _clear_engine()
            _clear_cgroups(set(docker("ps", "--all", "--quiet", "--no-trunc").split()))
        shutil.rmtree(SSH, ignore_errors=True)
        shutil.rmtree(BUILD, ignore_errors=True)
    if not engine.STARTED.exists():
        shutil.rmtree(STATE, ignore_errors=True)
    say("the lab is gone")


def stop_engine() -> None:
    """Stop the engine if the lab started it, and forget that it did."""
    engine.stop()
    for left in (engine.LOG, engine.STARTED):
        left.unlink(missing_ok=True)
    if STATE.is_dir() and not any(STATE.iterdir()):
        STATE.rmdir()


def status() -> None:
    """Print the lab's machines as the engine sees them."""
    said = docker(
        *("ps", "--all", "--filter", f"label={LABEL}"),
        *("--format", "table {{.Names}}\t{{.Image}}\t{{.Status}}\t{{.Ports}}"),
    )
    print(said)  # noqa: T201 - what a person asked for


_ADDRESS = "{{range .NetworkSettings.Networks}}{{.IPAMConfig.IPv4Address}}{{end}}"


def _ensure(wanted: Sequence[Machine], *, fresh: bool) -> None:
    said = engine.ensure()
    images = image.ensure(one.debian for one in wanted)
    _ensure_network()
    maker = machine.Maker(Engine.of(said, _bounding_set()), images, ssh.ensure_key())
    with heartbeat("waiting for the machines"), ThreadPoolExecutor(max_workers=6) as pool:
        list(pool.map(lambda one: _ensure_one(maker, one, fresh=fresh), wanted))
    image.remove_outdated(images.values())


def _ensure_one(maker: machine.Maker, wanted: Machine, *, fresh: bool) -> None:
    with locked(f"machine-{wanted.name}"):
        done = maker.ensure(wanted, fresh=fresh)
    say(f"{wanted.name}: {done}, answers at {wanted.address} (Debian {wanted.debian})")


def _ensure_network() -> None:
    with locked("network"):
        if run(["docker", "network", "inspect", NETWORK]).returncode != 0:
            docker("network", "create", "--label", LABEL, "--subnet", SUBNET, NETWORK)


def _bounding_set() -> int:
    """Return this machine's capability bounding set as a bit mask; all of them where it is not Linux."""
    status = Path("/proc/self/status")
    if not status.exists():
        return -1
    lines = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
    return int(lines["CapBnd"], 16)


def _clear_engine() -> None:
    removals: tuple[tuple[str, list[str], list[str]], ...] = (
        ("container", ["--all"], ["--force", "--volumes"]),
        ("volume", [], ["--force"]),
        ("network", [], []),
        ("image", [], ["--force"]),
    )
    for kind, scope, options in removals:
        for found in dict.fromkeys(listed(kind, "--quiet", *scope)):
            docker(kind, "rm", *options, found)
    docker("image", "prune", "--force", "--filter", f"label={LABEL}")
    say("removed the machines, their volumes, the network and the images")


def _clear_cgroups(alive: set[str]) -> None:
    """Remove the control groups of instances that ran in machines, once nothing is left in them.

    On cgroup v1 a machine's engine makes them beside the machine's own, where nobody removes them. Groups
    of another engine that shares this tree are told by their processes, and stay whole.
    """
    for group in Path("/sys/fs/cgroup").glob("*/docker/*"):
        if group.is_dir() and group.name not in alive and not _has_processes(group):
            for folder, _, _ in os.walk(group, topdown=False):
                with suppress(OSError):
                    Path(folder).rmdir()


def _has_processes(group: Path) -> bool:
    """Tell whether a process runs in the group or below; one that cannot be read counts as in use."""
    try:
        return any(file.read_text() for file in group.rglob("cgroup.procs"))
    except OSError:
        return True
