# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes from a registry and from an engine, and what stays and why."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils import labels
from ansible_collections.fairlead.paas.plugins.module_utils.image.building import CACHE_TAG
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.history import retained
from ansible_collections.fairlead.paas.plugins.module_utils.registry import engines
from ansible_collections.fairlead.paas.plugins.module_utils.registry.engines import Needed, Wish
from ansible_collections.fairlead.paas.plugins.module_utils.registry.pruning import (
    CACHE,
    Blob,
    Entry,
    Keep,
    Pruning,
    Store,
    attached_tag,
    decide,
)

DAY = 86400.0
C1, C2 = "c-0000000000000001", "c-0000000000000002"


def digest(word: str) -> str:
    return f"sha256:{hashlib.sha256(word.encode()).hexdigest()}"


def entry(name: str, word: str, *tags: str, age: float = 9 * DAY, refers: str = "") -> Entry:
    return Entry(name, digest(word), tags, age, frozenset(digest(part) for part in refers.split()))


def store(*entries: Entry, **loose: Blob) -> Store:
    known = {blob for it in entries for blob in (it.digest, *it.refers)}
    blobs = {blob: Blob(10, 9 * DAY) for blob in known}
    return Store(entries, blobs | {digest(word): blob for word, blob in loose.items()})


def gone(pruning: Pruning) -> list[str]:
    return [it.digest for it, _ in pruning.gone]


def digests(*words: str) -> list[str]:
    return sorted(map(digest, words))


ONE, TWO = entry("shop", "one", C1, "1.0", refers="base a"), entry("shop", "two", C2, "1.1", refers="base b")
SIGNED = entry("shop", "signature", attached_tag(digest("one"), "sig"), refers="{}")


@pytest.mark.parametrize(
    ("entry_", "keep", "why"),
    [
        (ONE, Keep({ONE.image: "v3 of shop, active"}), "v3 of shop, active"),
        (ONE, Keep({"shop:1.0": "apps/shop.yml"}), "apps/shop.yml"),
        (ONE, Keep({"other:1.0": "apps/other.yml"}), ""),
        (ONE, Keep({"shop:1.1": "apps/shop.yml"}), ""),
        (ONE, Keep(busy={"shop": "ada changes it"}), "ada changes it"),
        (entry("shop/cache", "x", "latest"), Keep(busy={"shop": "ada changes it"}), "ada changes it"),
        (entry("shopping", "x", "latest"), Keep(busy={"shop": "ada changes it"}), ""),
        (entry("shop", "x", "buildcache"), Keep(apps=frozenset(["shop"])), "the builders' cache"),
        (entry("shop", "x", "buildcache"), Keep(apps=frozenset(["api"])), ""),
        (entry("shop", "x", C1), Keep(apps=frozenset(["shop"])), ""),
        (entry("base/python", "x", C1, "bookworm"), Keep(), "the tag bookworm of the platform"),
        (entry("base/python", "x", C1), Keep(), ""),
        (entry("base/python", "x"), Keep(), ""),
        (entry("base", "x", "latest"), Keep(), ""),
        (entry("tools", "x", "1"), Keep(rooms=("tools",)), "the tag 1 of the platform"),
        (entry("shop", "x", C1, age=3599), Keep(grace=3600), "pushed within the last 1h"),
        (entry("shop", "x", C1, age=3600), Keep(grace=3600), ""),
    ],
)
def test_an_image_stays_for_a_reason_or_goes(entry_: Entry, keep: Keep, why: str) -> None:
    found = decide(store(entry_), keep)
    assert [(it, said) for it, said in found.stays] == ([(entry_, why)] if why else [])
    assert gone(found) == ([] if why else [entry_.digest])


def test_builders_call_their_cache_so() -> None:
    assert CACHE == CACHE_TAG


def test_what_is_attached_goes_and_stays_with_its_image() -> None:
    whole = store(ONE, TWO, SIGNED)
    kept, lost = decide(whole, Keep({ONE.image: "kept"})), decide(whole, Keep({TWO.image: "kept"}))
    assert (gone(kept), gone(lost)) == (digests("two"), digests("one", "signature"))
    young = entry("shop", "young", attached_tag(digest("one"), "sbom"), age=1)
    assert digest("young") in gone(decide(store(ONE, young), Keep(grace=0)))
    assert gone(decide(store(young), Keep(grace=DAY))) == []
    assert gone(decide(store(young), Keep())) == digests("young")


