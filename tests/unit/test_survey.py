# SPDX-License-Identifier: GPL-3.0-or-later
"""What a survey writes down, and when it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from ansible_collections.fairlead.paas.plugins.action.survey import paper_of, refuse
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet
from ansible_collections.fairlead.paas.plugins.module_utils.paper.file import parse_paper, written
from ansible_collections.fairlead.paas.plugins.module_utils.sight import Sight
from ansible_collections.fairlead.paas.plugins.module_utils.what_if.arrange import arrange
from tests.unit.worlds import instance, node, process, shop

WEB = process("web", 2, env={"GREETING": "hello"}, secrets={"KEY": "0123"})


def sight(lost: Mapping[str, str] | None = None) -> Sight:
    standing = [instance(1, "n1", WEB), instance(2, "n2", WEB, drift=("env",))]
    return Sight(
        lost=lost or {},
        fleet=Fleet.of([node("n1"), node("n2", labels={"zone": "a"})], standing),
        routers={},
        releases=(),
        secrets={},
        token=None,
        stale=False,
        again=False,
        image_lacks=False,
        claims=(),
        newest_claim=0,
    )


def test_what_was_seen_is_what_is_read_again_without_environments() -> None:
    active = [{"app": "shop", "number": 3, "configuration": shop(WEB).as_dict()}]
    data = written(paper_of(replace(sight(), active=active)))
    assert b"hello" not in data
    assert b"0123" not in data
    paper = parse_paper("survey", data)
    assert [each.name for each in paper.fleet.nodes] == ["n1", "n2"]
    bare = replace(WEB, spec=replace(WEB.spec, env={}, secrets={}))
    assert paper.configurations["shop"].processes == (bare,)
    assert arrange(paper.configurations, paper.fleet).changes == ()


def test_a_survey_needs_a_file_and_every_node() -> None:
    refuse("out", sight(), skip=False)
    refuse("out", sight({"n3": "unreachable"}), skip=True)
    for out, seen, skip, said in (
        ("", sight(), False, "-e out: is not set; expected -e out=FILE"),
        ("out", sight({"n3": "unreachable"}), False, "n3 cannot be reached; mend it, or go on without it"),
        ("out", sight({"n3": "failed"}), True, "n3 could not be looked at; see the error above"),
    ):
        with pytest.raises(FairleadError, match=said):
            refuse(out, seen, skip=skip)
