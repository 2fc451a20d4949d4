# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to the recovery: from what machines still show to a ledger on the manager, and a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.provenance import performer
from ansible_collections.fairlead.paas.plugins.module_utils.recovery.decide import rebuild
from ansible_collections.fairlead.paas.plugins.module_utils.recovery.remains import gathered
from ansible_collections.fairlead.paas.plugins.module_utils.recovery.report import report
from ansible_collections.fairlead.paas.plugins.module_utils.sight import failed_of, loss
from ansible_collections.fairlead.paas.plugins.module_utils.variables import Variables

ARGUMENTS = {
    "force": {"type": "bool", "default": False},
    "skip_unreachable": {"type": "bool", "default": False},
}
SEEN = "remains"  # the name that the playbook registers what machines answered under


class ActionModule(ActionBase):
    """Decides on the controller; the task's host is the manager, which records it."""

    _supports_check_mode = True
    _supports_async = False
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Record what can be known, print what cannot, and return both."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        known = task_vars or {}
        variables, groups = Variables(known, self._templar), known["groups"]
        asked = sorted({*groups["nodes"], *groups["routers"], *groups["managers"]})
        answers = {name: variables.of_host(name, SEEN) or {} for name in asked}
        lost = {name: why for name, found in answers.items() if (why := loss(found))}
        refused = refusal(lost, skip=given["skip_unreachable"])
        if refused:
            return result | {"failed": True, "msg": f"nothing was touched. {refused}"}
        remains = gathered({name: found for name, found in answers.items() if name not in lost})
        rebuilt = rebuild(remains)
        try:
            place = variables.ledger()
        except FairleadError as error:
            return result | {"failed": True, "msg": str(error)}
        # A database is backed up by its own means: what managers keep is of a file that was there before.
        kept = {} if place else {name: it["backup"] for name, it in answers.items() if it.get("backup")}
        who, host = performer()
        arguments = place | {
            "do": "recover",
            "found": [each.as_dict() for each in rebuilt],
            "tokens": dict(remains.tokens),
            "backups": kept,
            "who": who,
            "host": host,
            "what": "recover",
            "force": given["force"],
        }
        answer: dict[str, Any] = self._execute_module(
            module_name="fairlead.paas.ledger", module_args=arguments, task_vars=known
        )
        if answer.get("failed"):
            return result | {"failed": True, "msg": answer.get("msg")}
        recorded = {move["app"] for move in answer["moves"]}
        lines = [*report(rebuilt, recorded, remains, lost), *(f"kept as {name}" for name in answer["aside"])]
        Display().display("\n".join(lines))
        return result | answer | {"lines": lines}


def refusal(lost: Mapping[str, str], *, skip: bool) -> str:
    """Return why the ledger cannot be rebuilt without the machines that did not answer; empty if it can."""
    if failed := failed_of(lost):
        return f"{', '.join(failed)} could not say what remains; see the error above."
    if lost and not skip:
        return (
            f"{', '.join(sorted(lost))} cannot be reached, and may have newer releases than all others; mend"
            " it, or go on without what it knows: -e skip_unreachable=true"
        )
    return ""
