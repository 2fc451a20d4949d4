# SPDX-License-Identifier: GPL-3.0-or-later
"""From what remains on machines to the release that is taken for the active one, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Configuration, Process
from ansible_collections.fairlead.paas.plugins.module_utils.errors import NoRoom
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Instance
from ansible_collections.fairlead.paas.plugins.module_utils.packing import packed
from ansible_collections.fairlead.paas.plugins.module_utils.plan.plan import plan
from ansible_collections.fairlead.paas.plugins.module_utils.plan.rollout import Phase, rollout
from ansible_collections.fairlead.paas.plugins.module_utils.recovery.decide import Rebuilt, rebuild
from ansible_collections.fairlead.paas.plugins.module_utils.recovery.remains import Remains, gathered
from ansible_collections.fairlead.paas.plugins.module_utils.recovery.report import report
from ansible_collections.fairlead.paas.plugins.module_utils.routing import Table
from tests.unit.worlds import IMAGE, UNHURRIED, Acted, World, instance, process, shop, worlds

NEXT = IMAGE.replace("ab", "cd")
WEB, WORKER = process("web", 2), process("worker", 1, port=None)
V2 = shop(WEB, WORKER)
V3 = shop(replace(WEB, spec=replace(WEB.spec, image=NEXT)), replace(WORKER, scale=1))


def runs(number: int, of: Process, release: int, *, on: str = "n1", running: bool = True) -> Instance:
    return instance(number, on, of, 25700 + number, release=release, running=running)


def remains(instances: Iterable[Instance], labels: Mapping[int, Configuration | str], **rest: Any) -> Remains:
    """Return what shop left, where containers of these releases carry these labels."""
    given = tuple(instances)
    texts = {release: it if isinstance(it, str) else packed(it.as_dict()) for release, it in labels.items()}
    return Remains(
        given,
        frozenset(("shop", release, text) for release, text in texts.items()),
        rest.pop("numbers", {"shop": max((it.release for it in given), default=0)}),
        **rest,
    )


def only(found: tuple[Rebuilt, ...]) -> Rebuilt:
    [one] = found
    return one


def hosts(**leads: str) -> dict[str, dict[str, str]]:
    """Return two routers that lead so; a host name is written with _ for its dots."""
    both = {host.replace("_", "."): to for host, to in leads.items()}
    return {"r1": both, "r2": both}


USUAL = {"hosts": hosts(shop_apps_localhost="shop.web")}
OLD = [runs(1, WEB, 2), runs(2, WEB, 2, on="n2"), runs(1, WORKER, 2)]
NEW = [runs(1, V3.processes[0], 3), runs(2, V3.processes[0], 3, on="n2")]


@pytest.mark.parametrize(
    ("instances", "labels", "configuration", "number", "source"),
    [
        # all of one release
        (OLD, {2: V2}, V2, 3, "3 containers of v2, as v2 says"),
        # the worker was kept from the release before
        ([*NEW, OLD[2]], {2: V2, 3: V3}, V3, 4, "3 containers of v2 and v3, as v3 says"),
        # in mid-roll everything of before runs, and one of the next
        ([*OLD, NEW[0]], {2: V2, 3: V3}, V2, 4, "3 containers of v2, as v2 says"),
        # both run whole: the newest was begun last
        ([*OLD, *NEW], {2: V2, 3: V3}, V3, 4, "3 containers of v2 and v3, as v3 says"),
        # what was replaced is stopped and still there
        (
            [*NEW, replace(OLD[0], running=False), replace(OLD[1], running=False), OLD[2]],
            {2: V2, 3: V3},
            V3,
            4,
            "3 containers of v2 and v3, as v3 says",
        ),
        # in mid-roll of stop-first none runs whole, and of both as much: the newest
        ([OLD[0], NEW[1], OLD[2]], {2: V2, 3: V3}, V3, 4, "2 containers of v2 and v3, as v3 says"),
        # none runs whole, and more of the older
        ([*OLD[:2]], {2: V2, 3: V3}, V2, 3, "2 containers of v2, as v2 says"),
        # the newer one's label cannot be read
        ([*OLD, NEW[0]], {2: V2, 3: "torn"}, V2, 4, "3 containers of v2, as v2 says"),
        # nothing runs
        (
            [replace(it, running=False) for it in OLD],
            {2: V2},
            V2,
            3,
            "what does not run any more, as v2 says",
        ),
        # no label can be read: only the number is kept
        (OLD, {}, None, 2, "3 containers of v2, whose configuration cannot be read"),
        (OLD, {2: "torn"}, None, 2, "3 containers of v2, whose configuration cannot be read"),
    ],
)
def test_the_newest_release_that_runs_whole_is_the_active_one(
    instances: list[Instance],
    labels: dict[int, Configuration | str],
    configuration: Configuration | None,
    number: int,
    source: str,
) -> None:
    found = only(rebuild(remains(instances, labels, **USUAL)))
    assert (found.configuration, found.number, found.source) == (configuration, number, source)
    assert found.image == (configuration.processes[0].spec.image if configuration else IMAGE)
    assert found.as_dict()["configuration_hash"] == (configuration.hash() if configuration else "")


@pytest.mark.parametrize(
    ("found", "unknown"),
    [
        (remains(OLD, {2: V2}, **USUAL), ()),
        (
            remains([OLD[0], NEW[1], OLD[2]], {2: V2, 3: V3}, **USUAL),
            (
                "whether v3 was active: no release runs whole, and of this one web 1 of 2, worker 1 of 1",
                "what 1 container of v2 beside it stood for: the next deploy removes what is no part of it",
            ),
        ),
        (
            remains([*OLD, NEW[0]], {2: V2}, **USUAL),
            (
                "what 1 container of v3 beside it stood for: the next deploy removes what is no part of it",
                "the configuration of v3 is carried by no container",
            ),
        ),
        (
            remains([*OLD, NEW[0]], {2: V2, 3: packed(replace(V3, app="blog").as_dict())}, **USUAL),
            (
                "what 1 container of v3 beside it stood for: the next deploy removes what is no part of it",
                "the configuration of v3 is of another app",
            ),
        ),
        (
            remains(OLD, {2: V2}, hosts={"r1": {"new.example.com": "shop.web", "blog.com": "blog.web"}}),
            (
                "why new.example.com leads to shop.web on r1, other than v2 says",
                "why shop.apps.localhost does not lead to shop.web on r1, other than v2 says",
            ),
        ),
        (
            remains(OLD, {2: V2}, hosts=hosts(shop_apps_localhost="shop.api")),
            (
                "why shop.apps.localhost leads to shop.api on r1, r2, other than v2 says",
                "why shop.apps.localhost does not lead to shop.web on r1, r2, other than v2 says",
            ),
        ),
    ],
)
def test_what_could_not_be_known_is_said(found: Remains, unknown: tuple[str, ...]) -> None:
    assert only(rebuild(found)).unknown == unknown


def test_a_release_of_which_only_its_command_was_begun_keeps_its_number() -> None:
    assert only(rebuild(remains(OLD, {2: V2}, numbers={"shop": 7}))).number == 8


def test_two_configurations_under_one_number_are_told_apart_by_what_runs() -> None:
    other = shop(process("web", 5))
    both = frozenset({("shop", 2, packed(V2.as_dict())), ("shop", 2, packed(other.as_dict()))})
    assert only(rebuild(Remains(tuple(OLD), both, {"shop": 2}))).configuration == V2


def test_what_machines_answer_is_put_together() -> None:
    seen = {name: getattr(OLD[0], name) for name in ("container", "name", "image", "spec", "memory", "cpu")}
    seen |= {"app": "shop", "process": "web", "number": 1, "port": 25701, "release": 2, "running": True}
    label = {"app": "shop", "release": 2, "packed": "x"}
    node = {"instances": [seen | {"drift": []}], "strange": ["y"], "configurations": [label]}
    answers: dict[str, dict[str, Any]] = {
        "n2": node | {"numbers": {"shop": 2}, "tokens": {"shop": 9, "blog": 1}},
        "n1": node | {"numbers": {"shop": 4}, "tokens": {"shop": 7}},
        "r1": {"hosts": {"a.com": "shop.web"}, "tokens": {"shop": 12}},
        "m1": {"tokens": {}},
    }
    assert gathered(answers) == Remains(
        instances=(replace(OLD[0], node="n1"), replace(OLD[0], node="n2")),
        packed=frozenset({("shop", 2, "x")}),
        numbers={"shop": 4},
        tokens={"shop": 12, "blog": 1},
        hosts={"r1": {"a.com": "shop.web"}},
        strange=("n1: y", "n2: y"),
    )


def test_the_report_is_a_table_and_what_could_not_be_known() -> None:
    blog = replace(OLD[0], slot=replace(OLD[0].slot, app="blog"))
    old = replace(OLD[0], slot=replace(OLD[0].slot, app="old"))
    odd = replace(OLD[0], slot=replace(OLD[0].slot, app="../odd"))
    found = remains([*OLD, blog, old, odd], {2: V2}, numbers={"shop": 2, "blog": 2}, **USUAL)
    found = replace(found, strange=("n1: container x: the label io.fairlead.slot is missing",))
    lines = report(rebuild(found), {"shop", "blog"}, found, {"n3": "unreachable"})
    assert lines[:9] == [
        "app   release  state      rebuilt from",
        "blog  v2       failed     1 container of v2, whose configuration cannot be read",
        "old   -        as it was  nothing: the ledger knows releases of it",
        "shop  v3       active     3 containers of v2, as v2 says",
        "could not be known:",
        "  blog: the configuration of v2 is carried by no container",
        "  blog: which release is active: deploy it, which makes one, and keeps what is as its file says",
        "  what '../odd' is: containers have it for an app's name",
        "  n1: container x: the label io.fairlead.slot is missing",
    ]
    assert lines[9] == "  what n3 has: it is unreachable"
    assert any("who released what, when, why" in line for line in lines[10:])


def test_a_fleet_without_a_container_is_said_to_be_one() -> None:
    assert report((), (), Remains(), {})[0] == "no app has a container"


def renewed(configuration: Configuration) -> Configuration:
    """Return the configuration with another image."""
    images = (replace(it, spec=replace(it.spec, image=NEXT)) for it in configuration.processes)
    return replace(configuration, processes=tuple(images))


def left(acted: Acted, *labels: tuple[int, Configuration]) -> Remains:
    ours = acted.observed().of_app("shop")
    carried = {release: it for release, it in labels if any(one.release == release for one in ours)}
    return remains(ours, carried)


def phases_of(configuration: Configuration, fleet: Fleet, number: int) -> tuple[Phase, ...]:
    try:
        return rollout(plan(configuration, fleet, None, number), configuration, fleet)
    except NoRoom:
        return ()


@UNHURRIED
@given(worlds(), st.data())
def test_wherever_a_rollout_stopped_it_is_one_of_its_two_releases(world: World, data: st.DataObject) -> None:
    first, second = world.configuration, renewed(world.configuration)
    acted = Acted(world.fleet, Table("shop"))
    for phase in phases_of(first, world.fleet, 4):
        acted.act(phase)
    settled = left(acted, (4, first), (5, second))
    phases = phases_of(second, acted.observed(), 5)
    done = data.draw(st.integers(0, len(phases)))
    for phase in phases[:done]:
        acted.act(phase)
    there = left(acted, (4, first), (5, second))
    again = rebuild(there)
    assert again == rebuild(there)
    if not there.instances:
        assert again == ()
        return
    found = only(again)
    assert found.number >= max(one.release for one in there.instances)
    assert found.configuration in (None, first, second)
    assert (found.configuration is None) == (not there.packed)
    if done == 0 and settled.packed:
        assert found.configuration == first
    if phases and done == len(phases):
        assert found.configuration == second
        active = (found.number, second.hash())
        assert not plan(second, acted.observed(), active, found.number + 1).changed
