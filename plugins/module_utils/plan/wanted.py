# SPDX-License-Identifier: GPL-3.0-or-later
"""What an app shall run next: its file, an earlier release, another scale, or the same once more.

What people set by hand (a scale, a restart) is part of the release that it made. A deploy carries it over
from the active release, a rollback brings back what the release had then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    GLOBAL,
    Configuration,
    Process,
)
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError, did_you_mean
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.history import (
    ACTIVE,
    FAILED,
    PENDING,
    SUPERSEDED,
)

MOST = 1000
Releases = Sequence[Mapping[str, Any]]  # of the ledger, newest first


def active_of(releases: Releases) -> Mapping[str, Any] | None:
    """Return the active release."""
    return next((release for release in releases if release["state"] == ACTIVE), None)


def recorded(release: Mapping[str, Any]) -> Configuration:
    """Return the configuration of a release. Raises FairleadError if it holds what is not known here."""
    try:
        return Configuration.from_dict(release["configuration"])
    except (AttributeError, KeyError, TypeError, ValueError):
        raise FairleadError(
            f"v{release['number']} was made by a newer Fairlead, which wrote into the ledger what this one"
            " does not know; use an up-to-date checkout"
        ) from None


def running(app: str, releases: Releases) -> Configuration:
    """Return the configuration of the active release. Raises FairleadError if there is none."""
    active = active_of(releases)
    if active is None:
        raise FairleadError(f"{app} has no active release; deploy it first")
    return recorded(active)


def refuse_forgotten(app: str, fleet: Fleet, releases: Releases) -> None:
    """Raise FairleadError if an app runs that the ledger knows no release of.

    The ledger was lost, or is older than the app: a plan would begin again at v1, and machines would refuse
    its token in the middle of it.
    """
    instances = fleet.of_app(app)
    if instances and not releases:
        nodes = ", ".join(sorted({instance.node for instance in instances}))
        newest = max(instance.release for instance in instances)
        raise FairleadError(
            f"{app} runs on {nodes}, as v{newest}, but the ledger knows no release of it: it was lost, or is"
            " older than that. playbooks/restore.yml puts a backup of the ledger back; without one,"
            " playbooks/recover.yml rebuilds it from what runs"
        )


def carried_over(written: Configuration, releases: Releases) -> Configuration:
    """Return what the app file says, with what was set by hand and is active."""
    active = active_of(releases)
    if active is None:
        return written
    found = {process.name: process for process in recorded(active).processes}
    processes = (_carried(process, found.get(process.name)) for process in written.processes)
    return replace(written, processes=tuple(processes))


def scaled(configuration: Configuration, scales: Mapping[str, int | None]) -> Configuration:
    """Return the configuration with these scales; None is that of the app file. Raises FairleadError."""
    names = [process.name for process in configuration.processes]
    for name in scales:
        if name not in names:
            raise FairleadError(f"{configuration.app} has no process {name}; {did_you_mean(name, names)}")
    for process in configuration.processes:
        if scales.get(process.name) is not None and process.rules.mode == GLOBAL:
            raise FairleadError(
                f"{process.name} has mode: global, one on every node that it may stand on, and no other scale"
            )
    processes = (
        _scaled(process, scales[process.name]) if process.name in scales else process
        for process in configuration.processes
    )
    return replace(configuration, processes=tuple(processes))


def scale_of(process: str, given: Any) -> int | None:
    """Return a scale as people write it: a number, or ``spec`` (None). Raises FairleadError."""
    text = str(given)
    if text == "spec":
        return None
    if not (text.isascii() and text.isdecimal()) or int(text) > MOST:
        raise FairleadError(f"{process}: is no scale; got {text!r}; expected 0 to {MOST}, or spec")
    return int(text)


def restarted(configuration: Configuration) -> Configuration:
    """Return the configuration with every instance to be replaced by its like."""
    processes = (
        replace(process, spec=replace(process.spec, generation=process.spec.generation + 1))
        for process in configuration.processes
    )
    return replace(configuration, processes=tuple(processes))


def target(app: str, releases: Releases, to: str = "") -> Mapping[str, Any]:
    """Return the release to go back to: ``v3`` or ``3``, or the one that was active before.

    While a later one is pending, as after a pause, the active one is what was before. Raises FairleadError
    when there is none, or when one between is irreversible.
    """
    active = active_of(releases)
    newest = active["number"] if active else max((release["number"] for release in releases), default=0)
    unfinished = active if any(release["state"] == PENDING for release in releases) else None
    chosen = _named(app, releases, to) if to else unfinished or _before(app, releases, newest)
    if active and chosen["number"] == active["number"] and not unfinished:
        raise FairleadError(f"v{chosen['number']} of {app} is active already")
    for release in releases:
        if release["irreversible"] and chosen["number"] < release["number"] <= newest:
            raise FairleadError(
                f"v{release['number']} of {app} is marked irreversible: what it changed, a return to"
                f" v{chosen['number']} would not change back; deploy a new release that goes forward"
            )
    return chosen


def set_by_hand(configuration: Configuration) -> Iterable[str]:
    """Yield in words which scales were set by hand."""
    for process in configuration.processes:
        if process.written is not None:
            yield (
                f"{process.name}={process.scale} was set by hand, the app file says {process.written};"
                f" drop it with scale.yml -e {process.name}=spec"
            )


def _carried(process: Process, found: Process | None) -> Process:
    if found is None:
        return process
    spec = replace(process.spec, generation=found.spec.generation)
    if found.written is None or process.rules.mode == GLOBAL:
        return replace(process, spec=spec)
    return replace(process, spec=spec, scale=found.scale, written=process.scale)


def _scaled(process: Process, scale: int | None) -> Process:
    written = process.scale if process.written is None else process.written
    if scale is None or scale == written:
        return replace(process, scale=written, written=None)
    return replace(process, scale=scale, written=written)


def _named(app: str, releases: Releases, to: str) -> Mapping[str, Any]:
    number = to.removeprefix("v")
    found = next((release for release in releases if str(release["number"]) == number), None)
    if found and found["state"] in (FAILED, PENDING):
        raise FairleadError(f"v{number} of {app} never became active; there is nothing of it to go back to")
    if found is None:
        known = ", ".join(f"v{release['number']}" for release in releases[:10]) or "none"
        raise FairleadError(f"{app} has no release {to}; the newest are {known}")
    return found


def _before(app: str, releases: Releases, newest: int) -> Mapping[str, Any]:
    earlier = (r for r in releases if r["number"] < newest and r["state"] == SUPERSEDED)
    found = next(earlier, None)
    if found is None:
        raise FairleadError(f"{app} has no release to go back to; say which with -e to=v3")
    return found
