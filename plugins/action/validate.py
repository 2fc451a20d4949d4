# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to validation: reads app files and the inventory's variables, says every problem at once."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars

from ansible_collections.fairlead.paas.plugins.module_utils import packs
from ansible_collections.fairlead.paas.plugins.module_utils.ahead import pack_ahead
from ansible_collections.fairlead.paas.plugins.module_utils.app.catalog import (
    Catalog,
    Entry,
    check_name,
    read_catalog,
)
from ansible_collections.fairlead.paas.plugins.module_utils.app.document import show
from ansible_collections.fairlead.paas.plugins.module_utils.app.needs import (
    check_hopes,
    check_machines,
    check_needs,
    check_reservations,
)
from ansible_collections.fairlead.paas.plugins.module_utils.app.resolve import hosts_of
from ansible_collections.fairlead.paas.plugins.module_utils.command_line import shadowing
from ansible_collections.fairlead.paas.plugins.module_utils.errors import (
    FairleadError,
    Problem,
    Refused,
    did_you_mean,
)
from ansible_collections.fairlead.paas.plugins.module_utils.image.converge import content_tag, reference_tag
from ansible_collections.fairlead.paas.plugins.module_utils.inventory import (
    DOMAIN,
    INDEXES,
    REGISTRY,
    Inventory,
    check_inventory,
    indexes_of,
    warnings_of,
)
from ansible_collections.fairlead.paas.plugins.module_utils.plan.saved import load
from ansible_collections.fairlead.paas.plugins.module_utils.source.choice import choose
from ansible_collections.fairlead.paas.plugins.module_utils.variables import Variables

ARGUMENTS = {
    "apps": {"type": "path", "required": True},
    "app": {"type": "raw", "default": ""},
    "all": {"type": "bool", "default": False},
    "without_file": {"type": "bool", "default": False},
    "inventory_only": {"type": "bool", "default": False},
    "node": {"type": "raw"},
    "plan": {"type": "path"},
    "ahead": {"type": "list", "elements": "str", "default": []},
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
        result["began"] = time.monotonic()  # whatever is looked at later in this run is newer
        _, given = self.validate_argument_spec(
            argument_spec=ARGUMENTS, mutually_exclusive=[["all", "without_file"]]
        )
        packs.lend(Path(constants.DEFAULT_LOCAL_TMP))
        pack_ahead(self._configure_module, given["ahead"], task_vars or {})
        misgiven = shadowing(load_extra_vars(self._loader))
        if given["plan"] and not given["without_file"]:
            misgiven += _take_from_plan(given)
        return result | validate(Variables(task_vars or {}, self._templar), given, misgiven)


def _take_from_plan(given: dict[str, Any]) -> list[Problem]:
    """Take the app from a plan in a file; return the problems with it."""
    try:
        planned = load(Path(given["plan"]))["app"]
    except FairleadError as error:
        return [Problem("command line", 0, 0, "-e plan", str(error))]
    named = given["app"]
    given["app"] = named or planned
    if named and str(named) != planned:
        return [
            Problem("command line", 0, 0, "-e plan", "is of another app", show(planned), show(str(named)))
        ]
    return []


def validate(variables: Variables, given: Mapping[str, Any], misgiven: Iterable[Problem]) -> dict[str, Any]:
    """Return the result of the task for one app, or for every app of the directory."""
    inventory = variables.inventory()
    if given["inventory_only"]:
        return _of_inventory(variables, inventory, given, misgiven)
    domain = inventory.settings[DOMAIN]
    catalog = read_catalog(Path(given["apps"]), domain if isinstance(domain, str) else "")
    name = "" if given["app"] is None else str(given["app"])
    misnamed, wanted = _asked(catalog, name, given)
    problems = {*catalog.problems, *check_inventory(inventory), *misnamed, *misgiven, *_limited(variables)}
    for entry in wanted:
        problems |= {*check_needs(entry, variables.secrets_of(entry.app)), *check_machines(entry, inventory)}
    if problems:
        return _failed(problems)
    try:
        app_facts = _facts(wanted[0], inventory) if wanted and not given["all"] else None
    except Refused as refused:
        return _failed(refused.problems)
    return {
        "changed": False,
        "msg": f"the inventory and all app files are valid: {', '.join(sorted(catalog.entries))}",
        "directory": str(Path(given["apps"]).resolve()),
        "apps": sorted(catalog.entries),
        "named": name,
        "app": app_facts,
        "warnings": [*warnings_of(inventory), *_hopes(catalog, wanted, inventory)],
    }


def _of_inventory(
    variables: Variables, inventory: Inventory, given: Mapping[str, Any], misgiven: Iterable[Problem]
) -> dict[str, Any]:
    """Return the result of the task where no app file matters, whatever is wrong with one."""
    unknown = _unknown_node(inventory, given["node"])
    problems = {*check_inventory(inventory), *misgiven, *_limited(variables), *unknown}
    if problems:
        return _failed(problems)
    return {
        "changed": False,
        "msg": "the inventory is valid",
        "directory": str(Path(given["apps"]).resolve()),
        "warnings": warnings_of(inventory),
    }


def _asked(catalog: Catalog, name: str, given: Mapping[str, Any]) -> tuple[list[Problem], list[Entry]]:
    """Return what is wrong with the name of the app, and the apps whose needs are checked."""
    if given["all"]:
        return [], [*catalog.entries.values()]
    if given["without_file"]:
        return check_name(name), []
    return catalog.missing(name), [catalog.entries[name]] if name in catalog.entries else []


def _unknown_node(inventory: Inventory, node: object) -> list[Problem]:
    """Return the problem that what is named is no node; None where the verb is about none."""
    known = inventory.groups.get("nodes", ())
    if node is None or node in known:
        return []
    got, expected = show(node) if node else "", did_you_mean(str(node), known)
    return [Problem("command line", 0, 0, "-e node", "is no node" if node else "is not set", got, expected)]


def _hopes(catalog: Catalog, wanted: Iterable[Entry], inventory: Inventory) -> list[str]:
    """Return what is asked for and is not there: labels of nodes, apps that nodes are reserved for."""
    unmet = [problem for entry in wanted for problem in check_hopes(entry, inventory)]
    return [str(problem) for problem in sorted([*check_reservations(inventory, catalog.names), *unmet])]


def _limited(variables: Variables) -> list[Problem]:
    """Return the problem that a run leaves machines out: it would stop what a router still leads to."""
    limit = variables.setting("ansible_limit")
    expected = "no limit: instances are placed and routed on all machines at once"
    return [Problem("command line", 0, 0, "--limit", "is set", show(limit), expected)] if limit else []


def _failed(problems: Iterable[Problem]) -> dict[str, Any]:
    said = [str(problem) for problem in sorted(problems)]
    return {"failed": True, "msg": "\n".join(said), "problems": said}


def _facts(entry: Entry, inventory: Inventory) -> dict[str, Any]:
    """Return what machines are asked of the app. Raises Refused for a source that is none."""
    app = entry.app
    choice = choose(entry, indexes_of(inventory.settings[INDEXES]), Path(constants.DEFAULT_LOCAL_TMP))
    tag = content_tag(choice.source.hash()) if choice else reference_tag(app.build.image or "")
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
