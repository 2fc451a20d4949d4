# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets and configurations to plan with: written out short, drawn at random, acted out phase by phase."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    GLOBAL,
    Canary,
    Configuration,
    Preference,
    Process,
    Rules,
    Spec,
    Update,
)
from ansible_collections.fairlead.paas.plugins.module_utils.errors import NoRoom
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import (
    ACTIVE,
    CORDONED,
    DRAINING,
    Fleet,
    Instance,
    Node,
    Slot,
)
from ansible_collections.fairlead.paas.plugins.module_utils.placement.shape import millicores
from ansible_collections.fairlead.paas.plugins.module_utils.plan.plan import plan
from ansible_collections.fairlead.paas.plugins.module_utils.plan.rollout import Phase, rollout
from ansible_collections.fairlead.paas.plugins.module_utils.plan.undo import Undo
from ansible_collections.fairlead.paas.plugins.module_utils.routing import Server, Table

M = 2**20
IMAGE = "198.18.0.10:5000/shop@sha256:" + "ab" * 32
# Whole plans take their time, and some thirty random worlds a run find what there is to find within days.
UNHURRIED = settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])


def process(name: str = "web", scale: int = 1, *, rules: Rules | None = None, **spec: Any) -> Process:
    """Return a process that wants 128M, 0.25 cores and a port, but for what is given."""
    wanted: dict[str, Any] = {"image": IMAGE, "memory": 128 * M, "cpu": 0.25, "port": 8080} | spec
    return Process(name, scale, Spec(**wanted), rules or Rules())


def shop(*processes: Process, hosts: Mapping[str, str] | None = None, **update: Any) -> Configuration:
    """Return the configuration of shop; its domain leads to web."""
    leads = {"shop.apps.localhost": "web"} if hosts is None else hosts
    return Configuration("shop", processes, leads, Update(**update))


def node(name: str, memory: int = 1024, **fields: Any) -> Node:
    """Return a node with so many megabytes and 4 cores; n1 has the address 198.18.0.11."""
    rest: dict[str, Any] = {"cpus": 4.0, "free_memory": memory * M} | fields
    return Node(name, f"198.18.0.1{name[1:]}", memory=memory * M, **rest)


def instance(number: int, on: str, of: Process, port: int | None = 25701, **fields: Any) -> Instance:
    """Return an instance of shop as wanted by the process, at v3, but for the fields that are given."""
    slot = Slot("shop", of.name, number)
    usual: dict[str, Any] = {
        "container": f"id-{slot}-{on}-{port}",
        "name": f"{slot}-v3",
        "release": 3,
        "image": of.spec.image,
        "spec": of.spec.hash(),
        "memory": of.spec.memory,
        "cpu": of.spec.cpu,
    }
    return Instance(slot=slot, node=on, port=port, **usual | fields)


@dataclass(frozen=True)
class World:
    """One drawn case."""

    configuration: Configuration
    fleet: Fleet


_PROCESSES = ("api", "web", "worker")
_HOSTS = {f"{name}.example.com": name for name in _PROCESSES}


_LABELS: list[dict[str, str]] = [
    {},
    {"disk": "ssd"},
    {"disk": "ssd", "zone": "a"},
    {"disk": "ssd", "zone": "b"},
    {"disk": "hdd"},
    {"zone": "b"},
]
_STATES = [*[ACTIVE] * 12, CORDONED, DRAINING]
# What billing, which runs beside shop, may ask of others.
_NEIGHBOURS = [
    *[Rules()] * 6,
    Rules(apart=("shop",)),
    Rules(apart=("shop/web",)),
    Rules(apart=("*",)),
    Rules(apart=("shop/worker",), apart_per="zone"),
]


def _one_in(draw: st.DrawFn, chance: int, *values: Any) -> Any:
    """Draw one of the values once in so many times, else None."""
    return draw(st.sampled_from(values)) if draw(st.integers(1, chance)) == chance else None


