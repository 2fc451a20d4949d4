# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rules of placement say of other apps, checked over all files: who is meant, and whether it can be.

A process is named APP/PROCESS here, as in app files. Who names an app means any of its processes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from ansible_collections.fairlead.paas.plugins.module_utils.errors import Problem, did_you_mean

from .document import Document
from .document import Path as FieldPath
from .grammar import EVERY_OTHER
from .model import Apart, App
from .places import apart_path

Apps = Mapping[str, tuple[App, Document]]


@dataclass(frozen=True)
class _Process:
    """One process of all files: whom it stands with and apart from, as written, and where it says so."""

    app: str
    document: Document
    path: FieldPath  # of its placement
    together: tuple[str, ...]
    apart: tuple[str, ...]

    def with_path(self, at: int) -> FieldPath:
        return (*self.path, "with", at)

    def keeps_away(self, other: str) -> bool:
        """Say whether its ``apart`` names another process, its app or every other app."""
        theirs = other.partition("/")[0]
        return bool({other, theirs, *([EVERY_OTHER] if theirs != self.app else [])} & {*self.apart})


class _Neighbourhood:
    """All processes of all files by name, and who is meant by whom."""

    def __init__(self, apps: Apps) -> None:
        self.processes = {
            f"{app}/{name}": _Process(
                app,
                document,
                ("processes", name, "placement"),
                process.placement.together,
                apart.apps if isinstance(apart := process.placement.apart, Apart) else apart,
            )
            for app, (written, document) in sorted(apps.items())
            for name, process in sorted(written.processes.items())
        }
        self._meant: dict[str, list[str]] = {}
        for name, process in self.processes.items():
            self._meant[name] = [name]
            self._meant.setdefault(process.app, []).append(name)

    def meant(self, written: str) -> list[str]:
        """Return the processes that APP or APP/PROCESS means, of those that there are."""
        return self._meant.get(written, [])

    def reached(self, written: str) -> set[str]:
        """Return who surely stands where this one does: itself, whom it is with, and on."""
        found: set[str] = set()
        ahead = [written]
        while ahead:
            meant = self.meant(ahead.pop())
            if len(meant) == 1 and meant[0] not in found:
                found.add(meant[0])
                ahead += self.processes[meant[0]].together
        return found

    def odds(self, among: Collection[str]) -> Iterator[tuple[str, str]]:
        """Yield who of these keeps away from whom of these."""
        for keeper in sorted(name for name in among if self.processes[name].apart):
            for other in sorted(among):
                if keeper != other and self.processes[keeper].keeps_away(other):
                    yield keeper, other


def check_neighbours(apps: Apps, names: Collection[str]) -> Iterator[Problem]:
    """Yield every problem between apps. ``names`` are those of all files, also of such as cannot be read."""
    there = _Neighbourhood(apps)
    for process in there.processes.values():
        yield from _strangers(process, apps, names)
    yield from _circles(there)
    yield from _contradictions(there)


def _strangers(process: _Process, apps: Apps, names: Collection[str]) -> Iterator[Problem]:
    """Yield a problem for every app and process that is named and that no file has."""
    document = process.document
    for path in ((*process.path, "with"), apart_path(document, process.path)):
        for at, other in document.texts(path):
            app, _, name = other.partition("/")
            if app == EVERY_OTHER:
                continue
            if app not in names:
                expected = did_you_mean(app, {*names} - {process.app}) if len(names) > 1 else "its app file"
                yield document.problem(at, "names an app that has no file", document.shown(at), expected)
            elif name and app in apps and name not in apps[app][0].processes:
                known = did_you_mean(name, apps[app][0].processes)
                yield document.problem(at, f"names no process of app {app}", document.shown(at), known)


def _circles(there: _Neighbourhood) -> Iterator[Problem]:
    """Yield one problem for each circle of ``with``, at the first of its processes by the alphabet."""
    graph = {
        name: [other for written in process.together for other in there.meant(written)]
        for name, process in there.processes.items()
    }
    while circle := _circle(graph):
        first = there.processes[circle[0]]
        at = next(at for at, written in enumerate(first.together) if circle[1] in there.meant(written))
        words = f"leads in a circle: {' with '.join(circle)}"
        expected = "one of them that is not with the next"
        yield first.document.problem(
            first.with_path(at), words, first.document.shown(first.with_path(at)), expected
        )
        graph = {name: others for name, others in graph.items() if name not in circle}


def _circle(graph: Mapping[str, Collection[str]]) -> list[str]:
    """Return a circle, from its first name by the alphabet back to that one, or nothing without any."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = error.args[1][:0:-1]  # it has each after the one that it is with, and its first twice
        start = circle.index(min(circle))
        return [*circle[start:], *circle[: start + 1]]
    return []


def _contradictions(there: _Neighbourhood) -> Iterator[Problem]:
    """Yield a problem where a process would stand on one node with two that keep away from each other.

    What one of its company brings about by itself is said of that one, not here.
    """
    for name, process in there.processes.items():
        company = {name}
        for at, written in enumerate(process.together):
            company |= there.reached(written)
            pair = _at_odds(name, company, there) or _none_left(name, written, there)
            if pair:
                keeper, other = pair
                words = f"brings {other} onto a node with {keeper}, which keeps apart from it"
                got = process.document.shown(process.with_path(at))
                yield process.document.problem(process.with_path(at), words, got, "one of the two rules")
                break


def _at_odds(name: str, company: Collection[str], there: _Neighbourhood) -> tuple[str, str] | None:
    """Return who keeps away from whom in a process's company, unless one of that brings both together."""
    others = [other for other in company if other != name]
    return next(
        (
            pair
            for pair in there.odds(company)
            if not any({*pair} <= there.reached(other) for other in others)
        ),
        None,
    )


def _none_left(name: str, written: str, there: _Neighbourhood) -> tuple[str, str] | None:
    """Return who keeps away from whom, if no process of an app may be the one that is meant."""
    pairs = [next(there.odds((name, other)), None) for other in there.meant(written)]
    return pairs[0] if pairs and all(pairs) else None
