# SPDX-License-Identifier: GPL-3.0-or-later
"""Which apps stand on what a runtime is no more, and how people are told."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.runtimes.runtime import EXACT, RUNTIME
from ansible_collections.fairlead.paas.plugins.module_utils.runtimes.standing import Image, Store, standings
from fairlead.commands.outdated import words

REGISTRY = "registry.example:5000"
PYTHON = {RUNTIME: "runtimes/python:bookworm", EXACT: "p-old"}
IMAGES = {
    ("shop", "sha256:1"): Image(PYTHON, ("new", "shop")),
    ("blog", "sha256:2"): Image(PYTHON, ("old", "blog")),
    ("bare", "sha256:3"): Image({}, ("bare",)),
    ("lost", "sha256:4"): Image({RUNTIME: "runtimes/perl:bookworm"}, ("perl", "lost")),
    ("mute", "sha256:5"): Image({RUNTIME: "runtimes/python:bookworm"}, ("older", "mute")),
    ("runtimes/python", "bookworm"): Image({RUNTIME: "runtimes/python:bookworm"}, ("new",)),
}
BILLS = {
    ("runtimes/python", "p-old"): {"libc6": "1", "libssl3": "3.0.15"},
    ("runtimes/python", "bookworm"): {"libc6": "1", "libssl3": "3.0.17"},
}
STORE = Store(lambda name, tag: IMAGES.get((name, tag)), lambda name, tag: BILLS.get((name, tag), {}))


@pytest.mark.parametrize(
    ("image", "is_outdated", "changes", "note"),
    [
        (f"{REGISTRY}/shop@sha256:1", False, (), ""),
        (f"{REGISTRY}/blog@sha256:2", True, ("libssl3 3.0.15 → 3.0.17",), ""),
        (f"{REGISTRY}/bare@sha256:3", False, (), ""),
        (f"{REGISTRY}/lost@sha256:4", False, (), "the runtime is not in our registry any more"),
        (f"{REGISTRY}/mute@sha256:5", True, (), ""),
        (f"{REGISTRY}/gone@sha256:6", False, (), "its image is not in our registry"),
        ("other.example/shop@sha256:1", False, (), "its image is not in our registry"),
    ],
)
def test_an_app_is_outdated_if_its_lowest_layers_are_not_its_runtimes(
    image: str,
    is_outdated: bool,  # noqa: FBT001
    changes: tuple[str, ...],
    note: str,
) -> None:
    [found] = standings({"app": image}, REGISTRY, STORE)
    assert (found.is_outdated, found.changes, found.note) == (is_outdated, changes, note)


def test_apps_come_by_name() -> None:
    images = dict.fromkeys(("b", "a", "c"), f"{REGISTRY}/shop@sha256:1")
    assert [each.app for each in standings(images, REGISTRY, STORE)] == ["a", "b", "c"]


def said(**more: Any) -> dict[str, Any]:
    nothing = {"app": "blog", "release": 7, "runtime": "", "is_outdated": False, "changes": [], "note": ""}
    return {**nothing, **more}


def test_people_are_told_what_has_changed_and_what_to_do() -> None:
    changes = [f"lib{n} 1 → 2" for n in range(5)]
    lines = words(
        [said(), said(app="shop", runtime="runtimes/python:bookworm", is_outdated=True, changes=changes)]
    )
    assert "shop  v7" in lines[0]
    assert "lib0 1 → 2, lib1 1 → 2, lib2 1 → 2 and 2 more" in lines[0]
    assert lines[3] == "  ansible-playbook deploy.yml -e app=shop -e rebuild=true"


def test_people_are_told_that_there_is_nothing_to_do_and_what_is_not_known() -> None:
    lines = words([said(), said(app="old", note="its image is not in our registry")])
    assert lines == ["No app needs a new build: 2 looked at.", "old v7: its image is not in our registry"]
