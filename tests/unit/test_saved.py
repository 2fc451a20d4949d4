# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan in a file is carried out as it was read, or refused with what changed since."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    TO_BE_BUILT,
    Configuration,
)
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Slot
from ansible_collections.fairlead.paas.plugins.module_utils.plan.deployment import deployment
from ansible_collections.fairlead.paas.plugins.module_utils.plan.saved import (
    load,
    refuse_changed,
    save,
    written,
)
from tests.unit.worlds import instance, node, process, shop

WEB = process("web", 2)
SHOP = shop(WEB)
FLEET = Fleet.of([node("n1"), node("n2")], [instance(1, "n1", WEB)])


def made(configuration: Configuration = SHOP, fleet: Fleet = FLEET, content: str = "c1") -> dict[str, Any]:
    return written(deployment(configuration, fleet, [], {}), fleet, content)


def test_what_is_as_it_was_is_carried_out(tmp_path: Path) -> None:
    path = tmp_path / "shop.plan"
    save(path, made())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    refuse_changed(load(path), made())


def test_an_image_that_is_built_meanwhile_is_no_change() -> None:
    def of(image: str) -> Configuration:
        return shop(replace(WEB, spec=replace(WEB.spec, image=image)))

    planned = made(of(f"registry:5000/shop:c1{TO_BE_BUILT}"))
    refuse_changed(planned, made(of("registry:5000/shop@sha256:1")))
    with pytest.raises(FairleadError, match="what the image is made from changed"):
        refuse_changed(planned, made(of("registry:5000/shop@sha256:2"), content="c2"))


N1, N2 = FLEET.nodes
STRANGER = replace(instance(1, "n2", WEB), slot=Slot("billing", "web", 1), memory=2**29)


@pytest.mark.parametrize(
    ("configuration", "fleet", "words"),
    [
        (shop(replace(WEB, scale=3)), FLEET, "the app's processes.web.scale changed"),
        (shop(process("web", 2, env={"A": "1"})), FLEET, "the app's processes.web.spec.env.A changed"),
        (shop(process("web", 2, image="other")), FLEET, "the app's processes.web.spec.image changed"),
        (shop(WEB, process("worker")), FLEET, "the app's processes.worker changed"),
        (shop(WEB, hosts={"other.example.com": "web"}), FLEET, "the app's hosts.other.example.com changed"),
        (SHOP, replace(FLEET, nodes=(N1,)), "node n2 is gone"),
        (SHOP, replace(FLEET, nodes=(N1, N2, node("n3"))), "node n3 is new"),
        (
            SHOP,
            replace(FLEET, nodes=(N1, replace(N2, state="cordoned"))),
            r"node n2 is not as it was \(state\)",
        ),
        (SHOP, replace(FLEET, instances=()), "shop.web.1-v3 on n1 is gone"),
        (
            SHOP,
            replace(FLEET, instances=(replace(FLEET.instances[0], running=False),)),
            r"shop.web.1-v3 on n1 is not as it was \(running\)",
        ),
        (
            SHOP,
            replace(FLEET, instances=(*FLEET.instances, replace(STRANGER, memory=2**30))),
            "n2 held 0 instances of other apps, and holds 1",
        ),
    ],
)
def test_what_changed_is_named(configuration: Configuration, fleet: Fleet, words: str) -> None:
    with pytest.raises(FairleadError, match=words):
        refuse_changed(made(), made(configuration, fleet))


def test_another_app_that_came_but_is_not_in_the_way_is_no_change() -> None:
    refuse_changed(made(), made(fleet=replace(FLEET, instances=(*FLEET.instances, STRANGER))))


def test_a_free_memory_that_moved_does_not_matter_unless_the_choice_does() -> None:
    moved = replace(FLEET, nodes=(N1, replace(N2, free_memory=1, load=9.0)))
    refuse_changed(made(), made(fleet=moved))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read: No such file or directory"),
        ("", "is no plan; expected what `fairlead plan APP --out FILE` has written"),
        ("[]", "is no plan"),
        ('{"app": 1}', "is no plan"),
        ('{"app": "shop", "format": 2}', "was written by another version of Fairlead; make it anew"),
        ('{"app": "shop", "format": 1}', "was written by another version of Fairlead; make it anew"),
    ],
)
def test_a_file_that_is_no_plan_is_refused(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "shop.plan"
    if text is not None:
        path.write_text(text)
    with pytest.raises(FairleadError, match=words):
        load(path)


def test_a_plan_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FairleadError, match=r"cannot be written to .*: No such file or directory"):
        save(tmp_path / "none" / "shop.plan", made())