@st.composite
def _rules(draw: st.DrawFn, name: str) -> Rules:
    """Draw rules, half of them with none but those of every day."""
    usual = Rules(
        strategy=draw(st.sampled_from(["spread", "binpack", "most-free-memory", "least-cpu"])),
        constraints=draw(st.sampled_from([(), (), ("disk == ssd",), ("disk != hdd", "zone != b")])),
        max_per_node=draw(st.sampled_from([None, None, 1, 2, 3])),
    )
    if draw(st.booleans()):
        return usual
    spread = _one_in(draw, 2, "zone")
    per = _one_in(draw, 2, "zone")
    before = [other for other in _PROCESSES if other < name]  # with: never in a circle
    together = _one_in(draw, 4, "billing", *(f"shop/{other}" for other in before))
    apart = None if together else _one_in(draw, 3, "billing", "*", "shop/worker", "billing/web")
    return replace(
        usual,
        preferences=draw(st.sampled_from([(), (Preference("disk == ssd"), Preference("zone == a", 10))])),
        spread=spread,
        max_skew=_one_in(draw, 2, 1, 2) if spread else None,
        max_per={"zone": most} if (most := _one_in(draw, 4, 1, 2)) else {},
        together=(together,) if together else (),
        apart=(apart,) if apart and apart != f"shop/{name}" else (),
        apart_per=per if apart and apart != f"shop/{name}" else None,
        mode=_one_in(draw, 5, GLOBAL) or "replicated",
    )


@st.composite
def _nodes(draw: st.DrawFn, name: str) -> Node:
    return node(
        name,
        64 * draw(st.integers(2, 24)),
        labels=draw(st.sampled_from(_LABELS)),
        state=draw(st.sampled_from(_STATES)),
        reserved_for=draw(st.sampled_from([(), (), (), (), (), ("shop",), ("billing",)])),
        cpus=draw(st.sampled_from([0.5, 1.0, 2.0, 8.0])),
        load=draw(st.sampled_from([0.0, 0.3, 2.0])),
        first_port=25701,
        last_port=25701 + draw(st.integers(1, 12)),
        busy_ports=draw(st.frozensets(st.integers(25701, 25703), max_size=2)),
    )


@st.composite
def _processes(draw: st.DrawFn, name: str) -> Process:
    return process(
        name,
        draw(st.integers(0, 5)),
        memory=64 * M * draw(st.integers(1, 3)),
        cpu=draw(st.sampled_from([0.1, 0.25, 0.3])),
        port=None if name == "worker" else 8080,
        rules=draw(_rules(name)),
    )


@st.composite
def _instances(draw: st.DrawFn, nodes: tuple[Node, ...], processes: tuple[Process, ...]) -> list[Instance]:
    """Draw what is observed: as wanted, of another release, changed, dead, double, or of another app."""
    wanted = {process.name: process for process in processes}
    found = []
    for port in range(25704, 25704 + draw(st.integers(0, 10))):
        name = draw(st.sampled_from(_PROCESSES))
        one = instance(
            draw(st.integers(1, 6)),
            draw(st.sampled_from(nodes)).name,
            wanted.get(name) or process(name),
            None if name == "worker" else port,
            container=f"id-{port}",
            release=draw(st.integers(1, 3)),
        )
        changes: list[dict[str, Any]] = [
            {},
            {},
            {},
            {"spec": "other", "memory": 128 * M},
            {"running": False},
            {"drift": ("env",)},
        ]
        one = replace(one, name=f"{one.slot}-v{one.release}", **draw(st.sampled_from(changes)))
        if draw(st.integers(0, 5)) == 0:
            one = replace(one, slot=replace(one.slot, app="billing"))
        found.append(one)
    return found


@st.composite
def configurations(draw: st.DrawFn, names: list[str]) -> Configuration:
    """Draw a configuration of shop with these processes."""
    order = draw(st.sampled_from(["start-first", "start-first", "stop-first"]))
    canaries = [None, None, Canary(5), Canary(40)] if order == "start-first" else [None]
    return shop(
        *(draw(_processes(name)) for name in names),
        hosts={host: name for host, name in _HOSTS.items() if name in names and name != "worker"},
        order=order,
        canary=draw(st.sampled_from(canaries)),
        parallelism=draw(st.sampled_from([1, 2, 3, "30%", "100%", "all"])),
        max_unavailable=draw(st.sampled_from([None, 1, 1, 2, "50%", "100%"])),
    )


def fleet_nodes(draw: st.DrawFn) -> tuple[Node, ...]:
    """Draw one to four nodes."""
    return tuple(draw(_nodes(f"n{number}")) for number in range(1, draw(st.integers(1, 4)) + 1))


@st.composite
def messy_worlds(draw: st.DrawFn) -> World:
    """Draw a fleet that runs anything, and a configuration of shop to plan for it."""
    nodes = fleet_nodes(draw)
    configuration = draw(configurations(draw(st.lists(st.sampled_from(_PROCESSES), unique=True))))
    instances = tuple(draw(_instances(nodes, configuration.processes)))
    rules = {("billing", name): draw(st.sampled_from(_NEIGHBOURS)) for name in _PROCESSES}
    return World(configuration, Fleet(nodes, instances, (), rules))


