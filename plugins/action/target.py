# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to the choice of an earlier release: which one a rollback leads to."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.options import TEXT
from ansible_collections.fairlead.paas.plugins.module_utils.plan.wanted import target
from ansible_collections.fairlead.paas.plugins.module_utils.sight import sight_of
from ansible_collections.fairlead.paas.plugins.module_utils.variables import Variables

ARGUMENTS = {"app": TEXT, "to": {"type": "str", "default": ""}}


class ActionModule(ActionBase):
    """Runs on the controller alone and changes nothing."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the release's number and image, or fail with why there is none."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        known = task_vars or {}
        seen = sight_of(known["groups"], Variables(known, self._templar))
        try:
            chosen = target(given["app"], seen.releases, given["to"])
        except FairleadError as error:
            return result | {"failed": True, "msg": f"nothing was touched. {error}"}
        return result | {"changed": False, "number": chosen["number"], "image": chosen["image"]}
