# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to hooks: runs one of the operator's programs, if there is such a file, on the controller."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.hooks import HOOKS, PRE_DEPLOY, Ran, find, run
from ansible_collections.fairlead.paas.plugins.module_utils.options import TEXT
from ansible_collections.fairlead.paas.plugins.module_utils.provenance import performer

ARGUMENTS = {
    "hook": {"type": "str", "required": True, "choices": HOOKS},
    "folder": {"type": "path", "required": True},
    "app": TEXT,
    "kind": TEXT,
    "release": {"type": "int", "required": True},
    "nodes": {"type": "list", "elements": "str", "required": True},
}


class ActionModule(ActionBase):
    """Runs on the controller alone; it touches no machine, but who knows what a hook does."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the hook, but not in check mode. A failed ``pre_deploy`` fails the task, another one warns."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        if self._task.check_mode:
            return result | {"skipped": True, "skip_reason": "hooks do not run in check mode"}
        ran = _ran(given)
        if ran is None:
            return result | {"skipped": True, "skip_reason": f"there is no hooks/{given['hook']}"}
        result |= {"changed": False, "lines": list(ran.lines)}
        if ran.why and given["hook"] == PRE_DEPLOY:
            return result | {"failed": True, "msg": f"nothing was deployed. {ran}"}
        return result | {"warnings": [f"{given['app']} is deployed, but {ran}"] if ran.why else []}


def _ran(given: Mapping[str, Any]) -> Ran | None:
    facts = {
        "FAIRLEAD_APP": given["app"],
        "FAIRLEAD_KIND": given["kind"],
        "FAIRLEAD_RELEASE": f"v{given['release']}",
        "FAIRLEAD_PERFORMER": performer()[0],
        "FAIRLEAD_HOSTS": ",".join(given["nodes"]),
    }
    try:
        path = find(Path(given["folder"]), given["hook"])
        return run(path, facts) if path else None
    except FairleadError as error:
        return Ran(str(error))