def test_people_read_tags_or_the_digest() -> None:
    short = ONE.digest[7:19]
    assert str(ONE) == f"shop:{C1},1.0 ({short})"
    assert str(entry("shop", "one")) == f"shop@{short}"
    assert str(SIGNED) == f"shop:sha256-{short}.sig ({SIGNED.digest[7:19]})"


def test_an_attachment_in_another_repository_is_none_of_this_image() -> None:
    stranger = entry("other", "signature", attached_tag(digest("one"), "sig"))
    assert gone(decide(store(ONE, stranger), Keep({ONE.image: "kept"}))) == digests("signature")


def test_the_parts_of_a_list_stay_with_it() -> None:
    several = entry("shop", "list", "1.0", refers="one two")
    assert gone(decide(store(several, ONE, TWO), Keep({several.image: "kept"}))) == []
    assert gone(decide(store(several, ONE, TWO), Keep({ONE.image: "kept"}))) == digests("list", "two")


def test_garbage_is_what_nothing_that_stays_needs() -> None:
    found = decide(store(ONE, TWO, old=Blob(7, DAY)), Keep({ONE.image: "kept"}))
    assert sorted(found.garbage) == digests("two", "b", "old")
    assert (found.freed, found.under_way) == (27, False)


def test_what_nothing_refers_to_yet_may_be_a_push_under_way() -> None:
    assert decide(store(ONE, sent=Blob(7, 5.0)), Keep({ONE.image: "kept"})).under_way
    fresh = Store((ONE,), {blob: Blob(1, 5.0) for blob in (ONE.digest, *ONE.refers)})
    assert not decide(fresh, Keep()).under_way


words = st.sampled_from(["one", "two", "three", "four", "five", "six"])
entries = st.builds(
    lambda name, word, tags, age, refers: entry(name, word, *tags, age=age, refers=" ".join(refers)),
    st.sampled_from(["shop", "api", "base/python"]),
    words,
    st.lists(st.sampled_from([C1, "1.0", attached_tag(digest("one"), "sig")]), unique=True),
    st.floats(0, 2 * DAY),
    st.lists(words, max_size=3),
)


@given(
    st.lists(entries, max_size=8, unique_by=lambda it: it.image),
    st.sets(words),
    st.floats(0, 2 * DAY),
)
def test_nothing_that_is_needed_ever_goes(found: list[Entry], needed: set[str], grace: float) -> None:
    images = {f"{name}@{digest(word)}": "kept" for name in ("shop", "api") for word in needed}
    keep, whole = Keep(images, grace=grace), store(*found)
    decided = decide(whole, keep)
    stays = {it for it, _ in decided.stays}
    assert stays | {it for it, _ in decided.gone} == set(found)
    assert all(it in stays for it in found if it.image in images and not it.subjects)
    assert not decided.garbage & {blob for it in stays for blob in (it.digest, *it.refers)}
    again = decide(
        Store(tuple(stays), {k: v for k, v in whole.blobs.items() if k not in decided.garbage}), keep
    )
    assert (again.gone, again.garbage) == ((), frozenset())


def release(number: int, state: str, app: str = "shop") -> dict[str, Any]:
    return {"app": app, "number": number, "state": state, "image": f"r:1/{app}@{digest(str(number))}"}


def numbers(releases: list[dict[str, Any]], retain: int) -> list[int]:
    return [it["number"] for it in retained(releases, retain)]


def test_of_twenty_releases_the_newest_and_every_rollback_target_are_kept() -> None:
    usual = [release(20, "active"), *(release(number, "superseded") for number in range(19, 0, -1))]
    assert numbers(usual, 10) == [20, *range(19, 9, -1)]
    assert numbers(usual, 1) == [20, 19]
    failing = [*(release(number, "failed") for number in range(20, 5, -1)), release(5, "active")]
    failing += [release(number, "superseded") for number in range(4, 0, -1)]
    assert numbers(failing, 3) == [20, 19, 18, 5, 4, 3, 2]
    pending = [release(20, "failed"), release(19, "failed"), release(18, "pending"), release(17, "removed")]
    assert numbers(pending, 1) == [20, 18, 17]


def test_each_app_has_releases_of_its_own() -> None:
    both = [
        release(2, "active", "api"),
        release(1, "failed", "api"),
        release(9, "active"),
        release(8, "failed"),
    ]
    assert numbers(both, 1) == [2, 9]


