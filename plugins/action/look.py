# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of ``look``: every machine is asked at once, for what its groups make it know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.fairlead.paas.plugins.module_utils.options import ACCOUNT, TEXT

ARGUMENTS = {
    "app": TEXT,
    "ports": {"type": "dict"},
    "hosts": {"type": "list", "elements": "str"},
    "image": {"type": "dict"},
    "push_auth": {"type": "dict", "options": ACCOUNT},
}


class ActionModule(ActionBase):
    """One module run on each host of the task, with the parts that this host is asked for."""

    _supports_check_mode = True
    _supports_async = False
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what the module returns."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        known = task_vars or {}
        asked = parts_of(known["inventory_hostname"], known["groups"], given)
        if not asked:
            return result | {"skipped": True, "skip_reason": "no part of this deploy is known here"}
        found: dict[str, Any] = self._execute_module(
            module_name="fairlead.paas.look", module_args={"app": given["app"], **asked}, task_vars=task_vars
        )
        return result | found


def parts_of(host: str, groups: Mapping[str, Sequence[str]], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts that one host is asked for; of managers and builders the first answers for all."""
    parts: dict[str, Any] = {}
    if host in groups.get("nodes", ()):
        parts["node"] = {"ports": given["ports"] or {}}
    if host in groups.get("routers", ()):
        parts["router"] = {"hosts": given["hosts"] or []}
    if host in groups.get("managers", ())[:1]:
        parts["manager"] = {}
    if given["image"] and host in groups.get("builders", ())[:1]:
        parts["builder"] = given["image"] | {"push_auth": given["push_auth"]}
    return parts
