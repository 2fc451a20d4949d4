# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers and hosts over the Runtime API, in the order that loses no request.

In: added in maintenance, drained so that checks run, healthy, ready. Out: drained, no session left,
maintenance, deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.waiting import Deadline

from .change import Seat, Weighing
from .place import Place
from .render import Version, server_line
from .runtime import Runtime, Silent, Unexpected
from .state import Load, parse_processes, parse_stat

_IDLE = 10.0  # seconds after which HAProxy closes an idle connection: the role's "timeout http-keep-alive"
_DELETING = 5.0  # seconds that cut sessions may take to end
_NOWHERE = "192.0.2.1"  # of a range that is no machine's (RFC 5737)


class Unhealthy(FairleadError):
    """Servers that HAProxy's own check did not find healthy in time."""


def arrive(
    admin: Runtime, version: Version, add: Sequence[Seat], wake: Sequence[Seat], deadline: Deadline
) -> None:
    """Bring servers in; on any failure (Unhealthy, Unexpected) all added ones go again."""
    try:
        for seat in add:
            _add(admin, version, seat)
        for seat in (*add, *wake):
            admin.order(f"set server {seat} state drain")
            admin.order(f"enable health {seat}")
        await_healthy(admin, (*add, *wake), deadline)
    except FairleadError:
        retire(admin, [str(seat) for seat in add], 0.0)
        raise
    for seat in (*add, *wake):
        admin.order(f"set server {seat} state ready")


def retire(admin: Runtime, servers: Sequence[str], drain: float) -> None:
    """Take servers (``backend/server``) out; what is not finished after ``drain`` seconds is cut."""
    let_go(admin, servers)
    await_quiet(admin, servers, drain)
    for server in servers:
        admin.ask(f"set server {server} state maint")
    for server in servers:
        _delete(admin, server)


def let_go(admin: Runtime, servers: Iterable[str]) -> None:
    """Send no new request to these servers."""
    for server in servers:
        admin.ask(f"set server {server} state drain")


def weigh(admin: Runtime, weighings: Iterable[Weighing]) -> None:
    """Give servers their weights, in this order."""
    for it in weighings:
        admin.order(f"set server {it.seat} weight {it.wanted}")


def leave_unchecked(admin: Runtime, servers: Iterable[str]) -> None:
    """Ask servers that are about to leave for their health no more: they may not know a path that is new."""
    for server in servers:
        admin.ask(f"disable health {server}")


def await_healthy(admin: Runtime, seats: Iterable[Seat], deadline: Deadline) -> None:
    """Wait until HAProxy's last check of each server passed. Raises Unhealthy with each one's last check."""
    waiting = {(seat.backend.name, seat.server.name) for seat in seats}
    loads: dict[tuple[str, str], Load] = {}

    def all_pass() -> bool:
        nonlocal loads
        loads = _loads(admin, {backend for backend, _ in waiting})
        missing = waiting - set(loads)
        if missing:
            raise Unexpected(f"servers vanished while they were waited for: {sorted(missing)}")
        waiting.difference_update([key for key in waiting if loads[key].check in ("L7OK", "L7OKC")])
        return not waiting

    if not deadline.until(all_pass):
        said = "; ".join(f"{b}/{s}: {loads[b, s].check or 'not checked yet'}" for b, s in sorted(waiting))
        raise Unhealthy(f"not healthy in time: {said}")


def await_quiet(admin: Runtime, servers: Sequence[str], drain: float) -> bool:
    """Wait at most ``drain`` seconds until no request is under way on the servers; say whether none is.

    Asked twice: a request may just have been given to a server and not be counted yet.
    """
    backends = {server.partition("/")[0] for server in servers}
    quiet = 0

    def is_quiet() -> bool:
        nonlocal quiet
        loads = _loads(admin, backends)
        busy = any(loads[b, s].sessions for b, s in loads if f"{b}/{s}" in servers)
        quiet = 0 if busy else quiet + 1
        return quiet > 1

    return not servers or Deadline(drain).until(is_quiet)


def await_departure(master: Runtime, drain: float) -> bool:
    """Wait for workers that still leave after a reload: they know only the servers of their time.

    Bounded by the time in which their idle connections end and their requests drain, counted from the reload.
    """

    def is_alone() -> bool:
        try:
            processes = parse_processes(master.ask("show proc"))
        except Silent:  # the master starts itself anew: somebody reloads
            return False
        return not processes.leaving or processes.uptime > _IDLE + drain

    return Deadline(_IDLE + drain + 1.0).until(is_alone)


def route(place: Place, hosts: Mapping[str, str]) -> None:
    """Point hosts at backends in the running map."""
    for host, backend in sorted(hosts.items()):
        known = "found=yes" in place.admin.ask(f"get map {place.hosts} {host}")
        place.admin.order(f"{'set' if known else 'add'} map {place.hosts} {host} {backend}")


def unroute(place: Place, hosts: Iterable[str]) -> None:
    """Take hosts out of the running map; one that is not there is gone already."""
    for host in hosts:
        place.admin.ask(f"del map {place.hosts} {host}")


def _add(admin: Runtime, version: Version, seat: Seat) -> None:
    line = server_line(seat.server, seat.backend.check, version).partition(" ")[2]
    admin.order(f"add server {seat} {line}", "New server registered.")


def _delete(admin: Runtime, server: str) -> None:
    """Delete a server that is in maintenance.

    One that was down before may have idle connections left, which HAProxy before 3.0 keeps for many seconds;
    a new address makes it close them.
    """
    answer = ""

    def is_gone() -> bool:
        nonlocal answer
        answer = admin.ask(f"del server {server}")
        if "still has connections" in answer:
            admin.ask(f"shutdown sessions server {server}")
            admin.ask(f"set server {server} addr {_NOWHERE}")
        return answer.startswith(("Server deleted", "No such server", "No such backend"))

    if not Deadline(_DELETING).until(is_gone):
        raise Unexpected(f'HAProxy does not delete the server {server}: "{answer}"')


def _loads(admin: Runtime, backends: Iterable[str]) -> dict[tuple[str, str], Load]:
    loads: dict[tuple[str, str], Load] = {}
    for backend in sorted(backends):
        loads |= parse_stat(admin.ask(f"show stat {backend} 4 -1"))
    return loads