@st.composite
def settled_worlds(draw: st.DrawFn) -> World:
    """Draw a fleet that runs one configuration of shop as planned, and the next: often a new image."""
    first = draw(configurations(["web", "worker"]))
    fleet = running(first, fleet_nodes(draw))
    if draw(st.integers(0, 3)) == 0:
        return World(draw(configurations(["web", "worker"])), fleet)
    image = IMAGE.replace("ab", "cd")
    renewed = (replace(process, spec=replace(process.spec, image=image)) for process in first.processes)
    return World(replace(first, processes=tuple(renewed)), fleet)


def running(configuration: Configuration, nodes: tuple[Node, ...]) -> Fleet:
    """Return the nodes with the configuration running on them as planned; bare, where it has no room."""
    acted = Acted(Fleet(nodes), Table("shop"))
    with suppress(NoRoom):
        for phase in rollout(plan(configuration, acted.fleet, None, 1), configuration, acted.fleet):
            acted.act(phase)
    return acted.observed()


def worlds() -> st.SearchStrategy[World]:
    """Draw a case of either kind."""
    return messy_worlds() | settled_worlds()


@dataclass
class Acted:
    """A fleet on which phases are acted out: what exists, what runs, and what the routers know."""

    fleet: Fleet
    table: Table
    known: dict[str, Instance] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Begin with what is observed."""
        self.known = {instance.container: instance for instance in self.fleet.instances}
        self.running = {instance.container for instance in self.fleet.instances if instance.running}

    def stop(self, phase: Phase) -> None:
        """Stop what a phase stops; all of it must run."""
        containers = {item["container"] for items in phase.stop.values() for item in items}
        assert containers <= self.running
        self.running -= containers

    def start(self, phase: Phase) -> None:
        """Start what a phase starts, under names and on ports that are free."""
        for place, items in phase.start.items():
            for item in items:
                new = _started(place, item)
                here = [one for one in self.known.values() if one.node == place]
                assert new.name not in {one.name for one in here}
                if item["spec"].get("publish"):  # nobody else can have it meanwhile
                    here = [one for one in here if one.container in self.running]
                assert new.port is None or new.port not in {one.port for one in here}
                self.known[new.container] = new
                self.running.add(new.container)

    def remove(self, containers: Mapping[str, Iterable[str]]) -> None:
        """Remove containers, which also stops them."""
        for container in [one for many in containers.values() for one in many]:
            del self.known[container]
            self.running.discard(container)

    def act(self, phase: Phase) -> None:
        """Act out one whole phase."""
        self.stop(phase)
        self.start(phase)
        self.remove(phase.remove)
        self.table = phase.table or self.table

    def undo(self, back: Undo) -> None:
        """Act out the way back."""
        self.running -= {item["container"] for items in back.stop.values() for item in items}
        self.running |= {item["container"] for items in back.resume.values() for item in items}
        self.table = back.table or self.table
        self.remove(back.remove)

    def observed(self) -> Fleet:
        """Return the fleet as a look would show it now."""
        found = (replace(one, running=one.container in self.running) for one in self.known.values())
        return Fleet(self.fleet.nodes, tuple(found), (), self.fleet.rules, self.fleet.volumes)

    def now(self) -> list[Instance]:
        """Return what runs now."""
        return [one for one in self.known.values() if one.container in self.running]

    def servers(self) -> set[Server]:
        """Return all servers that the routers send requests to now."""
        return {server for backend in self.table.backends for server in backend.servers}

    def server_of(self, one: Instance) -> tuple[str, int | None]:
        """Return address and port of an instance."""
        address = next(node.address for node in self.fleet.nodes if node.name == one.node)
        return address, one.port

    def reserved(self) -> Counter[tuple[str, str]]:
        """Return bytes and millicores that are held on each node: by what runs, and by all other apps."""
        held: Counter[tuple[str, str]] = Counter()
        for one in self.known.values():
            if one.container in self.running or one.slot.app != "shop":
                held[one.node, "memory"] += one.memory
                held[one.node, "cpu"] += millicores(one.cpu)
        return held

    def slots(self) -> Counter[tuple[str, str]]:
        """Return how many slots of each process of shop run on each node; old and new of one count once."""
        return Counter(
            (place, process)
            for place, process, _ in {
                (one.node, one.slot.process, one.slot.number) for one in self.now() if one.slot.app == "shop"
            }
        )


def _started(place: str, item: dict[str, Any]) -> Instance:
    return Instance(
        slot=Slot(**item["slot"]),
        node=place,
        container=item["name"],
        name=item["name"],
        release=item["release"],
        image=item["spec"]["image"],
        spec=item["spec_hash"],
        memory=item["spec"]["memory"],
        cpu=item["spec"]["cpu"],
        port=item["host_port"],
    )
