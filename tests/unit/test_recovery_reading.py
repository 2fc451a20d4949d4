# SPDX-License-Identifier: GPL-3.0-or-later
"""Configurations in labels: what was packed comes back, and nothing else comes through."""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    Canary,
    Health,
    Preference,
    ReleaseCommand,
    Rules,
    Volume,
)
from ansible_collections.fairlead.paas.plugins.module_utils.packing import packed
from ansible_collections.fairlead.paas.plugins.module_utils.recovery.reading import unpacked
from tests.unit.worlds import UNHURRIED, process, shop, worlds

WEB = process(
    "web",
    4,
    rules=Rules(
        "binpack",
        ("disk == ssd", "cores >= 8", "not old"),
        2,
        (Preference("gpu", 80),),
        spread="zone",
        max_skew=1,
        max_per={"rack": 3},
        together=("cache/web",),
        apart=("*", "billing"),
        apart_per="room",
    ),
    command=("python3", "-m", "shop"),
    env={"GREETING": "hellö"},
    secrets={"SESSION_KEY": "keyed-hash"},
    capabilities=("NET_BIND_SERVICE",),
    generation=3,
)
SHOP = replace(
    shop(
        replace(WEB, health=Health("/_ping"), written=2),
        process("worker", port=None),
        replace(
            process("db", volumes=(Volume("data", "/data"), Volume("nas", "/n", nfs="h:/n")), publish=5432),
            health=Health(kind="tcp"),
        ),
        parallelism="25%",
        canary=Canary(10),
    ),
    release=ReleaseCommand(("migrate",), 60.0),
    irreversible=True,
)


def deflated(text: bytes) -> str:
    return b64encode(zlib.compress(text)).decode()


def changed(change: Callable[[dict[str, Any]], object]) -> str:
    """Return the label of a configuration that somebody else wrote."""
    data = json.loads(json.dumps(SHOP.as_dict()))
    change(data)
    return packed(data)


def ruled(**rules: Any) -> str:
    """Return the label of a configuration with other rules of placement."""
    return changed(lambda it: it["processes"][0]["rules"].update(rules))


def kept(**volume: Any) -> str:
    """Return the label of a configuration with another volume."""
    return changed(lambda it: it["processes"][2]["spec"]["volumes"][0].update(volume))


def test_a_configuration_comes_back_whole_and_equal_ones_are_equal_texts() -> None:
    text = packed(SHOP.as_dict())
    assert unpacked(text, "shop") == SHOP
    assert unpacked(text, "shop").hash() == SHOP.hash()
    assert packed(unpacked(text, "shop").as_dict()) == text
    assert "hash" not in text


@UNHURRIED
@given(worlds())
def test_every_configuration_comes_back(world: Any) -> None:
    if world.configuration.processes:
        assert unpacked(packed(world.configuration.as_dict()), "shop") == world.configuration


def test_one_of_an_earlier_fairlead_is_read_without_what_it_did_not_know() -> None:
    def older(data: dict[str, Any]) -> None:
        del data["irreversible"], data["release"], data["update"]["monitor"]

    assert unpacked(changed(older), "shop").update == SHOP.update


MISSHAPEN: list[dict[str, Any]] = [
    {"max_per": {"rack": "1"}},
    {"max_per": []},
    {"together": [1]},
    {"taints": []},
]
TORN, UNKNOWN, FORBIDDEN = "is torn", "is none that this Fairlead knows", "holds what no app file may"


