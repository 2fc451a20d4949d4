# SPDX-License-Identifier: GPL-3.0-or-later
"""Observed against wanted, before any node is chosen: what is kept, what must start, what has to go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    TO_BE_BUILT,
    Configuration,
    Process,
    Spec,
)
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Instance, Node, Slot
from ansible_collections.fairlead.paas.plugins.module_utils.placement import Shape, unmet
from ansible_collections.fairlead.paas.plugins.module_utils.units import format_size


@dataclass(frozen=True)
class Need:
    """A slot that needs a new instance. ``old`` is the one it replaces, ``home`` where it shall stay.

    ``at_once``: parallelism does not hold it back.
    """

    slot: Slot
    process: Process
    shape: Shape
    reason: str
    old: Instance | None = None
    home: str | None = None
    at_once: bool = False

    @property
    def leaves(self) -> Instance | None:
        """The running instance that it replaces: the one to route out, to stop, and whose room matters."""
        return self.old if self.old and self.old.running else None


@dataclass(frozen=True)
class Surplus:
    """An instance that has to go and gets no successor."""

    instance: Instance
    reason: str


@dataclass(frozen=True)
class Reconciled:
    """The outcome, each part sorted by slot."""

    kept: tuple[Instance, ...]
    needs: tuple[Need, ...]
    surplus: tuple[Surplus, ...]


@dataclass
class _Process:
    """One process at work: its slots' best instances, and those of them that must leave their node."""

    process: Process
    shape: Shape
    spec: str
    best: dict[int, Instance] = field(default_factory=dict)
    must_leave: dict[str, str] = field(default_factory=dict)  # container -> reason


def reconcile(configuration: Configuration, fleet: Fleet, *, repairing: bool) -> Reconciled:
    """Compare an app with its instances on the fleet. ``repairing``: the release stays the active one."""
    nodes = {node.name: node for node in fleet.nodes}
    observed = _by_process(i for i in fleet.of_app(configuration.app) if i.node in nodes)
    kept: list[Instance] = []
    needs: list[Need] = []
    surplus: list[Surplus] = []
    for process in sorted(configuration.processes, key=lambda process: process.name):
        instances = observed.pop(process.name, [])
        work = _examine(configuration.app, process, instances, nodes)
        kept += [i for i in work.best.values() if _is_kept(work, i)]
        needs += _needs(work, instances, repairing=repairing)
        surplus += _surplus(work, instances)
    for name, instances in observed.items():
        surplus += [Surplus(i, f"process {name} is no longer in the app") for i in instances]
    surplus.sort(key=lambda item: item.instance)
    return Reconciled(tuple(kept), tuple(needs), tuple(surplus))


def _by_process(instances: Iterable[Instance]) -> dict[str, list[Instance]]:
    found = defaultdict(list)
    for instance in instances:
        found[instance.slot.process].append(instance)
    return found


def _examine(app: str, process: Process, instances: list[Instance], nodes: Mapping[str, Node]) -> _Process:
    work = _Process(process, Shape.of(app, process), process.spec.hash())
    refused = {name: unmet(work.shape.constraints, node.labels) for name, node in nodes.items()}
    by_merit = sorted(instances, key=lambda i: (*_merit(work, i, refused[i.node]), i.node, i.name))
    for instance in by_merit:
        if 1 <= instance.slot.number <= process.scale:
            work.best.setdefault(instance.slot.number, instance)
    work.best = dict(sorted(work.best.items()))
    work.must_leave = {i.container: why for i in work.best.values() if i.running and (why := refused[i.node])}
    work.must_leave |= _too_many(work)
    return work


def _merit(work: _Process, instance: Instance, refused: str | None) -> tuple[bool, bool, bool, int]:
    """Return what tells the best of a slot's instances: the lowest. A killed run can have left several."""
    return not instance.running, not _as_wanted(work, instance), refused is not None, -instance.release


def _as_wanted(work: _Process, instance: Instance) -> bool:
    return instance.running and instance.spec == work.spec and not instance.drift


def _is_kept(work: _Process, instance: Instance) -> bool:
    return _as_wanted(work, instance) and instance.container not in work.must_leave


def _too_many(work: _Process) -> dict[str, str]:
    """Return the instances above max_per_node; those that are as wanted stay before those that are not."""
    limit = work.process.rules.max_per_node
    staying: dict[str, list[Instance]] = defaultdict(list)
    for instance in sorted(work.best.values(), key=lambda i: (not _as_wanted(work, i), i.slot)):
        if instance.running and instance.container not in work.must_leave:
            staying[instance.node].append(instance)
    return {
        instance.container: f"{node} holds {len(held)} of {work.shape}, max_per_node is {limit}"
        for node, held in staying.items()
        for instance in held[limit:]
        if limit is not None
    }


def _needs(work: _Process, instances: list[Instance], *, repairing: bool) -> Iterable[Need]:
    for number in range(1, work.process.scale + 1):
        slot, old = Slot(work.shape.app, work.process.name, number), work.best.get(number)
        if old is None:
            reason = "its container is gone" if repairing else _why_new(work.process, number, instances)
            yield Need(slot, work.process, work.shape, reason)
        elif not _is_kept(work, old):
            must_leave = work.must_leave.get(old.container)
            reason = must_leave or difference(old, work.process.spec)
            home = None if must_leave else old.node
            yield Need(slot, work.process, work.shape, reason, old, home)


def _why_new(process: Process, number: int, instances: list[Instance]) -> str:
    highest = max((instance.slot.number for instance in instances), default=0)
    if not highest:
        return f"process {process.name} is new"
    return f"scale {highest} → {process.scale}" if number > highest else "its container is gone"


def difference(old: Instance, spec: Spec) -> str:
    """Say what tells an instance from what it shall be, as far as its node shows it."""
    if not old.running:
        return "its container does not run"
    if old.spec == spec.hash():
        return f"changed by hand: {', '.join(old.drift)}"
    changes = [
        f"image {_short(old.image)} → {_short(spec.image)}" if old.image != spec.image else "",
        f"memory {format_size(old.memory)} → {format_size(spec.memory)}" if old.memory != spec.memory else "",
        f"cpu {old.cpu:g} → {spec.cpu:g}" if old.cpu != spec.cpu else "",
    ]
    return ", ".join(filter(None, changes)) or f"command, env, secrets or limits changed since v{old.release}"


def _short(image: str) -> str:
    """Return the first 12 digits of an image's digest, or the name of one without a digest."""
    if image.endswith(TO_BE_BUILT):
        return "(to be built)"
    return image.partition("@")[2].removeprefix("sha256:")[:12] or image


def _surplus(work: _Process, instances: list[Instance]) -> Iterable[Surplus]:
    highest = max((i.slot.number for i in instances if i.running), default=0)
    for instance in instances:
        best = work.best.get(instance.slot.number)
        if best is None:
            reason = f"scale {max(highest, instance.slot.number)} → {work.process.scale}"
            yield Surplus(instance, reason)
        elif instance is not best:
            reason = f"a second {instance.slot}, beside {best.name} on {best.node}"
            yield Surplus(instance, reason if instance.running else "left over, does not run")
