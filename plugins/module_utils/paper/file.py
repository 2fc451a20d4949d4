# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet on paper, from a file and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.app.document import Document
from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Configuration
from ansible_collections.fairlead.paas.plugins.module_utils.errors import Problem, Refused
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet

from . import apps, instances, nodes, source
from .entries import Entries, Key, anything

_KEYS = {"nodes": Key(anything, needs="the fleet's nodes"), "instances": Key(anything), "apps": Key(anything)}


@dataclass(frozen=True)
class Paper:
    """A fleet, and by app the configurations that run on it, or shall."""

    fleet: Fleet
    configurations: Mapping[str, Configuration] = field(default_factory=dict)


def parse_paper(file: str, data: bytes, known: Mapping[str, Configuration] | None = None) -> Paper:
    """Return the fleet in the bytes of ``file``.

    ``known`` are configurations that go before those in the file, by app. Raises Refused with every problem.
    """
    paper, problems = _read(source.read(file, data), known or {})
    if problems:
        placed = source.read_with_places(file, data)
        raise Refused(_once(_read(placed, known or {})[1] if placed else problems))
    return paper


def written(paper: Paper) -> bytes:
    """Return the bytes of a file that ``parse_paper`` reads as this, sizes in whole kilobytes."""
    processes = instances.processes_of(paper.configurations.values())
    data: dict[str, Any] = {
        "nodes": {node.name: nodes.written(node) for node in paper.fleet.nodes},
        "instances": [
            instances.written(one, processes.get((one.slot.app, one.slot.process)))
            for one in paper.fleet.instances
        ],
        "apps": {app: each.as_dict() for app, each in sorted(paper.configurations.items())},
    }
    return (json.dumps(data, indent=1) + "\n").encode()


def _read(document: Document, known: Mapping[str, Configuration]) -> tuple[Paper, list[Problem]]:
    entries = Entries(document)
    found = entries.take((), document.value, _KEYS)
    if not isinstance(document.value, dict):
        return Paper(Fleet(())), entries.problems
    configurations = {**apps.read_apps(entries, found.get("apps")), **known}
    by_name = nodes.read_nodes(entries, found.get("nodes")) if "nodes" in document.value else {}
    processes = instances.processes_of(configurations.values())
    running = instances.read_instances(entries, found.get("instances"), by_name, processes)
    stored = instances.volumes_of(running, processes)
    return Paper(Fleet.of(by_name.values(), running, volumes=stored), configurations), entries.problems


def _once(problems: list[Problem]) -> list[Problem]:
    """Keep the first problem of each field: what follows from it helps nobody."""
    kept: dict[tuple[int, int, str], Problem] = {}
    for problem in problems:
        kept.setdefault((problem.line, problem.column, problem.field), problem)
    return list(kept.values())
