# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring instances up, all at once, wait for their health and watch over it; the first failure ends all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from threading import Event
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils import labels
from ansible_collections.fairlead.paas.plugins.module_utils.configuration import TCP, Health
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.units import format_duration
from ansible_collections.fairlead.paas.plugins.module_utils.waiting import Deadline

from . import probe
from .arguments import RESTART_POLICY, UNPROVEN, Start
from .client import Engine
from .engine import EngineError, saying
from .waiting import becomes_healthy, keeps_running, pauses_up_to, stays_healthy, wait
from .work import Resume, Wish, Work

LOG_LINES = 20
_AT_ONCE = 32  # threads, nearly all of which only wait
_LONGEST_PAUSE = 0.5  # seconds: the rollout waits for what has just become healthy
_KILLED = 128 + 9
_PORT_TAKEN = ("port is already allocated", "address already in use")


@dataclass(frozen=True)
class Up:
    """An instance that runs and is healthy. Container: its id."""

    slot: str
    name: str
    container: str


@dataclass(frozen=True)
class Failure:
    """An instance that did not come up, why, and its last log lines."""

    slot: str
    name: str
    why: str
    logs: tuple[str, ...] = ()


class InstancesFailed(FairleadError):
    """At least one instance did not become healthy; what was started is left for the caller to remove."""

    def __init__(self, node: str, failures: Sequence[Failure]) -> None:
        """Keep the failures; the message says each, and ends with the last log lines of the first."""
        self.failures = tuple(failures)
        first = failures[0]
        said = "; ".join(f"{failure.slot} on node {node} {failure.why}" for failure in failures)
        logs = f"the last log lines of {first.slot}:" if first.logs else f"{first.slot} logged nothing"
        super().__init__("\n".join([f"{said}; {logs}", *first.logs]))


@dataclass(frozen=True)
class _Candidate:
    """An instance to make healthy; ``begin`` sees to it that its container runs and returns the id."""

    slot: str
    name: str
    port: int | None
    health: Health | None
    begin: Callable[[], str]
    watched: bool = False  # must also stay healthy for a while before the engine may restart it


class _GivenUp(Exception):
    """Another instance failed, so this one is not waited for any longer."""


def bring_up(engine: Engine, wish: Wish, work: Work, bodies: Mapping[str, Any]) -> list[Up]:
    """Start what the work says and wait until all of it is healthy, also what ran already.

    What did not run then has to stay healthy for the wish's ``monitor``, all of it in the same time.
    ``bodies``: container name -> body of the create call. Raises InstancesFailed with all failures seen.
    """
    new = [
        *(_created(engine, start, bodies[start.name]) for start in work.create),
        *(_resumed(engine, resume) for resume in work.resume),
    ]
    watched = [replace(candidate, watched=True) for candidate in new] if wish.monitor else []
    candidates = [*(watched or new), *(_resumed(engine, resume) for resume in work.await_health)]
    run = _Run(engine, wish.address, wish.deadline)
    with ThreadPoolExecutor(max_workers=min(_AT_ONCE, len(candidates) or 1)) as pool:
        up = _all_up(wish.node, pool.map(run.becomes_healthy, candidates))
        window = run.window(wish.monitor)
        _all_up(wish.node, pool.map(partial(run.stays_healthy, window), watched, up))
    return up


def _all_up(node: str, results: Iterable[Up | Failure | None]) -> list[Up]:
    found = list(results)
    failures = [result for result in found if isinstance(result, Failure)]
    if failures:
        raise InstancesFailed(node, failures)
    return [result for result in found if isinstance(result, Up)]


