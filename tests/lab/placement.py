# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an app's instances run, asked of the nodes themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from . import ssh
from .command import run
from .inventory import members
from .progress import LabError

APP = "shop"
LABELS = "io.fairlead."

# Runs on a node, with what the platform itself uses there; the docker command need not be installed.
LISTING = f"""
import docker, json
for found in docker.from_env().containers.list(filters={{"label": "{LABELS}app={APP}"}}):
    print(json.dumps({{"labels": found.labels, "ports": found.ports, "status": found.status}}))
"""


@dataclass(frozen=True, order=True)
class Row:
    """One running instance, as its node sees it."""

    instance: str
    node: str
    labels: str
    release: str
    address: str
    status: str


def placement() -> list[Row]:
    """Return the app's running instances, asked of every node at the same time.

    Raises:
        LabError: a node does not answer.
    """
    nodes = members("nodes")
    with ThreadPoolExecutor(max_workers=len(nodes)) as pool:
        return sorted(one for rows in pool.map(_instances, nodes, nodes.values()) for one in rows)


def _instances(node: str, said: Mapping[str, Any]) -> list[Row]:
    argv = ["ssh", *ssh.options(), f"{ssh.USER}@{said['ansible_host']}", "sudo", "python3", "-"]
    done = run(argv, text=LISTING)
    if done.returncode != 0:
        raise LabError(f"{node} does not say what it runs: {done.stderr.strip()}")
    return [row(node, said["fairlead_labels"], json.loads(line)) for line in done.stdout.splitlines()]


def row(node: str, its_labels: Mapping[str, str], container: Mapping[str, Any]) -> Row:
    """Return the row of one container as ``LISTING`` prints it."""
    labels = container["labels"]
    bound = [place for places in container["ports"].values() for place in places or ()]
    return Row(
        instance=f"{APP}.{labels[LABELS + 'process']}.{labels[LABELS + 'slot']}",
        node=node,
        labels=" ".join(f"{key}={value}" for key, value in sorted(its_labels.items())),
        release=f"v{labels[LABELS + 'release']}",
        address=", ".join(f"{place['HostIp']}:{place['HostPort']}" for place in bound) or "-",
        status=container["status"],
    )
