# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet on paper: what may stand in its file, what is said about the rest, and the way back."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.errors import Refused
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import (
    CORDONED,
    NODE_STATES,
    Allotment,
    Fleet,
    Instance,
    Node,
    Slot,
)
from ansible_collections.fairlead.paas.plugins.module_utils.paper.file import Paper, parse_paper, written
from ansible_collections.fairlead.paas.plugins.module_utils.paper.ranges import expand
from tests.unit.test_paper_refused import HEAD
from tests.unit.worlds import UNHURRIED, M, process, shop

G = 1024 * M
WEB = shop(process("web", 2), process("worker", port=None, memory=64 * M))


def read(text: str) -> Paper:
    return parse_paper("fleet.yml", text.encode(), {"shop": WEB})


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("n1", ["n1"]),
        ("w[1:3]", ["w1", "w2", "w3"]),
        ("w[08:10].example", ["w08.example", "w09.example", "w10.example"]),
        ("w[1:9:4]", ["w1", "w5", "w9"]),
        ("rack-[a:c]", ["rack-a", "rack-b", "rack-c"]),
        ("[a:b]-[1:2]", ["a-1", "a-2", "b-1", "b-2"]),
    ],
)
def test_one_name_may_stand_for_many(text: str, names: list[str]) -> None:
    assert expand(text) == names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "letters, digits"),
        ("a b", "letters, digits"),
        ("w[1]", "letters, digits"),
        ("w[1:", "letters, digits"),
        ("w[3:1]", "a range that goes up"),
        ("w[1:3:0]", "a range that goes up"),
        ("w[a:3]", "two numbers or two letters"),
        ("w[001:1000]", "as many digits at both ends"),
        ("w[1:400000]", "at most 100000 nodes"),
        ("w[1:400]x[1:400]", "at most 100000 nodes"),
    ],
)
def test_names_that_stand_for_nothing(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        expand(text)


def test_thousands_of_nodes_are_three_lines() -> None:
    began = time.perf_counter()
    paper = read(
        "nodes:\n"
        "  a[0001:4000]: {memory: 64G, cpu: 16, labels: {zone: a}}\n"
        "  b[0001:4000]: {memory: 64G, cpu: 16, labels: {zone: b}}\n"
    )
    assert time.perf_counter() - began < 5
    assert len(paper.fleet.nodes) == 8000
    assert paper.fleet.nodes[-1].name == "b4000"
    assert paper.fleet.nodes[-1].facts["zone"] == "b"


def test_every_key_of_a_node_means_what_it_says() -> None:
    paper = read("""
nodes:
  n1:
    memory: 16G
    cpu: 4
    labels: {disk: ssd}
    state: cordoned
    reserved_for: [shop]
    system: {memory: 1G, cpu: 0.5}
    overcommit: {memory: 1.5, cpu: 2}
    ports: {first: 30001, last: 30100}
    busy_ports: [30002]
    free_memory: 12G
    load: 0.5
    arch: arm64
    engine_version: 26.1.5
""")
    assert paper.fleet.nodes == (
        Node(
            name="n1",
            address="n1",
            labels={"disk": "ssd"},
            cpus=4.0,
            memory=16 * G,
            free_memory=12 * G,
            load=0.5,
            first_port=30001,
            last_port=30100,
            busy_ports=frozenset({30002}),
            arch="arm64",
            engine_version="26.1.5",
            state=CORDONED,
            reserved_for=("shop",),
            allotment=Allotment(G, 0.5, 1.5, 2.0),
        ),
    )


def test_a_node_that_says_no_more_is_empty_and_idle() -> None:
    [node] = read("nodes: {n1: {memory: 1G, cpu: 2}}").fleet.nodes
    assert (node.free_memory, node.load, node.state, node.allotment) == (G, 0.0, "active", Allotment())


def test_what_an_instance_does_not_say_its_process_says() -> None:
    paper = read(f"""{HEAD}
instances:
  - {{slot: shop.web.1, node: n1}}
  - {{slot: shop.web.2, node: n1, memory: 96M, cpu: 0.5, port: 25701}}
  - {{slot: shop.worker.1, node: n1}}
  - {{slot: blog.web.1, node: n1, memory: 32M, running: false}}
""")
    found = {str(one.slot): one for one in paper.fleet.instances}
    first, second = found["shop.web.1"], found["shop.web.2"]
    assert (first.memory, first.cpu) == (128 * M, 0.25)
    assert (second.memory, second.cpu, second.port) == (96 * M, 0.5, 25701)
    assert first.port == 25702
    assert found["shop.worker.1"].port is None
    assert not found["blog.web.1"].running
    assert len({one.container for one in found.values()}) == 4


def test_a_container_that_does_not_run_may_have_the_port_of_one_that_does() -> None:
    entry = "{{slot: shop.web.1, node: n1, port: 25701{}}}"
    old, new = entry.format(", running: false"), entry.format("")
    assert len(read(f"{HEAD}\ninstances: [{old}, {new}, {old}]").fleet.instances) == 3


def test_yaml_and_json_are_read_alike() -> None:
    text = f"{HEAD}\ninstances: [{{slot: shop.web.1, node: n1}}]\nx-note: whatever\n"
    as_json = json.dumps(yaml.safe_load(text)).encode()
    assert parse_paper("fleet.json", as_json, {"shop": WEB}) == read(text)


def test_a_large_file_of_json_is_read_in_time() -> None:
    instances = [{"slot": f"shop.web.{n}", "node": f"n{n % 900 + 1}"} for n in range(1, 30_001)]
    data = json.dumps({"nodes": {"n[1:900]": {"memory": "64G", "cpu": 16}}, "instances": instances}).encode()
    began = time.perf_counter()
    assert len(parse_paper("fleet.json", data, {"shop": WEB}).fleet.instances) == 30_000
    assert time.perf_counter() - began < 10


def test_problems_of_a_file_too_large_for_places_name_their_field() -> None:
    instances = [{"slot": f"shop.web.{n}", "node": "n1"} for n in range(1, 10_000)] + [{"slot": "shop"}]
    data = json.dumps({"nodes": {"n1": {"memory": "64G", "cpu": 16}}, "instances": instances}).encode()
    with pytest.raises(Refused) as refused:
        parse_paper("fleet.json", data, {"shop": WEB})
    assert [str(problem) for problem in refused.value.problems] == [
        "fleet.json instances[9999].node: is missing; expected the node that it stands on",
        (
            'fleet.json instances[9999].slot: is no instance; got "shop"; expected an instance such as'
            " shop.web.1: app, process and number"
        ),
    ]
    with pytest.raises(Refused, match=r"^fleet.json:1:\d+: malformed JSON: "):
        parse_paper("fleet.json", data[:-20], {"shop": WEB})


def test_configurations_of_the_caller_go_before_those_of_the_file() -> None:
    bigger = replace(WEB, processes=(process("web", memory=256 * M),))
    data = written(Paper(Fleet.of([Node("n1", "n1")], []), {"shop": WEB, "blog": replace(WEB, app="blog")}))
    paper = parse_paper("fleet.json", data, {"shop": bigger})
    assert paper.configurations["shop"] == bigger
    assert paper.configurations["blog"].processes == WEB.processes


@st.composite
def papers(draw: st.DrawFn) -> Paper:
    """Draw a fleet in whole kilobytes, with instances of an app that is known and of one that is not."""
    sizes = st.integers(8, 2**28).map(lambda size: size * 1024)
    fractions = st.integers(1, 6400).map(lambda number: number / 100)
    nodes = [
        Node(
            name=f"n{number}",
            address=f"n{number}",
            labels=draw(st.dictionaries(st.sampled_from(["zone", "disk"]), st.text("ab- '\"#:", min_size=1))),
            cpus=draw(fractions),
            memory=draw(sizes),
            free_memory=draw(sizes),
            load=draw(fractions),
            first_port=draw(st.integers(1024, 2000)),
            busy_ports=draw(st.frozensets(st.integers(2000, 2100))),
            arch=draw(st.sampled_from(["", "x86_64"])),
            engine_version=draw(st.sampled_from(["", "20.10", "26.1.5"])),
            state=draw(st.sampled_from(NODE_STATES)),
            reserved_for=tuple(sorted(draw(st.sets(st.sampled_from(["shop", "blog"]))))),
            allotment=Allotment(
                draw(sizes),
                draw(fractions),
                draw(st.sampled_from([1.0, 1.5])),
                draw(st.sampled_from([1.0, 2.5])),
            ),
        )
        for number in range(1, draw(st.integers(1, 4)))
    ] or [Node("n1", "n1")]
    instances = [
        Instance(
            slot=Slot(
                draw(st.sampled_from(["shop", "blog"])), draw(st.sampled_from(["web", "worker"])), number
            ),
            node=draw(st.sampled_from(nodes)).name,
            container="",
            name="",
            release=draw(st.integers(0, 9)),
            image="",
            spec=draw(st.sampled_from(["", "0123456789abcdef"])),
            memory=draw(sizes),
            cpu=draw(fractions),
            port=number + 3000,
            running=draw(st.booleans()),
        )
        for number in range(1, draw(st.integers(1, 8)))
    ]
    return Paper(Fleet.of(nodes, instances), {"shop": WEB})


def told(paper: Paper) -> tuple[Any, ...]:
    """Return all that a file says of a fleet; containers have no names in it."""
    bare = sorted(replace(one, container="", name="", image="") for one in paper.fleet.instances)
    return paper.fleet.nodes, bare, paper.configurations


@UNHURRIED
@given(papers())
def test_what_is_written_is_read_again(paper: Paper) -> None:
    assert told(parse_paper("fleet.json", written(paper))) == told(paper)


@UNHURRIED
@given(
    st.binary()
    | st.text().map(str.encode)
    | st.from_regex(r"nodes:\n( n\[[0-9]:[0-9]\]: \{.*\}\n)*").map(str.encode)
)
def test_nothing_but_refused_is_ever_raised(data: bytes) -> None:
    said: list[str] = []
    try:
        parse_paper("fleet.yml", data)
    except Refused as refused:
        said = [str(problem) for problem in refused.problems]
    assert all("\n" not in line for line in said)