class _Run:
    """One bringing up: one deadline for all, and the sign that it has been given up."""

    def __init__(self, engine: Engine, address: str, seconds: float) -> None:
        self._engine, self._address = engine, address
        self._given_up = Event()
        self._deadline = Deadline(seconds, sleep=self._given_up.wait)

    def window(self, seconds: float) -> Deadline:
        """Return the time from now in which everything watched is watched."""
        return Deadline(seconds, sleep=self._given_up.wait)

    def becomes_healthy(self, candidate: _Candidate) -> Up | Failure | None:
        """Bring one instance up; None when it was given up for the failure of another."""
        return self._outcome(candidate, partial(self._begin, candidate))

    def stays_healthy(self, window: Deadline, candidate: _Candidate, up: Up) -> Up | Failure | None:
        """Watch one instance; None when it was given up for the failure of another."""
        return self._outcome(candidate, partial(self._watch, window, candidate, up))

    def _outcome(self, candidate: _Candidate, act: Callable[[], Up | str]) -> Up | Failure | None:
        try:
            self._still_wanted()
            outcome = act()
        except EngineError as error:
            outcome = self._in_words(candidate, str(error))
        except _GivenUp:
            return None
        if isinstance(outcome, Up):
            return outcome
        self._given_up.set()
        return Failure(candidate.slot, candidate.name, outcome, last_logs(self._engine, candidate.name))

    def _begin(self, candidate: _Candidate) -> Up | str:
        container = candidate.begin()
        why = self._wait(candidate, container)
        if not why and not candidate.watched:
            _set_restart_policy(self._engine, container, RESTART_POLICY)
        return why or Up(candidate.slot, candidate.name, container)

    def _wait(self, candidate: _Candidate, container: str) -> str:
        health, alive = candidate.health, partial(self._alive, container)
        if health is None or candidate.port is None:
            return wait(keeps_running(alive), pauses_up_to(_LONGEST_PAUSE), self._deadline)
        answers = partial(self._ask, candidate)
        pauses = pauses_up_to(min(health.interval, _LONGEST_PAUSE))
        return wait(becomes_healthy(alive, answers, health), pauses, self._deadline)

    def _watch(self, window: Deadline, candidate: _Candidate, up: Up) -> Up | str:
        alive, answers = partial(self._alive, up.container), partial(self._ask, candidate)
        why = stays_healthy(alive, answers, candidate.health or Health(), window)
        if why:
            return f"{why}, within the {format_duration(window.seconds)} that it had to stay healthy"
        _set_restart_policy(self._engine, up.container, RESTART_POLICY)
        return up

    def _ask(self, candidate: _Candidate) -> str:
        health, port = candidate.health, candidate.port
        if health is None or port is None:
            return ""
        if health.kind == TCP:
            return probe.connect(self._address, port, health.timeout)
        return probe.ask(self._address, port, health.path, health.timeout)

    def _alive(self, container: str) -> str:
        self._still_wanted()
        with saying("cannot be inspected"):
            return end_of(self._engine.inspect_container(container)["State"])

    def _still_wanted(self) -> None:
        if self._given_up.is_set():
            raise _GivenUp

    def _in_words(self, candidate: _Candidate, error: str) -> str:
        if any(sign in error for sign in _PORT_TAKEN):
            port = f"port {candidate.port} of {self._address}"
            return f"did not start: {port} is taken by something else ({error})"
        return error


def end_of(state: Mapping[str, Any]) -> str:
    """Return how a container ended, from the State of its inspect; "" while it runs."""
    if state["Running"] and not state["Restarting"]:
        return ""
    ended = f"exited with code {state['ExitCode']}"
    if state.get("OOMKilled"):
        ended += ", killed for using more than its memory"
    elif state["ExitCode"] == _KILLED:  # not every engine notices why
        ended += ", killed, likely for using more than its memory"
    return f"{ended} ({state['Error']})" if state.get("Error") else ended


def last_logs(engine: Engine, container: str) -> tuple[str, ...]:
    """Return the last lines that a container wrote; none when the engine cannot tell."""
    try:
        with saying("no logs"):
            written: bytes = engine.logs(container, tail=LOG_LINES)
    except EngineError:
        return ()
    return tuple(written.decode(errors="replace").splitlines()[-LOG_LINES:])


def _created(engine: Engine, start: Start, body: Mapping[str, Any]) -> _Candidate:
    def begin() -> str:
        with saying("cannot be created"):
            container: str = engine.create_container_from_config(dict(body), name=start.name)["Id"]
        with saying("did not start"):
            engine.start(container)
        return container

    return _Candidate(str(start.slot), start.name, start.host_port, start.health, begin)


def _resumed(engine: Engine, resume: Resume) -> _Candidate:
    present = resume.present

    def begin() -> str:
        with saying("did not start again"):
            if present.state == "paused":
                engine.unpause(present.id)
            elif present.state != "running":
                _start_again(engine, present.id, restarting=present.state == "restarting")
        return present.id

    port = present.labels.get(labels.PORT, "")
    return _Candidate(
        present.slot, present.name, int(port) if port.isdecimal() else None, resume.health, begin
    )


def _start_again(engine: Engine, container: str, *, restarting: bool) -> None:
    if restarting:  # between two attempts the engine takes it for running, and would not start it
        engine.stop(container)
    _set_restart_policy(engine, container, UNPROVEN)
    engine.start(container)


def _set_restart_policy(engine: Engine, container: str, policy: str) -> None:
    with saying(f"its restart policy cannot be set to {policy}"):
        engine.update_container(container, restart_policy={"Name": policy})
