# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of ``canary``: one worker for each router, side by side, each a hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible import constants
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.fairlead.paas.plugins.module_utils.canary.board import Board
from ansible_collections.fairlead.paas.plugins.module_utils.canary.hold import Aborted, Hold
from ansible_collections.fairlead.paas.plugins.module_utils.canary.reading import Reading
from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Canary
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError

ARGUMENTS = {
    "trial": {
        "type": "dict",
        "required": True,
        "options": {
            "servers": {"type": "dict", "required": True},
            "canary": {"type": "dict", "required": True},
        },
    }
}


class ActionModule(ActionBase):
    """Asks its router again and again, and judges with the other workers what all of them have found."""

    _supports_check_mode = True
    _supports_async = False
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what was measured, or fail with why the release goes no further."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        known, trial = task_vars or {}, given["trial"]
        if self._task.check_mode:
            return result | {"skipped": True, "skip_reason": "check mode sends no requests to a new release"}
        # All workers are forks of one run: its temporary folder is common to them, and goes with it.
        folder = Path(constants.DEFAULT_LOCAL_TMP) / f"canary-{self._task._uuid}"  # noqa: SLF001
        place = known["groups"]["routers"].index(known["inventory_hostname"])

        def read(mark: str) -> Reading:
            arguments = {"backends": sorted(trial["servers"]), "mark": mark}
            answer = self._execute_module(
                module_name="fairlead.paas.canary", module_args=arguments, task_vars=known
            )
            if "reading" not in answer:
                raise FairleadError(str(answer.get("msg")))
            return Reading.from_dict(answer["reading"])

        try:
            found = Hold(trial["servers"], Canary(**trial["canary"]), Board(folder), str(place), read).run()
        except Aborted as error:
            return result | {"failed": True, "msg": str(error), "aborted": True}
        except FairleadError as error:
            return result | {"failed": True, "msg": str(error)}
        for words in found if place == 0 else ():
            Display().display(words)
        return result | {"changed": False, "found": list(found)}
