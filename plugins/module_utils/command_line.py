# SPDX-License-Identifier: GPL-3.0-or-later
"""What people give a run with ``-e``, and what they cannot: names by which the playbooks call things."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from .errors import FairleadError, Problem

# An extra variable wins over every other, so one of these names would change what a playbook does.
OWN_NAMES = frozenset(
    {
        *("about_node", "aborted", "ahead", "app_hosts", "app_image", "apps", "astray", "backup_managers"),
        *(
            "builder",
            "built",
            "draining_node",
            "dumped",
            "forced",
            "forced_moves",
            "gone",
            "hooks",
            "inventory_only",
            "kept",
        ),
        *("kind", "manager", "missed", "moved", "moving", "phase", "phase_index", "planned"),
        *("read", "recovered", "remains", "replace_backups", "require_signed", "returned", "seen"),
        *("skipped", "target", "to_release", "token", "tried", "unkept"),
        *("valid", "what", "why", "without_file"),
    }
)
SCALE = "scale"


def shadowing(given: Iterable[str]) -> list[Problem]:
    """Return a problem for every variable on the command line whose name is the playbooks' own."""
    expected = 'another name; to scale a process of that name: -e \'{"scale": {"%s": 3}}\''
    return [
        Problem("command line", 0, 0, f"-e {name}", "is a name of the playbooks' own", "", expected % name)
        for name in sorted(OWN_NAMES & {*given})
    ]


def scales_among(given: Mapping[str, Any], processes: Collection[str]) -> dict[str, Any]:
    """Return what is given for the processes of an app, as ``-e web=6`` or within ``scale``.

    Raises FairleadError when that is nothing, or names something that is no process.
    """
    together = given.get(SCALE)
    within = together if isinstance(together, Mapping) else {}
    found = {name: given[name] for name in processes if name in given and given[name] is not together}
    found |= within or ({SCALE: together} if together is not None and SCALE in processes else {})
    if not found:
        first = next(iter(processes), "web")
        raise FairleadError(f"no scale is given; expected -e {first}=3, for {' or '.join(processes)}")
    if strangers := sorted({*found} - {*processes}):
        raise FairleadError(f"{strangers[0]}: is no process; expected one of {', '.join(processes)}")
    return found
