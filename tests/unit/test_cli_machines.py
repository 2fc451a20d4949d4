# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command line asks of playbooks, and what it makes of their answers; here these are stand-ins."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.paper.file import written
from fairlead import running
from fairlead.machines import Machines
from fairlead.output import Output
from fairlead.source import read_fleet
from tests.unit.paper_files import FLEET, Desk


@dataclass
class Playbooks:
    """Stands in for all playbooks: what was run, and what each of them does."""

    ran: list[tuple[str, Machines, tuple[str, ...], dict[str, Any]]] = field(default_factory=list)
    does: dict[str, Callable[..., None]] = field(default_factory=dict)

    def play(self, playbook: str, machines: Machines, _: Output, *arguments: str, **variables: Any) -> None:
        self.ran.append((playbook, machines, arguments, variables))
        self.does[playbook](**variables)

    @property
    def names(self) -> list[str]:
        return [playbook for playbook, *_ in self.ran]


@pytest.fixture
def playbooks(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Playbooks:
    """Playbooks that see the fleet of the desk, and deploys with nothing to do."""
    stand_in = Playbooks()
    seen = written(read_fleet("fleet.yml", ["apps"]))
    stand_in.does["playbooks/survey.yml"] = surveyed(seen)
    stand_in.does["playbooks/rebalance.yml"] = lambda **_: None
    stand_in.does["deploy.yml"] = lambda plan_out, app, **_: save(plan_out, app, changes=False)
    monkeypatch.setattr(running, "play", stand_in.play)
    assert desk.folder.exists()
    return stand_in


def surveyed(seen: bytes) -> Callable[..., None]:
    """Return a survey that sees this."""

    def survey(out: str, **_: Any) -> None:
        Path(out).write_bytes(seen)

    return survey


def save(plan_out: str, app: str, *, changes: bool, steps: list[dict[str, Any]] | None = None) -> None:
    configuration = read_fleet("fleet.yml", ["apps"]).configurations[app].as_dict()
    plan = {
        "app": app,
        "changes": changes,
        "active": 3,
        "steps": steps or [],
        "text": f"plan for {app}, release v4: 1 start\n  n1\n    + {app}.web.3  scale 2 → 3",
        "configuration": configuration,
    }
    Path(plan_out).write_text(json.dumps(plan))


def test_every_app_is_planned_and_nothing_to_do_is_0(desk: Desk, playbooks: Playbooks) -> None:
    said = desk.run("plan", "--apps", "apps")
    assert (said.code, said.out) == (0, "blog: nothing to do\n\nshop: nothing to do\n")
    assert [variables["app"] for *_, variables in playbooks.ran] == ["blog", "shop"]
    assert all("--check" in arguments for _, _, arguments, _ in playbooks.ran)
    assert {variables["fairlead_apps"] for *_, variables in playbooks.ran} == {str(desk.folder / "apps")}


def test_a_plan_with_changes_is_shown_and_is_2(desk: Desk, playbooks: Playbooks) -> None:
    playbooks.does["deploy.yml"] = lambda plan_out, app, **_: save(plan_out, app, changes=app == "shop")
    said = desk.run("plan", "--apps", "apps")
    assert said.code == 2
    assert said.out == (
        "blog: nothing to do\n\nplan for shop, release v4: 1 start\n  n1\n    + shop.web.3  scale 2 → 3\n"
    )
    data = desk.run("plan", "shop", "--apps", "apps", "--json").data
    assert data["changes"]
    assert [plan["app"] for plan in data["plans"]] == ["shop"]
    assert "configuration" not in data["plans"][0]


def test_one_app_that_cannot_be_planned_does_not_hide_the_others(desk: Desk, playbooks: Playbooks) -> None:
    def deploy(plan_out: str, app: str, **_: Any) -> None:
        if app == "blog":
            raise FairleadError("blog: nothing was touched. no room for blog.web.1:\n  n1: is lost")
        save(plan_out, app, changes=True)

    playbooks.does["deploy.yml"] = deploy
    said = desk.run("plan", "--apps", "apps")
    assert said.code == 1
    assert said.out.startswith("plan for shop")
    assert said.err == "fairlead: blog: nothing was touched. no room for blog.web.1:\n  n1: is lost\n"


def test_a_plan_is_saved_for_its_owner(desk: Desk, playbooks: Playbooks) -> None:
    playbooks.does["deploy.yml"] = lambda plan_out, app, **_: save(plan_out, app, changes=True)
    assert desk.run("plan", "shop", "--apps", "apps", "--out", "shop.plan").code == 2
    saved = desk.folder / "shop.plan"
    assert json.loads(saved.read_text())["app"] == "shop"
    assert saved.stat().st_mode & 0o777 == 0o600
    refused = desk.run("plan", "shop", "--apps", "apps", "--out", "nowhere/shop.plan")
    assert refused.code == 1
    assert refused.err == "fairlead: --out nowhere/shop.plan: cannot be written: No such file or directory\n"


@pytest.mark.usefixtures("playbooks")
def test_plans_of_several_apps_are_not_saved(desk: Desk) -> None:
    said = desk.run("plan", "--apps", "apps", "--out", "all.plan")
    assert said.code == 1
    assert said.err.startswith("fairlead: --out takes the plan of one app, and 2 are meant")
    assert not (desk.folder / "all.plan").exists()


def test_a_planned_instance_is_explained_where_it_will_stand(desk: Desk, playbooks: Playbooks) -> None:
    steps: list[dict[str, Any]] = [
        {"slot": "shop.web.1", "kind": "keep", "old": "shop.web.1-v3 on n1", "new": None},
        {"slot": "shop.web.2", "kind": "move", "old": "shop.web.2-v3 on n3", "new": "shop.web.2-v4 on n2"},
        {"slot": "shop.worker.1", "kind": "stop", "old": "shop.worker.1-v3 on n2", "new": None},
    ]
    playbooks.does["deploy.yml"] = lambda plan_out, app, **_: save(plan_out, app, changes=True, steps=steps)
    said = desk.run("plan", "shop", "--apps", "apps", "--explain", "shop.web.2", "--json")
    assert said.code == 2
    why = said.data["explanation"]
    assert (why["slot"], why["node"], why["why"]) == ("shop.web.2", "n2", "it moves there")
    assert playbooks.names == ["deploy.yml", "playbooks/survey.yml"]
    other = desk.run("plan", "shop", "--apps", "apps", "--explain", "blog.web.1")
    assert other.err == "fairlead: blog.web.1 is an instance of another app than shop\n"


def test_what_if_looks_at_the_machines_once(desk: Desk, playbooks: Playbooks) -> None:
    said = desk.run("plan", "--without", "n3", "-i", "fleet.yml", "-e", "a=b", "--skip-unreachable", "-q")
    assert said.code == 2
    assert said.out.startswith("Without n3: 1 move\n  > shop.web.2  n3 → n2  n3 is lost\n")
    [(playbook, machines, _, variables)] = playbooks.ran
    assert playbook == "playbooks/survey.yml"
    assert machines == Machines("fleet.yml", ("a=b",), None)
    assert variables["skip_unreachable"] is True


@pytest.mark.parametrize("command", [["check", "--survive", "1"], ["capacity"], ["rebalance"]])
def test_every_other_question_looks_at_the_machines_once(
    desk: Desk, playbooks: Playbooks, command: list[str]
) -> None:
    assert desk.run(*command).code == 0
    assert playbooks.names == ["playbooks/survey.yml"]


def test_rebalancing_is_carried_out_only_when_asked(desk: Desk, playbooks: Playbooks) -> None:
    desk.write("fleet.yml", FLEET.replace("node: n3", "node: n1"))
    seen = written(read_fleet("fleet.yml", ["apps"]))
    playbooks.does["playbooks/survey.yml"] = surveyed(seen)
    assert desk.run("rebalance", "--max-moves", "1").code == 2
    assert playbooks.names == ["playbooks/survey.yml"]
    said = desk.run("rebalance", "--max-moves", "1", "--apply")
    assert said.code == 0
    assert said.out.startswith("Moved:\n  > shop.web.2  n1 → n3")
    assert playbooks.ran[-1][0] == "playbooks/rebalance.yml"
    assert playbooks.ran[-1][3] == {"moves": {"shop.web.2": "n3"}}


def test_nothing_to_gain_runs_nothing(desk: Desk, playbooks: Playbooks) -> None:
    assert desk.run("rebalance", "--apply").code == 0
    assert playbooks.names == ["playbooks/survey.yml"]


def test_machines_that_are_not_there_are_an_error() -> None:
    with pytest.raises(FairleadError, match="-i nowhere: there is no such file or directory"):
        Machines("nowhere").place()
    with pytest.raises(FairleadError, match="--vault-password-file nowhere: there is no such"):
        Machines(None, (), "nowhere").arguments()
    assert Machines(variables=("a=b", "c=d")).arguments() == ["-e", "a=b", "-e", "c=d"]
    assert Machines().place() is None
