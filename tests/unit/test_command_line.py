# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run may be given with -e."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fairlead.paas.plugins.module_utils.command_line import (
    OWN_NAMES,
    scales_among,
    shadowing,
)
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
APART = {"site", "restore"}  # no app has a say in these
PEOPLES = {"app"}  # given by people; the playbooks name it where a saved plan, or a loop over apps, does


def names_in(part: Any) -> Iterator[str]:
    """Yield every name that a playbook gives something."""
    if isinstance(part, list):
        for each in part:
            yield from names_in(each)
    if isinstance(part, dict):
        for key, value in part.items():
            if key in {"register", "loop_var", "index_var"}:
                yield value
            elif key == "vars":
                yield from value
            else:
                yield from names_in(value)


def test_every_name_that_the_playbooks_give_is_known_as_their_own() -> None:
    files = [file for file in PLAYBOOKS.rglob("*.yml") if file.stem not in APART]
    given = {name for file in files for name in names_in(yaml.safe_load(file.read_text()))}
    given |= set(yaml.safe_load((PLAYBOOKS / "vars" / "run.yml").read_text()))
    assert given - PEOPLES == OWN_NAMES


def test_a_variable_of_such_a_name_is_refused_with_the_way_to_scale() -> None:
    [problem] = shadowing(["app", "manager", "web"])
    assert str(problem).startswith("command line -e manager: is a name of the playbooks' own;")
    assert str(problem).endswith("""-e '{"scale": {"manager": 3}}'""")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"app": "shop", "web": 6}, {"web": 6}),
        ({"web": "spec", "scale": {"manager": 2}}, {"web": "spec", "manager": 2}),
        ({"scale": 3}, {"scale": 3}),
        ({"scale": {"scale": 3}}, {"scale": 3}),
    ],
)
def test_scales_are_found_alone_and_together(given: dict[str, Any], found: dict[str, Any]) -> None:
    assert scales_among(given, ["web", "manager", "scale"]) == found


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"app": "shop"}, "no scale is given; expected -e web=3, for web or worker"),
        ({"scale": 3}, "no scale is given"),
        ({"scale": {"wbe": 3}}, "wbe: is no process; expected one of web, worker"),
    ],
)
def test_scales_of_nothing_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(FairleadError, match=said):
        scales_among(given, ["web", "worker"])
