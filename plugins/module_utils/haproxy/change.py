# SPDX-License-Identifier: GPL-3.0-or-later
"""Wanted against observed: what differs, and whether the Runtime API can mend it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.routing import Backend, Server, Table

from .grammar import app_of
from .render import Version, app_file, fingerprint
from .state import Running


@dataclass(frozen=True)
class Observed:
    """What the router's files say and what its HAProxy runs. The maps hold the hosts of all apps."""

    file: str | None  # text of the app's file
    file_hosts: Mapping[str, str]
    hosts: Mapping[str, str]
    fingerprint: str | None  # of the app's file that the running process has read
    backends: Mapping[str, Mapping[str, Running]]  # the app's running ones, also those without servers
    worker: int
    version: Version = (2, 6)

    def of(self, app: str, hosts: Iterable[str]) -> Observed:
        """Return this with no other hosts than the app's own and those named."""
        kept = {*own_hosts(app, self), *hosts}
        return replace(
            self,
            file_hosts={host: name for host, name in self.file_hosts.items() if host in kept},
            hosts={host: name for host, name in self.hosts.items() if host in kept},
        )

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Observed:
        """Return what ``as_dict`` gave, also after a way as JSON."""
        backends = {
            backend: {name: Running(**server) for name, server in servers.items()}
            for backend, servers in data["backends"].items()
        }
        major, minor = data["version"]
        return cls(**{**data, "backends": backends, "version": (major, minor)})


@dataclass(frozen=True)
class Seat:
    """A server in its backend."""

    backend: Backend
    server: Server

    def __str__(self) -> str:
        """Return ``shop.web/web.1-n1-25701``, as the Runtime API names it."""
        return f"{self.backend.name}/{self.server.name}"


@dataclass(frozen=True)
class Weighing:
    """A server that runs with another weight than its own."""

    seat: Seat
    now: int

    @property
    def wanted(self) -> int:
        """The weight it is to have."""
        return self.seat.server.weight


@dataclass(frozen=True)
class Change:
    """All that must be done on one router for one app; false when nothing must."""

    reload: bool = False  # what runs differs in more than servers and hosts
    land: bool = False  # the app's file differs
    add: tuple[Seat, ...] = ()
    wake: tuple[Seat, ...] = ()  # run, but held in drain or maintenance
    weigh: tuple[Weighing, ...] = ()  # run, but with another weight
    remove: tuple[tuple[str, Running], ...] = ()  # backend name, server
    route: Mapping[str, str] = field(default_factory=dict)  # host → backend, where file or process differ
    unroute: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Say whether anything differs."""
        return any(vars(self).values())

    def lines(self) -> list[str]:
        """Return the change as people read it: ``+ server …``, ``- server …``, ``+ host …``."""
        return [
            *(f"+ server {seat} {seat.server.address}:{seat.server.port}" for seat in self.add),
            *(f"~ server {seat} ready" for seat in self.wake),
            *(f"~ server {it.seat} weight {it.now} -> {it.wanted}" for it in self.weigh),
            *(f"- server {backend}/{old.name} {old.address}:{old.port}" for backend, old in self.remove),
            *(f"+ host {host} -> {backend}" for host, backend in sorted(self.route.items())),
            *(f"- host {host}" for host in self.unroute),
            *(["~ backends and checks: reload"] if self.reload else []),
            *(["~ file"] if self.land and not self._more_than_file() else []),
        ]

    @property
    def rising(self) -> list[Weighing]:
        """What gets a greater weight, the heaviest first: meanwhile no light server gets too much."""
        return sorted((it for it in self.weigh if it.wanted > it.now), key=lambda it: -it.wanted)

    @property
    def falling(self) -> list[Weighing]:
        """What gets a smaller weight, the heaviest last."""
        return sorted((it for it in self.weigh if it.wanted < it.now), key=lambda it: it.now)

    def _more_than_file(self) -> bool:
        return bool(replace(self, land=False))


def changes(wanted: Table, observed: Observed) -> Change:
    """Return what must be done. Raises Refused for a bad table, FairleadError for a host of another app."""
    text = app_file(wanted, observed.version) if wanted.backends else None
    _refuse_taken(wanted, observed)
    seats = [Seat(backend, server) for backend in wanted.backends for server in backend.servers]
    keep = {(seat.backend.name, seat.server.name) for seat in seats}
    return Change(
        reload=_needs_reload(wanted, observed),
        land=observed.file != text,
        add=tuple(seat for seat in seats if not _running(observed, seat)),
        wake=tuple(seat for seat in seats if (old := _running(observed, seat)) and old.admin),
        weigh=tuple(
            Weighing(seat, old.weight)
            for seat in seats
            if (old := _running(observed, seat)) and old.weight != seat.server.weight
        ),
        remove=tuple(
            (name, server)
            for name, servers in sorted(observed.backends.items())
            for server in sorted(servers.values(), key=lambda server: server.name)
            if (name, server.name) not in keep
        ),
        route={
            host: backend
            for host, backend in wanted.hosts.items()
            if (observed.hosts.get(host), observed.file_hosts.get(host)) != (backend, backend)
        },
        unroute=tuple(sorted(own_hosts(wanted.app, observed) - set(wanted.hosts))),
    )


def own_hosts(app: str, observed: Observed) -> set[str]:
    """Return the hosts that lead to the app, by the map file or by the running map."""
    both = [*observed.hosts.items(), *observed.file_hosts.items()]
    return {host for host, backend in both if app_of(backend) == app}


def keeping_servers(wanted: Table, observed: Observed) -> Table:
    """Return the table with the running servers kept in it: a reload that lands it loses none."""
    return replace(wanted, backends=tuple(_keeping(backend, observed) for backend in wanted.backends))


def moves_servers(wanted: Table, observed: Observed) -> bool:
    """Say whether a server of the same name runs with another address; only a reload changes it in one go."""
    return any(
        (old.address, old.port) != (server.address, server.port)
        for backend in wanted.backends
        for server in backend.servers
        if (old := _running(observed, Seat(backend, server)))
    )


def _keeping(backend: Backend, observed: Observed) -> Backend:
    names = {server.name for server in backend.servers}
    running = observed.backends.get(backend.name, {}).values()
    kept = tuple(
        Server(old.name, old.address, old.port, old.weight) for old in running if old.name not in names
    )
    return replace(backend, servers=backend.servers + kept)


def _needs_reload(wanted: Table, observed: Observed) -> bool:
    if {backend.name for backend in wanted.backends} != set(observed.backends):
        return True
    if wanted.backends and fingerprint(wanted, observed.version) != observed.fingerprint:
        return True
    return moves_servers(wanted, observed)


def _running(observed: Observed, seat: Seat) -> Running | None:
    return observed.backends.get(seat.backend.name, {}).get(seat.server.name)


def _refuse_taken(wanted: Table, observed: Observed) -> None:
    for host in sorted(wanted.hosts):
        for hosts in (observed.file_hosts, observed.hosts):
            owner = app_of(hosts.get(host, wanted.app))
            if owner != wanted.app:
                raise FairleadError(
                    f'the host {host} belongs to the app "{owner}" on this router; remove it there first'
                )
