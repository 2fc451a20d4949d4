# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to validation: reads app files and the inventory's variables, says every problem at once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.fairlead.paas.plugins.module_utils.app.catalog import Entry, read_catalog
from ansible_collections.fairlead.paas.plugins.module_utils.app.needs import check_needs
from ansible_collections.fairlead.paas.plugins.module_utils.app.resolve import hosts_of
from ansible_collections.fairlead.paas.plugins.module_utils.errors import Problem, Refused
from ansible_collections.fairlead.paas.plugins.module_utils.image.context import read_context
from ansible_collections.fairlead.paas.plugins.module_utils.image.converge import content_tag, reference_tag
from ansible_collections.fairlead.paas.plugins.module_utils.inventory import (
    DOMAIN,
    REGISTRY,
    Inventory,
    check_inventory,
    warnings_of,
)
from ansible_collections.fairlead.paas.plugins.module_utils.variables import Variables

ARGUMENTS = {
    "apps": {"type": "path", "required": True},
    "app": {"type": "raw", "default": ""},
    "all": {"type": "bool", "default": False},
}


class ActionModule(ActionBase):
    """Runs on the controller alone and changes nothing."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what is valid, or fail with all that is not."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        variables = Variables(task_vars or {}, self._templar)
        return result | validate(variables, Path(given["apps"]), given["app"], every=given["all"])


def validate(variables: Variables, directory: Path, app: Any, *, every: bool) -> dict[str, Any]:
    """Return the result of the task for one app, or for every app of the directory."""
    inventory = variables.inventory()
    domain = inventory.settings[DOMAIN]
    catalog = read_catalog(directory, domain if isinstance(domain, str) else "")
    name = "" if app is None else str(app)
    wanted = [entry for entry in catalog.entries.values() if every or entry.app.app == name]
    problems = {*catalog.problems, *check_inventory(inventory), *([] if every else catalog.missing(name))}
    for entry in wanted:
        problems |= {*check_needs(entry, inventory, variables.secrets_of(entry.app))}
    if problems:
        return _failed(problems)
    try:
        app_facts = None if every else _facts(wanted[0], inventory)
    except Refused as refused:
        return _failed(refused.problems)
    return {
        "changed": False,
        "msg": f"the inventory and all app files are valid: {', '.join(sorted(catalog.entries))}",
        "apps": sorted(catalog.entries),
        "app": app_facts,
        "warnings": warnings_of(inventory),
    }


def _failed(problems: Iterable[Problem]) -> dict[str, Any]:
    said = [str(problem) for problem in sorted(problems)]
    return {"failed": True, "msg": "\n".join(said), "problems": said}


def _facts(entry: Entry, inventory: Inventory) -> dict[str, Any]:
    """Return what machines are asked of the app. Raises Refused for a build context that cannot be read."""
    app = entry.app
    tag = (
        content_tag(read_context(entry.context).hash())
        if entry.context
        else reference_tag(app.build.image or "")
    )
    return {
        "name": app.app,
        "hosts": list(hosts_of(app, inventory.settings[DOMAIN])),
        "image": {
            "registry": inventory.settings[REGISTRY],
            "tag": tag,
            "version": app.version,
            "image": app.build.image,
        },
    }
