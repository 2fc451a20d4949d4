# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line on real machines: it answers by what runs, and moves only what it is told to."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Repository
from tests.e2e.shop import HOST, WAYS, answers, containers, frozen
from tests.load import under_load
from tests.playbook import ROOT

PLACEMENT = 'constraints: ["disk == ssd"], max_per_node: 2'
On = Callable[..., str]
Said = subprocess.CompletedProcess[str]


def fairlead(*arguments: str) -> Said:
    """Run a command on the lab."""
    argv = [sys.executable, "-m", "fairlead", *arguments, "-i", "inventories/lab"]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)


def planned(repository: Repository, *arguments: str) -> Said:
    """Run `fairlead plan` for shop, by the app files of a repository."""
    return fairlead("plan", "shop", *arguments, "--apps", str(repository.apps))


def answered(said: Said) -> dict[str, Any]:
    """Return the answer of a command that was asked for JSON."""
    assert said.stdout, said.stderr
    data: dict[str, Any] = json.loads(said.stdout)
    return data


def places() -> dict[str, str]:
    """Return slot → node of what runs of shop."""
    names = (name.partition("@") for name in containers().values())
    return {name.partition("-v")[0]: node for name, _, node in names}


def test_a_plan_says_by_its_exit_code_whether_anything_would_change(deployed: Repository) -> None:
    before = containers()
    same = planned(deployed)
    assert same.returncode == 0, same.stderr
    assert same.stdout == "shop: nothing to do\n"

    deployed.edit(("GREETING: hello", "GREETING: planned"))
    changes = planned(deployed)
    assert changes.returncode == 2, changes.stderr
    assert "shop.web.1" in changes.stdout
    assert "… Plan" in changes.stderr

    unknown = fairlead("plan", "shp", "--apps", str(deployed.apps), "-q")
    assert unknown.returncode == 1
    assert unknown.stderr.startswith('fairlead: command line app: there is no such app; got "shp"')
    assert "Traceback" not in unknown.stderr
    assert containers() == before


def test_a_saved_plan_is_carried_out_or_refused_with_what_changed(
    deployed: Repository, tmp_path: Path
) -> None:
    plan = tmp_path / "shop.plan"
    deployed.edit(("GREETING: hello", "GREETING: saved"))
    assert planned(deployed, "--out", str(plan)).returncode == 2
    with under_load(WAYS, HOST) as load:
        outcome = deployed.deploy(plan=str(plan))
    assert outcome.rc == 0, outcome.output
    assert load.failures == []
    assert answers()["greeting"] == "saved"

    deployed.edit(("GREETING: saved", "GREETING: next"))
    assert planned(deployed, "--out", str(plan)).returncode == 2
    deployed.edit(("GREETING: next", "GREETING: another"))
    before = containers()
    refused = deployed.deploy(plan=str(plan))
    assert refused.rc != 0
    assert "the plan was made from what is no longer so" in refused.output
    assert refused.changed == {}
    assert containers() == before


def test_an_instance_is_explained_on_the_nodes_that_there_are(deployed: Repository) -> None:
    said = planned(deployed, "--explain", "shop.web.1", "--json")
    assert said.returncode == 0, said.stderr
    why = answered(said)["explanation"]
    assert why["node"] == places()["shop.web.1"]
    refused = {each["node"]: each.get("refusal") for each in why["nodes"]}
    assert refused["n3"] == "disk is hdd, wants disk == ssd"


@pytest.mark.usefixtures("deployed")
def test_what_if_goes_by_what_runs_and_touches_nothing() -> None:
    before = containers()
    as_it_is = fairlead("plan", "--scale", "shop.worker=1", "--json")
    assert as_it_is.returncode == 0, as_it_is.stderr
    ours = {slot: node for slot, node in answered(as_it_is)["instances"].items() if slot.startswith("shop.")}
    assert ours == places()

    more = fairlead("plan", "--scale", "shop.worker=3", "--json")
    assert more.returncode == 2
    assert [(it["kind"], it["slot"]) for it in answered(more)["changes"]] == [
        ("start", "shop.worker.2"),
        ("start", "shop.worker.3"),
    ]

    without = fairlead("plan", "--without", "n1")
    assert without.returncode == 1
    assert "no room for shop.web" in without.stdout
    assert "n2: already holds 2 of shop.web, max_per_node is 2" in without.stdout

    with_another = fairlead("plan", "--without", "n1", "--add", "1x n2", "--json")
    assert with_another.returncode == 2, with_another.stdout
    assert "n2-new1" in answered(with_another)["instances"].values()
    assert containers() == before


def test_what_the_fleet_survives_and_how_much_more_it_holds(deployed: Repository) -> None:
    said = fairlead("check", "--survive", "1", "--json")
    assert said.returncode == 2, said.stderr
    assert answered(said)["worst"]["lost"] in {"n1", "n2"}

    deployed.edit((PLACEMENT, "spread: zone"))
    assert deployed.deploy().rc == 0
    survived = fairlead("check", "--survive", "zone")
    assert survived.returncode == 0, survived.stdout
    assert "shop.worker" in survived.stdout

    capacity = fairlead("capacity", "shop.web", "--json")
    assert capacity.returncode == 0, capacity.stderr
    found = answered(capacity)["processes"]["shop.web"]
    assert found["now"] == 4
    assert found["more"] > 0


def test_rebalancing_moves_what_gains_most_without_a_lost_request(deployed: Repository, on: On) -> None:
    deployed.edit((PLACEMENT, 'constraints: ["node == n1"], max_per_node: 4'))
    assert deployed.deploy().rc == 0
    deployed.edit(('constraints: ["node == n1"], max_per_node: 4', 'constraints: ["disk == ssd"]'))
    assert deployed.deploy().rc == 0
    web = {slot: node for slot, node in places().items() if slot.startswith("shop.web.")}
    assert set(web.values()) == {"n1"}
    before = set(containers())
    releases = on("m1", "python3", "-c", _RELEASES)

    seen = fairlead("rebalance", "--max-moves", "2", "--json")
    assert seen.returncode == 2, seen.stderr
    assert [(it["old"], it["new"]) for it in answered(seen)["moves"]] == [("n1", "n2")] * 2
    assert set(containers()) == before

    with under_load(WAYS, HOST) as load:
        done = fairlead("rebalance", "--max-moves", "2", "--apply")

    assert done.returncode == 0, done.stderr
    assert load.failures == []
    assert sorted(node for slot, node in places().items() if slot.startswith("shop.web.")) == [
        *("n1", "n1"),
        *("n2", "n2"),
    ]
    assert len(before & set(containers())) == len(before) - 2
    assert on("m1", "python3", "-c", _RELEASES) == releases, "where it stands is no release"
    again = deployed.deploy()
    assert again.changed == {}, again.output


@pytest.mark.usefixtures("deployed")
def test_a_node_that_does_not_answer_is_done_without_only_when_told() -> None:
    with frozen("n3"):
        refused = fairlead("capacity", "-q")
        told = fairlead("capacity", "-q", "--skip-unreachable")
    assert refused.returncode == 1
    assert "n3 cannot be reached; mend it, or go on without it" in refused.stderr
    assert told.returncode == 0, told.stderr
    assert "shop.web" in told.stdout


_RELEASES = (
    "import sqlite3; print(sqlite3.connect('/var/lib/fairlead/ledger.db')"
    ".execute('SELECT count(*) FROM releases').fetchone()[0])"
)
