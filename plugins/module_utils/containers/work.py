# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done on a node: the wish against what is there. Pure; a converge's diff is this."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils import labels
from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Health
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError

from .arguments import Start, labels_of

_RUNS = frozenset({"running", "paused", "restarting"})
_BEYOND_USE = frozenset({"dead", "removing"})


@dataclass(frozen=True)
class Present:
    """A container as the engine lists it."""

    id: str
    name: str
    state: str  # running, paused, restarting, created, exited, dead, removing
    labels: Mapping[str, str] = field(default_factory=dict)
    proven: bool = True  # was healthy once; a killed run may have left it before that

    @classmethod
    def from_list(cls, listed: Mapping[str, Any]) -> Present:
        """Return the container from one element of the engine's list."""
        return cls(listed["Id"], own_name(listed), listed["State"], listed["Labels"] or {})

    @property
    def runs(self) -> bool:
        """Say whether it must be stopped before it is gone."""
        return self.state in _RUNS

    @property
    def slot(self) -> str:
        """Return ``shop.web.1`` from the labels."""
        return ".".join(self.labels.get(label, "?") for label in (labels.APP, labels.PROCESS, labels.SLOT))


@dataclass(frozen=True)
class Wish:
    """What the module ``converge`` was asked for. Containers are named by id or by name; times in seconds."""

    app: str
    node: str
    address: str
    start: tuple[Start, ...] = ()
    resume: Mapping[str, Health | None] = field(default_factory=dict)  # container -> how it is asked
    stop: Mapping[str, float] = field(default_factory=dict)  # container -> grace
    remove: tuple[str, ...] = ()
    remove_volumes: tuple[str, ...] = ()  # by the engine's names
    order: str = "start-first"
    deadline: float = 60.0
    monitor: float = 0.0  # how long what was brought up must stay healthy
    configuration: str = ""  # of the release, packed; what is created remembers it
    require_signed: bool = False  # whether nothing is created of an image that no builder of ours has signed
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    registry_auth: Mapping[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Resume:
    """A container that is there, and shall run and be healthy."""

    present: Present
    health: Health | None


@dataclass(frozen=True)
class Work:
    """Everything that differs; empty when the node is as wished."""

    pull: tuple[str, ...] = ()
    halt: tuple[tuple[Present, float], ...] = ()  # must have stopped before what starts in their slot
    volumes: tuple[str, ...] = ()  # to be made before what has them
    clear: tuple[Present, ...] = ()  # leftovers in the way of a start
    create: tuple[Start, ...] = ()
    resume: tuple[Resume, ...] = ()
    await_health: tuple[Resume, ...] = ()  # run already; shall be healthy before anything is stopped
    stop: tuple[tuple[Present, float], ...] = ()
    remove: tuple[Present, ...] = ()
    remove_volumes: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Say whether anything on the node will be other than before."""
        parts = (self.pull, self.halt, self.volumes, self.clear, self.create, self.resume, self.stop)
        return any([*parts, self.remove, self.remove_volumes])

    def lines(self) -> list[str]:
        """Return the work for ``--diff``, one line each, in a plan's signs."""
        return [
            *(f"+ {image} pull" for image in self.pull),
            *(f"- {present.name} stop, for it must not run twice" for present, _ in self.halt),
            *(f"+ {volume} make volume" for volume in self.volumes),
            *(f"- {present.name} clear away" for present in self.clear),
            *(f"+ {start.name} start{_published(start)}" for start in self.create),
            *(_resume_line(resume.present) for resume in self.resume),
            *(f"- {present.name} stop" for present, _ in self.stop),
            *(f"- {present.name} remove" for present in self.remove),
            *(f"- {volume} remove volume, with all that is in it" for volume in self.remove_volumes),
        ]


def own_name(listed: Mapping[str, Any]) -> str:
    """Return the name of a container from one element of the engine's list, which has its links' too."""
    names = [name.removeprefix("/") for name in listed["Names"] or []]
    return next((name for name in names if "/" not in name), "")


def decide(wish: Wish, there: Iterable[Present], has_image: Callable[[str], bool]) -> Work:
    """Return what differs between the wish and what is there. Raises FairleadError on what cannot be done."""
    known = {key: present for present in there for key in (present.id, present.name)}
    found = [(start, known.get(start.name)) for start in wish.start]
    for start, present in found:
        _refuse_conflict(wish, start, present)
    create = tuple(start for start, present in found if not (present and _matches(present, start)))
    matching = [(present, start.health) for start, present in found if present and start not in create]
    resumed = [(_ours(wish, known, name), health) for name, health in wish.resume.items()]
    again = [Resume(present, health) for present, health in [*matching, *resumed] if present]
    stop = _to_stop(wish, known)
    halt = _to_halt(create, stop, {present.id: present for present in known.values()}.values())
    halted = {present.id for present, _ in halt}
    images = dict.fromkeys(start.spec.image for start in create)
    return Work(
        pull=tuple(image for image in images if not has_image(image)),
        clear=tuple(present for start, present in found if present and start in create),
        create=create,
        resume=tuple(resume for resume in again if not _is_up(resume.present)),
        await_health=tuple(resume for resume in again if _is_up(resume.present)),
        halt=halt,
        stop=tuple(item for item in stop if item[0].id not in halted),
        remove=_to_remove(wish, known),
    )


def _matches(present: Present, start: Start) -> bool:
    same = all(present.labels.get(name) == value for name, value in labels_of(start).items())
    return same and present.state not in _BEYOND_USE


def _is_up(present: Present) -> bool:
    return present.state == "running" and present.proven


def _resume_line(present: Present) -> str:
    return (
        f"~ {present.name} keep once healthy"
        if present.state == "running"
        else f"+ {present.name} start again"
    )


def _refuse_conflict(wish: Wish, start: Start, present: Present | None) -> None:
    if present is None or _matches(present, start):
        return
    if present.labels.get(labels.APP) != wish.app or present.slot != str(start.slot):
        whose = f"of {present.slot}" if labels.APP in present.labels else "that is not Fairlead's"
        raise FairleadError(
            f"{start.slot} on node {wish.node}: the name {start.name} is taken by a container {whose} "
            f"({present.id[:12]}); rename or remove that one"
        )
    if present.runs:
        raise FairleadError(
            f"{start.slot} on node {wish.node}: {start.name} runs already, but with other content "
            f"({present.id[:12]}); look at the node again and give the new one another name"
        )


def _ours(wish: Wish, known: Mapping[str, Present], name: str, *, must_exist: bool = True) -> Present | None:
    present = known.get(name)
    if present is None and must_exist:
        raise FairleadError(
            f"container {name} is not on node {wish.node} any more, so it cannot be started again"
        )
    if present is not None and wish.app not in (
        present.labels.get(labels.APP),
        present.labels.get(labels.TASK),
    ):
        raise FairleadError(
            f"container {present.name} on node {wish.node} is not of app {wish.app}; left alone"
        )
    return present


def _to_stop(wish: Wish, known: Mapping[str, Present]) -> tuple[tuple[Present, float], ...]:
    found = [(_ours(wish, known, name, must_exist=False), grace) for name, grace in wish.stop.items()]
    return tuple((present, grace) for present, grace in found if present and present.runs)


def _to_halt(
    starts: Iterable[Start], stopping: Iterable[tuple[Present, float]], there: Iterable[Present]
) -> tuple[tuple[Present, float], ...]:
    """Return what else runs in the slots of instances that must not run twice, whoever wants it to stop.

    A plan knows what serves. What dies and is started again by the engine, over and over, is none of that.
    """
    alone = {str(start.slot): start for start in starts if start.spec.alone}
    graces = {present.id: grace for present, grace in stopping}
    return tuple(
        (present, graces.get(present.id, alone[present.slot].spec.stop_timeout))
        for present in sorted(there, key=lambda it: it.name)
        if present.runs and present.slot in alone and present.name != alone[present.slot].name
    )


def _to_remove(wish: Wish, known: Mapping[str, Present]) -> tuple[Present, ...]:
    found = [_ours(wish, known, name, must_exist=False) for name in wish.remove]
    return tuple({present.id: present for present in found if present}.values())


def _published(start: Start) -> str:
    return f" on port {start.host_port}" if start.host_port else ""
