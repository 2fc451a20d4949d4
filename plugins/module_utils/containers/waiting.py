# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for health: an injected probe, and predicates that have names.

A probe returns "" when all is well and otherwise why not, in words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Health
from ansible_collections.fairlead.paas.plugins.module_utils.units import format_duration
from ansible_collections.fairlead.paas.plugins.module_utils.waiting import Deadline

Probe = Callable[[], str]
SETTLE = 1.0  # seconds that an instance without a health check must keep running
_FIRST_PAUSE = 0.1
_GROWTH = 1.5


@dataclass(frozen=True)
class Outcome:
    """What one turn of waiting found; ``why`` is empty when all is well."""

    settled: bool
    why: str = ""


Predicate = Callable[[float], Outcome]  # given the seconds waited so far


def wait(predicate: Predicate, pauses: Iterator[float], deadline: Deadline) -> str:
    """Return "" once the predicate has settled well, otherwise why it did not."""
    begun = deadline.now()
    while True:
        outcome = predicate(deadline.now() - begun)
        if outcome.settled:
            return outcome.why
        if not deadline.pause(next(pauses)):
            return f"{outcome.why} at the deadline of {format_duration(deadline.seconds)}"


def pauses_up_to(longest: float) -> Iterator[float]:
    """Return pauses that are short at first, so that what starts fast is not waited for."""
    pause = min(_FIRST_PAUSE, longest)
    while True:
        yield pause
        pause = min(pause * _GROWTH, longest)


def keeps_running(alive: Probe, seconds: float = SETTLE) -> Predicate:
    """Settle well after ``seconds`` in which it was alive, badly as soon as it is not."""

    def turn(waited: float) -> Outcome:
        dead = alive()
        early = "" if waited >= seconds else f"has not kept running for {format_duration(seconds)} yet"
        return Outcome(settled=bool(dead) or not early, why=dead or early)

    return turn


def becomes_healthy(alive: Probe, answers: Probe, health: Health) -> Predicate:
    """Settle well at the first good answer, badly when it dies or fails too often.

    A failure counts only after the start period, and only one in each interval, however often it is asked.
    """
    failures, next_counted = 0, health.start_period

    def turn(waited: float) -> Outcome:
        nonlocal failures, next_counted
        dead = alive()
        unanswered = "" if dead else answers()
        if dead or not unanswered:
            return Outcome(settled=True, why=dead)
        if waited >= next_counted:
            failures, next_counted = failures + 1, waited + health.interval
        return Outcome(failures >= health.retries, f"did not become healthy: {unanswered}")

    return turn


def stays_healthy(alive: Probe, answers: Probe, health: Health, window: Deadline) -> str:
    """Return "" when it was alive and healthy until the window's end, otherwise why not, at once.

    Unhealthy is what fails too often in a row, as for routers. Whoever fails at the end is asked once more.
    """
    failures = 0
    while True:
        dead = alive()
        unanswered = "" if dead else answers()
        failures = failures + 1 if unanswered else 0
        if dead or failures >= health.retries:
            return dead or f"became unhealthy: {unanswered}"
        if not window.pause(health.interval):
            if not failures:
                return ""
            window.sleep(health.interval)
