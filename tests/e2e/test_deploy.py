# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job on six real machines: deploy, change, break, mend, remove."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.conftest import Repository
from tests.e2e.running import until
from tests.e2e.shop import HOST, NODES, ROUTERS, WAYS, answers, containers, frozen, slots, visit
from tests.load import under_load
from tests.playbook import play

WEB = ["shop.web.1", "shop.web.2", "shop.web.3", "shop.web.4"]
EVERYTHING = [*WEB, "shop.worker.1"]
On = Callable[..., str]


@pytest.mark.usefixtures("lab")
def test_installing_again_changes_nothing() -> None:
    again = play("playbooks/site.yml")
    assert again.rc == 0, again.output
    assert again.changed == {}, again.output


@pytest.mark.usefixtures("lab")
def test_a_first_deploy_answers_through_every_router(repository: Repository) -> None:
    play("playbooks/remove.yml", app="shop")
    predicted = repository.deploy("--check", "--diff")
    assert predicted.rc == 0, predicted.output
    assert containers() == {}

    real = repository.deploy()

    assert real.rc == 0, real.output
    assert slots() == EVERYTHING
    for router in ROUTERS:
        assert answers(router)["app"] == "shop"
    assert "+ shop.web.1" in predicted.output
    assert set(predicted.changed) >= {"n1", "n2", "r1", "r2"}


def test_a_second_deploy_changes_nothing_in_one_round_trip(deployed: Repository, on: On) -> None:
    before = containers()
    until(lambda: on("m1", "python3", "-c", _RELEASED) == "1")
    again = deployed.deploy()
    assert again.rc == 0, again.output
    assert again.changed == {}, again.output
    assert len(again.round_trips) == 1, again.round_trips
    assert containers() == before
    assert "= shop.web.1" in again.output


@pytest.mark.usefixtures("deployed")
def test_the_rules_of_the_app_file_hold() -> None:
    placed = [name for name in containers().values() if name.startswith("shop.web.")]
    by_node = {node: sum(name.endswith("@" + node) for name in placed) for node in NODES}
    assert by_node == {"n1": 2, "n2": 2, "n3": 0}


def test_check_predicts_the_plan_of_the_real_run(deployed: Repository) -> None:
    deployed.edit(("GREETING: hello", "GREETING: predicted"))
    before = containers()
    predicted = deployed.deploy("--check", "--diff")
    assert containers() == before
    real = deployed.deploy()
    assert plan_in(predicted.output) == plan_in(real.output)
    assert set(predicted.changed) == set(real.changed)


def test_a_change_rolls_over_under_load_without_a_failed_request(deployed: Repository) -> None:
    old = containers()
    deployed.edit(("GREETING: hello", "GREETING: welcome"), ("parallelism: all", "parallelism: 2"))

    with under_load(WAYS, HOST) as load:
        outcome = deployed.deploy()

    assert outcome.rc == 0, outcome.output
    assert load.failures == []
    assert load.rate >= 100
    assert slots() == EVERYTHING
    assert not set(old) & set(containers())


def test_a_bad_release_leaves_the_old_instances_serving(deployed: Repository) -> None:
    old = containers()
    deployed.edit(
        ("GREETING: hello", 'GREETING: hello, SHOP_PING_STATUS: "500"'), ("deadline: 60s", "deadline: 8s")
    )

    with under_load(WAYS, HOST) as load:
        outcome = deployed.deploy()

    assert outcome.rc != 0
    assert load.failures == []
    assert containers() == old
    assert "shop.web.1" in outcome.output
    assert "500" in outcome.output


def test_a_release_that_fails_half_way_returns_to_the_same_containers(deployed: Repository) -> None:
    old = containers()
    # By the step of web.4 all other instances are new, the worker's too.
    late = '[sh, -c, "[ $INSTANCE != web.4 ] && exec python3 -m shop; exit 3"]'
    deployed.edit(
        ("command: [python3, -m, shop]", f"command: {late}"),
        ("GREETING: hello", "GREETING: half"),
        ("parallelism: all", "parallelism: 1"),
    )
    with under_load(WAYS, HOST) as load:
        outcome = deployed.deploy()
    assert outcome.rc != 0
    assert "shop.web.4 on node" in outcome.output
    assert load.failures == []
    assert containers() == old


