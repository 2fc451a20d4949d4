# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a run can be killed: at each line ``TASK [`` of each verb; and by what."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from signal import Signals
from typing import Any

from .scene import Scene

SIGNALS = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOK = (
    "Validate every app file, the inventory, and the name of the app",
    "Look at every machine, and take the app's lease",
)
PLAN = ("Plan", "Ask the hook pre_deploy", "Roll out, step by step")
STEP = ("Stop and start instances", "Route to the new instances, let go of the old ones")
RECORD = "Record the release as active"
END = ("Remove what was replaced", "Tell the hook post_deploy")
IDLE = frozenset(
    {
        "Let what was skipped not count as an error, if all is as it shall be",
        "End here if all is as it shall be",
        "End the decision here, if nothing lacks",
        "Look again, since another run has just been at work",
        "Run the release command",
        "Back up what was written",
        "Let what was skipped not count as an error",
    }
)
"""Tasks that do nothing in these runs: whoever is killed there is killed where the next one begins."""


@dataclass(frozen=True)
class Verb:
    """One way to change the app: what comes before it, what it is given, and all tasks that it prints."""

    name: str
    playbook: str
    arrange: Callable[[Scene], Mapping[str, Any]]
    tasks: tuple[str, ...]
    visited: bool = True  # the app serves from the beginning


def _first(scene: Scene) -> Mapping[str, Any]:
    scene.run("remove")
    scene.content()
    scene.wish()
    return {}


def _update(scene: Scene) -> Mapping[str, Any]:
    scene.wish()
    return {}


def _rollback(scene: Scene) -> Mapping[str, Any]:
    return {"to": f"v{scene.earlier()}"}


def _scale(scene: Scene) -> Mapping[str, Any]:
    scene.run("scale", web=2)
    return {"web": 3}


VERBS = (
    Verb(
        "first deploy",
        "deploy",
        _first,
        (*LOOK, "Plan", "Build the image", *PLAN, *STEP, RECORD, *END),
        visited=False,
    ),
    Verb("update", "deploy", _update, (*LOOK, *PLAN, *STEP, *STEP, RECORD, *END)),
    Verb(
        "rollback",
        "rollback",
        _rollback,
        (
            *(*LOOK, "Find the release to return to", "Find its image in the registry"),
            *(*PLAN, *STEP, *STEP, RECORD, *END),
        ),
    ),
    Verb("scale", "scale", _scale, (*LOOK, *PLAN, *STEP, RECORD, *END)),
)


@dataclass(frozen=True)
class Kill:
    """One way to die: of which verb, when a task begins for the n-th time, by which signal, alone or not."""

    verb: Verb
    task: str
    times: int
    by: Signals
    alone: bool = False  # only the process that was started, none of its workers

    @property
    def title(self) -> str:
        """Return it in words."""
        how = f"{self.by.name}{' to its process alone' if self.alone else ''}"
        which = f" ({self.times})" if self.times > 1 else ""
        return f"{self.verb.name}: {how} at {self.task}{which}"


def boundaries(verb: Verb) -> Iterator[tuple[str, int]]:
    """Yield the tasks of a verb in order, each with how often it has begun by then."""
    seen: Counter[str] = Counter()
    for task in verb.tasks:
        seen[task] += 1
        yield task, seen[task]


def covering() -> Iterator[Kill]:
    """Yield a kill at every boundary of every verb; the signals take turns, so that each meets each verb."""
    for turn, verb in enumerate(VERBS):
        signals = islice(cycle(SIGNALS), turn, None)
        yield from (Kill(verb, *at, by) for at, by in zip(boundaries(verb), signals, strict=False))
    update = VERBS[1]
    yield from (
        Kill(update, task, 1, signal.SIGKILL, alone=True) for task in (LOOK[1], *STEP, RECORD, END[0])
    )


def product() -> Iterator[Kill]:
    """Yield what is left of all signals at all boundaries of all verbs."""
    chosen = set(covering())
    every = (Kill(verb, *at, by) for verb in VERBS for at in boundaries(verb) for by in SIGNALS)
    return (kill for kill in every if kill not in chosen)
