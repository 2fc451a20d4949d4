# SPDX-License-Identifier: GPL-3.0-or-later
"""Converge the containers of one app on one node: inspect, decide, act.

The pure part is ``work``; starting and waiting is ``instances``. Check mode stops before ``act``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.registry.signing import verify_image

from . import volumes
from .arguments import UNPROVEN, create_body
from .client import Engine
from .engine import EngineError, has_image, pull, saying, unless_gone
from .instances import Up, bring_up
from .work import Present, Wish, Work, decide

_AT_ONCE = 16
_GRACE = 10  # seconds, the engine's own, for a container that was created without one


@dataclass(frozen=True)
class Plan:
    """What converging will do on this node, and all it needs to do it."""

    work: Work
    bodies: dict[str, Any]  # container name -> body of the create call; holds values of secrets
    volumes: tuple[volumes.Wanted, ...] = ()  # to be made


def inspect(engine: Engine, wish: Wish) -> Plan:
    """Return what differs from the wish; nothing is touched. Raises FairleadError on what cannot be done."""
    with saying(f"the Docker engine of node {wish.node} does not answer"):
        listed = engine.containers(all=True)
    named = {start.name for start in wish.start} | set(wish.resume)
    there = [_with_proof(engine, present, named) for present in map(Present.from_list, listed)]
    work = decide(wish, there, partial(has_image, engine))
    bodies = {
        start.name: create_body(start, wish.address, wish.secrets, wish.configuration)
        for start in work.create
    }
    made = volumes.lacking(engine, work.create, wish.node)
    gone = volumes.present(engine, wish.app, wish.remove_volumes)
    return Plan(replace(work, volumes=tuple(each.name for each in made), remove_volumes=gone), bodies, made)


def act(engine: Engine, wish: Wish, plan: Plan) -> list[Up]:
    """Do what the plan says, in the wished order; return the instances that are up.

    Raises InstancesFailed when one does not become healthy, EngineError with node and slot otherwise.
    """
    work = plan.work
    _verify_all(wish, work)
    _pull_all(engine, wish, work)
    _each(partial(_stop, engine), work.halt)
    _each(partial(remove, engine), work.clear)
    if wish.order == "stop-first":
        _each(partial(_stop, engine), work.stop)
    for volume in plan.volumes:
        volumes.make(engine, volume)
    up = bring_up(engine, wish, work, plan.bodies)
    if wish.order == "start-first":
        _each(partial(_stop, engine), work.stop)
    _each(partial(remove, engine), work.remove)
    _each(partial(volumes.remove, engine), work.remove_volumes)
    return up


def result(work: Work, up: Iterable[Up] = ()) -> dict[str, Any]:
    """Return what the module ``converge`` answers, apart from ``changed`` and ``diff``."""
    return {
        "healthy": [asdict(instance) for instance in up],
        "started": [start.name for start in work.create] + [resume.present.name for resume in work.resume],
        "stopped": [present.name for present, _ in (*work.halt, *work.stop)],
        "removed": [present.name for present in work.remove],
        "removed_volumes": list(work.remove_volumes),
        "pulled": list(work.pull),
    }


def remove(engine: Engine, present: Present) -> None:
    """Remove a container in whatever state it is; one that runs is stopped first, with its own grace."""
    if present.runs:
        with unless_gone(f"container {present.name} cannot be inspected"):
            grace = engine.inspect_container(present.id)["Config"].get("StopTimeout")
            _stop(engine, (present, _GRACE if grace is None else grace))
    with unless_gone(f"container {present.name} cannot be removed"):
        engine.remove_container(present.id, v=True, force=True)


def _with_proof(engine: Engine, present: Present, named: set[str]) -> Present:
    if not {present.id, present.name} & named:
        return present
    with saying(f"container {present.name} cannot be inspected"):
        policy = engine.inspect_container(present.id)["HostConfig"]["RestartPolicy"]["Name"]
    return replace(present, proven=policy not in {"", UNPROVEN})


def _verify_all(wish: Wish, work: Work) -> None:
    """Raise FairleadError, with the slots, if an image is to be started that is not signed and has to be."""
    for image in sorted({start.spec.image for start in work.create}) if wish.require_signed else ():
        try:
            verify_image(image, wish.registry_auth)
        except FairleadError as error:
            raise FairleadError(
                f"{_slots(work, image)} on node {wish.node} did not start: {error}"
            ) from error


def _pull_all(engine: Engine, wish: Wish, work: Work) -> None:
    for image in work.pull:
        try:
            pull(engine, image, wish.registry_auth)
        except EngineError as error:
            raise EngineError(f"{_slots(work, image)} on node {wish.node} did not start: {error}") from error


def _slots(work: Work, image: str) -> str:
    return ", ".join(str(start.slot) for start in work.create if start.spec.image == image)


def _each(act_on: Callable[[Any], None], items: Iterable[Any]) -> None:
    todo = list(items)
    with ThreadPoolExecutor(max_workers=min(_AT_ONCE, len(todo) or 1)) as pool:
        list(pool.map(act_on, todo))


def _stop(engine: Engine, item: tuple[Present, float]) -> None:
    present, grace = item
    with unless_gone(f"container {present.name} cannot be stopped"):
        if present.state == "paused":
            engine.unpause(present.id)
        engine.stop(present.id, timeout=math.ceil(grace))
