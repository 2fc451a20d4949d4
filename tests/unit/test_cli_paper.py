# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command over a small fleet on paper: what people read, what programs read, and the exit codes."""

from __future__ import annotations

import re

import pytest

from fairlead.commands import COMMANDS
from tests.unit.paper_files import BLOG, FLEET, ON_PAPER, Desk

STANDING = """\
  node  instances                 memory  cpu
  ----  ------------------------  ------  ----
  n1    shop.web.1                25 %    12 %
  n2    blog.web.2 shop.worker.1  25 %    12 %
  n3    shop.web.2                25 %    12 %
  n4    blog.web.1                25 %    12 %
  all   5 instances               25 %    12 %
"""


def untimed(text: str) -> str:
    return re.sub(r"\([0-9.]+ m?s\)", "(… ms)", text)


def test_a_simulation_shows_what_stands_where(desk: Desk) -> None:
    said = desk.run("simulate", "fleet.yml", "apps")
    assert untimed(said.out) == f"5 instances stand, on 4 of 4 nodes: nothing changes (… ms)\n\n{STANDING}"
    assert (said.code, said.err) == (0, "")


def test_a_simulation_places_what_does_not_run_yet(desk: Desk) -> None:
    desk.write("empty.yml", FLEET.partition("instances:")[0])
    said = desk.run("simulate", "empty.yml", "apps/shop.yml", "apps/blog.yml", "--json")
    assert said.code == 0
    assert said.data["fits"]
    assert [change["kind"] for change in said.data["changes"]] == ["start"] * 5
    zones = {"n1": "a", "n2": "a", "n3": "b"}
    assert {zones[said.data["instances"][slot]] for slot in ("shop.web.1", "shop.web.2")} == {"a", "b"}
    assert said.data["total"]["memory"] == 896 * 2**20
    assert said.data["seconds"] > 0


def test_a_simulation_says_what_does_not_fit_and_why(desk: Desk) -> None:
    desk.write("apps/blog.yml", BLOG.replace("memory: 128M", "memory: 800M"))
    desk.write(
        "fleet.yml", FLEET.replace("  - {slot: blog.web.1, node: n4}\n  - {slot: blog.web.2, node: n2}\n", "")
    )
    said = desk.run("simulate", "fleet.yml", "apps")
    assert said.code == 2
    assert untimed(said.out).startswith("""\
4 instances stand, 1 fit nowhere, on 3 of 4 nodes: 1 start (… ms)

  + blog.web.1  n2  process web is new

no room for blog.web.2:
  n1: 768M memory free, needs 800M
  n2: 96M memory free, needs 800M
  n3: 768M memory free, needs 800M
  n4: 512M memory free, needs 800M
""")
    assert "blog.web.2 would fit with 32M more memory on n1 or n3" in said.out


def test_a_simulation_explains_one_instance(desk: Desk) -> None:
    said = desk.run("simulate", "fleet.yml", "apps", "--explain", "shop.web.1")
    assert said.out.endswith("""\

shop.web.1 on n1: stays where it stands
  node           why
  ----  -------  ----------------------------------------------------
  n1    chosen   shop.web in zone a 0, shop.web here 0, reserved 0
  n2    ranked   shop.web in zone a 0, shop.web here 0, reserved 0.25
  n3    ranked   shop.web in zone b 1, shop.web here 1, reserved 0.25
  n4    refuses  disk is hdd, wants disk == ssd
""")
    assert said.code == 0
    why = desk.run("simulate", "fleet.yml", "apps", "--explain", "shop.web.1", "--json").data["explanation"]
    assert why["node"] == "n1"
    assert why["nodes"][0]["terms"] == {"shop.web in zone a": 0, "shop.web here": 0, "reserved": 0}
    assert why["nodes"][3] == {"node": "n4", "terms": {}, "refusal": "disk is hdd, wants disk == ssd"}


def test_a_strategy_stands_in_where_apps_name_none(desk: Desk) -> None:
    desk.write("empty.yml", FLEET.partition("instances:")[0])
    desk.write("apps/blog.yml", BLOG.replace("scale: 2", "scale: 4"))
    packed = desk.run("simulate", "empty.yml", "apps/blog.yml", "--strategy", "binpack", "--json").data
    assert len(set(packed["instances"].values())) == 1


