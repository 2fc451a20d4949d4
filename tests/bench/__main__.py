# SPDX-License-Identifier: GPL-3.0-or-later
"""The command behind ``make bench``: ``python -m tests.bench [--rounds N] [--json FILE]``.

Runs the contestants in turn, round after round on the same machines, so that what the machine does besides
hits all alike; prints medians, ranges, and how many times Fairlead's each is. A measurement, not a test: it
fails only when something does not do what it was asked to.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fairlead.table import table
from tests.lab import fleet
from tests.lab.paths import ROOT
from tests.lab.progress import LabError, heartbeat, say, stream
from tests.load import Load, Way, under_load

from .builds import Builds
from .crowd import Crowd
from .fairlead import HOST, PROGRAM, Fairlead
from .killed import next_one_starts_after
from .loop import Loop
from .machines import await_answers
from .stopwatch import Figures
from .swarm import Swarm

FIRST, AGAIN = "first deploy of 12 instances on 3 nodes", "the same deploy of 36 instances again"
US, LOOP, BARE = "Fairlead", "loop, waits and routes", "loop, containers only"
SWARM, DETACHED = "Swarm, as it comes", "Swarm, --detach"
ROUTED = "Swarm, as it comes, and routes"
CROWDED, IDLE = "first deploy of 12 beside", "the same again beside"
KILLED = "from a killed deploy to the next one's plan"
BUILT_FIRST = "a build context of 200 MB, for the first time"
BUILT, UNCHANGED = "one line of it changed", "nothing of it changed"
ALONE = "docker build and docker push alone"
SMALL, LARGE, ROLLED = 12, 36, 12
CROWDS = (0, 10, 100)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code: 0, or 1 with a sentence about what went wrong."""
    asked = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the nodes must not stay a swarm
    try:
        with tempfile.TemporaryDirectory(prefix="fairlead-bench-") as folder:
            figures, losses = _measure(Path(folder), asked.rounds, asked.only or list(PARTS))
    except LabError as error:
        say(f"bench: {error}")
        return 1
    except KeyboardInterrupt:
        say("bench: interrupted; `make bench` puts the nodes right again, `make demo-down` removes them")
        return 130
    _show(figures, losses)
    if asked.json:
        data = {"seconds": figures.as_dict(), "rollover": {who: _said(load) for who, load in losses.items()}}
        asked.json.write_text(json.dumps(data, indent=2) + "\n")
    return 0


