# SPDX-License-Identifier: GPL-3.0-or-later
"""What an app shall run next, from its file, its releases, and what people set by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    GLOBAL,
    Configuration,
    Process,
    Rules,
    Spec,
)
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet
from ansible_collections.fairlead.paas.plugins.module_utils.plan.wanted import (
    carried_over,
    recorded,
    refuse_forgotten,
    restarted,
    running,
    scale_of,
    scaled,
    set_by_hand,
    target,
)
from tests.unit.worlds import instance, node

SPEC = Spec(image="registry:5000/shop@sha256:1")
FILE = Configuration("shop", (Process("web", 4, SPEC), Process("worker", 1, SPEC)))


def release(number: int, state: str, configuration: Configuration = FILE, **more: Any) -> dict[str, Any]:
    kept = json.loads(json.dumps(configuration.as_dict()))
    return {"number": number, "state": state, "configuration": kept, "irreversible": False, **more}


def scales(configuration: Configuration) -> dict[str, int]:
    return {process.name: process.scale for process in configuration.processes}


def test_an_app_that_runs_and_that_the_ledger_does_not_know_is_not_planned() -> None:
    stray = [instance(1, "n2", FILE.processes[0]), instance(2, "n1", FILE.processes[0])]
    fleet = Fleet.of([node("n1"), node("n2")], stray)
    with pytest.raises(FairleadError, match=r"^shop runs on n1, n2, as v3, but the ledger .*recover.yml"):
        refuse_forgotten("shop", fleet, [])
    refuse_forgotten("shop", fleet, [release(1, "failed")])
    refuse_forgotten("blog", fleet, [])


@pytest.mark.parametrize(
    "into", [(), ("update",), ("processes", 0), ("processes", 0, "spec"), ("processes", 0, "rules")]
)
def test_a_release_of_a_newer_fairlead_is_not_taken_for_less_than_it_is(into: tuple[Any, ...]) -> None:
    newer = release(7, "active")
    assert recorded(newer) == FILE
    place = newer["configuration"]
    for step in into:
        place = place[step]
    place["moons"] = []
    with pytest.raises(
        FairleadError, match=r"^v7 was made by a newer Fairlead, .*; use an up-to-date checkout"
    ):
        running("shop", [newer])


def test_a_scale_set_by_hand_survives_deploys_and_says_so() -> None:
    active = scaled(running("shop", [release(1, "active")]), {"web": 6})
    changed = replace(FILE, processes=(Process("web", 5, replace(SPEC, env={"A": "1"})), FILE.processes[1]))
    deployed = carried_over(changed, [release(2, "active", active)])
    assert scales(deployed) == {"web": 6, "worker": 1}
    assert deployed.processes[0].spec.env == {"A": "1"}
    [said] = set_by_hand(deployed)
    assert said.startswith("web=6 was set by hand, the app file says 5")


def test_what_runs_on_every_node_has_no_other_scale() -> None:
    agent = Process("web", 1, SPEC, Rules(mode=GLOBAL))
    everywhere = replace(FILE, processes=(agent, FILE.processes[1]))
    with pytest.raises(FairleadError, match=r"^web has mode: global, one on every node"):
        scaled(everywhere, {"web": 3})
    by_hand = scaled(FILE, {"web": 6, "worker": 2})
    assert scales(carried_over(everywhere, [release(2, "active", by_hand)])) == {"web": 1, "worker": 2}


def test_a_scale_is_dropped_by_spec_and_then_the_file_has_its_say() -> None:
    active = scaled(FILE, {"web": 6, "worker": 0})
    dropped = scaled(active, {"web": None})
    assert scales(dropped) == {"web": 4, "worker": 0}
    assert scales(carried_over(FILE, [release(2, "active", dropped)])) == {"web": 4, "worker": 0}


def test_setting_the_scale_of_the_file_by_hand_is_no_override() -> None:
    assert scaled(FILE, {"web": 4}) == FILE
    assert scaled(scaled(FILE, {"web": 6}), {"web": 4}) == FILE


def test_only_the_active_release_carries_over() -> None:
    by_hand = scaled(FILE, {"web": 6})
    assert carried_over(FILE, [release(2, "failed", by_hand), release(1, "active")]) == FILE
    assert carried_over(FILE, []) == FILE


def test_a_process_that_left_the_file_takes_its_scale_along() -> None:
    shorter = replace(FILE, processes=FILE.processes[:1])
    assert scales(carried_over(shorter, [release(1, "active", scaled(FILE, {"worker": 3}))])) == {"web": 4}


def test_a_restart_replaces_every_instance_and_is_not_undone_by_the_next_deploy() -> None:
    again = restarted(FILE)
    assert {p.spec.hash() for p in again.processes}.isdisjoint({p.spec.hash() for p in FILE.processes})
    assert carried_over(FILE, [release(2, "active", again)]) == again


@pytest.mark.parametrize(("given", "scale"), [("6", 6), (6, 6), ("0", 0), ("spec", None)])
def test_a_scale_as_people_write_it(given: object, scale: int | None) -> None:
    assert scale_of("web", given) == scale


@pytest.mark.parametrize("given", ["six", "-1", "1.5", "", "1001", "٣", None, True])
def test_what_is_no_scale_is_refused(given: object) -> None:
    with pytest.raises(FairleadError, match=r"web: is no scale; got .*; expected 0 to 1000, or spec"):
        scale_of("web", given)


def test_an_unknown_process_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(
        FairleadError, match=r'shop has no process wbe; one of web, worker \(did you mean "web"'
    ):
        scaled(FILE, {"wbe": 2})


HISTORY = [
    release(6, "failed"),
    release(5, "active"),
    release(4, "superseded"),
    release(3, "failed"),
    release(2, "superseded"),
    release(1, "superseded"),
]


@pytest.mark.parametrize(("to", "number"), [("", 4), ("v2", 2), ("2", 2), ("v1", 1)])
def test_the_release_to_return_to(to: str, number: int) -> None:
    assert target("shop", HISTORY, to)["number"] == number


@pytest.mark.parametrize("to", ["", "v5"])
def test_from_a_release_that_stopped_half_way_the_active_one_is_the_way_back(to: str) -> None:
    assert target("shop", [release(6, "pending"), *HISTORY[1:]], to)["number"] == 5


@pytest.mark.parametrize(
    ("releases", "to", "words"),
    [
        (HISTORY, "v9", "shop has no release v9; the newest are v6, v5, v4, v3, v2, v1"),
        (HISTORY, "previous", "shop has no release previous"),
        (HISTORY, "v5", "v5 of shop is active already"),
        (HISTORY, "v3", "v3 of shop never became active"),
        (HISTORY[1:2], "", "shop has no release to go back to"),
        ([], "", "shop has no release to go back to"),
    ],
)
def test_where_there_is_no_way_back_it_is_said(releases: list[dict[str, Any]], to: str, words: str) -> None:
    with pytest.raises(FairleadError, match=words):
        target("shop", releases, to)


def test_nothing_leads_back_over_an_irreversible_release() -> None:
    releases = [release(3, "active"), release(2, "superseded", irreversible=True), release(1, "superseded")]
    assert target("shop", releases)["number"] == 2
    with pytest.raises(FairleadError, match="v2 of shop is marked irreversible"):
        target("shop", releases, "v1")


def test_an_app_that_does_not_run_cannot_be_scaled() -> None:
    with pytest.raises(FairleadError, match="shop has no active release; deploy it first"):
        running("shop", [release(1, "removed")])
