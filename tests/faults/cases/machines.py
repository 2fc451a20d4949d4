# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines that die or cannot be reached, before a deploy and in the middle of one."""

from __future__ import annotations

from tests.e2e.shop import frozen
from tests.faults.case import Met, case
from tests.faults.machines import killed, restart, without_ssh, without_way
from tests.faults.scene import ROLLING, ROUTING, Scene, ended
from tests.faults.slow import slowed

ONE_AT_A_TIME = {"parallelism": 1}


@case("a node is killed in mid-roll", fails=("n2",), lost=None, quick=True)
def node_killed(scene: Scene) -> Met:
    scene.wish(update=ONE_AT_A_TIME)
    with scene.running() as run:
        run.reaches(ROUTING)
        with killed("n2"):
            return ended(run)


@case("SSH to a node is cut in mid-roll", fails=("n2",))
def ssh_cut(scene: Scene) -> Met:
    scene.wish(update=ONE_AT_A_TIME)
    with scene.running() as run:
        run.reaches(ROUTING)
        with without_ssh("n2"):
            return ended(run)


@case("a router's path to a node is cut in mid-roll", fails=("r2",), lost=40)
def path_cut(scene: Scene) -> Met:
    scene.wish(update={"parallelism": "all", "deadline": "10s"})
    with scene.running() as run:
        run.reaches(ROLLING)
        with without_way("r2", "n2"):
            return ended(run)


@case("the manager is restarted in mid-deploy", fails=None, quick=True)
def manager_restarted(scene: Scene) -> Met:
    scene.wish()
    with scene.running() as run:
        run.reaches(ROUTING)
        restart("m1")
        return ended(run)


@case(
    "a node cannot be reached before a deploy",
    fails=("n3",),
    says=("n3 cannot be reached", "skip_unreachable=true"),
    lost=None,
)
def unreachable_before(scene: Scene) -> Met:
    scene.wish()
    before = scene.identities()
    with frozen("n3"):
        refused = scene.run()
    assert scene.identities() == before
    assert refused.changed == {}
    return refused


@case("a node cannot be reached, and is to be skipped", lost=None)
def unreachable_and_skipped(scene: Scene) -> Met:
    scene.wish()
    with frozen("n3"):
        met = scene.run(skip_unreachable="true")
        again = scene.run(skip_unreachable="true")
    assert again.rc == 0, again.output
    assert again.changed == {}, again.output
    return met


@case(
    "one router cannot be reached before a deploy",
    fails=("r2",),
    says=("r2 cannot be reached",),
    returns=True,
)
def router_unreachable(scene: Scene) -> Met:
    with scene.trying(), without_ssh("r2"):
        return scene.run()


@case("one router cannot be reached in mid-roll", fails=("r2",), says=("r2 could not be led back",))
def router_lost(scene: Scene) -> Met:
    scene.wish(update=ONE_AT_A_TIME)
    with scene.running() as run:
        run.reaches(ROUTING)
        run.reaches(ROLLING, 2)
        with without_ssh("r2"):
            return ended(run)


@case("800 ms delay and 10 % loss from one node", fails=None, lost=None)
def slow_way(scene: Scene) -> Met:
    scene.wish()
    with slowed("n3", milliseconds=800, loss=0.1):
        return scene.run()
