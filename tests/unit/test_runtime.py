# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Mapping

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.runtimes.root import Addition
from ansible_collections.fairlead.paas.plugins.module_utils.runtimes.runtime import (
    Hands,
    Recipe,
    codename,
    converge,
    differences,
    sources_for,
)

PYTHON = Recipe("runtimes/python", "bookworm", ("python3",), version=("python3", 2))
T = PYTHON.tag
DEBIAN = {"python3": "3.11.2-1+b1", "libssl3": "3.0.17-1"}
NAME = "runtimes/python"


class Shelf:
    """A registry's tags of one image, what each is made of, and what Debian has."""

    def __init__(self, tags: Mapping[str, str], bills: Mapping[str, Mapping[str, str]]) -> None:
        self.tags, self.bills = dict(tags), dict(bills)
        self.made = 0

    def hands(self) -> Hands:
        move = self.tags.__setitem__
        return Hands(
            digest=self.tags.get,
            billed=self.bills.get,
            today=lambda packages: {name: DEBIAN[name] for name in packages if name in DEBIAN},
            make=self._make,
            move=lambda digest, tag: move(tag, digest),
        )

    def _make(self) -> Mapping[str, str]:
        self.made += 1
        self.tags[T] = "new"
        self.bills["new"] = DEBIAN
        return DEBIAN


GIVEN = {T: "a", "bookworm": "a", "3.11": "a", "latest": "a"}
MOVED = tuple(f"tag {NAME}:{tag}" for tag in ("bookworm", "3.11", "latest"))


@pytest.mark.parametrize(
    ("tags", "bill", "refresh", "lines"),
    [
        pytest.param(
            {}, {}, False, (f"make {NAME}:{T}: the registry lacks it", *MOVED), id="nothing is there"
        ),
        pytest.param(GIVEN, DEBIAN, False, (), id="all is there"),
        pytest.param(GIVEN, {}, False, (f"make {NAME}:{T}: the registry lacks it", *MOVED), id="no bill"),
        pytest.param(
            GIVEN,
            {**DEBIAN, "libssl3": "3.0.15-1"},
            False,
            (f"make {NAME}:{T}: libssl3 3.0.15-1 → 3.0.17-1", *MOVED),
            id="a security update",
        ),
        pytest.param(
            GIVEN,
            {**DEBIAN, "libold": "1"},
            False,
            (f"make {NAME}:{T}: libold 1 → gone", *MOVED),
            id="a package that is no more",
        ),
        pytest.param({**GIVEN, "latest": "z"}, DEBIAN, False, MOVED[2:], id="latest is another"),
        pytest.param({T: "a", "bookworm": "a", "3.11": "a"}, DEBIAN, False, MOVED[2:], id="a tag was lost"),
        pytest.param(GIVEN, DEBIAN, True, (f"make {NAME}:{T}: asked for", *MOVED), id="asked for"),
    ],
)
def test_the_registry_gets_what_it_lacks_as_predicted(
    tags: dict[str, str],
    bill: dict[str, str],
    refresh: bool,  # noqa: FBT001
    lines: tuple[str, ...],
) -> None:
    shelf = Shelf(tags, {"a": bill} if bill else {})
    foreseen = converge(PYTHON, shelf.hands(), refresh=refresh, check=True)
    assert (shelf.tags, shelf.made) == (tags, 0)
    # Of what was never made, no version is known beforehand.
    assert foreseen == (lines if bill else tuple(line for line in lines if "3.11" not in line))
    assert converge(PYTHON, shelf.hands(), refresh=refresh, check=False) == lines
    assert shelf.made == any(line.startswith("make") for line in lines)
    assert shelf.tags["bookworm"] == shelf.tags["3.11"] == shelf.tags["latest"] == shelf.tags[T]
    assert converge(PYTHON, shelf.hands(), refresh=False, check=False) == ()


