# SPDX-License-Identifier: GPL-3.0-or-later
"""Canaries on a real HAProxy under load: who gets which share, what is measured, when it ends by itself."""

from __future__ import annotations

import contextlib
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.canary.board import Board
from ansible_collections.fairlead.paas.plugins.module_utils.canary.hold import Aborted, Hold
from ansible_collections.fairlead.paas.plugins.module_utils.canary.tally import Side, tallies
from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Canary
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.converge import converge, foresee
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.landing import landing, reload
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.measure import RING, measure
from tests.integration.router_rig import (
    CANARY,
    Instance,
    Router,
    canary_table,
    running_router,
    table,
    trial,
    wait_for,
)
from tests.load import Load, under_load

HOST = "shop.example.com"


@pytest.fixture
def router() -> Iterator[Router]:
    with running_router() as running:
        yield running


def begin(router: Router, old: Sequence[Instance], new: Sequence[Instance], canary: Canary = CANARY) -> None:
    """Route to the old instances, then give the new ones beside them their share."""
    converge(router.place, canary_table(*old), drain=2, deadline=10)
    shared = trial(new, canary).shared_out(canary_table(*old, *new))
    assert not converge(router.place, shared, drain=2, deadline=10).reloaded


def hold(
    router: Router, folder: Path, new: Sequence[Instance], canary: Canary = CANARY, name: str = "0"
) -> Sequence[str]:
    """Hold as the action does, with the module's own reading."""
    read = lambda mark: measure(router.place, ["shop.web"], mark)  # noqa: E731
    return Hold(trial(new).servers, canary, Board(folder), name, read).run()


def load_on(*routers: Router, slow: int = 0) -> contextlib.AbstractContextManager[Load]:
    return under_load([("127.0.0.1", router.port) for router in routers], HOST, slow)


@pytest.mark.parametrize(("percent", "old", "new"), [(5, 4, 1), (1, 2, 1), (50, 3, 2)])
def test_the_new_release_gets_its_share_also_of_a_light_load(
    router: Router, percent: int, old: int, new: int
) -> None:
    before = [router.instance() for _ in range(old)]
    after = [router.instance() for _ in range(new)]
    begin(router, before, after, Canary(weight=percent))
    with load_on(router, slow=8) as load:
        time.sleep(5)
    assert load.failures == []
    got = sum(load.names[instance.server.name] for instance in after)
    assert 100 * got / load.done == pytest.approx(percent, abs=0.4, rel=0.05)
    assert len(load.names) == old + new


def test_times_are_those_that_the_instances_took(router: Router) -> None:
    one = router.instance()
    converge(router.place, canary_table(one), drain=2, deadline=10)
    start = measure(router.place, ["shop.web"])
    asked = [0] * 50 + [40] * 44 + [120] * 6

    def waited(ms: int) -> float:
        began = time.monotonic()
        router.get(HOST, f"/slow?ms={ms}")
        return 1000 * (time.monotonic() - began)

    with ThreadPoolExecutor(4) as pool:
        seen = sorted(pool.map(waited, asked))
    found = measure(router.place, ["shop.web"], start.mark).servers[f"shop.web/{one.server.name}"]
    times = sorted(Counter(found.times).elements())
    assert len(times) == found.answered == len(asked)
    # HAProxy takes the time once for all that it finds to do, so that it may be some milliseconds off.
    assert all(told - 5 <= took <= by_us + 5 for told, took, by_us in zip(asked, times, seen, strict=True))
    assert Side(times=Counter(found.times)).within(95) == times[94]
    assert measure(router.place, ["shop.web"], start.mark).mark != start.mark


@pytest.mark.parametrize(
    ("method", "path", "failing"), [("GET", "/", 0), ("POST", "/", 20), ("POST", "/gone", 40)]
)
def test_each_failure_counts_once_whether_its_client_saw_it_or_not(
    router: Router, method: str, path: str, failing: int
) -> None:
    good, bad = router.instance(), router.instance(failing="10")
    converge(router.place, canary_table(good, bad), drain=2, deadline=10)
    start = measure(router.place, ["shop.web"])
    answers = [router.get(HOST, path, method=method).status for _ in range(40)]
    now = measure(router.place, ["shop.web"], start.mark)
    tally = tallies(trial([bad]).servers, start, now)["shop.web"]
    assert sum(status >= 500 for status in answers) == failing
    assert tally.new.failed == tally.new.requests >= 20
    assert tally.old.failed == (20 if path == "/gone" else 0)
    assert tally.old.requests - tally.old.failed == answers.count(200)


def test_a_release_as_good_as_the_old_one_passes_and_all_have_equal_shares_again(
    router: Router, tmp_path: Path
) -> None:
    old, new = [router.instance(late="5") for _ in range(2)], [router.instance(late="5")]
    begin(router, old, new)
    with load_on(router) as load:
        found = hold(router, tmp_path, new, replace(CANARY, hold=4.0, max_p95=20.0))
        usual = canary_table(old[1], *new)
        assert not converge(router.place, usual, drain=2, deadline=10).reloaded
        load.names.clear()
        time.sleep(1)
    assert load.failures == []
    words = (
        r"shop\.web: 0 of \d+ requests to the new release failed, 0 of \d+ requests to the old one;"
        r" 95 % of its answers began within \d+ ms, of the old one's within \d+ ms"
    )
    assert re.fullmatch(words, "; ".join(found))
    assert load.names[new[0].server.name] == pytest.approx(load.names[old[1].server.name], rel=0.3)
    assert not foresee(router.place, usual).changed


