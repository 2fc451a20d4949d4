# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to what would be if a node were emptied: which apps move, and whether there is room for them."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.options import TEXT
from ansible_collections.fairlead.paas.plugins.module_utils.plan.arrangement import plan_fleet
from ansible_collections.fairlead.paas.plugins.module_utils.plan.wanted import recorded
from ansible_collections.fairlead.paas.plugins.module_utils.sight import refusal, sight_of
from ansible_collections.fairlead.paas.plugins.module_utils.variables import Variables
from ansible_collections.fairlead.paas.plugins.module_utils.what_if.emptied import (
    destinations,
    moves,
    refuse_homeless,
)

ARGUMENTS = {
    "draining": TEXT,
    "force": {"type": "bool", "default": False},
    "move_volumes": {"type": "bool", "default": False},
    "skip_unreachable": {"type": "bool", "default": False},
}


class ActionModule(ActionBase):
    """Runs on the controller alone and changes nothing."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Print what moves and return whose it is, or fail with what would fit nowhere."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        known, node = task_vars or {}, given["draining"]
        # Routers are asked by the runs that move something.
        groups = {**known["groups"], "routers": []}
        seen = sight_of(groups, Variables(known, self._templar)).draining(node)
        refused = refusal(seen, groups["nodes"], skip=given["skip_unreachable"])
        if refused:
            return result | {"failed": True, "msg": f"nothing was touched. {refused}"}
        try:
            wanted = map(recorded, seen.active)
            found = plan_fleet(wanted, seen.fleet, move_volumes=given["move_volumes"])
            if not given["force"]:
                refuse_homeless(node, found)
        except FairleadError as error:
            return result | {"failed": True, "msg": f"nothing was touched. {error}"}
        lines = moves(node, found)
        Display().display("\n".join([f"plan for {node}: to be emptied of {len(lines)}", *lines]))
        apps = {one.slot.app for one in seen.fleet.on(node)} & {release["app"] for release in seen.active}
        return result | {
            "changed": False,
            "apps": sorted(apps),
            "lines": lines,
            "moves": destinations(node, found) if given["force"] else {},
        }
