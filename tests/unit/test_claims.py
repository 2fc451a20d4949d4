# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.ledger.claims import (
    Bid,
    Claim,
    Room,
    Want,
    conflicts,
    standing,
)
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.clock import Instant

M = 2**20
NOW = Instant("boot 2", 1000.0)
WEB = Want("shop.web.1", "n1", 25701, 128 * M, 0.25)
WORKER = Want("shop.worker.1", "n1", None, 128 * M, 0.25)
ROOMY = {"n1": Room(256 * M, 0.5)}


def claim(number: int, slot: str = "blog.web.1", **want: object) -> Claim:
    wanted = {"node": "n1", "port": 25702, "memory": 128 * M, "cpu": 0.1} | want
    return Claim(number, "blog", Want(slot=slot, **wanted), NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bid", "others", "said"),
    [
        (Bid([WEB], ROOMY), [], []),
        (Bid([WEB], ROOMY), [claim(1), claim(2)], []),
        (Bid([WEB], ROOMY), [claim(1, port=25701, node="n2")], []),
        (Bid([WORKER], ROOMY), [claim(1, port=None)], []),
        # a port is taken, whether the plan could have known it or not
        (
            Bid([WEB], ROOMY, seen=1),
            [claim(1, port=25701)],
            ["shop.web.1 wants port 25701 of n1, which blog.web.1 has claimed"],
        ),
        # memory and cpu: only what the plan does not know counts against what it leaves
        (Bid([WORKER], {"n1": Room(0, 0.0)}, seen=2), [claim(1), claim(2)], []),
        (
            Bid([WORKER], ROOMY, seen=1),
            [claim(1), claim(2), claim(3, memory=129 * M)],
            ["n1 has 256M and 0.5 cpu left, and others have claimed 257M and 0.2 cpu of it since"],
        ),
        (
            Bid([WORKER], ROOMY),
            [claim(1, cpu=0.501, memory=M)],
            ["n1 has 256M and 0.5 cpu left, and others have claimed 1M and 0.501 cpu of it since"],
        ),
        (Bid([WORKER], {"n1": Room(M, 0.3)}), [claim(n, cpu=0.1, memory=0) for n in (1, 2, 3)], []),
        (
            Bid([WORKER], {"n1": Room(-5, -0.5)}),
            [claim(1)],
            ["n1 has 0 and -0.5 cpu left, and others have claimed 128M and 0.1 cpu of it since"],
        ),
        (
            Bid([WORKER]),
            [claim(1)],
            ["n1 has 0 and 0 cpu left, and others have claimed 128M and 0.1 cpu of it since"],
        ),
        # a node that the plan starts nothing on is not its business
        (Bid([WEB], ROOMY), [claim(1, node="n2", memory=10**12)], []),
        (Bid(), [claim(1, port=25701, memory=10**12)], []),
    ],
)
def test_two_apps_never_count_on_the_same(bid: Bid, others: list[Claim], said: list[str]) -> None:
    assert list(conflicts(bid, others)) == said


@pytest.mark.parametrize(
    ("end", "since_look", "stands"),
    [
        (NOW.later(9), 5.0, True),
        (NOW.later(-4), 5.0, True),
        (NOW.later(-6), 5.0, False),
        (Instant("boot 1", 9000.0), 5.0, False),
        (Instant("boot 1", 9000.0), 1001.0, True),
    ],
)
def test_a_claim_stands_until_every_look_shows_what_came_of_it(
    end: Instant,
    since_look: float,
    stands: bool,  # noqa: FBT001 - pytest gives it
) -> None:
    found = Claim(1, "blog", WEB, end)
    assert standing([found], NOW, since_look) == ((found,) if stands else ())
