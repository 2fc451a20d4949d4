# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of ``ledger``: it tells the module where the ledger is, and who marks a node."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.provenance import performer
from ansible_collections.fairlead.paas.plugins.module_utils.variables import Variables

# Of one file each, and told which.
_OF_A_FILE = ("dump", "keep")


class ActionModule(ActionBase):
    """One module run on the task's host."""

    _supports_check_mode = True
    _supports_async = False
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what the module returns."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        known, given = task_vars or {}, dict(self._task.args)
        if given.get("do") == "mark":
            given |= dict(zip(("who", "host"), performer(), strict=True))
        try:
            place = Variables(known, self._templar).ledger() if given.get("do") not in _OF_A_FILE else {}
        except FairleadError as error:
            return result | {"failed": True, "msg": str(error)}
        answer: dict[str, Any] = self._execute_module(
            module_name="fairlead.paas.ledger", module_args=place | given, task_vars=known
        )
        return result | answer