def test_nothing_changes_on_a_fleet_as_it_shall_be(desk: Desk) -> None:
    said = desk.run("plan", *ON_PAPER)
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("As it is: nothing changes\n\n  node  instances  memory  cpu\n")


def test_without_a_node_what_stood_there_moves(desk: Desk) -> None:
    said = desk.run("plan", *ON_PAPER, "--without", "n3")
    assert (
        said.out
        == """\
Without n3: 1 move
  > shop.web.2  n3 → n2  n3 is lost

  node  instances  memory       cpu
  ----  ---------  -----------  -----------
  n1    1          25 %         12 %
  n2    2 → 3      25 % → 50 %  12 % → 25 %
  n4    1          25 %         12 %
  all   5          25 % → 35 %  12 % → 18 %
"""
    )
    assert (said.code, said.err) == (2, "")


def test_suppositions_combine(desk: Desk) -> None:
    options = ("--without", "zone=a", "--add", "2x n4", "--scale", "shop.web=4")
    said = desk.run("plan", *ON_PAPER, *options)
    assert said.code == 2
    assert said.out.startswith("Without zone=a, with 2x n4 more, with shop.web=4: 3 move, 2 start\n")
    found = desk.run("plan", *ON_PAPER, *options, "--json").data
    assert {found["instances"][f"shop.web.{number}"] for number in range(1, 5)} == {"n3"}
    assert {found["instances"]["blog.web.2"], found["instances"]["shop.worker.1"]} == {"n4-new1", "n4-new2"}
    assert found["total"]["before"]["instances"] == 5


def test_what_does_not_fit_is_an_error_of_the_plan(desk: Desk) -> None:
    said = desk.run(
        "plan", *ON_PAPER, "--without", "zone=a", "--scale", "shop.web=5", "--explain", "shop.web.5"
    )
    assert said.code == 1
    assert (
        "no room for shop.web.5:\n  n1: is lost\n  n2: is lost\n  n3: 0 memory free, needs 256M\n" in said.out
    )
    assert "\nshop.web.5 on no node: fits on no node\n" in said.out


def test_a_scale_that_shrinks_stops_the_worst_placed(desk: Desk) -> None:
    found = desk.run("plan", *ON_PAPER, "--scale", "blog.web=1", "--json").data
    assert [(it["kind"], it["after"]) for it in found["changes"]] == [("stop", None)]


def test_a_fleet_that_survives_says_so(desk: Desk) -> None:
    said = desk.run("check", *ON_PAPER, "--survive", "1")
    assert said.out == (
        "Everything survives the loss of any one node: 4 tried.\n"
        "With one instance, and down until that has started elsewhere: shop.worker.\n"
    )
    assert said.code == 0


def test_a_fleet_that_does_not_survive_names_the_worst_case(desk: Desk) -> None:
    desk.write("fleet.yml", FLEET.replace("labels: {zone: b, disk: ssd}", "labels: {zone: b, disk: hdd}"))
    desk.write(
        "fleet.yml",
        (desk.folder / "fleet.yml").read_text().replace("shop.web.2, node: n3", "shop.web.2, node: n2"),
    )
    said = desk.run("check", *ON_PAPER, "--survive", "zone")
    assert said.code == 2
    assert (
        said.out
        == """\
1 of 2 losses of one zone are not survived. The worst is zone a:
shop.web would have no instance left until new ones have started
no room for shop.web.1-2:
  n1: is lost
  n2: is lost
  n3: disk is hdd, wants disk == ssd
  n4: disk is hdd, wants disk == ssd
2 more of shop.web would fit without the constraint disk == ssd.

  lost    instances  fit nowhere  down
  ------  ---------  -----------  --------
  zone a  4          2            shop.web
With one instance, and down until that has started elsewhere: shop.worker.
"""
    )
    data = desk.run("check", *ON_PAPER, "--survive", "zone", "--json").data
    assert not data["survives"]
    assert data["worst"]["lost"] == "zone a"
    assert data["worst"]["homeless"] == ["shop.web.1", "shop.web.2"]
    assert [loss["survived"] for loss in data["losses"]] == [False, True]


