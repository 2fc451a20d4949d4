# SPDX-License-Identifier: GPL-3.0-or-later
"""The weights of servers with which the new ones among them get a share of the requests."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from ansible_collections.fairlead.paas.plugins.module_utils.routing import Server

HEAVIEST = 256  # HAProxy's greatest weight


def weights(percent: int, old: int, new: int) -> tuple[int, int]:
    """Return the weight of each old and of each new server, so that all new ones together get ``percent``.

    Of all pairs within HAProxy's range the nearest to it, and of these the lightest.
    """

    def miss(pair: tuple[int, int]) -> tuple[float, int]:
        return abs(share(pair, old, new) - percent), sum(pair)

    return min(_pairs(percent, old, new), key=miss)


def share(pair: tuple[int, int], old: int, new: int) -> float:
    """Return the percent of requests that new servers get with these weights of old and new ones."""
    return 100 * pair[1] * new / (pair[0] * old + pair[1] * new)


def weighed(servers: Iterable[Server], new: Collection[str], percent: int) -> tuple[Server, ...]:
    """Return the servers with weights that give ``percent`` to those whose names are in ``new``."""
    servers = tuple(servers)
    count = sum(server.name in new for server in servers)
    if not 0 < count < len(servers):
        return servers
    heavy, light = weights(percent, len(servers) - count, count)
    return tuple(replace(server, weight=light if server.name in new else heavy) for server in servers)


def _pairs(percent: int, old: int, new: int) -> Iterable[tuple[int, int]]:
    for light in range(1, HEAVIEST + 1):
        exact = light * new * (100 - percent) / (percent * old)
        for heavy in {int(exact), int(exact) + 1}:
            yield min(max(heavy, 1), HEAVIEST), light