@given(st.lists(st.sampled_from(["failed", "superseded", "removed"]), max_size=20), st.integers(1, 12))
def test_a_rollback_target_is_never_pruned(states: list[str], retain: int) -> None:
    count = len(states)
    releases = [release(count - place, state) for place, state in enumerate(states)]
    kept = set(numbers(releases, retain))
    served = [it["number"] for it in releases if it["state"] != "failed"]
    assert set(served[:retain]) <= kept
    assert {it["number"] for it in releases[:retain]} <= kept


REGISTRY = "r:5000"


def image(word: str, *names: str, size: int = 100, shared: int = 30) -> dict[str, Any]:
    tags = [f"{name}" for name in names if "@" not in name]
    found = [name for name in names if "@" in name]
    return {"Id": word, "RepoTags": tags, "RepoDigests": found, "Size": size, "SharedSize": shared}


def container(image_: str, app: str = "", label: str = labels.APP) -> dict[str, Any]:
    return {"ImageID": image_, "Labels": {label: app} if app else None}


OURS = f"{REGISTRY}/shop@{digest('one')}"
NEEDED = Needed("shop", f"shop@{digest('one')}")


@pytest.mark.parametrize(
    ("names", "wish", "containers", "goes"),
    [
        ([OURS], Wish(REGISTRY), [], True),
        ([OURS], Wish(REGISTRY), [container("it")], False),
        ([OURS], Wish(REGISTRY, (NEEDED,)), [], True),
        ([OURS], Wish(REGISTRY, (NEEDED,)), [container("other", "shop")], False),
        ([OURS], Wish(REGISTRY, (NEEDED,)), [container("other", "shop", labels.TASK)], False),
        ([OURS], Wish(REGISTRY, (NEEDED,)), [container("other", "api")], True),
        ([OURS], Wish(REGISTRY, (NEEDED,), builder=True), [], False),
        ([OURS], Wish(REGISTRY, busy=frozenset(["shop"])), [], False),
        ([f"{REGISTRY}/shop:{C1}"], Wish(REGISTRY), [], True),
        ([f"{REGISTRY}/base/python:latest"], Wish(REGISTRY), [], True),
        ([f"{REGISTRY}/base/python:latest"], Wish(REGISTRY, builder=True), [], False),
        ([f"{REGISTRY}/base/python:{C1}"], Wish(REGISTRY, builder=True), [], True),
        (["postgres:16"], Wish(REGISTRY), [], False),
        (["r:50001/shop:1"], Wish(REGISTRY), [], False),
        ([OURS, "mine:1"], Wish(REGISTRY), [], False),
        (["<none>:<none>"], Wish(REGISTRY), [], False),
        ([OURS, f"{REGISTRY}/shop:<none>"], Wish(REGISTRY), [], True),
    ],
)
def test_an_engine_loses_only_what_is_of_our_registry_and_not_needed_here(
    names: list[str],
    wish: Wish,
    containers: list[dict[str, Any]],
    goes: bool,  # noqa: FBT001 - of the table
) -> None:
    found = engines.decide(wish, {"Images": [image("it", *names)]}, containers)
    assert [it.size for it in found] == ([70] if goes else [])


def test_what_containers_were_made_from_is_said() -> None:
    labelled = container("gone") | {"Labels": {labels.IMAGE: f"{REGISTRY}/api@{digest('two')}"}}
    usage = {"Images": [image("it", OURS, f"{REGISTRY}/shop:1"), image("other", f"x/y@{digest('one')}")]}
    found = engines.used_images(REGISTRY, usage, [container("it"), container("other"), labelled])
    assert found == (f"api@{digest('two')}", f"shop@{digest('one')}")


def test_build_cache_is_stale_when_nothing_used_it_for_long() -> None:
    now = 1_767_225_600.0  # 2026-01-01
    cache = [
        {"InUse": False, "LastUsedAt": "2025-12-01T00:00:00.123456789Z"},
        {"InUse": True, "LastUsedAt": "2025-12-01T00:00:00Z"},
        {"InUse": False, "Shared": True, "LastUsedAt": "2025-12-01T00:00:00Z"},
        {"InUse": False, "LastUsedAt": None, "CreatedAt": "2025-12-31T23:00:00Z"},
        {"InUse": False, "LastUsedAt": None, "CreatedAt": "2025-11-30T23:00:00Z"},
        {"InUse": False, "LastUsedAt": None},
    ]
    assert engines.stale({"BuildCache": cache}, 7 * DAY, now) == 2
    assert engines.stale({"BuildCache": None}, 7 * DAY, now) == 0
