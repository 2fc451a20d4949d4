# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of ``look``: every machine is asked at once, for what its groups make it know."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.fairlead.paas.plugins.module_utils import packs
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.keeper import keep, run_of_this_worker
from ansible_collections.fairlead.paas.plugins.module_utils.options import ACCOUNT, TEXT
from ansible_collections.fairlead.paas.plugins.module_utils.provenance import performer
from ansible_collections.fairlead.paas.plugins.module_utils.sight import SEEN
from ansible_collections.fairlead.paas.plugins.module_utils.variables import Variables

_EVERY = 4.0  # seconds between two renewals; a lease lives for 15
_PAUSE = 1.0  # seconds between two questions for a lease that is held
# The keeper of a run that has just ended may still be on its way to the manager to release the lease.
_GRACE = 3.0
ARGUMENTS = {
    "app": {"type": "str", "default": ""},
    "every_app": {"type": "bool", "default": False},
    "ports": {"type": "dict"},
    "hosts": {"type": "list", "elements": "str"},
    "image": {"type": "dict"},
    "push_auth": {"type": "dict", "options": ACCOUNT},
    "token": {"type": "int"},
    "again": {"type": "bool"},
    "lease": {
        "type": "dict",
        "options": {
            "what": TEXT,
            "began": {"type": "float", "required": True},
            "wait": {"type": "float", "default": 0.0},
        },
    },
}


class ActionModule(ActionBase):
    """One module run on each host of the task, with the parts that this host is asked for."""

    _supports_check_mode = True
    _supports_async = False
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what the module returns; on the manager, with the lease if one is asked for."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        known = task_vars or {}
        if given["again"] is False:
            # A task that its condition skips would leave nothing of what is registered under its name.
            result |= known.get(SEEN, {})
            return result | {"skipped": True, "skip_reason": "what was seen first still holds"}
        asked = parts_of(known["inventory_hostname"], known["groups"], given)
        if not asked:
            return result | {"skipped": True, "skip_reason": "no part of this deploy is known here"}
        asked |= {"app": given["app"], "token": given["token"]}
        place: dict[str, str] = {}
        if "manager" in asked:
            try:
                place = Variables(known, self._templar).ledger()
            except FairleadError as error:
                return result | {"failed": True, "msg": str(error)}
            asked["manager"] |= place
        if given["lease"] and "manager" in asked and not self._task.check_mode:
            return result | self._take_the_lease(asked, given["lease"], place, known)
        before = {**known.get(SEEN, {}), "again": True} if given["again"] else {}
        return result | before | self._ask(asked, known)

    def _ask(self, asked: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self._execute_module(
            module_name="fairlead.paas.look", module_args=asked, task_vars=known
        )
        return found

    def _take_the_lease(
        self,
        asked: dict[str, Any],
        lease: Mapping[str, Any],
        place: Mapping[str, str],
        known: dict[str, Any],
    ) -> dict[str, Any]:
        """Wait for the lease, take it, and have it kept for as long as this run of Ansible lives."""
        who, host = performer()
        holder = {"who": who, "host": host, "what": lease["what"]}
        end = time.monotonic() + max(lease["wait"], _GRACE)
        said = ""
        while True:
            asked["manager"]["begin"] = holder | {"since_look": time.monotonic() - lease["began"]}
            found = self._ask(asked, known)
            if found.get("failed") or not found.get("held"):
                break
            if time.monotonic() > end:
                return found | {"failed": True, "msg": _refusal(found["held"], lease["wait"])}
            if found["held"] != said and lease["wait"]:
                said = found["held"]
                Display().display(f"waiting: {said}")
            time.sleep(_PAUSE)
        if "token" in found:
            self._keep({"app": asked["app"], "token": found["token"], **place}, known)
        return found

    def _keep(self, lease: Mapping[str, Any], known: dict[str, Any]) -> None:
        """Renew the lease until this run of Ansible ends, then release it, from a process of its own.

        A run that has released it itself, or has lost it to another, has nothing more to be kept.
        """

        def ledger(do: str) -> bool:
            Display()._final_q = None  # noqa: SLF001 - what a worker displays goes through the run's queue
            answer: dict[str, Any] = self._execute_module(
                module_name="fairlead.paas.ledger", module_args={"do": do, **lease}, task_vars=known
            )
            self.cleanup()
            return not answer.get("lost")

        def release() -> None:
            with tempfile.TemporaryDirectory(prefix="fairlead-keeper-") as place:
                constants.DEFAULT_LOCAL_TMP = place  # the run's own has gone with it
                packs.lend(Path(place))
                ledger("release")
                packs.keep(Path(place))

        # Without pipelining the task has a folder on the manager, which goes with it; these make their own.
        self.cleanup()
        # This is a worker, which ends with its task.
        keep(run_of_this_worker(), lambda: ledger("renew"), release, _EVERY)


def _refusal(held: str, waited: float) -> str:
    how = f"It was waited for {waited:g} s." if waited else "Wait for it with -e lease_wait=300."
    return f"nothing was touched. {held} {how}"


def parts_of(host: str, groups: Mapping[str, Sequence[str]], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts that one host is asked for; of managers and builders the first answers for all."""
    parts: dict[str, Any] = {}
    if host in groups.get("nodes", ()):
        parts["node"] = {"ports": given["ports"] or {}}
    if host in groups.get("routers", ()):
        parts["router"] = {"hosts": given["hosts"] or []}
    if host in groups.get("managers", ())[:1]:
        parts["manager"] = {"every_app": given["every_app"]}
    if given["image"] and host in groups.get("builders", ())[:1]:
        parts["builder"] = given["image"] | {"push_auth": given["push_auth"]}
    return parts
