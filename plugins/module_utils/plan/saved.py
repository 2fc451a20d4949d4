# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan in a file: what was decided, and what it was decided from, so that it is carried out as it was read.

A later run decides anew. It goes on only if it comes to the same plan from the same app, image and nodes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import TO_BE_BUILT
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.files import land
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Instance, Node

if TYPE_CHECKING:  # who only reads a plan's file need not load all that makes plans
    from .deployment import Deployment
    from .plan import Action

FORMAT = 1
_MOST = 8  # differences that are named; more would bury them
_KEYS = {
    *("format", "app", "text", "changes", "steps", "configuration", "content", "active"),
    *("nodes", "instances", "others"),
}
_Data = Mapping[str, Any]


def written(made: Deployment, fleet: Fleet, content: str) -> dict[str, Any]:
    """Return a plan as plain data: what it does, and what it was made from.

    ``content`` is the tag of what the image is built from, for an image that is yet to be built.
    """
    app = made.configuration.app
    data = {
        "format": FORMAT,
        "app": app,
        "text": made.text,
        "changes": made.changed,
        "steps": [_step(action) for action in made.plan.actions],
        "configuration": made.configuration.as_dict(),
        "content": content,
        "active": made.active,
        "nodes": {node.name: _node(node) for node in fleet.nodes},
        "instances": {f"{it.name} on {it.node}": _instance(it) for it in fleet.of_app(app)},
        "others": Counter(it.node for it in fleet.instances if it.slot.app != app),
    }
    plain: dict[str, Any] = json.loads(json.dumps(data))
    return plain


def save(path: Path, data: _Data) -> None:
    """Write a plan into a file that only its owner may read: environments of apps are in it."""
    try:
        land(path, (json.dumps(data, indent=2, sort_keys=True) + "\n").encode(), 0o600)
    except OSError as error:
        raise FairleadError(f"the plan cannot be written to {path}: {error.strerror}") from error


def load(path: Path) -> _Data:
    """Return a plan from its file. Raises FairleadError for what is none."""
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise FairleadError(f"the plan {path} cannot be read: {error.strerror}") from error
    except ValueError:
        data = None
    if not isinstance(data, dict) or not isinstance(data.get("app"), str):
        raise FairleadError(f"{path} is no plan; expected what `fairlead plan APP --out FILE` has written")
    if data.get("format") != FORMAT or {*data} != _KEYS:
        raise FairleadError(f"the plan {path} was written by another version of Fairlead; make it anew")
    return data


def refuse_changed(saved: _Data, now: _Data) -> None:
    """Raise FairleadError, naming what changed, unless a plan made now is the one that was saved."""
    changes = [*_changes(saved, now)]
    if not changes and saved["steps"] != now["steps"]:
        changes = [*_of_others(saved["others"], now["others"])] or [
            "what nodes measure (free memory, load), or what other apps claim, leads to another choice now"
        ]
    if changes:
        more = [f"and {len(changes) - _MOST} more"] if len(changes) > _MOST else []
        said = "; ".join([*changes[:_MOST], *more])
        raise FairleadError(f"the plan was made from what is no longer so: {said}. Make it anew")


def _changes(saved: _Data, now: _Data) -> Iterator[str]:
    if saved["content"] != now["content"]:
        yield "what the image is made from changed"
    for path in _paths(saved["configuration"], now["configuration"]):
        yield f"the app's {path} changed"
    if saved["active"] != now["active"]:
        before, after = (f"v{it}" if it else "none" for it in (saved["active"], now["active"]))
        yield f"the active release was {before}, and is {after}"
    yield from _parts("node ", saved["nodes"], now["nodes"])
    yield from _parts("", saved["instances"], now["instances"])


def _paths(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Yield where two configurations differ, as paths; values stay unsaid."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before} | {*after}):
            yield from _paths(before.get(key), after.get(key), f"{path}.{key}" if path else key)
    elif path == "processes" and isinstance(before, list) and isinstance(after, list):
        yield from _paths({it["name"]: it for it in before}, {it["name"]: it for it in after}, path)
    elif before != after and not str(before).endswith(TO_BE_BUILT):
        yield path


def _parts(what: str, before: _Data, after: _Data) -> Iterator[str]:
    for name in sorted({*before} | {*after}):
        if name not in after:
            yield f"{what}{name} is gone"
        elif name not in before:
            yield f"{what}{name} is new"
        elif before[name] != after[name]:
            facts = sorted(key for key in after[name] if before[name].get(key) != after[name][key])
            yield f"{what}{name} is not as it was ({', '.join(facts)})"


def _of_others(before: Mapping[str, int], after: Mapping[str, int]) -> Iterable[str]:
    for node in sorted({*before} | {*after}):
        was, is_now = before.get(node, 0), after.get(node, 0)
        if was != is_now:
            yield f"{node} held {was} instances of other apps, and holds {is_now}"


def _step(action: Action) -> dict[str, Any]:
    """Return what happens to a slot, without its port and what only a built image can tell."""
    old, new = action.old, action.new
    return {
        "slot": str(action.slot),
        "kind": action.kind,
        "old": old and f"{old.name} on {old.node}",
        "new": new and f"{new.name} on {new.node}",
        "step": action.step,
        "stop_first": action.stop_first,
    }


def _node(node: Node) -> dict[str, Any]:
    return {
        "memory": node.memory_for_instances,
        "cpus": node.cpus_for_instances,
        "labels": node.labels,
        "state": node.state,
        "reserved_for": sorted(node.reserved_for),
    }


def _instance(instance: Instance) -> dict[str, Any]:
    return {
        "container": instance.container,
        "spec": instance.spec,
        "running": instance.running,
        "drift": instance.drift,
    }
