# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fleet on paper may not say, and the exact words for it."""

from __future__ import annotations

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.errors import Refused
from ansible_collections.fairlead.paas.plugins.module_utils.paper.file import parse_paper

HEAD = "nodes: {n1: {memory: 1G, cpu: 4}}"
_NODE_KEYS = (
    "arch, busy_ports, cpu, engine_version, free_memory, labels, load, memory, overcommit, ports,"
    " reserved_for, state, system"
)
_TWO_ON_A_PORT = """\
- &i {slot: shop.web.1, node: n1, memory: 1M, port: 25701}
- {<<: *i, slot: shop.web.2}
"""
_INSTANCE = "an instance such as shop.web.1: app, process and number"
_RANGE = "{{first: 25701, last: 26700}}, from 1024 to 65535"
_APPS = "configurations of releases by the names of their apps, as `playbooks/survey.yml` writes them"


def problems(text: str) -> list[str]:
    with pytest.raises(Refused) as refused:
        parse_paper("f.yml", text.encode())
    return [str(problem) for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("memory: 16", "17 {}.memory: is not a size; got 16; expected a size such as 128M or 2G"),
        ("memory: '16'", '17 {}.memory: is not a size; got "16"; expected a size such as 128M or 2G'),
        ("cpu: 0", "14 {}.cpu: is no number of cores; got 0; expected cores such as 0.25 or 16, up to 1024"),
        (
            "cpu: true",
            "14 {}.cpu: is no number of cores; got true; expected cores such as 0.25 or 16, up to 1024",
        ),
        ("cpu:", "13 {}.cpu: has no value; expected a value, or leave the key out"),
        (
            "labels: [ssd]",
            "17 {}.labels: is not a mapping; got a list; expected labels such as {{disk: ssd}}",
        ),
        ("labels: {rack: 7}", "24 {}.labels.rack: is not text; got 7; expected quotes around it"),
        (
            "labels: {Node: a}",
            (
                '18 {}.labels.Node: is what each machine says of itself; got "Node"; expected another label'
                " than arch, engine_version, node"
            ),
        ),
        (
            "state: dead",
            '16 {}.state: is not known; got "dead"; expected one of active, cordoned, draining, lost',
        ),
        (
            "reserved_for: shop",
            '23 {}.reserved_for: is not a list; got "shop"; expected names of apps, such as [shop]',
        ),
        ("system: {disk: 1G}", '17 {}.system.disk: is not known; got "disk"; expected one of cpu, memory'),
        (
            "overcommit: {cpu: 0.5}",
            "21 {}.overcommit.cpu: is no factor; got 0.5; expected a number from 1 to 100",
        ),
        (
            "ports: {first: 1}",
            f"16 {{}}.ports: is no range of ports; got a mapping; expected {_RANGE}",
        ),
        (
            "ports: {first: 9000, last: 8000}",
            f"16 {{}}.ports: is no range of ports; got a mapping; expected {_RANGE}",
        ),
        ("busy_ports: [80]", "21 {}.busy_ports: is no port; got a list; expected a port from 1024 to 65535"),
        ("load: -1", "15 {}.load: is no load; got -1; expected the average of 1 minute, such as 0.5"),
        ("arch: 64", "15 {}.arch: is not text; got 64; expected text"),
        ("engine_version: 26.1", "25 {}.engine_version: is not text; got 26.1; expected text"),
        (
            "loda: 1",
            f'9 {{}}.loda: is not known; got "loda"; expected one of {_NODE_KEYS} (did you mean "load"?)',
        ),
    ],
)
def test_keys_of_a_node(entry: str, words: str) -> None:
    usual = "\n  n2:\n        memory: 1G\n        cpu: 4\n"
    key = entry.partition(":")[0]
    text = "nodes:" + "".join(f"{line}\n" for line in usual.splitlines() if line.strip().split(":")[0] != key)
    line = text.count("\n") + 1
    assert problems(f"{text}        {entry}\n") == [f"f.yml:{line}:{words.format('nodes.n2')}"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "f.yml: is empty; expected a fleet on paper"),
        ("# nothing\n", "f.yml: is empty; expected a fleet on paper"),
        ("5", "f.yml:1:1: is not a mapping; got 5; expected a mapping of nodes, instances, apps"),
        ("apps: {}", "f.yml:1:1 nodes: is missing; expected the fleet's nodes"),
        (
            "nodes: {}",
            (
                "f.yml:1:8 nodes: has no node; got a mapping; expected nodes by their names, such as n[1:3]:"
                " {memory: 16G, cpu: 4}"
            ),
        ),
        (
            "nodes: {n1: {cpu: 4}}",
            "f.yml:1:13 nodes.n1.memory: is missing; expected a size such as 128M or 2G",
        ),
        (
            "nodes: {n1: {memory: 1G, cpu: 4}, 'n[1:2]': {memory: 1G, cpu: 4}}",
            (
                'f.yml:1:35 nodes.n[1:2]: has n1, which stands above already; got "n[1:2]"; expected'
                " each node once"
            ),
        ),
        (
            f"{HEAD}\ninstances: {{shop.web.1: n1}}",
            (
                "f.yml:2:12 instances: is not a list; got a mapping; expected instances such as"
                " {slot: shop.web.1, node: n1}"
            ),
        ),
        (
            f"{HEAD}\ninstances: [{{slot: shop.web.01, node: n1}}]",
            f'f.yml:2:20 instances[0].slot: is no instance; got "shop.web.01"; expected {_INSTANCE}',
        ),
        (
            f"{HEAD}\ninstances: [{{slot: shop.web.1, node: n2, memory: 1M}}]",
            'f.yml:2:38 instances[0].node: is no node of this fleet; got "n2"; expected one of n1',
        ),
        (
            f"{HEAD}\ninstances: [{{slot: shop.web.1, node: n1}}]",
            (
                "f.yml:2:13 instances[0].memory: is missing; expected a size such as 128M or 2G, for no app"
                " says what shop.web.1 needs"
            ),
        ),
        (
            f"{HEAD}\ninstances:\n{_TWO_ON_A_PORT}",
            "f.yml:3:53 instances[1].port: is taken on n1 already; got 25701; expected a port of its own",
        ),
        (
            f"{HEAD}\ninstances: [{{slot: shop.web.1, node: n1, memory: 1M, running: 1}}]",
            "f.yml:2:63 instances[0].running: is not true or false; got 1; expected true or false",
        ),
        (
            f"{HEAD}\napps: {{shop: {{}}}}",
            f"f.yml:2:14 apps.shop: is no configuration of a release; got a mapping; expected {_APPS}",
        ),
        (
            f"{HEAD}\napps: {{shop: {{app: blog, processes: [], hosts: {{}}, update: {{}}}}}}",
            'f.yml:2:20 apps.shop.app: is another app; got "blog"; expected shop',
        ),
    ],
)
def test_what_is_refused(text: str, words: str) -> None:
    assert problems(text) == [words]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    text = "nodes: {n1: {memory: 1, cpu: 0, lod: 1}, 'n 2': {}}\ninstances: [{slot: a}, 5]\nfoo: 1\n"
    places = [problem.partition(": ")[0] for problem in problems(text)]
    assert places == [
        "f.yml:1:22 nodes.n1.memory",
        "f.yml:1:30 nodes.n1.cpu",
        "f.yml:1:33 nodes.n1.lod",
        "f.yml:1:42 nodes.n 2",
        "f.yml:1:49 nodes.n 2.cpu",
        "f.yml:1:49 nodes.n 2.memory",
        "f.yml:2:13 instances[0].node",
        "f.yml:2:20 instances[0].slot",
        "f.yml:2:24 instances[1]",
        "f.yml:3:1 foo",
    ]
