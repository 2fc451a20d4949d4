# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting on a clock of our own: when an instance is healthy, when it is not, and how long is waited."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Health
from ansible_collections.fairlead.paas.plugins.module_utils.containers.waiting import (
    becomes_healthy,
    keeps_running,
    pauses_up_to,
    stays_healthy,
    wait,
)
from ansible_collections.fairlead.paas.plugins.module_utils.waiting import Deadline

HEALTH = Health(interval=2.0, retries=3, start_period=10.0)


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.time = 100.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    @property
    def waited(self) -> float:
        return self.time - 100.0

    def deadline(self, seconds: float) -> Deadline:
        return Deadline(seconds, self.now, self.sleep)

    def after(self, seconds: float, then: str, before: str = "") -> Callable[[], str]:
        """Return a probe that says ``before``, and ``then`` once so many seconds have passed."""
        return lambda: then if self.waited >= seconds else before


def healthy(
    clock: Clock, alive: Callable[[], str], answers: Callable[[], str], health: Health = HEALTH
) -> str:
    return wait(becomes_healthy(alive, answers, health), pauses_up_to(health.interval), clock.deadline(60))


def well() -> str:
    return ""


def test_a_good_answer_at_once_is_not_waited_for() -> None:
    clock = Clock()
    assert healthy(clock, well, well) == ""
    assert clock.waited == 0


def test_what_starts_fast_is_seen_fast() -> None:
    clock = Clock()
    assert healthy(clock, well, clock.after(0.4, "", "refused")) == ""
    assert clock.waited < 0.6


def test_failures_in_the_start_period_do_not_count() -> None:
    clock = Clock()
    assert healthy(clock, well, clock.after(9.9, "", "refused")) == ""


def test_the_retries_after_the_start_period_are_given_in_full() -> None:
    clock = Clock()
    assert healthy(clock, well, lambda: "/ answers 503") == "did not become healthy: / answers 503"
    assert 14.0 <= clock.waited <= 16.0


def test_without_a_start_period_fast_questions_do_not_use_up_the_retries() -> None:
    clock = Clock()
    health = Health(interval=2.0, retries=3, start_period=0.0)
    assert healthy(clock, well, clock.after(3.0, "", "refused"), health) == ""


def test_one_that_dies_fails_at_once_even_in_its_start_period() -> None:
    clock = Clock()
    said = healthy(clock, clock.after(1.0, "exited with code 3"), lambda: "refused")
    assert said == "exited with code 3"
    assert clock.waited < 2.0


def test_the_deadline_ends_it_with_the_last_reason() -> None:
    clock = Clock()
    health = Health(start_period=600.0)
    said = healthy(clock, well, lambda: "/ gives no answer", health)
    assert said == "did not become healthy: / gives no answer at the deadline of 1m"
    assert clock.waited == pytest.approx(60)


def test_without_a_health_check_it_must_keep_running_for_a_second() -> None:
    clock = Clock()
    assert wait(keeps_running(well), pauses_up_to(1), clock.deadline(60)) == ""
    assert 1.0 <= clock.waited < 2.0
    clock = Clock()
    dying = clock.after(0.5, "exited with code 0")
    assert wait(keeps_running(dying), pauses_up_to(1), clock.deadline(60)) == "exited with code 0"
    clock = Clock()
    said = wait(keeps_running(well), pauses_up_to(1), clock.deadline(0.5))
    assert said == "has not kept running for 1s yet at the deadline of 500ms"


def test_a_condition_is_asked_at_once_and_once_more_at_the_end() -> None:
    clock = Clock()
    assert clock.deadline(0).until(lambda: True)
    assert clock.deadline(1).until(lambda: clock.waited >= 1)
    assert not clock.deadline(1).until(lambda: False)
    assert clock.waited == pytest.approx(2)


def watched(
    clock: Clock, alive: Callable[[], str] = well, answers: Callable[[], str] = well, seconds: float = 9
) -> str:
    return stays_healthy(alive, answers, HEALTH, clock.deadline(seconds))


def test_what_stays_healthy_is_watched_for_the_whole_time_and_no_longer() -> None:
    clock = Clock()
    assert watched(clock) == ""
    assert clock.waited == pytest.approx(9)


def test_one_that_dies_while_it_is_watched_ends_the_watch() -> None:
    clock = Clock()
    assert watched(clock, alive=clock.after(3.0, "exited with code 1")) == "exited with code 1"
    assert clock.waited == pytest.approx(4)


def test_one_that_dies_between_the_last_question_and_the_end_is_noticed() -> None:
    clock = Clock()
    assert watched(clock, alive=clock.after(8.5, "exited with code 1")) == "exited with code 1"


def test_as_many_bad_answers_in_a_row_as_routers_take_are_unhealthy() -> None:
    clock = Clock()
    assert watched(clock, answers=clock.after(1.0, "/ answers 500")) == "became unhealthy: / answers 500"
    assert clock.waited == pytest.approx(6)


def test_single_bad_answers_are_forgiven() -> None:
    clock, answers = Clock(), itertools.cycle(["", "", "/ answers 500"])
    assert watched(clock, answers=lambda: next(answers), seconds=60) == ""
    assert clock.waited == pytest.approx(60, abs=2)


def test_a_bad_answer_at_the_very_end_is_asked_again() -> None:
    clock = Clock()
    said = watched(clock, answers=clock.after(8.5, "/ answers 500"))
    assert said == "became unhealthy: / answers 500"
    assert clock.waited == pytest.approx(13)
    clock = Clock()
    assert watched(clock, answers=lambda: "timeout" if 8.5 < clock.waited < 10 else "") == ""
    assert clock.waited == pytest.approx(11)


@given(longest=st.floats(0.05, 300))
def test_pauses_grow_and_never_exceed_the_interval(longest: float) -> None:
    pauses = list(itertools.islice(pauses_up_to(longest), 40))
    assert pauses == sorted(pauses)
    assert pauses[-1] == longest
    assert pauses[0] <= 0.1


@given(
    recovers=st.floats(0, 120),
    retries=st.integers(1, 5),
    interval=st.floats(0.1, 10),
    start_period=st.floats(0, 30),
    deadline=st.floats(0.5, 90),
)
def test_waiting_always_ends_in_time_and_never_calls_a_sick_one_healthy(
    recovers: float, retries: int, interval: float, start_period: float, deadline: float
) -> None:
    clock = Clock()
    health = Health(interval=interval, retries=retries, start_period=start_period)
    answers = clock.after(recovers, "", "refused")
    said = wait(becomes_healthy(well, answers, health), pauses_up_to(interval), clock.deadline(deadline))
    assert clock.waited <= deadline + 1e-6
    assert (said == "") == (clock.waited >= recovers)
    if said and "deadline" not in said:
        assert clock.waited >= start_period + (retries - 1) * interval - 1e-6
