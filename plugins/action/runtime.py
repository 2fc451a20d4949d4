# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to runtimes on the controller: reads the files that come to the root, and calls the module."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Gives the module of the same name what is in the directory ``files``, if there is one."""

    _supports_check_mode = True
    _supports_async = False
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Read, call, return what the module does."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        given = dict(self._task.args)
        folder = given.pop("files", None)
        try:
            given["additions"] = _read(Path(folder)) if folder else []
        except (OSError, UnicodeDecodeError) as error:
            return result | {"failed": True, "msg": f"files: {folder}: cannot be read: {error}"}
        answer: dict[str, Any] = self._execute_module(
            module_name="fairlead.paas.runtime", module_args=given, task_vars=task_vars
        )
        return result | answer


def _read(folder: Path) -> list[dict[str, Any]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [
        {
            "path": str(path.relative_to(folder)),
            "content": path.read_text(),
            "is_program": os.access(path, os.X_OK),
        }
        for path in files
    ]
