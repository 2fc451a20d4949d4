# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of packing, made by the published recipes from a seed: the same seed, the same case, everywhere.

- Falkenauer (1996), "A hybrid grouping genetic algorithm for bin packing": uniform and triplets
- Scholl, Klein and Jürgens (1997), "BISON": data sets 1, 2 and 3
- with a known optimum that wastes nothing: whole bins cut up, in both resources
- like the web: a few shapes of very different numbers, memory and cpu, on big nodes of one kind
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
    """Items for bins of one size. ``optimum``: how many bins they need, where the recipe says it."""

    name: str
    kinds: tuple[Kind, ...]
    capacity: Size
    optimum: int | None = None

    @property
    def bins(self) -> tuple[Bin, ...]:
        """Bins enough for one item each, or for twice what the optimum may be."""
        return (Bin(self.capacity),) * min(sum(kind.count for kind in self.kinds), 2 * self.least + 10)

    @property
    def least(self) -> int:
        """The sum of the items in bins, rounded up, of the scarcer resource."""
        totals = [
            sum(kind.size[resource] * kind.count for kind in self.kinds)
            for resource in range(len(self.capacity))
        ]
        return max(-(-total // room) for total, room in zip(totals, self.capacity, strict=True))


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
    return _case(f"web {seed}", random.choices(sizes, weights, k=instances), (65536, 16000))


def many(items: int, kinds: int, seed: int, bins: int) -> Case:
    """Return items of so many kinds, about as many of each, that fill nine tenths of so many bins."""
    random = _seeded(f"many {items} {kinds} {bins} {seed}")
    mean = (65536 * 0.9 * bins / items, 16000 * 0.9 * bins / items)
    sizes = [tuple(max(1, round(m * random.uniform(0.2, 1.8))) for m in mean) for _ in range(kinds)]
    return _case(f"many {items}", [sizes[number % kinds] for number in range(items)], (65536, 16000))


def _seeded(name: str) -> Random:
    return Random(name)  # noqa: S311 - the same cases every time are the purpose


def _even(name: str, items: int, between: tuple[int, int], capacity: int) -> Case:
    random = _seeded(name)
    return _case(name, [(random.randint(*between),) for _ in range(items)], (capacity,))


def _cut(random: Random, number: int) -> list[int]:
    cuts = sorted(random.sample(range(1, 1000), number - 1))
    return [after - before for before, after in pairwise([0, *cuts, 1000])]


def _case(name: str, sizes: Sequence[Size], capacity: Size, optimum: int | None = None) -> Case:
    kinds = tuple(Kind(size, count) for size, count in sorted(Counter(sizes).items()))
    return Case(name, kinds, capacity, optimum)
