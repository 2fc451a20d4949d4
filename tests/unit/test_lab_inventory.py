# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventories that come with the repository."""

from __future__ import annotations

import ipaddress
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.arguments import SUBNET
from tests.lab.inventory import machines, members

ROOT = Path(__file__).parents[2]
GROUPS = ("builders", "managers", "nodes", "registries", "routers")


def test_the_lab_has_six_machines_of_both_debians() -> None:
    assert {machine.name: machine.debian for machine in machines()} == {
        "m1": 12,
        "n1": 12,
        "n2": 12,
        "n3": 13,
        "r1": 12,
        "r2": 13,
    }


def test_every_machine_has_an_address_of_its_own_in_the_labs_network() -> None:
    addresses = [ipaddress.ip_address(machine.address) for machine in machines()]
    assert len(set(addresses)) == len(addresses)
    assert all(address in ipaddress.ip_network(SUBNET) for address in addresses)


def test_only_the_first_router_is_offered_to_this_host_and_only_on_its_loopback() -> None:
    published = {machine.name: machine.publish for machine in machines() if machine.publish}
    assert published == {"r1": "127.0.0.1:8080:80"}


def test_labels_leave_placement_something_to_decide() -> None:
    labels = [said["fairlead_labels"] for said in members("nodes").values()]
    assert sorted(label["disk"] for label in labels) == ["hdd", "ssd", "ssd"]
    assert len({label["zone"] for label in labels}) == 3


@pytest.mark.parametrize("name", ["lab", "single", "example"])
def test_ansible_reads_the_inventory_and_every_group_has_a_host(name: str) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-inventory")), "-i", f"inventories/{name}", "--graph"],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    for group in GROUPS:
        assert f"@{group}:\n  |    |--" in done.stdout or f"@{group}:\n  |  |--" in done.stdout


@pytest.mark.parametrize("name", ["nodes", "routers", "registries"])
def test_the_lab_says_a_private_address_where_one_is_needed(name: str) -> None:
    known = {host: said for group in GROUPS for host, said in members(group).items() if said}
    assert all("fairlead_address" in known[host] for host in members(name))
