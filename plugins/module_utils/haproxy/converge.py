# SPDX-License-Identifier: GPL-3.0-or-later
"""Make one router do what one app's table says: inspect, compare, act, until nothing differs."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.routing import Table
from ansible_collections.fairlead.paas.plugins.module_utils.waiting import Deadline

from . import swap
from .change import Change, Observed, Seat, changes, keeping_servers, moves_servers
from .grammar import app_of, check_table
from .landing import check, landing, reload, write, write_hosts
from .observe import observe
from .place import Place
from .probe import await_answers
from .render import Version, app_file
from .runtime import Unexpected

_PASSES = 20  # a reload and a swap, and again for every other app that reloads in between


@dataclass(frozen=True)
class Outcome:
    """What was done, or would be: the lines of the difference and whether HAProxy was reloaded."""

    lines: tuple[str, ...]
    reloaded: bool

    @property
    def changed(self) -> bool:
        """Whether anything differed."""
        return bool(self.lines)


@dataclass(frozen=True)
class Bounds:
    """How long things may take."""

    drain: float  # seconds
    deadline: Deadline


def foresee(place: Place, table: Table) -> Outcome:
    """Return what ``converge`` would do, and touch nothing."""
    check_table(table)
    change = changes(table, observe(place, table.app))
    return Outcome(tuple(change.lines()), change.reload)


def converge(place: Place, table: Table, drain: float, deadline: float) -> Outcome:
    """Make it so; ``drain`` and ``deadline`` in seconds. Raises FairleadError; what served then serves on."""
    check_table(table)
    bounds = Bounds(drain, Deadline(deadline))
    lines: list[str] = []
    reloaded = False
    for _ in range(_PASSES):
        observed = observe(place, table.app)
        change = changes(table, observed)
        if not change:
            return Outcome(tuple(lines), reloaded)
        lines = lines or change.lines()
        reloaded |= change.reload
        _once(place, table, observed, change, bounds)
    raise FairleadError(
        "HAProxy was reloaded by others again and again while this app was routed; run it once more"
    )


def _once(place: Place, table: Table, observed: Observed, change: Change, bounds: Bounds) -> None:
    try:
        act = _by_reload if change.reload else _by_runtime
        act(place, table, observed, change, bounds)
    except Unexpected:
        # Another app's reload took away what was under way: look again. Anything else is an error.
        if place.admin.pid() == observed.worker:
            raise


def _by_runtime(place: Place, table: Table, observed: Observed, change: Change, bounds: Bounds) -> None:
    swap.weigh(place.admin, change.rising)
    swap.arrive(place.admin, observed.version, change.add, change.wake, bounds.deadline)
    with landing(place):
        _same_worker(place, observed)
        _land(place, table, observed.version)
    swap.route(place, change.route)
    swap.unroute(place, change.unroute)
    leaving = [f"{backend}/{old.name}" for backend, old in change.remove]
    swap.let_go(place.admin, leaving)
    swap.weigh(place.admin, change.falling)
    if leaving:
        swap.await_departure(place.master, bounds.drain)
        swap.retire(place.admin, leaving, bounds.drain)


def _by_reload(place: Place, table: Table, observed: Observed, change: Change, bounds: Bounds) -> None:
    landed = keeping_servers(table, observed)
    with landing(place):  # no file of another app comes or goes meanwhile
        check(place, table.app, _text(landed, observed.version))
    asked = list(change.add) or _seats(table)
    await_answers(asked, bounds.deadline)
    _close(place, table, observed, change, bounds)
    with landing(place):
        _same_worker(place, observed)
        try:
            _land(place, landed, observed.version)
            reload(place, table.app)
        except FairleadError:
            _restore(place, table, observed)
            raise
    swap.leave_unchecked(place.admin, [f"{backend}/{old.name}" for backend, old in change.remove])
    try:
        swap.await_healthy(place.admin, asked, bounds.deadline)
    except swap.Unhealthy:
        _undo(place, table, observed)
        raise
    if _moves(table, observed) or moves_servers(table, observed):
        swap.await_departure(place.master, bounds.drain)


def _close(place: Place, table: Table, observed: Observed, change: Change, bounds: Bounds) -> None:
    """Hosts that go lead nowhere first; then what is under way behind them may end."""
    if change.unroute:
        with landing(place):
            hosts = {host: name for host, name in observed.file_hosts.items() if host not in change.unroute}
            write_hosts(place, table.app, _of_app(table.app, hosts))
        swap.unroute(place, change.unroute)
    leaving = [
        f"{backend}/{old.name}" for backend, old in change.remove if backend in _leaving(table, observed)
    ]
    if not _moves(table, observed):
        swap.await_quiet(place.admin, leaving, bounds.drain)


def _undo(place: Place, table: Table, observed: Observed) -> None:
    with landing(place):
        _restore(place, table, observed)
        reload(place, table.app)


def _restore(place: Place, table: Table, observed: Observed) -> None:
    write_hosts(place, table.app, _of_app(table.app, dict(observed.file_hosts)))
    write(place.app_file(table.app), observed.file)


def _land(place: Place, table: Table, version: Version) -> None:
    write_hosts(place, table.app, table.hosts)
    write(place.app_file(table.app), _text(table, version))


def _same_worker(place: Place, observed: Observed) -> None:
    if place.admin.pid() != observed.worker:
        raise Unexpected("HAProxy was reloaded meanwhile")


def _text(table: Table, version: Version) -> str | None:
    return app_file(table, version) if table.backends else None


def _seats(table: Table) -> list[Seat]:
    return [Seat(backend, server) for backend in table.backends for server in backend.servers]


def _leaving(table: Table, observed: Observed) -> set[str]:
    return set(observed.backends) - {backend.name for backend in table.backends}


def _moves(table: Table, observed: Observed) -> bool:
    """Say whether a host goes from a backend that leaves to one that stays.

    Workers that leave after the reload still lead it to the old one.
    """
    leaving = _leaving(table, observed)
    return any(observed.hosts.get(host) in leaving for host in table.hosts)


def _of_app(app: str, hosts: dict[str, str]) -> dict[str, str]:
    return {host: backend for host, backend in hosts.items() if app_of(backend) == app}
