# SPDX-License-Identifier: GPL-3.0-or-later
"""Which machines the lab has: those of its inventory, with their ``lab_`` variables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from .arguments import Machine
from .paths import ROOT

LAB = ROOT / "inventories" / "lab" / "hosts.yml"


def machines(file: Path = LAB) -> list[Machine]:
    """Return the machines of an inventory that say ``lab_debian``, sorted by name."""
    groups: dict[str, dict[str, Any]] = yaml.safe_load(file.read_text())["all"]["children"]
    hosts: dict[str, dict[str, Any]] = {}
    for group in groups.values():
        for name, said in group.get("hosts", {}).items():
            hosts.setdefault(name, {}).update(said)
    return [
        Machine(name, said["lab_debian"], said["ansible_host"], said.get("lab_publish"))
        for name, said in sorted(hosts.items())
        if "lab_debian" in said
    ]


def members(group: str, file: Path = LAB) -> dict[str, dict[str, Any]]:
    """Return the hosts of a group with what the inventory's own file says of each there."""
    hosts: dict[str, dict[str, Any]] = yaml.safe_load(file.read_text())["all"]["children"][group]["hosts"]
    return hosts
