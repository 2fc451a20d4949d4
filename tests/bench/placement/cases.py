# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of packing, made by the published recipes from a seed: the same seed, the same case, everywhere.

- Falkenauer (1996), "A hybrid grouping genetic algorithm for bin packing": uniform and triplets
- Scholl, Klein and Jürgens (1997), "BISON": data sets 1, 2 and 3
- with a known optimum that wastes nothing: whole bins cut up, in both resources
- like the web: a few shapes of very different numbers, memory and cpu, on big nodes of one kind
- small ones, which an exact solver can close
- large ones, for time: nodes of one kind, and a fleet at work, with rules
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from ansible_collections.fairlead.paas.plugins.module_utils.placement.packing import Bin, Kind

Size = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """Items and bins for them. ``optimum``: how many bins they need, where the recipe says it."""

    name: str
    kinds: tuple[Kind, ...]
    bins: tuple[Bin, ...]
    optimum: int | None = None

    @property
    def items(self) -> int:
        """How many items there are."""
        return sum(kind.count for kind in self.kinds)


def triplets(bins: int, seed: int) -> Case:
    """Return items of which three always fill a bin to the last unit; ``bins`` is the optimum."""
    random = _seeded(f"triplets {bins} {seed}")
    sizes: list[Size] = []
    for _ in range(bins):
        first = random.randint(380, 490)
        second = random.randint(250, (1000 - first) // 2)
        sizes += [(first,), (second,), (1000 - first - second,)]
    return _case(f"triplets {3 * bins}/{seed}", sizes, (1000,), bins)


def uniform(items: int, seed: int) -> Case:
    """Return items of 20 to 100 for bins of 150."""
    return _even(f"uniform {items}/{seed}", items, (20, 100), 150)


def scholl_1(items: int, capacity: int, smallest: int, seed: int) -> Case:
    """Return items of ``smallest`` to 100 for bins of 100, 120 or 150."""
    return _even(f"scholl 1 {items}/{capacity}/{smallest}/{seed}", items, (smallest, 100), capacity)


def scholl_2(items: int, in_a_bin: int, deviation: int, seed: int) -> Case:
    """Return items for bins of 1000, so many in one on average, their sizes within so many percent of it."""
    mean = 1000 / in_a_bin
    between = (round(mean * (1 - deviation / 100)), round(mean * (1 + deviation / 100)))
    return _even(f"scholl 2 {items}/{in_a_bin}/{deviation}/{seed}", items, between, 1000)


def scholl_3(seed: int) -> Case:
    """Return the hard ones: 200 items of 20,000 to 35,000 for bins of 100,000."""
    return _even(f"scholl 3 {seed}", 200, (20_000, 35_000), 100_000)


def whole_bins(bins: int, pieces: tuple[int, int], seed: int) -> Case:
    """Return bins of 1000 by 1000 cut up into so many pieces, both resources to the last unit."""
    random = _seeded(f"whole {bins} {pieces} {seed}")
    sizes: list[Size] = []
    for _ in range(bins):
        number = random.randint(*pieces)
        sizes += zip(_cut(random, number), _cut(random, number), strict=True)
    return _case(f"whole {bins}/{pieces}/{seed}", sizes, (1000, 1000), bins)


def web(seed: int, instances: int = 5000, shapes: int = 30) -> Case:
    """Return instances of memory (MiB) and cpu (millicores) for nodes of 64 GiB and 16 cores.

    Memory comes in the steps that people write, cpu around 250 millicores a GiB, from a quarter to four times
    that; few processes have many instances, most have few.
    """
    random = _seeded(f"web {instances} {shapes} {seed}")
    steps = (64, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096)
    sizes = []
    for _ in range(shapes):
        memory = random.choice(steps)
        cpu = max(memory / 4 * 2 ** random.uniform(-2, 2), 10)
        sizes.append((memory, round(cpu / 10) * 10))
    weights = [1 / rank for rank in range(1, shapes + 1)]
    return _case(f"web {seed}", random.choices(sizes, weights, k=instances), NODE)


def small(seed: int) -> Case:
    """Return 8 to 25 items in one resource or two, in four ranges of sizes, for bins of 100."""
    random = _seeded(f"small {seed}")
    items, resources = random.randint(8, 25), 1 + seed % 2
    between = ((5, 50), (10, 60), (20, 45), (1, 100))[seed // 2 % 4]
    sizes = [tuple(random.randint(*between) for _ in range(resources)) for _ in range(items)]
    return _case(f"small {seed}", sizes, (100,) * resources)


def many(items: int, kinds: int, seed: int) -> Case:
    """Return items of so many kinds, about as many of each, ten of which fill nine tenths of a node."""
    random = _seeded(f"many {items} {kinds} {seed}")
    return _case(f"many {items}", _about(random, items, kinds, 0.09), NODE)


def fleet(items: int, kinds: int, seed: int) -> Case:
    """Return items half as large for a fleet at work: no two nodes have the same free, every fourth is empty.

    A tenth of the kinds may be on a third of the nodes only, and a tenth in three on one node at the most.
    """
    random = _seeded(f"fleet {items} {kinds} {seed}")
    sizes = Counter(_about(random, items, kinds, 0.045))
    bins = [
        Bin(NODE)
        if number % 4 == 0
        else Bin((random.randint(0, NODE[0]), random.randint(0, NODE[1])), used=True)
        for number in range(items // 10)
    ]
    zone = frozenset(range(0, len(bins), 3))
    rules = [(None, None)] * 8 + [(3, None), (None, zone)]
    made = [Kind(size, sizes[size], *rules[at % len(rules)]) for at, size in enumerate(sorted(sizes))]
    return Case(f"fleet {items}", tuple(made), tuple(bins))


NODE = (65536, 16000)
"""A node of 64 GiB and 16 cores: MiB, and millicores."""


def _about(random: Random, items: int, kinds: int, share: float) -> list[Size]:
    means = [share * whole for whole in NODE]
    sizes = [tuple(round(mean * random.uniform(0.2, 1.8)) for mean in means) for _ in range(kinds)]
    return [sizes[number % kinds] for number in range(items)]


def _even(name: str, items: int, between: tuple[int, int], capacity: int) -> Case:
    random = _seeded(name)
    return _case(name, [(random.randint(*between),) for _ in range(items)], (capacity,))


def _cut(random: Random, number: int) -> list[int]:
    cuts = sorted(random.sample(range(1, 1000), number - 1))
    return [after - before for before, after in pairwise([0, *cuts, 1000])]


def _seeded(name: str) -> Random:
    return Random(name)  # noqa: S311 - the same cases every time are the purpose


def _case(name: str, sizes: Sequence[Size], capacity: Size, optimum: int | None = None) -> Case:
    """Return a case with bins enough: twice as many as the sum of the scarcer resource asks for."""
    kinds = tuple(Kind(size, count) for size, count in sorted(Counter(sizes).items()))
    columns = zip(*sizes, strict=True)
    least = max(-(-sum(column) // whole) for column, whole in zip(columns, capacity, strict=True))
    return Case(name, kinds, (Bin(capacity),) * min(len(sizes), 2 * least + 10), optimum)
