# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line over Ansible itself, as far as that goes without any machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.playbook import ROOT

NO_NODES = """\
all:
  children:
    nodes: {hosts: {}}
"""


def fairlead(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    argv = [sys.executable, "-m", "fairlead", *arguments]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)


def test_what_ansible_refuses_is_said_in_its_own_sentences(tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(NO_NODES)
    said = fairlead("capacity", "-i", str(inventory))
    assert said.returncode == 1
    assert said.stdout == ""
    lines = said.stderr.splitlines()
    assert "… Validate every app file, the inventory, and the name of the app" in lines
    assert "fairlead: inventory builders: is an empty group; expected at least one machine" in lines
    assert "inventory nodes: is an empty group; expected at least one machine" in lines
    assert "Traceback" not in said.stderr


def test_an_inventory_that_is_none_is_said_too(tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("all: [")
    said = fairlead("plan", "shop", "-q", "-i", str(inventory))
    assert said.returncode == 1
    assert said.stderr.startswith("fairlead: ")
    assert str(inventory) in said.stderr
    assert "Traceback" not in said.stderr


def test_the_command_of_the_environment_runs_its_checkout(tmp_path: Path) -> None:
    script = tmp_path / ".venv" / "bin" / "fairlead"
    script.parent.mkdir(parents=True)
    script.write_bytes((ROOT / "fairlead" / "fairlead.sh").read_bytes())
    script.chmod(0o755)
    (script.parent / "python").symlink_to(sys.executable)
    for folder in ("fairlead", ".collections"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    link = tmp_path / "elsewhere"
    link.symlink_to(script)
    for command in (script, link):
        said = subprocess.run([command, "--help"], cwd="/", capture_output=True, text=True, check=False)
        assert (said.returncode, said.stderr) == (0, "")
        assert said.stdout.startswith("usage: fairlead ")