def test_new_instances_stay_while_a_router_that_is_lost_may_lead_to_them(deployed: Repository) -> None:
    old = containers()
    deployed.edit(("GREETING: hello", "GREETING: half"), ("parallelism: all", "parallelism: 1"))
    with ThreadPoolExecutor() as aside:
        run = aside.submit(deployed.deploy)
        while not run.done() and answers(ROUTERS[1])["greeting"] != "half":
            pass
        with frozen("r2"):
            outcome = run.result()
    assert outcome.rc != 0
    assert "r2 could not be led back" in outcome.output
    assert set(containers()) > set(old)
    assert answers(ROUTERS[1])["app"] == "shop"

    mended = deployed.deploy()

    assert mended.rc == 0, mended.output
    assert slots() == EVERYTHING
    assert {answers(router)["greeting"] for router in ROUTERS} == {"half"}


def test_a_scale_change_touches_only_the_difference(deployed: Repository) -> None:
    before = set(containers())
    deployed.edit(("scale: 4", "scale: 3"))
    assert deployed.deploy().rc == 0
    fewer = set(containers())
    assert fewer < before
    assert len(before - fewer) == 1
    deployed.edit(("scale: 3", "scale: 4"))
    assert deployed.deploy().rc == 0
    assert set(containers()) > fewer
    assert slots() == EVERYTHING


BY_HAND: dict[str, tuple[str, tuple[str, ...]]] = {
    "shop.web.1": ("its container is gone", ("rm", "--force")),
    "shop.web.2": ("its container does not run", ("stop", "--time", "1")),
    "shop.web.3": ("changed by hand", ("update", "--memory", "256m", "--memory-swap", "256m")),
    "shop.web.4": ("changed by hand", ("network", "disconnect", "bridge")),
}


def test_what_someone_did_by_hand_is_mended(deployed: Repository, on: On) -> None:
    before = containers()
    for container, name in before.items():
        slot, node = name.partition("-v")[0], name.partition("@")[2]
        if slot in BY_HAND:
            on(node, "docker", *BY_HAND[slot][1], container)

    mended = deployed.deploy()

    assert mended.rc == 0, mended.output
    for slot, (words, _) in BY_HAND.items():
        assert re.search(rf"{slot} .*{words}", mended.output), mended.output
    assert slots() == EVERYTHING
    assert [before[same].partition("-v")[0] for same in before.keys() & containers().keys()] == [
        "shop.worker.1"
    ]
    assert deployed.deploy().changed == {}


def test_a_removed_process_is_stopped_and_a_removed_app_is_reported(deployed: Repository) -> None:
    file = deployed.apps / "shop.yml"
    text = file.read_text()
    file.write_text("".join(line for line in text.splitlines(keepends=True) if "worker:" not in line))
    gone = deployed.deploy()
    assert gone.rc == 0, gone.output
    assert slots() == WEB
    file.rename(deployed.apps / "blog.yml").write_text(
        text.replace("app: shop", "app: blog")
        .replace("shop.example", "blog.example")
        .replace(", secret: [SESSION_KEY]", "")
    )
    other = deployed.deploy("--check", app="blog")
    assert "playbooks/remove.yml -e app=shop" in other.output


def test_secrets_appear_in_no_output(deployed: Repository, on: On) -> None:
    deployed.edit(("GREETING: hello", "GREETING: quiet"))
    canary = "canary-7c1f0a"
    secrets = {"shop": {"SESSION_KEY": canary}}
    outcome = deployed.deploy("-vvv", "--diff", fairlead_secrets=secrets)
    assert outcome.rc == 0, outcome.output
    assert canary not in outcome.output
    assert canary not in str(outcome.events)
    for node in NODES:
        labels = on(
            node, "sh", "-c", "docker ps -aq | xargs -r docker inspect --format '{{json .Config.Labels}}'"
        )
        assert canary not in labels
        assert canary not in on(node, "sh", "-c", "ps axww; journalctl --no-pager | tail -n 500")


def test_a_lost_node_is_done_without_if_told_so_and_put_right_when_it_is_back(deployed: Repository) -> None:
    play("playbooks/remove.yml", app="shop")
    assert deployed.deploy().rc == 0
    [worker] = [name for name in containers().values() if name.startswith("shop.worker")]
    assert worker.endswith("@n3"), "a first deploy spreads so"
    with frozen("n3"):
        refused = deployed.deploy()
        without = deployed.deploy(skip_unreachable=True)
        again = deployed.deploy(skip_unreachable=True)
    assert refused.rc != 0
    assert "fatal: [n3]: UNREACHABLE!" in refused.output
    assert "with -e skip_unreachable=true it counts as lost" in refused.output
    assert refused.changed == {}
    assert without.rc == 0, without.output
    assert again.rc == 0, again.output
    assert again.changed == {}
    assert slots().count("shop.worker.1") == 2, "one of them is the lost node's, which is back"

    mended = deployed.deploy()

    assert mended.rc == 0, mended.output
    assert slots() == EVERYTHING
    assert deployed.deploy().changed == {}


