# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to what an app's image is made from, written into a file on the controller."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.plugins.action import ActionBase

from ansible_collections.fairlead.paas.plugins.module_utils.app.catalog import read_catalog
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.files import land
from ansible_collections.fairlead.paas.plugins.module_utils.inventory import INDEXES, indexes_of
from ansible_collections.fairlead.paas.plugins.module_utils.source.description import describe
from ansible_collections.fairlead.paas.plugins.module_utils.variables import Variables

ARGUMENTS = {
    "app": {"type": "str", "default": ""},
    "apps": {"type": "path", "required": True},
    "out": {"type": "str", "default": ""},
}


class ActionModule(ActionBase):
    """Runs on the controller alone and changes no machine."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Write the file, or fail with why there is none."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        variables = Variables(task_vars or {}, self._templar)
        try:
            land(_place(given["out"]), json.dumps(_described(given, variables)).encode(), 0o600)
        except FairleadError as error:
            return result | {"failed": True, "msg": str(error)}
        except OSError as error:
            return result | {"failed": True, "msg": f"{given['out']}: cannot be written: {error.strerror}"}
        return result | {"changed": False, "out": given["out"]}


def _described(given: Mapping[str, Any], variables: Variables) -> dict[str, Any]:
    entry = read_catalog(Path(given["apps"])).require(given["app"])
    return describe(entry, indexes_of(variables.setting(INDEXES)), Path(constants.DEFAULT_LOCAL_TMP))


def _place(out: str) -> Path:
    if not out:
        raise FairleadError("command line -e out: is not set; expected -e out=FILE")
    return Path(out)