def test_the_capacity_of_every_process_with_what_runs_out(desk: Desk) -> None:
    said = desk.run("capacity", *ON_PAPER)
    assert (
        said.out
        == """\
Reserved: memory 25 % of 3584M, cpu 12 % of 14. Of all that there is, memory runs out first.

  process      now  more  runs out first
  -----------  ---  ----  -----------------------
  blog.web     2    21    memory, on 4 of 4 nodes
  shop.web     2    9     memory, on 3 of 3 nodes
  shop.worker  1    21    memory, on 4 of 4 nodes
"""
    )
    assert said.code == 0


def test_the_capacity_of_one_process(desk: Desk) -> None:
    data = desk.run("capacity", "shop.web", *ON_PAPER, "--json").data
    assert data["processes"] == {
        "shop.web": {"now": 2, "more": 9, "runs_out_first": "memory", "why": "on 3 of 3 nodes"}
    }
    fuller = desk.run("plan", *ON_PAPER, "--scale", "shop.web=11")
    assert fuller.code == 2
    assert desk.run("plan", *ON_PAPER, "--scale", "shop.web=12").code == 1


def test_a_process_that_a_rule_holds_back_names_the_rule(desk: Desk) -> None:
    desk.write("apps/blog.yml", BLOG.replace("port: 80", "port: 80, placement: {max_per: {zone: 1}}"))
    said = desk.run("capacity", "blog.web", *ON_PAPER)
    assert said.code == 2
    assert "rules, n1 zone a already holds 1 of blog.web, max_per zone is 1" in said.out


def test_a_balanced_fleet_has_nothing_to_gain(desk: Desk) -> None:
    said = desk.run("rebalance", *ON_PAPER)
    assert said.code == 0
    assert said.out.startswith("Nothing would stand better elsewhere.\n\n")


def test_moves_come_with_their_gain_the_greatest_first(desk: Desk) -> None:
    desk.write(
        "fleet.yml",
        FLEET.replace("node: n3", "node: n1").replace("shop.worker.1, node: n2", "shop.worker.1, node: n1"),
    )
    said = desk.run("rebalance", *ON_PAPER)
    assert said.code == 2
    head, first, second, *rest = said.out.splitlines()
    assert head == "These would stand better elsewhere:"
    assert first.startswith("  > shop.web.2     n1 → n3  zone a has ")
    assert second.startswith("  > shop.worker.1  n1 → n2  n1 has ")
    assert (
        "\n".join(rest)
        == """
  node  instances  memory       cpu
  ----  ---------  -----------  -----------
  n1    3 → 1      62 % → 25 %  31 % → 12 %
  n2    1 → 2      12 % → 25 %  6 % → 12 %
  n3    0 → 1      0 % → 25 %   0 % → 12 %
  n4    1          25 %         12 %
  all   5          25 %         12 %"""
    )
    one = desk.run("rebalance", *ON_PAPER, "--max-moves", "1", "--json").data
    assert [(it["slot"], it["old"], it["new"], it["term"], it["gain"]) for it in one["moves"]] == [
        ("shop.web.2", "n1", "n3", "value", 1)
    ]
    assert not one["applied"]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["simulate", "x.yml", "apps"], "x.yml: cannot be read: No such file or directory"),
        (["simulate", "fleet.yml", "nope"], "nope: there is no such file or directory"),
        (["simulate", "fleet.yml", "none"], "none: there are no app files"),
        (
            ["simulate", "fleet.yml", "apps", "--explain", "web"],
            '"web" is no instance; expected an instance such as shop.web.1: app, process and number',
        ),
        (
            ["simulate", "fleet.yml", "apps", "--explain", "shop.web.7"],
            (
                'there is no instance "shop.web.7"; expected one of shop.web.1, shop.web.2, shop.worker.1'
                ' (did you mean "shop.web.2"?)'
            ),
        ),
        (
            ["plan", *ON_PAPER, "shop", "--without", "n1"],
            "what-if goes over all apps that run, and is nothing to carry out; leave APP and --out away",
        ),
        (["plan", *ON_PAPER, "--without", "n9"], '"n9" is no node; expected one of n1, n2, n3, n4'),
        (["plan", *ON_PAPER, "--without", "zone=c"], '"c" is no zone of any node; expected one of a, b'),
        (
            ["plan", *ON_PAPER, "--add", "n1 n2"],
            "--add n1 n2: is not known; expected so many nodes like one that is there: 2x n1",
        ),
        (["plan", *ON_PAPER, "--add", "2x n9"], '"n9" is no node; expected one of n1, n2, n3, n4'),
        (
            ["plan", *ON_PAPER, "--scale", "shop.web"],
            "--scale shop.web: is not known; expected a process and its scale: shop.web=12",
        ),
        (
            ["plan", *ON_PAPER, "--scale", "shp.web=2"],
            '"shp" is no app that runs; expected one of blog, shop (did you mean "shop"?)',
        ),
        (
            ["plan", *ON_PAPER, "--scale", "shop.wbe=2"],
            'shop has no process wbe; one of web, worker (did you mean "web"?)',
        ),
        (
            ["check", *ON_PAPER, "--survive", "2"],
            "--survive 2: is not known; expected 1, or a label such as zone",
        ),
        (
            ["check", *ON_PAPER, "--survive", "rack"],
            '"rack" is no label of any node; expected one of disk, node, zone',
        ),
        (
            ["capacity", *ON_PAPER, "shop.wbe"],
            (
                '"shop.wbe" is no process that runs; expected one of blog.web, shop.web, shop.worker'
                ' (did you mean "shop.web"?)'
            ),
        ),
        (["rebalance", *ON_PAPER, "--apply"], "--apply moves what runs on real machines; leave --fleet away"),
        (
            ["rebalance", *ON_PAPER, "--max-moves", "0"],
            "argument --max-moves: 0: expected a whole number from 1; see fairlead rebalance --help",
        ),
        (["plan", "--nope"], "unrecognized arguments: --nope; see fairlead --help"),
        ([], "the following arguments are required: COMMAND; see fairlead --help"),
    ],
)
def test_errors_are_one_sentence_on_stderr(desk: Desk, argv: list[str], words: str) -> None:
    said = desk.run(*argv)
    assert (said.code, said.out, said.err) == (1, "", f"fairlead: {words}\n")


