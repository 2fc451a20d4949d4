# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything a release is: resolved, frozen, plain data; what the ledger keeps and a plan starts from.

Durations in seconds, sizes in bytes, cpu in cores. Secrets appear only as keyed hashes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .units import share_of

# Stands for the digest of an image that check mode did not make.
TO_BE_BUILT = f"sha256:{0:064}"


@dataclass(frozen=True)
class Volume:
    """What a container finds at ``path`` and what outlives it.

    Kept by the node's engine under its name; with ``node`` a directory of the node, with ``nfs`` one of a
    server, HOST:/export.
    """

    name: str  # unique in its process
    path: str
    node: str | None = None
    nfs: str | None = None
    read_only: bool = False

    @property
    def binds(self) -> bool:
        """Whether it keeps on one node what its instance writes, so that the instance has to stay there."""
        return not self.read_only and self.nfs is None


@dataclass(frozen=True)
class Spec:
    """All that makes a container what it is, apart from where it stands and which slot it fills."""

    image: str  # REGISTRY/APP@sha256:…
    command: tuple[str, ...] = ()  # empty: the image's own
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)  # name -> keyed hash of the value
    memory: int = 256 * 2**20
    cpu: float = 0.1
    port: int | None = None  # what the container listens on
    stop_timeout: float = 10.0
    capabilities: tuple[str, ...] = ()  # NET_BIND_SERVICE …
    generation: int = 0  # one more with each restart by hand: nothing else differs
    volumes: tuple[Volume, ...] = ()  # sorted by name
    publish: int | None = None  # the node's port that leads to it, where none is to be chosen

    @property
    def alone(self) -> bool:
        """Whether an instance must have stopped before its successor starts, whatever the update says.

        Both would write to the same volume, or want the same port.
        """
        return self.publish is not None or any(not volume.read_only for volume in self.volumes)

    @property
    def binding(self) -> tuple[str, ...]:
        """The names of the volumes that bind an instance to its node."""
        return tuple(volume.name for volume in self.volumes if volume.binds)

    def hash(self) -> str:
        """Return the spec hash: equal for equal containers, 16 hexadecimal digits."""
        return _hash(self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """Return plain data, without what came later and is not used: that changes no hash."""
        return _without(asdict(self), {"volumes": (), "publish": None})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Spec:
        """Return the spec written as plain data, also after a way through JSON."""
        tuples = {name: tuple(data[name]) for name in ("command", "capabilities")}
        volumes = tuple(Volume(**each) for each in data.get("volumes", ()))
        return cls(**{**data, **tuples, "volumes": volumes})


HTTP, TCP = HEALTH_KINDS = ("http", "tcp")


@dataclass(frozen=True)
class Health:
    """How an instance is asked whether it is healthy; failures count only after ``start_period``.

    By HTTP for ``path``; by TCP for a connection, which it has to accept and keep.
    """

    path: str = "/"
    interval: float = 2.0
    timeout: float = 1.0
    retries: int = 3
    start_period: float = 10.0
    kind: str = HTTP

    def as_dict(self) -> dict[str, Any]:
        """Return plain data; the usual kind goes without saying, as it did before there was another."""
        return _without(asdict(self), {"kind": HTTP})


STRATEGIES = ("binpack", "least-cpu", "most-free-memory", "spread")
REPLICATED, GLOBAL = MODES = ("replicated", "global")


@dataclass(frozen=True)
class Preference:
    """A constraint that a node should meet, and how much that counts beside the others."""

    rule: str
    weight: int = 50  # 1 to 100


@dataclass(frozen=True)
class Rules:
    """Where the instances of a process may stand. Expressions are written as in app files."""

    strategy: str = "spread"
    constraints: tuple[str, ...] = ()
    max_per_node: int | None = None
    preferences: tuple[Preference, ...] = ()
    spread: str | None = None  # a label: as even as can be over its values
    max_skew: int | None = None  # the most that its fullest value may have more than its emptiest
    max_per: Mapping[str, int] = field(default_factory=dict)  # label -> most instances on nodes of one value
    together: tuple[str, ...] = ()  # ``with``: APP or APP/PROCESS that must stand on the same node
    apart: tuple[str, ...] = ()  # APP, APP/PROCESS or *: never on the same node
    apart_per: str | None = None  # a label: never on nodes of the same value
    mode: str = REPLICATED  # or global: one on every node that may hold it

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Rules:
        """Return the rules written as plain data, also after a way through JSON, or by an older Fairlead."""
        tuples = {name: tuple(data.get(name, ())) for name in ("constraints", "together", "apart")}
        preferences = tuple(Preference(**each) for each in data.get("preferences", ()))
        return cls(**{**data, **tuples, "preferences": preferences})


@dataclass(frozen=True)
class Process:
    """One process of the release and how many instances of it shall run."""

    name: str
    scale: int
    spec: Spec
    rules: Rules = field(default_factory=Rules)
    health: Health | None = None  # none: healthy is what keeps running
    written: int | None = None  # the app file's scale, where ``scale`` was set by hand

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        health = self.health.as_dict() if self.health else None
        return {**asdict(self), "spec": self.spec.as_dict(), "health": health}


@dataclass(frozen=True)
class Canary:
    """How a new release is tried before it replaces the old one."""

    weight: int = 5  # percent of a process's requests
    hold: float = 60.0
    max_5xx: float = 1.0  # percent of its requests that may fail beyond what fails of the old release's
    max_p95: float = 1.5  # times the old release's

    def instances(self, scale: int) -> int:
        """Return how many instances bear the share without more load on each than usual: at least one."""
        return max(1, -(-scale * self.weight // 100))


@dataclass(frozen=True)
class Update:
    """How a rollout goes. Amounts are numbers or percentages of a process's instances, as in app files."""

    order: str = "start-first"  # or stop-first
    parallelism: int | str = 1  # or all
    max_unavailable: int | str | None = None
    drain: float = 10.0
    deadline: float = 60.0
    monitor: float = 0.0
    on_failure: str = "rollback"  # or pause
    canary: Canary | None = None

    @property
    def stops_first(self) -> bool:
        """Whether every instance stops before its successor starts."""
        return self.order == "stop-first"

    def in_a_step(self, scale: int) -> int:
        """Return how many of a process's instances one step replaces: at least one."""
        return max(1, share_of(self.parallelism, scale))

    def may_be_missing(self, scale: int) -> int:
        """Return how many of a process's instances may be missing at a time.

        Unless said otherwise none, and with stop-first a step's worth; it could not go on with none.
        """
        if self.max_unavailable is None:
            return self.in_a_step(scale) if self.stops_first else 0
        return max(int(self.stops_first), share_of(self.max_unavailable, scale))


@dataclass(frozen=True)
class ReleaseCommand:
    """What runs once in the new image before anything is switched to it."""

    command: tuple[str, ...]
    deadline: float = 600.0


@dataclass(frozen=True)
class Configuration:
    """One app as it shall run: a release without its number."""

    app: str
    processes: tuple[Process, ...]
    hosts: Mapping[str, str] = field(default_factory=dict)  # host name -> process
    update: Update = field(default_factory=Update)
    release: ReleaseCommand | None = None
    irreversible: bool = False  # nothing before it may be returned to
    require_signed: bool = False  # only a signed image of it may run, whatever the inventory says

    def hash(self) -> str:
        """Return the configuration hash: equal for equal releases, 16 hexadecimal digits."""
        return _hash(self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """Return plain data, as the ledger stores it, without what came later and is not used."""
        processes = tuple(process.as_dict() for process in self.processes)
        return {**_without(asdict(self), {"require_signed": False}), "processes": processes}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Configuration:
        """Return the configuration that ``as_dict`` gave, also after a way through JSON.

        Raises TypeError for what is not known here, wherever in it that stands.
        """
        release = data.get("release")
        read = {
            "processes": tuple(_process(process) for process in data["processes"]),
            "hosts": dict(data["hosts"]),
            "update": _update(data["update"]),
            "release": _release(release) if release else None,
        }
        return cls(**{**data, **read})


def _update(data: Mapping[str, Any]) -> Update:
    canary = data.get("canary")
    return Update(**{**data, "canary": Canary(**canary) if canary else None})


def _release(data: Mapping[str, Any]) -> ReleaseCommand:
    return ReleaseCommand(**{**data, "command": tuple(data["command"])})


def _process(data: Mapping[str, Any]) -> Process:
    rules, health = data["rules"], data["health"]
    read = {
        "spec": Spec.from_dict(data["spec"]),
        "rules": Rules.from_dict(rules),
        "health": Health(**health) if health else None,
    }
    return Process(**{**data, **read})


def _without(data: dict[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    """Return plain data without the keys whose values are the usual ones."""
    return {key: value for key, value in data.items() if key not in usual or value != usual[key]}


def _hash(data: Any) -> str:
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
