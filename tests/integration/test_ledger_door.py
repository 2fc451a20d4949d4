# SPDX-License-Identifier: GPL-3.0-or-later
"""The module on top of the ledger: what it predicts, shows, returns and refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.ledger.claims import Bid, Want
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.lease import TTL
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.ledger import Ledger
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.session import LedgerError
from ansible_collections.fairlead.paas.plugins.modules.ledger import run
from tests.integration.engine_rig import ansible
from tests.integration.ledger_rig import ADA, FIRST, SECOND, Home, opened, params

OPEN: dict[str, Any] = {"configuration": {"x": 1}, "configuration_hash": "h1", "image": "i@sha256:1"}
BEGIN: dict[str, Any] = {"who": "bob", "host": "ci", "what": "deploy blog", "since_look": 0.5}
WANT: dict[str, Any] = {"slot": "shop.web.1", "node": "n1", "port": 25701, "memory": 2**27, "cpu": 0.5}
CLAIM: dict[str, Any] = {
    "token": 1,
    "since_look": 0.5,
    "wants": [WANT],
    "room": {"n1": {"memory": 2**30, "cpu": 2}},
}


@pytest.mark.parametrize(
    ("do", "given", "said"),
    [
        ("activate", {"number": 1}, {"changed": True}),
        ("fail", {"number": 1, "outcome": "no"}, {"changed": True}),
        ("remove", {}, {"changed": True}),
        ("activate", {"number": 1, "token": 1}, {"changed": True}),
        ("prepare", {}, {"changed": False}),
        ("begin", BEGIN | {"app": "blog"}, {"changed": False, "token": 1, "ttl": TTL, "stale": False}),
        ("renew", {"token": 1}, {"changed": False}),
        ("release", {"token": 1}, {"changed": False}),
        ("settle", {"token": 1}, {"changed": False}),
        ("claim", CLAIM, {"changed": False, "number": None, "resumed": False, "conflicts": [], "seen": 1}),
        ("claim", CLAIM | OPEN, {"changed": True, "number": 2, "resumed": False, "conflicts": []}),
        ("claim", CLAIM | OPEN | {"configuration_hash": "h0"}, {"changed": False, "resumed": True}),
    ],
)
def test_check_mode_predicts_exactly_and_changes_nothing(
    home: Home, do: str, given: dict[str, Any], said: dict[str, Any]
) -> None:
    with Ledger(home.place) as ledger:
        opened(ledger, "shop", replace(FIRST, configuration_hash="h0"))
        ledger.begin("shop", ADA, 0.5)
    before = home.dump()
    predicted = run(params(home, do, **given), check=True)
    assert home.dump() == before
    assert run(params(home, do, **given), check=False) == predicted
    assert predicted | said == predicted


def test_the_module_shows_the_states_that_move(home: Home) -> None:
    with Ledger(home.place) as ledger:
        opened(ledger, "shop", FIRST)
        ledger.activate("shop", 1)
        opened(ledger, "shop", SECOND)
    shown = run(params(home, "activate", number=2), check=True)["diff"]
    assert shown == {"before": "v1 active\nv2 pending\n", "after": "v1 superseded\nv2 active\n"}


def test_the_module_reads_plain_data(home: Home) -> None:
    with Ledger(home.place) as ledger:
        opened(ledger, "shop", FIRST)
    (release,) = run(params(home, "read", limit=1), check=False)["releases"]
    assert release["configuration"] == FIRST.configuration
    assert release["state"] == "pending"


@pytest.mark.parametrize(
    ("do", "given", "said"),
    [
        ("begin", BEGIN | {"who": ""}, r"begin: who and host are empty; expected whose run it is"),
        (
            "claim",
            CLAIM | {"room": {"n1": {"memory": 1}}},
            r"room: n1: got .*; expected ..memory.: bytes, .cpu.: ",
        ),
        ("claim", CLAIM | {"room": {"n1": "all"}}, r"room: n1: got 'all'; expected"),
        ("renew", {"token": 3}, r"There was no lease of shop with token 3; the newest has 0\."),
    ],
)
def test_what_was_given_wrongly_is_said(home: Home, do: str, given: dict[str, Any], said: str) -> None:
    with pytest.raises(LedgerError, match=said):
        run(params(home, do, **given), check=False)


def test_through_ansible_a_run_learns_who_holds_an_app_and_what_others_have_claimed(home: Home) -> None:
    def ask(do: str, app: str, given: dict[str, Any]) -> dict[str, Any]:
        return ansible("ledger", {"path": home.path, "url": home.url, "do": do, "app": app} | given)

    with Ledger(home.place) as ledger:
        ledger.begin("shop", ADA, 0.5)
        held = ask("begin", "shop", BEGIN)
        assert held["failed"]
        assert held["msg"].startswith("shop is held by ada on laptop (deploy shop) since 2")
        assert held["held"].keys() == {"who", "host", "what", "since", "left"}
        ledger.renew("shop", 1)
        ledger.claim("shop", 1, Bid([Want(**WANT)], since_look=0.5))
        ledger.begin("blog", ADA, 0.5)
        refused = ask("claim", "blog", CLAIM | OPEN)
        assert refused["conflicts"] == ["shop.web.1 wants port 25701 of n1, which shop.web.1 has claimed"]
        assert refused["claims"] == [WANT | {"app": "shop"}]
        assert (refused["changed"], refused["number"]) == (False, None)
    assert "since_look" in ask("claim", "blog", {"token": 1})["msg"]
