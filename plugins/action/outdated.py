# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of ``outdated``: which images are in use, and where the answer goes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.fairlead.paas.plugins.module_utils.files import land
from ansible_collections.fairlead.paas.plugins.module_utils.sight import SEEN
from ansible_collections.fairlead.paas.plugins.module_utils.variables import Variables


class ActionModule(ActionBase):
    """Asks the builder about the images of all active releases."""

    _supports_check_mode = True
    _supports_async = False
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what the module returns, with each release's number."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        known = task_vars or {}
        given = dict(self._task.args)
        out = given.pop("out", "")
        told = Variables(known, self._templar).of_host(known["groups"]["managers"][0], SEEN) or {}
        active = told.get("active", ())
        images = {release["app"]: release["image"] for release in active}
        answer: dict[str, Any] = self._execute_module(
            module_name="fairlead.paas.outdated", module_args={**given, "images": images}, task_vars=known
        )
        if answer.get("failed"):
            return result | answer
        answer["apps"] = numbered(answer["apps"], active)
        try:
            if out:
                land(Path(out), json.dumps(answer["apps"]).encode(), 0o600)
        except OSError as error:
            return result | {"failed": True, "msg": f"-e out={out}: cannot be written: {error.strerror}"}
        return result | answer


def numbered(apps: Sequence[Mapping[str, Any]], active: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what was found with the number of each app's active release."""
    numbers = {release["app"]: release["number"] for release in active}
    return [{**each, "release": numbers[each["app"]]} for each in apps]
