# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a playbook as a person would, through ansible-runner, and says what happened on each host."""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ansible_runner

ROOT = Path(__file__).parents[1]
# Tasks that run on the controller: they cost no round trip to a machine.
ON_THE_CONTROLLER = {
    *("fairlead.paas.validate", "fairlead.paas.plan", "fairlead.paas.hook"),
    "ansible.builtin.include_tasks",
}


@dataclass(frozen=True)
class Outcome:
    """What a run did: its exit code, all it printed, and its events as Ansible reports them."""

    rc: int
    output: str
    events: tuple[dict[str, Any], ...]

    @property
    def changed(self) -> dict[str, int]:
        """Return the number of changed tasks of each host that has any."""
        return {host: n for host, n in self._stats("changed").items() if n}

    @property
    def touched(self) -> set[str]:
        """Return the hosts that at least one task was sent to, apart from the controller."""
        return {event["event_data"]["remote_addr"] for event in self._on_machines()}

    @property
    def round_trips(self) -> list[str]:
        """Return the tasks that went to machines, in order, each once however many hosts it had."""
        return list(
            dict.fromkeys(
                f"{event['event_data']['task']} #{event['event_data']['task_uuid']}"
                for event in self._on_machines()
            )
        )

    def _stats(self, what: str) -> dict[str, int]:
        stats = [event["event_data"] for event in self.events if event["event"] == "playbook_on_stats"]
        return dict(stats[-1][what]) if stats else {}

    def _on_machines(self) -> list[dict[str, Any]]:
        ended = {"runner_on_ok", "runner_on_failed", "runner_on_unreachable"}
        return [
            event
            for event in self.events
            if event["event"] in ended
            and event["event_data"]["task_action"] not in ON_THE_CONTROLLER
            and event["event_data"]["host"] != "localhost"
        ]


def play(playbook: str, *arguments: str, on: str = "lab", **variables: object) -> Outcome:
    """Run a playbook on an inventory of the repository; never raises for a run that fails."""
    with tempfile.TemporaryDirectory(prefix="fairlead-run-") as private:
        run = ansible_runner.run(
            private_data_dir=private,
            project_dir=str(ROOT),
            playbook=str(ROOT / playbook),
            inventory=str(ROOT / "inventories" / on),
            extravars=variables,
            cmdline=" ".join(arguments),
            envvars={
                "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
                "ANSIBLE_NOCOLOR": "1",
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            },
            settings={"suppress_ansible_output": True},
            quiet=True,
            timeout=1200,
        )
        with run.stdout as stdout:
            return Outcome(rc=run.rc, output=stdout.read(), events=tuple(run.events))
