# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that are to be emptied, or to take nothing new, while the site serves on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.conftest import Repository
from tests.e2e.shop import HOST, NODES, WAYS, containers, slots
from tests.load import under_load
from tests.playbook import Outcome, play

ANYWHERE = ('constraints: ["disk == ssd"], ', "")
On = Callable[..., str]


def verb(name: str, node: str, *arguments: str, message: str = "", force: bool = False) -> Outcome:
    return play(f"playbooks/{name}.yml", *arguments, node=node, message=message, force=force)


def on_node(node: str) -> list[str]:
    return sorted(name.partition("-v")[0] for name in containers().values() if name.endswith(f"@{node}"))


def agents() -> list[int]:
    """Return how many of the process that runs everywhere each node has."""
    return [sum(slot.startswith("shop.agent") for slot in on_node(node)) for node in NODES]


@pytest.fixture
def wide(deployed: Repository, on: On) -> Iterator[Repository]:
    """The sample where each instance may stand on every node, two of web on one; all nodes as usual."""
    deployed.edit(ANYWHERE)
    assert deployed.deploy().rc == 0
    yield deployed
    for node in on("m1", "python3", "-c", _STATES).split():
        assert verb("undrain", node).rc == 0


def test_a_node_is_emptied_under_load_and_takes_nothing_until_it_is_back(wide: Repository) -> None:
    before = containers()
    assert on_node("n2"), "or there is nothing to drain"
    predicted = verb("drain", "n2", "--check")
    assert containers() == before
    with under_load(WAYS, HOST) as load:
        drained = verb("drain", "n2", message="a new disk")
    assert drained.rc == 0, drained.output
    assert load.failures == []
    assert on_node("n2") == []
    assert slots() == ["shop.web.1", "shop.web.2", "shop.web.3", "shop.web.4", "shop.worker.1"]
    stayed = {container for container, name in before.items() if not name.endswith("@n2")}
    assert stayed <= set(containers()), "nothing else moved"
    assert "> shop." in predicted.output

    again = wide.deploy()
    assert (again.rc, again.changed) == (0, {}), again.output
    wide.edit(
        (
            "worker: {command: [python3, -m, shop.worker], scale: 1",
            "worker: {command: [python3, -m, shop.worker], scale: 3",
        )
    )
    assert wide.deploy().rc == 0
    assert on_node("n2") == [], "it is cordoned"

    assert verb("undrain", "n2").rc == 0
    back = wide.deploy()
    assert (back.rc, back.changed) == (0, {}), "nothing moves without need"
    assert verb("undrain", "n2").changed == {}


def test_a_drain_that_would_not_fit_touches_nothing(deployed: Repository, on: On) -> None:
    before = containers()
    refused = verb("drain", "n1")
    assert refused.rc != 0
    assert "max_per_node" in refused.output
    assert refused.changed == {}
    assert containers() == before
    marked = on("m1", "python3", "-c", _STATES)
    assert marked == ""
    assert deployed.deploy().changed == {}


def test_a_drain_that_would_not_fit_moves_what_fits_if_it_is_told_to(deployed: Repository) -> None:
    worker = "worker: {command: [python3, -m, shop.worker], scale: "
    deployed.edit((f"{worker}1", f"{worker}3"))
    assert deployed.deploy().rc == 0
    kept = [slot for slot in on_node("n1") if slot.startswith("shop.web.")]
    assert len(on_node("n1")) > len(kept) == 2
    forced = verb("drain", "n1", force=True)
    assert forced.rc == 0, forced.output
    assert on_node("n1") == kept
    assert len(slots()) == 7
    assert verb("undrain", "n1").rc == 0


def test_what_stands_on_a_cordoned_node_stays_and_a_new_release_of_it_goes_elsewhere(
    wide: Repository,
) -> None:
    before = containers()
    assert verb("cordon", "n3", message="flaky").rc == 0
    assert verb("cordon", "n3").changed == {}
    assert wide.deploy().changed == {}
    assert containers() == before
    wide.edit(("GREETING: hello", "GREETING: elsewhere"), ("max_per_node: 2", "max_per_node: 3"))
    moved = wide.deploy()
    assert moved.rc == 0, moved.output
    assert on_node("n3") == []
    assert "cordoned" in moved.output


def test_one_that_runs_on_every_node_runs_on_every_node(deployed: Repository) -> None:
    agent = "  agent: {command: [python3, -m, shop.worker], memory: 32M, placement: {mode: global}}\n"
    file = deployed.apps / "shop.yml"
    file.write_text(file.read_text().replace("routes:\n", f"{agent}routes:\n"))
    with under_load(WAYS, HOST) as load:
        assert deployed.deploy().rc == 0
        assert agents() == [1, 1, 1]
        assert deployed.deploy().changed == {}
        drained = verb("drain", "n3")
    assert drained.rc == 0, drained.output
    assert load.failures == []
    assert on_node("n3") == []
    assert agents() == [1, 1, 0]
    assert verb("undrain", "n3").rc == 0
    assert deployed.deploy().rc == 0
    assert agents() == [1, 1, 1]


def test_a_node_that_is_none_is_named_before_any_machine_is_touched() -> None:
    for name in ("drain", "cordon", "undrain"):
        refused = verb(name, "n9")
        assert refused.rc != 0
        assert '-e node: is no node; got "n9"; expected one of n1, n2, n3' in " ".join(refused.output.split())
        assert refused.touched == set()


_STATES = (
    "import sqlite3; print(*(row[0] for row in"
    " sqlite3.connect('/var/lib/fairlead/ledger.db').execute('SELECT node FROM nodes')))"
)
