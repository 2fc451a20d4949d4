# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that are killed wherever a task begins: the site serves on, and the next run puts all right."""

from __future__ import annotations

import re
from contextlib import nullcontext

import pytest

from tests.faults.case import Measured
from tests.faults.harness import counted, measuring, mended, ready
from tests.faults.kills import IDLE, VERBS, Kill, Verb, covering, product
from tests.faults.scene import Scene

QUICK = {
    "first deploy: SIGHUP at Stop and start instances",
    "update: SIGKILL at Stop and start instances (2)",
    "rollback: SIGTERM at Route to the new instances, let go of the old ones",
    "scale: SIGHUP at Roll out, step by step",
    "update: SIGKILL to its process alone at Stop and start instances",
}
assert {kill.title for kill in covering()} >= QUICK


def marked(kill: Kill, *marks: pytest.MarkDecorator) -> object:
    quick = [pytest.mark.quick] if kill.title in QUICK else []
    return pytest.param(kill, id=kill.title, marks=[*marks, *quick])


@pytest.mark.parametrize(
    "kill", [*map(marked, covering()), *(marked(kill, pytest.mark.product) for kill in product())]
)
def test_a_run_that_is_killed(scene: Scene, kill: Kill) -> None:
    ready(scene)
    given = kill.verb.arrange(scene)
    measured = Measured(kill.title, f"kill: {kill.verb.name}")
    visiting = scene.load() if kill.verb.visited else nullcontext()
    with measuring(measured):
        with visiting as load, scene.running(kill.verb.playbook, **given) as run:
            run.reaches(f"TASK [{kill.task}]", kill.times)
            (run.kill_alone if kill.alone else run.kill)(kill.by)
            measured.rc = run.process.returncode
            mended(scene, measured, kill.verb.playbook, **given)
        if load:
            counted(load, measured)
            assert load.failures == []
        assert measured.rc != 0
    scene.good = True


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_no_task_of_a_verb_is_left_out(scene: Scene, verb: Verb) -> None:
    ready(scene)
    given = verb.arrange(scene)
    scene.rest()
    met = scene.run(verb.playbook, **given)
    assert met.rc == 0, met.output
    found = tuple(task for task in re.findall(r"^TASK \[(.*?)\] \*", met.output, re.MULTILINE))
    assert tuple(task for task in found if task not in IDLE) == verb.tasks
    scene.good = True
