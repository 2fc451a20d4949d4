# SPDX-License-Identifier: GPL-3.0-or-later
"""Managers on this machine, each with a /var/lib of its own, and playbooks that run on them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.engine_rig import ROOT

NAMES = ("m1", "m2", "m3")


@dataclass(frozen=True)
class Managers:
    """A place with a folder for each manager, which it takes for its /var/lib."""

    place: Path
    url: str = ""  # of the database that they share, if they do
    names: Sequence[str] = NAMES  # the first is primary

    def ledger(self, name: str) -> Path:
        return self.place / name / "fairlead" / "ledger.db"

    def backup(self, name: str) -> Path:
        return self.place / name / "fairlead" / "backup" / "ledger.db"

    def play(self, playbook: Path, *flags: str, out_of_reach: str = "") -> subprocess.CompletedProcess[str]:
        """Run a playbook on them."""
        hosts: dict[str, dict[str, Any]] = {name: self._host(name) for name in self.names}
        if out_of_reach:
            hosts[out_of_reach] = {"ansible_host": "127.0.0.1", "ansible_port": 1}
        inventory = self.place / "hosts.yml"
        variables = {"fairlead_ledger_url": self.url} if self.url else {}
        inventory.write_text(json.dumps({"managers": {"hosts": hosts, "vars": variables}}))
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
        return subprocess.run(
            [program, "-i", str(inventory), str(playbook), *flags],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def back_up(self, *flags: str, out_of_reach: str = "") -> subprocess.CompletedProcess[str]:
        """Back up as the playbooks do after they wrote, in a play of several hosts."""
        tasks: list[dict[str, Any]] = [
            {
                "ansible.builtin.include_tasks": str(ROOT / "playbooks/tasks/backup.yml"),
                "when": "inventory_hostname == manager",
            },
            {"ansible.builtin.debug": {"msg": "went on: {{ inventory_hostname }}"}},
        ]
        return self.do("localhost:m1", tasks, *flags, out_of_reach=out_of_reach)

    def do(
        self, hosts: str, tasks: list[dict[str, Any]], *flags: str, out_of_reach: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run tasks as the playbooks do."""
        playbook = self.place / "play.yml"
        play = {"hosts": hosts, "gather_facts": False, "any_errors_fatal": True, "tasks": tasks}
        playbook.write_text(json.dumps([play | {"vars": {"manager": self.names[0]}}]))
        return self.play(playbook, *flags, out_of_reach=out_of_reach)

    def restore(self, *flags: str, out_of_reach: str = "") -> subprocess.CompletedProcess[str]:
        """Run the playbook; ``become`` is for machines whose root is somebody else."""
        return self.play(
            ROOT / "playbooks/restore.yml", "-e", "ansible_become=false", *flags, out_of_reach=out_of_reach
        )

    def _host(self, name: str) -> dict[str, str]:
        python, folder = self.place / f"{name}-python", self.place / name
        folder.mkdir(exist_ok=True)
        python.write_text(
            "#!/bin/sh\nexec unshare --mount sh -c"
            f""" 'mount --bind {folder} /var/lib && exec {sys.executable} "$@"' python "$@"\n"""
        )
        python.chmod(0o755)
        return {"ansible_connection": "local", "ansible_python_interpreter": str(python)}