@pytest.mark.parametrize(
    ("label", "why"),
    [
        ("", TORN),
        ("not base64 ☃", TORN),
        ("AAAA", TORN),
        (packed(SHOP.as_dict())[:-8], TORN),
        (deflated(b"{"), TORN),
        (deflated(b"\xff"), TORN),
        (deflated(b"[" * 10**6), UNKNOWN),
        (deflated(b"[" + b" " * 2**22 + b"]"), TORN),
        ("A" * (2**20 + 4), TORN),
        (deflated(b"[]"), UNKNOWN),
        (deflated(b"{}"), UNKNOWN),
        (changed(lambda it: it.update(app="blog")), "is of another app"),
        (changed(lambda it: it.update(app=7)), UNKNOWN),
        (changed(lambda it: it.update(hosts=None)), UNKNOWN),
        (changed(lambda it: it.update(hosts={"shop.example.com": 1})), UNKNOWN),
        (changed(lambda it: it["processes"][0].update(scale="4")), UNKNOWN),
        (changed(lambda it: it["processes"][0].update(scale=True)), UNKNOWN),
        (changed(lambda it: it["processes"][0]["spec"].update(memory=1.5)), UNKNOWN),
        (changed(lambda it: it["processes"][0]["spec"].update(cpu=float("inf"))), UNKNOWN),
        (changed(lambda it: it["processes"][0]["spec"].update(command=[1])), UNKNOWN),
        (changed(lambda it: it["processes"][0]["spec"].update(privileged=True)), UNKNOWN),
        (changed(lambda it: it["update"].update(drain=None)), UNKNOWN),
        (changed(lambda it: it["update"]["canary"].update(weight="5")), UNKNOWN),
        (changed(lambda it: it.update(hosts={"a.com b.com": "web"})), FORBIDDEN),
        (changed(lambda it: it.update(hosts={"a.com": "other"})), FORBIDDEN),
        (changed(lambda it: it.update(processes=[], hosts={})), FORBIDDEN),
        (changed(lambda it: it.update(processes=[it["processes"][0]] * 2)), FORBIDDEN),
        (changed(lambda it: it["processes"][1].update(name="../etc")), FORBIDDEN),
        (changed(lambda it: it["processes"][0].update(scale=10**9)), FORBIDDEN),
        (changed(lambda it: it["processes"][0].update(scale=-1)), FORBIDDEN),
        (changed(lambda it: it["processes"][0].update(written=-1)), FORBIDDEN),
        (changed(lambda it: it["processes"][0]["health"].update(path="/ \nbackend x")), FORBIDDEN),
        (changed(lambda it: it["processes"][0]["spec"].update(port=0)), FORBIDDEN),
        (changed(lambda it: it["processes"][0]["spec"].update(env={"A B": ""})), FORBIDDEN),
        *(
            (ruled(**rule), FORBIDDEN)
            for rule in (
                {"strategy": "any"},
                {"mode": "local"},
                {"constraints": ["x ="]},
                {"preferences": [{"rule": "x ="}]},
                {"preferences": [{"rule": "x", "weight": 0}]},
                {"spread": "a b"},
                {"max_skew": 0},
                {"max_per_node": -1},
                {"max_per": {"a b": 1}},
                {"max_per": {"rack": 0}},
                {"together": ["../etc"]},
                {"together": ["*"]},
                {"apart": ["a/b/c"]},
                {"apart_per": ""},
            )
        ),
        *((ruled(**rule), UNKNOWN) for rule in MISSHAPEN),
        *(
            (kept(**volume), FORBIDDEN)
            for volume in (
                {"name": "../a"},
                {"name": "nas"},
                {"path": "data"},
                {"node": "/srv/../etc"},
                {"node": ""},
                {"nfs": "h:/a,soft"},
                {"node": "/srv/a", "nfs": "h:/a"},
            )
        ),
        (kept(path=7), UNKNOWN),
        (kept(driver="local"), UNKNOWN),
        (changed(lambda it: it["processes"][2]["spec"].update(publish=22)), FORBIDDEN),
        (changed(lambda it: it["processes"][2]["spec"].update(port=None)), FORBIDDEN),
        (changed(lambda it: it["processes"][2]["health"].update(kind="udp")), FORBIDDEN),
        (changed(lambda it: it["update"].update(parallelism="many")), FORBIDDEN),
    ],
)
def test_what_is_no_configuration_is_said_and_never_a_traceback(label: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"^{why}$"):
        unpacked(label, "shop")


@UNHURRIED
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists), st.data())
def test_junk_in_any_place_is_read_or_refused(junk: Any, data: st.DataObject) -> None:
    whole = json.loads(json.dumps(SHOP.as_dict()))
    place: Any = whole
    while True:
        key = data.draw(st.sampled_from([*place] if isinstance(place, dict) else [*range(len(place))]))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = junk
    with suppress(ValueError):
        found = unpacked(packed(whole), "shop")
        assert unpacked(packed(found.as_dict()), "shop") == found