def test_an_app_is_removed_without_a_lost_node_if_told_so(deployed: Repository) -> None:
    assert deployed.deploy().rc == 0
    with frozen("n3"):
        without = play("playbooks/remove.yml", app="shop", skip_unreachable=True)
    assert without.rc == 0, without.output
    left = containers()
    assert {name.partition("@")[2] for name in left.values()} <= {"n3"}
    assert play("playbooks/remove.yml", app="shop").rc == 0
    assert containers() == {}


def test_a_router_that_cannot_be_reached_cannot_be_skipped(deployed: Repository) -> None:
    before = containers()
    deployed.edit(("GREETING: hello", "GREETING: never"))
    with frozen("r2"):
        outcome = deployed.deploy(skip_unreachable=True)
    assert outcome.rc != 0
    assert "r2 cannot be reached; mend it, or take it out of the inventory" in outcome.output
    assert outcome.changed == {}
    assert containers() == before


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("scale: 4", "scale: 9", "max_per_node"),
        ("memory: 128M", "memory: 900G", "memory"),
        ("disk == ssd", "disc == ssd", "has no label disc"),
    ],
)
def test_what_fits_nowhere_is_refused_with_a_reason_for_each_node(
    deployed: Repository, old: str, new: str, words: str
) -> None:
    before = containers()
    deployed.edit((old, new))
    outcome = deployed.deploy()
    assert outcome.rc != 0
    assert words in outcome.output
    for node in NODES:
        assert node in outcome.output
    assert outcome.changed == {}
    assert containers() == before


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("scale: 4\n", "scale: 4\n    scale: 5\n", "apps/shop.yml:13:5 processes.web.scale"),
        ("shop.example.com", '"shop.example.com -f /etc/shadow"', "routes[0].domain: is not a domain"),
        ("secret: [SESSION_KEY]", "secret: [NOT_SET]", "fairlead_secrets.shop.NOT_SET: is not set"),
    ],
)
def test_bad_input_touches_no_machine(repository: Repository, old: str, new: str, words: str) -> None:
    repository.edit((old, new))
    outcome = repository.deploy()
    assert outcome.rc != 0
    assert words in outcome.output
    assert outcome.touched == set()


def test_an_app_that_does_not_exist_lists_those_that_do(repository: Repository) -> None:
    outcome = repository.deploy(app="shopp")
    assert outcome.rc != 0
    assert 'did you mean "shop"?' in outcome.output
    assert outcome.touched == set()


def test_templates_in_app_files_are_kept_literally(deployed: Repository) -> None:
    deployed.edit(("GREETING: hello", 'GREETING: \'{{ 6 * 7 }} {{ lookup("pipe", "id") }}\''))
    outcome = deployed.deploy()
    assert outcome.rc == 0, outcome.output
    assert answers()["greeting"] == '{{ 6 * 7 }} {{ lookup("pipe", "id") }}'


@pytest.mark.usefixtures("deployed")
def test_remove_takes_the_app_away_everywhere() -> None:
    predicted = play("playbooks/remove.yml", "--check", app="shop")
    assert slots() == EVERYTHING
    removed = play("playbooks/remove.yml", app="shop")
    assert removed.rc == 0, removed.output
    assert set(predicted.changed) == set(removed.changed)
    assert containers() == {}
    for router in ROUTERS:
        assert visit(router)[0] == 404
    assert play("playbooks/remove.yml", app="shop").changed == {}


# The lease of a run that has ended is released a moment later; a run in between looks twice.
_RELEASED = (
    "import sqlite3; print(sqlite3.connect('/var/lib/fairlead/ledger.db')"
    ".execute(\"SELECT released FROM leases WHERE app = 'shop'\").fetchone()[0])"
)


def plan_in(output: str) -> list[str]:
    """Return the lines of the plan, without what only a real run can know."""
    lines = output.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("plan for"))
    return [line for line in lines[start:] if line.startswith(("plan for", "  n", "    "))][:12]
