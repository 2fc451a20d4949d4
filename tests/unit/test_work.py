# SPDX-License-Identifier: GPL-3.0-or-later
"""What a converge will do: wishes and what is there in, lines of the diff out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Spec, Volume
from ansible_collections.fairlead.paas.plugins.module_utils.containers.arguments import Start, labels_of
from ansible_collections.fairlead.paas.plugins.module_utils.containers.work import Present, Wish, decide
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Slot

IMAGE = "r:5000/shop@sha256:" + "a" * 64


def start(number: int = 1, release: int = 1, image: str = IMAGE) -> Start:
    name = f"shop.web.{number}-v{release}"
    return Start(Slot("shop", "web", number), name, release, Spec(image), f"hash-{release}", 25700 + number)


def there(wanted: Start, state: str = "running", **other: Any) -> Present:
    return Present(f"id-{wanted.name}", wanted.name, state, labels_of(wanted), **other)


def lines(*present: Present, images: tuple[str, ...] = (IMAGE,), **wish: Any) -> list[str]:
    return decide(Wish("shop", "n1", "10.0.0.1", **wish), present, lambda image: image in images).lines()


ONE, OLD = start(1, 2), start(1, 1)
STRANGER = Present("id-x", ONE.name, "running", {})


@pytest.mark.parametrize(
    ("present", "wish", "said"),
    [
        ([], {}, []),
        ([], {"start": (ONE,)}, [f"+ {ONE.name} start on port 25701"]),
        ([there(ONE)], {"start": (ONE,)}, []),
        ([there(ONE, "exited")], {"start": (ONE,)}, [f"+ {ONE.name} start again"]),
        ([there(ONE, "created")], {"start": (ONE,)}, [f"+ {ONE.name} start again"]),
        ([there(ONE, "paused")], {"start": (ONE,)}, [f"+ {ONE.name} start again"]),
        ([there(ONE, proven=False)], {"start": (ONE,)}, [f"~ {ONE.name} keep once healthy"]),
        (
            [there(ONE, "dead")],
            {"start": (ONE,)},
            [f"- {ONE.name} clear away", f"+ {ONE.name} start on port 25701"],
        ),
        (
            [replace(there(OLD, "exited"), name=ONE.name)],
            {"start": (ONE,)},
            [f"- {ONE.name} clear away", f"+ {ONE.name} start on port 25701"],
        ),
        ([there(OLD)], {"stop": {OLD.name: 5.0}}, [f"- {OLD.name} stop"]),
        ([there(OLD)], {"stop": {f"id-{OLD.name}": 5.0}}, [f"- {OLD.name} stop"]),
        ([there(OLD, "restarting")], {"stop": {OLD.name: 5.0}}, [f"- {OLD.name} stop"]),
        ([there(OLD, "exited")], {"stop": {OLD.name: 5.0}}, []),
        ([], {"stop": {OLD.name: 5.0}}, []),
        ([there(OLD, "exited")], {"remove": (OLD.name,)}, [f"- {OLD.name} remove"]),
        ([there(OLD)], {"remove": (OLD.name, f"id-{OLD.name}")}, [f"- {OLD.name} remove"]),
        ([], {"remove": (OLD.name,)}, []),
        ([there(OLD, "exited")], {"resume": {OLD.name: None}}, [f"+ {OLD.name} start again"]),
        ([there(OLD)], {"resume": {OLD.name: None}}, []),
    ],
)
def test_only_what_differs_is_done(present: list[Present], wish: dict[str, Any], said: list[str]) -> None:
    assert lines(*present, **wish) == said


def alone(release: int, number: int = 1) -> Start:
    wanted = start(number, release)
    return replace(wanted, spec=replace(wanted.spec, volumes=(Volume("data", "/data"),), stop_timeout=7.0))


@pytest.mark.parametrize("order", ["start-first", "stop-first"])
@pytest.mark.parametrize("state", ["running", "paused", "restarting"])
def test_what_must_not_run_twice_stops_first_whoever_says_so(order: str, state: str) -> None:
    old, new, other = there(alone(1), state), alone(2), there(alone(1, 2))
    wish = Wish("shop", "n1", "10.0.0.1", start=(new,), order=order)
    work = decide(wish, [old, other], lambda _: True)
    assert (work.halt, work.stop) == (((old, 7.0),), ())
    asked = decide(replace(wish, stop={old.id: 3.0, other.id: 2.0}), [old, other], lambda _: True)
    assert (asked.halt, asked.stop) == (((old, 3.0),), ((other, 2.0),))
    assert lines(old, other, start=(new,), order=order) == [
        f"- {old.name} stop, for it must not run twice",
        f"+ {new.name} start on port 25701",
    ]
    assert not decide(wish, [there(alone(1), "exited"), there(new)], lambda _: True).changes


def test_an_image_that_several_need_is_pulled_once() -> None:
    starts = (start(1), start(2), start(3, image="r:5000/shop@sha256:" + "b" * 64))
    assert [line for line in lines(start=starts, images=()) if line.endswith("pull")] == [
        f"+ {IMAGE} pull",
        "+ r:5000/shop@sha256:" + "b" * 64 + " pull",
    ]
    assert not any(line.endswith("pull") for line in lines(there(starts[0]), start=starts[:1], images=()))


def test_labels_that_the_image_brings_do_not_matter() -> None:
    present = there(ONE)
    more = replace(present, labels={**present.labels, "io.fairlead.content": "c-1", "maintainer": "x"})
    assert lines(more, start=(ONE,)) == []


@pytest.mark.parametrize(
    ("present", "wish", "said"),
    [
        (
            STRANGER,
            {"start": (ONE,)},
            "shop.web.1 on node n1: the name shop.web.1-v2 is taken by a container that is not",
        ),
        (
            replace(there(start(2)), name=ONE.name),
            {"start": (ONE,)},
            "the name shop.web.1-v2 is taken by a container of shop.web.2",
        ),
        (replace(there(OLD), name=ONE.name), {"start": (ONE,)}, "runs already, but with other content"),
        (STRANGER, {"stop": {ONE.name: 1.0}}, "is not of app shop; left alone"),
        (STRANGER, {"remove": (ONE.name,)}, "is not of app shop; left alone"),
        (STRANGER, {"resume": {ONE.name: None}}, "is not of app shop; left alone"),
        (STRANGER, {"resume": {"gone": None}}, "container gone is not on node n1 any more"),
    ],
)
def test_what_is_not_ours_is_left_alone(present: Present, wish: dict[str, Any], said: str) -> None:
    with pytest.raises(FairleadError) as caught:
        lines(present, **wish)
    assert said in str(caught.value)


_STATES = st.sampled_from(["running", "exited", "created", "paused", "restarting"])


@given(st.lists(st.tuples(st.integers(1, 6), _STATES, st.booleans()), unique_by=lambda item: item[0]))
def test_once_done_there_is_nothing_left_to_do(found: list[tuple[int, str, bool]]) -> None:
    present = [there(start(number), state, proven=proven) for number, state, proven in found]
    wish = Wish(
        "shop",
        "n1",
        "10.0.0.1",
        start=tuple(start(number, 2) for number in range(1, 4)),
        stop={f"shop.web.{number}-v1": 1.0 for number in range(1, 4)},
        remove=tuple(f"shop.web.{number}-v1" for number in range(4, 7)),
    )
    gone = {one.name for one in decide(wish, present, lambda _: True).remove}
    after = [replace(one, state="exited") for one in present if one.name not in gone]
    done = [*after, *(there(wanted) for wanted in wish.start)]
    assert not decide(wish, done, lambda _: True).changes
