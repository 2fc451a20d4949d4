# SPDX-License-Identifier: GPL-3.0-or-later
"""What one app needs of the inventory: values for its secrets; and what it hopes for: labels of nodes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.allotment import RESERVED_FOR
from ansible_collections.fairlead.paas.plugins.module_utils.constraints import BUILT_IN, parse_constraint
from ansible_collections.fairlead.paas.plugins.module_utils.errors import Problem, did_you_mean
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Node
from ansible_collections.fairlead.paas.plugins.module_utils.inventory import (
    MIN_SECRET,
    TOO_SHORT,
    Inventory,
    Unreadable,
    inventory_problem,
)
from ansible_collections.fairlead.paas.plugins.module_utils.roots import (
    VOLUME_ROOTS,
    check_roots,
    is_allowed,
    roots_of,
)

from .catalog import Entry
from .document import Path, show
from .model import Apart, App


def check_needs(entry: Entry, secrets: Mapping[str, Any]) -> list[Problem]:
    """Return every problem between an app and an inventory.

    ``secrets`` are values by the app's secret names, None where unset, or Unreadable; none is ever repeated.
    """
    return [*_missing_secrets(entry, secrets)]


def secret_names(app: App) -> tuple[str, ...]:
    """Return the names of all secrets of an app: what instances get, and what its image is built with."""
    return tuple(dict.fromkeys((*app.env.secret, *app.build.secrets)))


def check_machines(entry: Entry, inventory: Inventory) -> list[Problem]:
    """Return every problem with what an app wants of nodes by name: their directories, and ports of theirs.

    Of an inventory that is itself wrong, nothing is said here.
    """
    return [*_strange_folders(entry, inventory), *_chosen_ports(entry, inventory)]


def _strange_folders(entry: Entry, inventory: Inventory) -> Iterator[Problem]:
    value = inventory.settings.get(VOLUME_ROOTS)
    if value is not None and (isinstance(value, Unreadable) or [*check_roots(value)]):
        return
    roots = roots_of(value)
    for name, process in entry.app.processes.items():
        for at, volume in enumerate(process.volumes):
            if volume.node is not None and not is_allowed(volume.node, roots):
                path = ("processes", name, "volumes", at, "node")
                expected = f"a directory below {' or '.join(roots)}, or another {VOLUME_ROOTS}"
                problem = "is not among what the inventory allows"
                yield entry.document.problem(path, problem, show(volume.node), expected)


def _chosen_ports(entry: Entry, inventory: Inventory) -> Iterator[Problem]:
    for name, process in entry.app.processes.items():
        for node in inventory.groups.get("nodes", ()):
            first, last = _range_of(inventory.machines[node].ports)
            if process.publish is not None and first <= process.publish <= last:
                path = ("processes", name, "publish")
                expected = f"a port outside {first}-{last}, the fairlead_ports of {node}"
                problem = f"is a port that {node} may give to any instance"
                yield entry.document.problem(path, problem, str(process.publish), expected)
                break


def _range_of(ports: Any) -> tuple[int, int]:
    """Return the first and the last port that are chosen from; what is no range is said elsewhere."""
    given = ports if isinstance(ports, dict) else {}
    first, last = given.get("first", Node.first_port), given.get("last", Node.last_port)
    return (first, last) if isinstance(first, int) and isinstance(last, int) else (1, 0)


def check_hopes(entry: Entry, inventory: Inventory) -> list[Problem]:
    """Return what an app's placement asks for and no node has: allowed, but hardly meant.

    Where it leaves no node for an instance, the plan refuses.
    """
    known = inventory.labels() | {*BUILT_IN}
    return [
        entry.document.problem(
            path,
            f"no node has the label {label}",
            entry.document.shown(path),
            did_you_mean(label, known),
        )
        for path, label in _asked(entry)
        if label not in known
    ]


def check_reservations(inventory: Inventory, apps: Collection[str]) -> list[Problem]:
    """Return the apps that nodes are reserved for and that no file has: allowed, for they may come later."""
    return [
        inventory_problem(
            f"{node}.{RESERVED_FOR}[{at}]",
            "names an app that has no file",
            show(app),
            did_you_mean(app, apps),
        )
        for node in inventory.groups.get("nodes", ())
        for at, app in enumerate(inventory.machines[node].reserved_for or ())
        if app not in apps
    ]


def _asked(entry: Entry) -> Iterator[tuple[Path, str]]:
    """Yield each label that the app's placement asks for, and the path of where it does."""
    for name, process in entry.app.processes.items():
        placement, path = process.placement, ("processes", name, "placement")
        for at, rule in enumerate(placement.constraints):
            yield (*path, "constraints", at), parse_constraint(rule).label
        for at, wish in enumerate(placement.preferences):
            where = (*path, "preferences", at)
            if isinstance(wish, str):
                yield where, parse_constraint(wish).label
            else:
                yield (*where, "rule"), parse_constraint(wish.rule).label
        if placement.spread:
            yield (*path, "spread"), placement.spread
        for label in placement.max_per:
            yield (*path, "max_per", label), label
        if isinstance(placement.apart, Apart):
            yield (*path, "apart", "per"), placement.apart.per


def _missing_secrets(entry: Entry, secrets: Mapping[str, Any]) -> Iterator[Problem]:
    for name in secret_names(entry.app):
        problem = _secret_problem(secrets.get(name))
        if problem:
            yield inventory_problem(
                f"fairlead_secrets.{entry.app.app}.{name}", problem, "", "text, in a vault"
            )


def _secret_problem(value: Any) -> str:
    if isinstance(value, Unreadable):
        return f"cannot be evaluated: {value.why}"
    if value is None or value == "":
        return "is not set"
    if not isinstance(value, str):
        return "is not text; quotes make it so"
    if "\0" in value:
        return "has a character that no environment may hold"
    return TOO_SHORT if len(value) < MIN_SECRET else ""