BAD = {
    "failing": (
        {"failing": "3"},
        r"shop\.web: \d+ of \d+ requests \(\d+ %\) to the new release failed, 0 of",
    ),
    "slow": (
        {"late": "300"},
        r"shop\.web: 95 % of its answers began within \d+ ms, of the old one's within",
    ),
}


@pytest.mark.parametrize(("options", "words"), BAD.values(), ids=BAD)
def test_a_bad_release_is_aborted_long_before_its_time_is_over_and_nobody_noticed(
    router: Router, tmp_path: Path, options: dict[str, str], words: str
) -> None:
    old, new = [router.instance(late="5") for _ in range(2)], [router.instance(**options)]
    begin(router, old, new)
    began = time.monotonic()
    with load_on(router) as load:
        with pytest.raises(Aborted, match=rf"^the canary was aborted after \d+s: {words}"):
            hold(router, tmp_path, new)
        converge(router.place, canary_table(*old), drain=2, deadline=10)
    assert time.monotonic() - began < 20
    assert load.failures == []


def test_an_instance_that_dies_ends_its_canary(router: Router, tmp_path: Path) -> None:
    old, new = [router.instance()], [router.instance()]
    begin(router, old, new)
    with ThreadPoolExecutor() as pool:
        held = pool.submit(hold, router, tmp_path, new)
        wait_for(lambda: any(tmp_path.glob("*.json")), "the first reading")
        new[0].kill()
        with pytest.raises(Aborted, match=rf"shop\.web/{new[0].server.name} is DOWN$"):
            held.result(15)


def test_without_requests_there_is_nothing_against_a_release_and_it_is_said(
    router: Router, tmp_path: Path
) -> None:
    old, new = [router.instance()], [router.instance(failing="10")]
    begin(router, old, new)
    (said,) = hold(router, tmp_path, new, replace(CANARY, hold=1.0))
    assert said == (
        "shop.web: 0 of 0 requests to the new release failed, 0 of 0 requests to the old one;"
        " fewer than 50 requests each say little"
    )


def test_what_is_too_little_on_each_router_is_seen_on_all_together(router: Router, tmp_path: Path) -> None:
    with running_router() as second:
        old, new = [router.instance()], [router.instance(failing="10")]
        canary = replace(CANARY, weight=20, hold=3.0)
        for each in (router, second):
            begin(each, old, new, canary)
        with ThreadPoolExecutor() as pool:
            holds = [
                pool.submit(hold, r, tmp_path, new, canary, r.place.config_dir.name) for r in (router, second)
            ]
            wait_for(lambda: len(list(tmp_path.glob("*.json"))) == 2, "both first readings")
            for each in (router, second):
                while not repeated(each, new[0]):
                    each.get(HOST)
            ended = [held.exception(20) for held in holds]
    words = "2 of 2 requests (100 %) to the new release failed, 0 of"
    aborted = [error for error in ended if error]
    assert aborted
    assert all(isinstance(error, Aborted) and words in str(error) for error in aborted)


def repeated(router: Router, instance: Instance) -> int:
    """Return how many requests to an instance were asked again elsewhere."""
    return measure(router.place, ["shop.web"]).servers[f"shop.web/{instance.server.name}"].repeated


def test_what_one_router_sees_ends_it_on_all(router: Router, tmp_path: Path) -> None:
    with running_router() as second:
        old, new = [router.instance()], [router.instance(failing="10")]
        for each in (router, second):
            begin(each, old, new)
        with ThreadPoolExecutor() as pool, load_on(router):
            quiet = pool.submit(hold, second, tmp_path, new, CANARY, "1")
            busy = pool.submit(hold, router, tmp_path, new)
            began = time.monotonic()
            ends = [held.exception(20) for held in (busy, quiet)]
            assert time.monotonic() - began < 10
    assert isinstance(ends[0], Aborted)


def test_a_reload_for_another_app_in_between_loses_no_more_than_a_moment(
    router: Router, tmp_path: Path
) -> None:
    old, new = [router.instance()], [router.instance(failing="10")]
    begin(router, old, new)
    with ThreadPoolExecutor() as pool:
        held = pool.submit(hold, router, tmp_path, new)
        wait_for(lambda: any(tmp_path.glob("*.json")), "the first reading")
        assert converge(router.place, table(router.instance(), app="blog"), drain=2, deadline=10).reloaded
        with (
            load_on(router),
            pytest.raises(Aborted, match=r"requests \(100 %\) to the new release failed"),
        ):
            held.result(15)


def test_only_requests_to_apps_with_a_canary_are_noted(router: Router) -> None:
    converge(router.place, table(router.instance()), drain=2, deadline=10)
    assert router.get(HOST).status == 200
    assert router.place.admin.ask(f"show events {RING}") == ""


def test_a_router_that_was_set_up_before_there_were_canaries_says_so(router: Router) -> None:
    file = router.place.config_dir / "haproxy.cfg"
    text = file.read_text()
    file.write_text(text.replace(RING, "another").replace("    log ring@another", "    # "))
    with landing(router.place):
        reload(router.place)
    with pytest.raises(
        FairleadError, match=r"notes no times of requests; run playbooks/site\.yml on it first"
    ):
        measure(router.place, ["shop.web"])
