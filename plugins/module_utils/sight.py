# SPDX-License-Identifier: GPL-3.0-or-later
"""What the looks of a run saw on all machines, put together from the variables they were registered in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .allotment import OVERCOMMIT, RESERVED_FOR, SYSTEM, allotment_of, reserved_for
from .configuration import Rules
from .fleet import DRAINING, Fleet, Instance, Leftover, Node, Stored
from .haproxy.change import Observed
from .variables import Variables

UNREACHABLE = "unreachable"
SEEN = "seen"
"""The name that playbooks register looks under; a second one adds to what the first saw."""


@dataclass(frozen=True)
class Sight:
    """The fleet, the routers by name, and what the manager told. ``token`` is None without a lease.

    Machines that could not be looked at are in ``lost``, with why, and nowhere else.
    """

    lost: Mapping[str, str]
    fleet: Fleet
    routers: Mapping[str, Observed]
    releases: Sequence[Mapping[str, Any]]  # of the app, newest first
    secrets: Mapping[tuple[str, str], str]  # name and hash -> sealed value
    token: int | None
    stale: bool  # the first look may have missed what another run did
    again: bool  # there was a second look
    image_lacks: bool  # the registry has not all that the app's image needs
    claims: Sequence[Mapping[str, Any]]  # of other apps
    newest_claim: int
    active: Sequence[Mapping[str, Any]] = ()  # of all apps, where that was asked

    def draining(self, node: str) -> Sight:
        """Return the same with a node that is to be emptied, as the ledger has it in a run that is real."""
        nodes = (replace(it, state=DRAINING) if it.name == node else it for it in self.fleet.nodes)
        return replace(self, fleet=replace(self.fleet, nodes=tuple(nodes))) if node else self


def sight_of(groups: Mapping[str, Sequence[str]], variables: Variables) -> Sight:
    """Return what was seen on the machines of these groups."""
    nodes, instances, leftovers, volumes = [], [], [], []
    manager = groups["managers"][0]
    asked = (*groups["nodes"], *groups["routers"], *groups["managers"][:1])
    lost = {name: why for name in asked if (why := loss(_seen(name, variables)))}
    told = {} if manager in lost else _seen(manager, variables)
    states = {each["node"]: each["state"] for each in told.get("nodes", ())}
    for name in groups["nodes"]:
        if name in lost:
            continue
        seen = _seen(name, variables)
        node = Node.from_look(
            name,
            variables.of_host(name, "fairlead_address"),
            variables.of_host(name, "fairlead_labels") or {},
            variables.of_host(name, "fairlead_ports") or {},
            seen["node"],
        )
        nodes.append(
            replace(
                node,
                state=states.get(name, node.state),
                reserved_for=reserved_for(variables.of_host(name, RESERVED_FOR)),
                allotment=allotment_of(variables.of_host(name, SYSTEM), variables.of_host(name, OVERCOMMIT)),
            )
        )
        instances += [Instance.from_look(name, each) for each in seen["instances"]]
        volumes += [Stored.from_look(name, each) for each in seen.get("volumes", ())]
        leftovers += [Leftover(node=name, **each) for each in seen["leftovers"]]
    routers = {name: _seen(name, variables) for name in groups["routers"] if name not in lost}
    return Sight(
        lost=lost,
        fleet=Fleet.of(nodes, instances, leftovers, _rules(told), volumes),
        routers={name: Observed.from_dict(seen["router"]) for name, seen in routers.items()},
        releases=told.get("releases", ()),
        secrets=_kept(told),
        token=told.get("token"),
        stale=told.get("stale", False),
        again=any(_seen(name, variables).get("again") for name in groups["nodes"]),
        image_lacks=bool(_seen(groups["builders"][0], variables).get("image_lacks")),
        claims=told.get("claims", ()),
        newest_claim=told.get("seen", 0),
        active=told.get("active", ()),
    )


def kept_secrets(groups: Mapping[str, Sequence[str]], variables: Variables) -> dict[tuple[str, str], str]:
    """Return the sealed values that the manager told of: name and hash → sealed."""
    return _kept(_seen(groups["managers"][0], variables))


def _kept(told: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    return {(each["name"], each["hash"]): each["sealed"] for each in told.get("secrets", ())}


def _rules(told: Mapping[str, Any]) -> dict[tuple[str, str], Rules]:
    bonds = told.get("bonds", ())
    return {(each["app"], each["process"]): Rules.from_dict(each["rules"]) for each in bonds}


def _seen(host: str, variables: Variables) -> dict[str, Any]:
    seen: dict[str, Any] = variables.of_host(host, SEEN) or {}
    return seen


def loss(seen: Mapping[str, Any]) -> str:
    """Return why a machine did not say anything; empty if it did."""
    if seen.get("unreachable"):
        return UNREACHABLE
    return "failed" if seen.get("failed") or not seen else ""


def failed_of(lost: Mapping[str, str]) -> list[str]:
    """Return the names of those that were reached and failed: nothing can be done without them."""
    return sorted(name for name, why in lost.items() if why != UNREACHABLE)


def refusal(seen: Sight, nodes: Collection[str], *, skip: bool) -> str:
    """Return why no plan can be made without the machines that could not be looked at; empty if it can.

    A router that is lost may still lead to instances that would be stopped: it cannot be skipped.
    """
    if failed := failed_of(seen.lost):
        return f"{', '.join(failed)} could not be looked at; see the error above."
    others = sorted(name for name in seen.lost if name not in nodes)
    if others:
        return f"{', '.join(others)} cannot be reached; mend it, or take it out of the inventory."
    if seen.lost and not skip:
        return (
            f"{', '.join(sorted(seen.lost))} cannot be reached; mend it, or go on without it: with"
            " -e skip_unreachable=true it counts as lost, and its instances are placed elsewhere."
        )
    return ""
