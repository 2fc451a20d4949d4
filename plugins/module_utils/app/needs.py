# SPDX-License-Identifier: GPL-3.0-or-later
"""What one app needs of the inventory: labels that its constraints name, values for its secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.constraints import parse_constraint
from ansible_collections.fairlead.paas.plugins.module_utils.errors import Problem, did_you_mean
from ansible_collections.fairlead.paas.plugins.module_utils.inventory import (
    MIN_SECRET,
    TOO_SHORT,
    Inventory,
    Unreadable,
    inventory_problem,
)

from .catalog import Entry
from .document import show


def check_needs(entry: Entry, inventory: Inventory, secrets: Mapping[str, Any]) -> list[Problem]:
    """Return every problem between an app and an inventory.

    ``secrets`` are values by the app's secret names, None where unset, or Unreadable; none is ever repeated.
    """
    return [*_unknown_labels(entry, inventory.labels()), *_missing_secrets(entry, secrets)]


def _unknown_labels(entry: Entry, known: set[str]) -> Iterator[Problem]:
    for name, process in entry.app.processes.items():
        for at, written in enumerate(process.placement.constraints):
            label = parse_constraint(written).label
            if label not in known:
                path = ("processes", name, "placement", "constraints", at)
                labels = did_you_mean(label, known) if known else "labels in the inventory; no node has any"
                yield entry.document.problem(path, f"no node has the label {label}", show(written), labels)


def _missing_secrets(entry: Entry, secrets: Mapping[str, Any]) -> Iterator[Problem]:
    for name in entry.app.env.secret:
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