def test_all_that_is_wrong_in_files_is_said_at_once(desk: Desk) -> None:
    desk.write("apps/blog.yml", BLOG.replace("scale: 2", "scale: -1"))
    desk.write("apps/shop.yml", "app: shop\nbuild: {image: nginx}\nprocesses: {web: {memory: 1}}\n")
    said = desk.run("simulate", "fleet.yml", "apps")
    assert said.code == 1
    assert [line.partition(": ")[0] for line in said.err.removeprefix("fairlead: ").splitlines()] == [
        "apps/blog.yml:4:16 processes.web.scale",
        "apps/shop.yml:3:27 processes.web.memory",
    ]
    desk.write("fleet.yml", "nodes: {n1: {memory: 1, cpu: 0}}")
    desk.write("apps/blog.yml", BLOG)
    desk.write("apps/shop.yml", BLOG.replace("app: blog", "app: shop"))
    said = desk.run("simulate", "fleet.yml", "apps")
    assert len(said.err.splitlines()) == 2


def test_apps_on_paper_are_checked_together(desk: Desk) -> None:
    rule = "port: 80, placement: {apart: [shpo]}"
    desk.write("apps/blog.yml", BLOG.replace("port: 80", rule))
    said = desk.run("simulate", "fleet.yml", "apps")
    assert said.code == 1
    assert "names an app that has no file" in said.err
    desk.write("apps/blog.yml", BLOG.replace("port: 80", rule.replace("shpo", "shop")))
    assert desk.run("simulate", "fleet.yml", "apps/blog.yml").code == 1  # nobody says what shop.web.1 needs


@pytest.mark.parametrize("command", [command.__name__.rpartition(".")[2] for command in COMMANDS])
def test_every_command_explains_itself_with_examples_and_exit_codes(desk: Desk, command: str) -> None:
    said = desk.run(command, "--help")
    assert (said.code, said.err) == (0, "")
    assert f"usage: fairlead {command}" in said.out
    assert f"Examples:\n  fairlead {command}" in said.out
    assert "\nExit codes: 0" in said.out
    assert "--json" in said.out


def test_the_command_line_names_its_commands(desk: Desk) -> None:
    said = desk.run("--help")
    assert said.code == 0
    for command in ("plan", "simulate", "check", "capacity", "rebalance"):
        assert re.search(rf"^    {command}\b", said.out, re.MULTILINE)
