# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast whole fleets are placed: ``python -m tests.bench.placement.speed [--seed 4]``.

Every case is a seeded fleet on which nothing runs, and apps that use all kinds of rules. It is placed whole;
then with all of it running: once as it is, and once with a node lost.
"""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from resource import RUSAGE_SELF, getrusage
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    GLOBAL,
    Configuration,
    Preference,
    Process,
    Rules,
    Spec,
)
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Instance, Node, Slot
from ansible_collections.fairlead.paas.plugins.module_utils.plan.arrangement import Arrangement, plan_fleet

from .plot import svg

M, G = 2**20, 2**30
IMAGE = "registry:5000/app@sha256:" + "ab" * 32
ZONES, RACK = 5, 20
RESERVED = 50  # one node in so many is kept for two apps


@dataclass(frozen=True)
class Size:
    """How large a case is."""

    instances: int
    processes: int
    nodes: int

    def __str__(self) -> str:
        """Return the size in words."""
        return f"{self.instances:,} instances of {self.processes:,} processes on {self.nodes:,} nodes"


SIZES = (Size(10_000, 1_000, 1_000), Size(50_000, 1_000, 5_000), Size(100_000, 1_000, 10_000))

# For the plot: apps, instances and nodes grow together.
GROWING = tuple(Size(many, many // 10, many // 10) for many in (1_000, 3_000, 10_000, 30_000, 100_000))


def fleet_of(size: Size, seed: int) -> Fleet:
    """Return nodes with labels, of three sizes, some reserved, cordoned or draining."""
    random = Random(seed)  # noqa: S311 - a seeded case, no secret
    return Fleet.of((_node(number, random) for number in range(size.nodes)), ())


def apps_of(size: Size, seed: int) -> list[Configuration]:
    """Return apps of two processes each, which together ask for so many instances."""
    random = Random(seed + 1)  # noqa: S311 - a seeded case, no secret
    everywhere = size.nodes * 70 // 100  # what the one global process comes to, about
    asked = size.instances - everywhere
    mean = asked / size.processes
    scales = [max(1, round(random.triangular(0.2, 2.2, 0.6) * mean)) for _ in range(size.processes)]
    while (over := sum(scales) - asked) != 0:
        at = random.randrange(len(scales))
        scales[at] = (
            max(1, scales[at] - over) if abs(over) < mean else max(1, scales[at] - (over > 0) + (over < 0))
        )
    return [
        Configuration(f"app{at:04}", tuple(_processes(f"app{at:04}", at, scales, random)))
        for at in range(size.processes // 2)
    ]


def running(arranged: Arrangement, fleet: Fleet) -> Fleet:
    """Return the fleet as it is when all that was placed runs."""
    instances = []
    for key, rooms in arranged.found.items():
        spec = arranged.outcomes[key].fresh.process.spec
        spec_hash = spec.hash()
        for number, room in rooms.items():
            slot = Slot(*key, number)
            name = f"{slot}-v1"
            instances.append(
                Instance(
                    slot,
                    room.name,
                    name,
                    name,
                    1,
                    spec.image,
                    spec_hash,
                    spec.memory,
                    spec.cpu,
                    room.open_port(),
                )
            )
    return Fleet.of(fleet.nodes, instances)


def measured(size: Size, seed: int) -> dict[str, Any]:
    """Return the seconds that each part took, the best of some runs, and what came of it."""
    fleet, apps = fleet_of(size, seed), apps_of(size, seed)
    arranged, whole = _best_of(3, apps, fleet)
    placed = sum(len(rooms) for rooms in arranged.found.values())
    full = running(arranged, fleet)
    _, unchanged = _best_of(2, apps, full)
    on = Counter(one.node for one in full.instances)
    fullest = min(on, key=lambda name: (-on[name], name))
    without = replace(full, nodes=tuple(node for node in full.nodes if node.name != fullest))
    again, lost = _best_of(2, apps, without)
    return {
        "seconds": whole,
        "placed": placed,
        "wanted": placed + len(arranged.unplaced),
        "unchanged": unchanged,
        "lost": lost,
        "moved": len(again.placed),
        "gone": on[fullest],
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures of all sizes, and how they grow."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.placement.speed", description=__doc__)
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument(
        "--peak", type=int, help="only place the size of this number, and print the peak memory"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw how the time grows, as an SVG")
    asked = parser.parse_args(argv)
    if asked.peak is not None:
        plan_fleet(apps_of(SIZES[asked.peak], asked.seed), fleet_of(SIZES[asked.peak], asked.seed))
        print(getrusage(RUSAGE_SELF).ru_maxrss // 1024)  # noqa: T201 - what this is for
        return 0
    if asked.plot:
        asked.plot.write_text(svg([(it.instances, _seconds(it, asked.seed)) for it in GROWING]))
        return 0
    for line in _lines(asked.seed):
        print(line, flush=True)  # noqa: T201 - what this is for
    return 0


def _lines(seed: int) -> Iterator[str]:
    taken = []
    for at, size in enumerate(SIZES):
        found = measured(size, seed)
        taken.append(found["seconds"])
        yield (
            f"{size}: {found['seconds']:.3f} s, {found['placed'] / found['seconds']:,.0f} a second,"
            f" {found['placed']:,} of {found['wanted']:,} placed, peak {_peak(at, seed)} MiB;"
            f" unchanged {found['unchanged']:.3f} s; a node lost {found['lost']:.3f} s,"
            f" {found['moved']} placed anew of {found['gone']} lost"
        )
    yield f"10 times the instances and nodes: {taken[-1] / taken[0]:.1f} times the time"


def _seconds(size: Size, seed: int) -> float:
    return _best_of(3, apps_of(size, seed), fleet_of(size, seed))[1]


def _peak(at: int, seed: int) -> int:
    """Return the peak memory of one size in a process of its own, in MiB."""
    argv = [sys.executable, "-m", "tests.bench.placement.speed", "--peak", str(at), "--seed", str(seed)]
    return int(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)


def _best_of(runs: int, apps: list[Configuration], fleet: Fleet) -> tuple[Arrangement, float]:
    best = float("inf")
    for _ in range(runs):
        gc.collect()
        begun = time.perf_counter()
        arranged = plan_fleet(apps, fleet)
        best = min(best, time.perf_counter() - begun)
    return arranged, best


def _node(number: int, random: Random) -> Node:
    labels = {
        "zone": "abcde"[number % ZONES],
        "rack": f"r{number // RACK}",
        "disk": random.choice(["ssd", "ssd", "hdd"]),
        "generation": str(random.randrange(4)),
    }
    memory = random.choice([16, 32, 64]) * G
    cpus = memory / G / 4
    state = random.choice(["cordoned", "draining"]) if random.random() < 0.01 else "active"
    apps = (f"app{number % 20:04}", f"app{number % 20 + 100:04}") if number % RESERVED == 0 else ()
    return Node(
        f"n{number:05}",
        "198.18.0.1",
        labels=labels,
        cpus=cpus,
        memory=memory,
        free_memory=int(memory * random.uniform(0.7, 1)),
        load=random.uniform(0, cpus / 2),
        state=state,
        reserved_for=apps,
    )


def _processes(app: str, at: int, scales: list[int], random: Random) -> Iterator[Process]:
    for place, name in enumerate(("cache", "web")):
        spec = Spec(
            IMAGE,
            memory=random.choice([64, 128, 192, 256, 512, 768, 1024]) * M,
            cpu=random.choice([0.05, 0.1, 0.2, 0.25]),
            port=8080 if random.random() < 0.8 else None,
        )
        rules = _rules(app, name, random)
        scale = scales[2 * at + place]
        if rules.apart == ("*",):
            scale = min(scale, 2)  # whole nodes of their own are not for many
        if rules.together:
            scale = min(scale, 3 * scales[2 * at])  # nor is there room for many beside one cache
        yield Process(name, scale, spec, rules)


def _rules(app: str, name: str, random: Random) -> Rules:
    """Return rules of one kind beside constraints and a strategy; every kind is used by a part of all."""
    strategy = random.choice(["spread", "spread", "binpack", "most-free-memory", "least-cpu"])
    wants = random.choice([(), (), (), ("disk == ssd",), ("generation != 0",), ("disk == ssd", "zone != e")])
    rules = Rules(strategy=strategy, constraints=wants)
    other = f"app{random.randrange(400):04}"
    kinds: dict[str, dict[str, Any]] = {
        "none": {},
        "spread": {"spread": "zone"},
        "skew": {"spread": "zone", "max_skew": 1},
        "per node": {"max_per_node": 2},
        "per rack": {"max_per": {"rack": 2}},
        "preferences": {"preferences": (Preference("disk == ssd"), Preference("generation == 3", 20))},
        "apart": {"apart": (other,)},
        "apart per zone": {"apart": (f"{other}/web",), "apart_per": "rack"},
        "alone": {"apart": ("*",)} if random.randrange(20) == 0 else {"apart": (other,)},
        "with": {"together": (f"{app}/cache",)} if name == "web" else {},
        "global": {"mode": GLOBAL} if app == "app0007" and name == "cache" else {},
    }
    if kinds["global"]:
        return Rules(mode=GLOBAL, constraints=("generation != 1",))  # those alone need nodes without it
    weights = [30, 10, 5, 10, 5, 10, 8, 4, 3, 8, 0]
    chosen = random.choices(list(kinds), weights)[0]
    return replace(rules, **kinds[chosen])


if __name__ == "__main__":
    sys.exit(main())
