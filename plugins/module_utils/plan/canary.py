# SPDX-License-Identifier: GPL-3.0-or-later
"""Which instances try a new release first, and what the routers shall do and measure meanwhile."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from ansible_collections.fairlead.paas.plugins.module_utils.canary.share import weighed
from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    Canary,
    Configuration,
    Process,
)
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Instance, Slot
from ansible_collections.fairlead.paas.plugins.module_utils.routing import Table
from ansible_collections.fairlead.paas.plugins.module_utils.units import format_duration, format_factor

from .reconcile import Reconciled
from .tables import backend_name, server_name


@dataclass(frozen=True)
class Chosen:
    """The slots whose new instances try a release, and how."""

    slots: tuple[Slot, ...]
    canary: Canary

    def trial(self, instances: Iterable[Instance]) -> Trial:
        """Return the trial of these new instances, as far as they are among the chosen."""
        servers: dict[str, list[str]] = defaultdict(list)
        for instance in sorted(instances):
            if instance.slot in self.slots:
                backend = backend_name(instance.slot.app, instance.slot.process)
                servers[backend].append(server_name(instance))
        return Trial({backend: tuple(names) for backend, names in servers.items()}, self.canary)

    def lines(self) -> Iterable[str]:
        """Yield it as the plan prints it, a line for each process."""
        canary, by_process = self.canary, defaultdict(list)
        for slot in self.slots:
            by_process[slot.process].append(str(slot))
        more = f"{canary.max_5xx:g} % more 5xx or {format_factor(canary.max_p95)} the p95 of the old release"
        for process, names in by_process.items():
            share = f"{canary.weight} % of {process}'s requests for {format_duration(canary.hold)}"
            yield f"  canary: {', '.join(names)} gets {share}; aborted over {more}"


@dataclass(frozen=True)
class Trial:
    """What the routers measure, backend name → the new release's servers, and by what it is judged."""

    servers: Mapping[str, tuple[str, ...]]
    canary: Canary

    def shared_out(self, table: Table) -> Table:
        """Return the table with weights by which the new release gets its share of the requests."""
        backends = (
            replace(it, servers=weighed(it.servers, self.servers.get(it.name, ()), self.canary.weight))
            for it in table.backends
        )
        return replace(table, backends=tuple(backends))


def chosen(configuration: Configuration, found: Reconciled, at_once: Collection[str]) -> Chosen | None:
    """Return what tries the release: of each process with requests the fewest instances that bear the share.

    A killed run may have started some. If there are more than that, it has passed its canary. Raises
    FairleadError for a process that must be replaced ``at_once``, since its health path changes.
    """
    canary = configuration.update.canary
    if canary is None:
        return None
    routed = set(configuration.hosts.values())
    processes = (process for process in configuration.processes if process.name in routed)
    slots = tuple(slot for process in processes for slot in _of_process(process, canary, found))
    for name in sorted({slot.process for slot in slots} & set(at_once)):
        raise FairleadError(
            f"{configuration.app}.{name} changes its health.path and has a canary: a router asks all"
            " instances of a process for the same path, so old and new ones cannot serve side by side;"
            " change the path in a release without update.canary"
        )
    return Chosen(slots, canary) if slots else None


def _of_process(process: Process, canary: Canary, found: Reconciled) -> Iterable[Slot]:
    kept = [it.slot for it in found.kept if it.slot.process == process.name]
    fewest = canary.instances(found.scales[process.name])
    if (
        process.spec.port is None
        or process.spec.alone
        or len(kept) > fewest
        or not _others_serve(process, found)
    ):
        return
    needs = [need for need in found.needs if need.process.name == process.name]
    # What replaces nothing comes first: it needs no room beside a predecessor.
    needs.sort(key=lambda need: (need.leaves is not None, need.slot))
    yield from (*kept, *(need.slot for need in needs[: fewest - len(kept)]))


def _others_serve(process: Process, found: Reconciled) -> bool:
    """Say whether anything serves that is not like the new instances."""
    old = [*(need.leaves for need in found.needs), *(item.instance for item in found.surplus)]
    serving = (it for it in old if it and it.running and it.slot.process == process.name)
    return any(it.spec != process.spec.hash() for it in serving)
