# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to the survey: what was seen of the fleet, written into a file on the controller."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Configuration
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.files import land
from ansible_collections.fairlead.paas.plugins.module_utils.paper.file import Paper, written
from ansible_collections.fairlead.paas.plugins.module_utils.plan.wanted import recorded
from ansible_collections.fairlead.paas.plugins.module_utils.sight import (
    Sight,
    failed_of,
    sight_of,
)
from ansible_collections.fairlead.paas.plugins.module_utils.variables import Variables

ARGUMENTS = {
    "out": {"type": "str", "default": ""},
    "skip_unreachable": {"type": "bool", "default": False},
}


class ActionModule(ActionBase):
    """Reads on the controller what all machines have said; asks none of them."""

    _supports_check_mode = True
    _supports_async = False
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Write the file, or fail with why there is none."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        known = task_vars or {}
        seen = sight_of({**known["groups"], "routers": []}, Variables(known, self._templar))
        try:
            refuse(given["out"], seen, skip=given["skip_unreachable"])
            land(Path(given["out"]), written(paper_of(seen)), 0o600)
        except FairleadError as error:
            return result | {"failed": True, "msg": str(error)}
        except OSError as error:
            return result | {"failed": True, "msg": f"{given['out']}: cannot be written: {error.strerror}"}
        return result | {"changed": False, "out": given["out"]}


def paper_of(seen: Sight) -> Paper:
    """Return a fleet on paper, with the configurations of all active releases but for their environments.

    These may hold what is nobody's business, and have no say in where anything stands.
    """
    return Paper(seen.fleet, {release["app"]: _bare(recorded(release)) for release in seen.active})


def refuse(out: str, seen: Sight, *, skip: bool) -> None:
    """Raise FairleadError if there is nothing to write to, or machines did not say enough to write."""
    if not out:
        raise FairleadError("command line -e out: is not set; expected -e out=FILE")
    if failed := failed_of(seen.lost):
        raise FairleadError(f"{', '.join(failed)} could not be looked at; see the error above.")
    if seen.lost and not skip:
        raise FairleadError(
            f"{', '.join(sorted(seen.lost))} cannot be reached; mend it, or go on without it: with"
            " skip_unreachable it counts as lost."
        )


def _bare(configuration: Configuration) -> Configuration:
    processes = (
        replace(each, spec=replace(each.spec, env={}, secrets={})) for each in configuration.processes
    )
    return replace(configuration, processes=tuple(processes))