def _measure(folder: Path, rounds: int, parts: Sequence[str]) -> tuple[Figures, dict[str, Load]]:
    fleet.up()
    with heartbeat("setting up the machines"):
        stream([PROGRAM, "playbooks/site.yml"], "site.yml", {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")})
    say("=== warming up: the image is built, and on every node, before anything is measured")
    us = Fairlead(folder)
    with heartbeat("warming up"):
        us.remove()
        us.deploy(SMALL)
        loop, swarm = Loop(us.image()), Swarm(us.image())
        us.remove()
        loop.remove()
        swarm.leave()
    figures, losses = Figures(), dict[str, Load]()
    bench = Bench(us, loop, swarm, rounds, figures, losses)
    for part in parts:
        say(f"=== {part}")
        with heartbeat("measuring"):
            PARTS[part](bench)
    return figures, losses


@dataclass(frozen=True)
class Bench:
    """The contestants, and what is known so far."""

    us: Fairlead
    loop: Loop
    swarm: Swarm
    rounds: int
    figures: Figures
    losses: dict[str, Load]


def _deploys(bench: Bench) -> None:
    for number in range(1, bench.rounds + 1):
        say(f"--- round {number} of {bench.rounds}")
        _round_of_fairlead(bench.us, bench.figures)
        _round_of_the_loop(bench.loop, bench.figures)
        _round_of_swarm(bench)


def _growth(bench: Bench) -> None:
    """Deploy beside more and more other apps; the machines are made anew afterwards."""
    us, crowd = bench.us, Crowd(bench.us.apps, bench.loop.image)
    try:
        for size in CROWDS:
            crowd.grow(size)
            for _ in range(bench.rounds):
                bench.figures.take(CROWDED, f"{size} other apps", lambda: us.deploy(SMALL))
                us.check(SMALL)
                bench.figures.take(IDLE, f"{size} other apps", lambda: us.deploy(SMALL))
                us.remove()
    finally:
        fleet.up(fresh=True)


def _killed(bench: Bench) -> None:
    for number in range(bench.rounds):
        for what, with_keeper in (("the run is killed", False), ("with what keeps its lease", True)):
            bench.us.deploy(SMALL)
            bench.us.write(SMALL, f"round {number}")
            waited = next_one_starts_after(bench.us.apps, with_keeper=with_keeper)
            bench.figures.note(KILLED, what, waited)
            bench.us.remove()


def _round_of_fairlead(us: Fairlead, figures: Figures) -> None:
    figures.take(FIRST, US, lambda: us.deploy(SMALL))
    us.check(SMALL)
    us.deploy(LARGE)
    us.check(LARGE)
    figures.take(AGAIN, US, lambda: us.deploy(LARGE))
    us.remove()


def _round_of_the_loop(loop: Loop, figures: Figures) -> None:
    figures.take(FIRST, LOOP, lambda: loop.deploy(SMALL))
    loop.check(SMALL)
    loop.remove()
    figures.take(FIRST, BARE, lambda: loop.start(SMALL))
    loop.check(SMALL)
    loop.deploy(LARGE)
    loop.check(LARGE)
    figures.take(AGAIN, LOOP, lambda: loop.deploy(LARGE))
    figures.take(AGAIN, BARE, lambda: loop.start(LARGE))
    loop.remove()


def _create_and_route(bench: Bench) -> None:
    bench.swarm.create(SMALL)
    bench.loop.route_to(bench.swarm.places())


def _round_of_swarm(bench: Bench) -> None:
    loop, swarm, figures = bench.loop, bench.swarm, bench.figures
    swarm.enter()
    try:
        figures.take(FIRST, SWARM, lambda: swarm.create(SMALL))
        swarm.check(SMALL)
        swarm.remove()
        figures.take(FIRST, ROUTED, lambda: _create_and_route(bench))
        await_answers(loop.ways_in)
        swarm.remove()
        loop.remove()
        figures.take(FIRST, DETACHED, lambda: swarm.create_and_await(SMALL))
        swarm.check(SMALL)
        swarm.update(LARGE)
        swarm.check(LARGE)
        figures.take(AGAIN, SWARM, lambda: swarm.update(LARGE))
        figures.take(AGAIN, DETACHED, lambda: swarm.update(LARGE, "--detach"))
        swarm.remove()
    finally:
        swarm.leave()


def _roll_overs(bench: Bench) -> None:
    us, loop, swarm = bench.us, bench.loop, bench.swarm
    us.deploy(ROLLED)
    bench.losses[US] = _under_load(us.ways_in, HOST, lambda: us.deploy(ROLLED, "welcome"))
    us.remove()
    loop.deploy(ROLLED)
    one_node_at_once = ("welcome", "-e", "at_once=1")
    bench.losses["loop, node by node"] = _under_load(
        loop.ways_in, "", lambda: loop.deploy(ROLLED, *one_node_at_once)
    )
    loop.remove()
    swarm.enter()
    try:
        swarm.create_on_known_ports(ROLLED)
        loop.route(ROLLED)
        bench.losses["Swarm, task by task"] = _under_load(
            loop.ways_in, "", lambda: swarm.roll_over(ROLLED, "welcome")
        )
        swarm.remove()
    finally:
        swarm.leave()
        loop.remove()


def _under_load(ways_in: Sequence[Way], host: str, roll_over: Callable[[], object]) -> Load:
    await_answers(ways_in, host)
    with under_load(ways_in, host or "bench") as load:
        roll_over()
    return load


def _builds(bench: Bench) -> None:
    with tempfile.TemporaryDirectory(prefix="fairlead-bench-") as folder:
        builds = Builds(Path(folder))
        try:
            bench.figures.take(BUILT_FIRST, US, builds.deploy)
            bench.figures.take(BUILT_FIRST, ALONE, builds.build_and_push)
            for _ in range(bench.rounds):
                builds.change()
                bench.figures.take(BUILT, US, builds.deploy)
                bench.figures.take(BUILT, ALONE, builds.build_and_push)
                bench.figures.take(UNCHANGED, US, builds.deploy)
                bench.figures.take(UNCHANGED, ALONE, builds.build_and_push)
        finally:
            builds.remove()


PARTS: dict[str, Callable[[Bench], None]] = {
    "deploys": _deploys,
    "rollover": _roll_overs,
    "killed": _killed,
    "builds": _builds,
    "growth": _growth,
}


def _said(load: Load) -> dict[str, float]:
    return {"requests": load.done + len(load.failures), "failed": len(load.failures), "seconds": load.seconds}


def _show(figures: Figures, losses: dict[str, Load]) -> None:
    parts: list[str] = []
    for what in figures.seconds:
        parts += ["", what, "", table(("", "median", "range", "times"), list(figures.rows(what)))]
    rows = [
        (who, str(said["requests"]), str(said["failed"]), f"{said['seconds']:.0f} s")
        for who, said in ((who, _said(load)) for who, load in losses.items())
    ]
    if rows:
        parts += ["", f"an update of {ROLLED} instances under load, over both routers", ""]
        parts += [table(("", "requests", "failed", "took"), rows), ""]
    sys.stdout.write("\n".join(parts) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default: 3)")
    parser.add_argument(
        "--only", choices=PARTS, action="append", help="a part of it, more than once for more"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
