# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases that do not work, or misbehave beside others. ``VICE`` is one of tests/faults/app/misbehave.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.e2e.running import until
from tests.faults.case import Met, case
from tests.faults.machines import NODES, on, shell
from tests.faults.scene import WEB, Scene

SOON = {"deadline": "8s"}
EAGER = {**WEB["health"], "timeout": "1s", "start_period": "1s"}


def bad(scene: Scene, **wishes: Any) -> Met:
    """Deploy what cannot work, and put the app file back as it was."""
    with scene.trying(**wishes):
        return scene.run()


@case("the image exits at once", fails=NODES, says=("exited with code 3",), returns=True)
def exits(scene: Scene) -> Met:
    return bad(scene, env={"SHOP_EXIT": "3"})


@case(
    "it crashes after having been healthy",
    fails=NODES,
    says=("exited with code 7",),
    returns=True,
    quick=True,
)
def crashes(scene: Scene) -> Met:
    return bad(scene, env={"VICE": "crash", "AFTER": "4"}, update={"monitor": "8s"})


@case("health answers 500", fails=NODES, says=("answers 500",), returns=True, quick=True)
def answers_500(scene: Scene) -> Met:
    return bad(scene, env={"SHOP_PING_STATUS": "500"}, web={"health": EAGER}, update=SOON)


@case("health redirects")
def redirects(scene: Scene) -> Met:
    scene.wish(env={"VICE": "redirect"})
    return scene.run()


@case("health hangs", fails=NODES, says=("gives no answer within 1 s",), returns=True)
def hangs(scene: Scene) -> Met:
    return bad(scene, env={"VICE": "hang"}, web={"health": EAGER}, update=SOON)


@case("one ping in three fails")
def flaps(scene: Scene) -> Met:
    scene.wish(env={"VICE": "flap"}, update={"monitor": "4s"})
    return scene.run()


@case("it runs out of memory", fails=NODES, says=("memory",), returns=True)
def out_of_memory(scene: Scene) -> Met:
    return bad(scene, env={"VICE": "allocate"})


@case("old instances ignore SIGTERM with requests open")
def ignores_sigterm(scene: Scene) -> Met:
    scene.wish(env={"VICE": "stay"}, web={"stop_timeout": "2s"})
    met = scene.run()
    assert met.rc == 0, met.output
    scene.wish()
    return scene.run()


@case("a fork bomb beside a neighbour")
def fork_bomb(scene: Scene) -> Met:
    processes = {"bomb": {"command": ["python3", "-m", "shop.misbehave"], "memory": "512M", "cpu": 0.05}}
    return beside(scene, "fork", processes, _bounded_children)


@case("a log flood beside a neighbour")
def log_flood(scene: Scene) -> Met:
    processes = {"flood": {"command": ["python3", "-m", "shop.misbehave"], "memory": "64M", "cpu": 0.05}}
    return beside(scene, "flood", processes, _bounded_logs)


def beside(
    scene: Scene, vice: str, processes: Mapping[str, object], check: Callable[[str, str], None]
) -> Met:
    """Let an app of its own misbehave for a while, beside the one that is asked all the time."""
    scene.wish(app="vice", env={"VICE": vice}, processes=processes)
    try:
        met = scene.run(app="vice")
        assert met.rc == 0, met.output
        [(node, name)] = [(node, name) for node in NODES if (name := on(node, *_VICES))]
        check(node, name)
        scene.wish()
        return scene.run()
    finally:
        (scene.apps / "vice.yml").unlink()
        assert scene.run("remove", app="vice").rc == 0


def _bounded_children(node: str, name: str) -> None:
    def processes() -> int:
        return int(on(node, "docker", "stats", "--no-stream", "--format", "{{.PIDs}}", name))

    until(lambda: processes() > _PIDS // 2)
    assert processes() <= _PIDS


def _bounded_logs(node: str, name: str) -> None:
    size = "du -cm $(docker inspect --format '{{.LogPath}}' NAME)* | tail -n 1 | cut -f 1"
    assert int(shell(node, size.replace("NAME", name))) <= 31


_PIDS = 512
_VICES = ("docker", "ps", "--filter", "label=io.fairlead.app=vice", "--format", "{{.Names}}")