def test_another_recipe_is_another_tag() -> None:
    program = Addition("usr/bin/x", b"#!/bin/sh\n", is_program=True)
    others = [
        Recipe(NAME, "trixie", ("python3",), version=("python3", 2)),
        Recipe(NAME, "bookworm", ("python3", "curl"), version=("python3", 2)),
        Recipe(NAME, "bookworm", ("python3",)),
        Recipe(NAME, "bookworm", ("python3",), version=("python3", 2), whole=True),
        Recipe(NAME, "bookworm", ("python3",), version=("python3", 2), additions=(program,)),
        Recipe(
            NAME, "bookworm", ("python3",), version=("python3", 2), additions=(Addition("usr/bin/x", b""),)
        ),
    ]
    assert len({T, *(recipe.tag for recipe in others)}) == 7
    assert Recipe(NAME, "bookworm", ("python3",), version=("python3", 2)).tag == T


def test_the_exact_tag_names_recipe_and_versions() -> None:
    assert PYTHON.exact_tag(DEBIAN) == PYTHON.exact_tag(dict(reversed(DEBIAN.items())))
    assert PYTHON.exact_tag(DEBIAN) != PYTHON.exact_tag({**DEBIAN, "libssl3": "3.0.18-1"})
    assert PYTHON.exact_tag(DEBIAN) != Recipe(NAME, "bookworm", ("python3",)).exact_tag(DEBIAN)


@pytest.mark.parametrize(
    ("package", "parts", "versions", "tag"),
    [
        ("python3", 2, {"python3": "3.13.5-1", "python3-apt": "9"}, "3.13"),
        ("openjdk-*-jre-headless", 1, {"openjdk-17-jre-headless": "17.0.16+8-1~deb12u1"}, "17"),
        ("mariadb-server-core", 2, {"mariadb-server-core": "1:10.11.14-0+deb12u2"}, "10.11"),
        ("php[0-9].[0-9]-cgi", 2, {"php8.2-cgi": "8.2.29-1~deb12u1", "php-cgi": "2:8.2+93"}, "8.2"),
        ("postgresql-[0-9][0-9]", 1, {"postgresql-15": "15.14-0+deb12u1"}, "15"),
    ],
)
def test_the_main_packages_version_is_a_tag(
    package: str, parts: int, versions: dict[str, str], tag: str
) -> None:
    recipe = Recipe("x", "bookworm", (), version=(package, parts))
    assert recipe.moving_tags(versions) == ("bookworm", tag, "latest")
    assert recipe.moving_tags({}) == ("bookworm", "latest")


def test_the_command_is_said_whole() -> None:
    command = PYTHON.bootstrap("/room/root.tar", ["/room/debian.sources"], "/cache/archives")
    assert command[:4] == ["mmdebstrap", "--verbose", "--mode=root", "--format=tar"]
    assert "--variant=essential" in command
    assert command[-4:] == [
        "--include=ca-certificates,netbase,tzdata,python3",
        "bookworm",
        "/room/root.tar",
        "/room/debian.sources",
    ]


def test_what_runs_runs_as_the_user_where_it_has_data() -> None:
    redis = Recipe("services/redis", "bookworm", ("redis-server",), user="redis", data="/var/lib/redis")
    assert redis.configuration({"architecture": "amd64"}, "p-1")["config"]["User"] == "10001:10001"
    assert PYTHON.configuration({"architecture": "amd64"}, "p-1")["config"]["User"] == ""


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": "Base"}, "image name 'Base'"),
        ({"name": "base/../x"}, "image name 'base/../x'"),
        ({"release": "--help"}, "release '--help'"),
        ({"packages": ("--hook=x",)}, "package '--hook=x'"),
        ({"packages": ("python3,curl",)}, "package 'python3,curl'"),
        ({"packages": ("./x.deb",)}, "package './x.deb'"),
        ({"without": ("lib x",)}, "pattern 'lib x'"),
        ({"data": "/var/../etc"}, "directory '/var/../etc'"),
        ({"home": "app"}, "directory 'app'"),
    ],
)
def test_what_is_no_name_never_reaches_a_command(wrong: dict[str, object], said: str) -> None:
    given = {"name": NAME, "release": "bookworm", "packages": ("python3",), **wrong}
    with pytest.raises(FairleadError) as caught:
        Recipe(**given)  # type: ignore[arg-type]
    assert said in str(caught.value)


def test_differences_are_what_debian_has_otherwise() -> None:
    assert differences({"a": "1", "b": "1", "c": "1"}, {"a": "1", "b": "2", "d": "1"}) == [
        "b 1 → 2",
        "c 1 → gone",
    ]


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
