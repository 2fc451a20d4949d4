# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether all that runs outlives the loss of any one node, or of all nodes with any one value of a label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import GLOBAL, Configuration
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import LOST, Fleet

from .arrange import Arrangement, arrange
from .supposition import values_of


@dataclass(frozen=True)
class Loss:
    """What becomes of all apps when something is lost.

    ``instances`` stood there. ``after`` is where all stands then, None where all fits. Of the processes
    ``down`` every instance stood there, though they have several; of those ``alone`` the only one did, and it
    is away until it has started elsewhere.
    """

    what: str
    nodes: tuple[str, ...]
    instances: int
    after: Arrangement | None = None
    down: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()

    @property
    def survived(self) -> bool:
        """Whether everything fits elsewhere, and of no process with several instances all are lost."""
        return not self.slots and not self.down

    @property
    def slots(self) -> list[str]:
        """What fits nowhere else."""
        homeless = self.after.homeless if self.after else ()
        return [str(slot) for each in homeless for slot in each.slots]

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "lost": self.what,
            "nodes": [*self.nodes],
            "instances": self.instances,
            "survived": self.survived,
            "homeless": self.slots,
            "down": [*self.down],
            "alone": [*self.alone],
        }


def losses(now: Arrangement, label: str | None = None) -> Iterator[Loss]:
    """Yield what becomes of all that stands for each loss: of every node, or of every value of a label.

    Raises FairleadError if no node has the label.
    """
    configurations, fleet = now.configurations, now.after
    groups = values_of(fleet, label) if label else {node.name: [node.name] for node in fleet.nodes}
    there = {node.name for node in fleet.nodes if node.state != LOST}
    for what, names in groups.items():
        nodes = tuple(name for name in names if name in there)
        if nodes:
            yield _loss(f"{label} {what}" if label else what, nodes, configurations, fleet)


def worst(found: list[Loss]) -> Loss:
    """Return the worst of some losses: by what fits nowhere, then by what is down, then by what is lost."""
    return min(found, key=lambda it: (-len(it.slots), -len(it.down), -len(it.alone), -it.instances, it.what))


def _loss(
    what: str, nodes: tuple[str, ...], configurations: Mapping[str, Configuration], fleet: Fleet
) -> Loss:
    running = [one for one in fleet.instances if one.running and one.slot.app in configurations]
    lost = Counter((one.slot.app, one.slot.process) for one in running if one.node in nodes)
    if not lost:
        return Loss(what, nodes, 0)
    had = Counter((one.slot.app, one.slot.process) for one in running)
    everywhere = {
        (app, process.name)
        for app, each in configurations.items()
        for process in each.processes
        if process.rules.mode == GLOBAL
    }
    gone = sorted(key for key, number in lost.items() if number == had[key] and key not in everywhere)
    found = _after(nodes, configurations, fleet)
    return Loss(
        what,
        nodes,
        lost.total(),
        found if found.homeless else None,
        tuple(".".join(key) for key in gone if had[key] > 1),
        tuple(".".join(key) for key in gone if had[key] == 1),
    )


def _after(nodes: tuple[str, ...], configurations: Mapping[str, Configuration], fleet: Fleet) -> Arrangement:
    left = (replace(node, state=LOST) if node.name in nodes else node for node in fleet.nodes)
    return arrange(configurations, replace(fleet, nodes=tuple(left)))
