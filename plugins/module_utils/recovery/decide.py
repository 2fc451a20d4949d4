# SPDX-License-Identifier: GPL-3.0-or-later
"""Which release of each app is the active one, by what runs; and what of it cannot be known. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.app.grammar import parse_name
from ansible_collections.fairlead.paas.plugins.module_utils.configuration import GLOBAL, Configuration
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Instance

from .reading import unpacked
from .remains import Remains


@dataclass(frozen=True)
class Rebuilt:
    """A release for a ledger that knows none of its app.

    Without a ``configuration`` it only keeps the number from being given again. ``source`` says in words what
    it is made from, ``unknown`` what could not be known.
    """

    app: str
    number: int
    image: str
    configuration: Configuration | None
    source: str
    unknown: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for the ledger's module."""
        made = self.configuration
        return {
            "app": self.app,
            "number": self.number,
            "image": self.image,
            "configuration": made.as_dict() if made else {},
            "configuration_hash": made.hash() if made else "",
            "source": self.source,
        }


@dataclass(frozen=True)
class _Candidate:
    """A release that containers carry the configuration of, and what runs as that says, a slot each."""

    release: int
    configuration: Configuration
    running: tuple[Instance, ...]

    @property
    def share(self) -> Fraction:
        """How much of its formation runs: 1 is all."""
        wanted = sum(
            sum(one.slot.process == process.name for one in self.running)
            if process.rules.mode == GLOBAL
            else process.scale
            for process in self.configuration.processes
        )
        return Fraction(len(self.running), wanted) if wanted else Fraction(0)


def rebuild(remains: Remains) -> tuple[Rebuilt, ...]:
    """Return the active release of every app that has a container, sorted by app."""
    apps = sorted({instance.slot.app for instance in remains.instances})
    return tuple(_rebuilt(app, remains) for app in apps if is_name(app))


def is_name(app: str) -> bool:
    """Say whether an app can be called so; a label may say anything."""
    try:
        parse_name(app)
    except ValueError:
        return False
    return True


def _rebuilt(app: str, remains: Remains) -> Rebuilt:
    instances, highest = remains.of_app(app), remains.numbers.get(app, 0)
    candidates, unread = _candidates(app, instances, remains)
    silent = tuple(f"the configuration of v{release} {why}" for release, why in sorted(unread.items()))
    if not candidates:
        newest = max(instances, key=lambda instance: instance.release)
        source = f"{_containers(instances)}, whose configuration cannot be read"
        return Rebuilt(app, max(highest, 1), newest.image, None, source, silent)
    best = max(candidates, key=lambda it: (it.share, it.release, it.configuration.hash()))
    ran = _containers(best.running) if best.running else "what does not run any more"
    return Rebuilt(
        app=app,
        number=highest + 1,
        image=best.configuration.processes[0].spec.image,
        configuration=best.configuration,
        source=f"{ran}, as v{best.release} says",
        unknown=(*_missing(best), *_others(best, instances), *silent, *_routes(best, remains.hosts)),
    )


def _candidates(
    app: str, instances: tuple[Instance, ...], remains: Remains
) -> tuple[list[_Candidate], dict[int, str]]:
    """Return the releases whose configuration can be read, and of the others why it cannot."""
    unread = {instance.release: "is carried by no container" for instance in instances}
    read: dict[int, list[Configuration]] = {}
    for _, release, text in sorted(each for each in remains.packed if each[0] == app):
        try:
            configuration = unpacked(text, app)
        except ValueError as error:
            unread[release] = str(error)
        else:
            read.setdefault(release, []).append(configuration)
    found = [
        _Candidate(release, configuration, tuple(_running(configuration, instances)))
        for release, configurations in read.items()
        for configuration in configurations
    ]
    return found, {release: why for release, why in unread.items() if release not in read}


def _running(configuration: Configuration, instances: Iterable[Instance]) -> Iterator[Instance]:
    """Yield an instance for each slot that runs as it shall; kept ones are of earlier releases.

    Which numbers a process has is left to chance: scaling down stops the worst placed. So it is as many as it
    wants; of one that runs on every node, all.
    """
    wanted = {process.name: (process, process.spec.hash()) for process in configuration.processes}
    filled: dict[str, set[int]] = {name: set() for name in wanted}
    for instance in sorted(instances, key=lambda it: (-it.release, it)):
        slot = instance.slot
        process, spec = wanted.get(slot.process, (None, ""))
        if not process or not instance.running or instance.spec != spec:
            continue
        numbers = filled[process.name]
        wants_more = process.rules.mode == GLOBAL or len(numbers) < process.scale
        if wants_more and slot.number not in numbers:
            numbers.add(slot.number)
            yield instance


def _missing(best: _Candidate) -> Iterator[str]:
    if best.share < 1:
        run = Counter(instance.slot.process for instance in best.running)
        counts = (f"{it.name} {run[it.name]} of {it.scale}" for it in best.configuration.processes)
        yield (
            f"whether v{best.release} was active: no release runs whole, and of this one {', '.join(counts)}"
        )


def _others(best: _Candidate, instances: Iterable[Instance]) -> Iterator[str]:
    known = set(best.running)
    others = [instance for instance in instances if instance not in known]
    if others:
        yield (
            f"what {_containers(others)} beside it stood for: the next deploy removes what is no part of it"
        )


def _routes(best: _Candidate, hosts: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Yield where routers lead otherwise: a release that started no container may have changed that."""
    app = best.configuration.app
    wanted = {host: f"{app}.{name}" for host, name in best.configuration.hosts.items()}
    found: dict[str, list[str]] = {}
    for router, leads in hosts.items():
        theirs = {host: to for host, to in leads.items() if to.partition(".")[0] == app}
        for host, to in sorted(set(theirs.items()) ^ set(wanted.items())):
            words = "leads" if theirs.get(host) == to else "does not lead"
            found.setdefault(f"{host} {words} to {to}", []).append(router)
    for words, routers in found.items():
        yield f"why {words} on {', '.join(routers)}, other than v{best.release} says"


def _containers(instances: Iterable[Instance]) -> str:
    """Return ``5 containers of v2 and v3``."""
    of = list(instances)
    *others, last = (f"v{release}" for release in sorted({instance.release for instance in of}))
    releases = f"{', '.join(others)} and {last}" if others else last
    return f"{len(of)} container{'s'[: len(of) > 1]} of {releases}"
