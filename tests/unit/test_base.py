# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.image.base import (
    Hands,
    Recipe,
    codename,
    converge,
    sources_for,
)

PYTHON = Recipe("base/python", "bookworm", ("python3",))
T = PYTHON.tag


class Shelf:
    """A registry's tags of one image, and what was made."""

    def __init__(self, **tags: str) -> None:
        self.tags = {name.replace("_", "-"): digest for name, digest in tags.items()}
        self.made = 0

    def hands(self) -> Hands:
        return Hands(self.tags.get, lambda digest, tag: self.tags.update({tag: digest}), self._make)

    def _make(self) -> None:
        self.made += 1
        self.tags[T] = "new"


TAG = T.replace("-", "_")
ALL = (f"make base/python:{T}", "tag base/python:bookworm", "tag base/python:latest")


@pytest.mark.parametrize(
    ("tags", "refresh", "lines"),
    [
        ({}, False, ALL),
        ({TAG: "a", "bookworm": "a", "latest": "a"}, False, ()),
        ({"c_other": "z", "bookworm": "z", "latest": "z"}, False, ALL),
        ({TAG: "a", "bookworm": "a"}, False, ALL[2:]),
        ({TAG: "a", "bookworm": "a", "latest": "z"}, False, ALL[2:]),
        ({TAG: "a", "bookworm": "a", "latest": "a"}, True, ALL),
    ],
)
def test_the_registry_gets_what_it_lacks_as_predicted(
    tags: dict[str, str],
    refresh: bool,  # noqa: FBT001
    lines: tuple[str, ...],
) -> None:
    shelf = Shelf(**tags)
    before = dict(shelf.tags)
    assert converge(PYTHON, shelf.hands(), refresh=refresh, check=True) == lines
    assert (shelf.tags, shelf.made) == (before, 0)
    assert converge(PYTHON, shelf.hands(), refresh=refresh, check=False) == lines
    assert shelf.made == (ALL[0] in lines)
    assert shelf.tags["bookworm"] == shelf.tags["latest"] == shelf.tags[T]
    assert converge(PYTHON, shelf.hands(), refresh=False, check=False) == ()


def test_another_recipe_is_another_tag() -> None:
    others = [
        Recipe("base/python", "trixie", ("python3",)),
        Recipe("base/python", "bookworm", ("python3", "curl")),
    ]
    assert len({T, *(recipe.tag for recipe in others)}) == 3
    assert Recipe("base/python", "bookworm", ("python3",)).tag == T


def test_the_command_is_said_whole() -> None:
    command = PYTHON.command("/room/root.tar", ["/room/sources.list"])
    assert command[:5] == ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--format=tar"]
    assert command[-4:] == ["--include=python3", "bookworm", "/room/root.tar", "/room/sources.list"]


@pytest.mark.parametrize(
    ("name", "release", "package", "said"),
    [
        ("Base", "bookworm", "python3", "image name 'Base'"),
        ("base/../x", "bookworm", "python3", "image name 'base/../x'"),
        ("base", "--help", "python3", "release '--help'"),
        ("base", "bookworm", "--hook=x", "package '--hook=x'"),
        ("base", "bookworm", "python3,curl", "package 'python3,curl'"),
        ("base", "bookworm", "./x.deb", "package './x.deb'"),
    ],
)
def test_what_is_no_name_never_reaches_a_command(name: str, release: str, package: str, said: str) -> None:
    with pytest.raises(FairleadError) as caught:
        Recipe(name, release, (package,))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("VERSION_ID=12\nVERSION_CODENAME=bookworm\n", "bookworm"),
        ('VERSION_CODENAME="trixie"', "trixie"),
        ("", ""),
    ],
)
def test_the_codename_is_read(text: str, name: str) -> None:
    assert codename(text) == name


def test_packages_come_from_the_machines_own_debian_and_nobody_else() -> None:
    debian = "deb http://mirror.example/debian trixie main\ndeb http://mirror.example trixie-security main\n"
    vendor = "deb http://vendor.example stable main\n"
    assert sources_for("trixie", "trixie", [debian, vendor]) == (debian,)
    assert sources_for("bookworm", "trixie", [debian, vendor]) == (debian.replace("trixie", "bookworm"),)
    assert sources_for("trixie", "", [debian]) == ()
