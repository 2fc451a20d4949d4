# SPDX-License-Identifier: GPL-3.0-or-later
"""How the lab's images are made."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab import recipe
from tests.lab.paths import HERE
from tests.lab.recipe import Recipe, bootstrap, dockerfile, import_arguments


def test_the_same_recipe_has_the_same_name_wherever_its_cache_is() -> None:
    one, other = bootstrap(12), bootstrap(12)
    assert one.argv(Path("/a")) != other.argv(Path("/b"))
    assert one.tag == other.tag
    assert str(HERE) not in "".join(one.words)


@pytest.mark.parametrize("other", [bootstrap(13), dockerfile(12), dockerfile(13)])
def test_another_recipe_has_another_name(other: Recipe) -> None:
    assert other.tag != bootstrap(12).tag


def test_a_changed_script_is_another_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = bootstrap(12).tag
    changed = tmp_path / "provision.sh"
    changed.write_text(recipe.PROVISION.read_text() + "\n")
    monkeypatch.setattr(recipe, "PROVISION", changed)
    assert bootstrap(12).tag != before


@pytest.mark.parametrize(("debian", "codename"), [(12, "bookworm"), (13, "trixie")])
def test_mmdebstrap_chooses_its_own_mirrors(debian: int, codename: str) -> None:
    assert bootstrap(debian).words[-2:] == (codename, "-")


def test_without_mmdebstrap_the_image_comes_from_the_same_debian() -> None:
    assert "--build-arg DEBIAN=12" in " ".join(dockerfile(12).words)


def test_an_imported_image_boots_and_is_known_as_the_labs() -> None:
    words = import_arguments("NAME")
    assert 'CMD ["/sbin/init"]' in words
    assert "LABEL fairlead.lab=true" in words
    assert words[-2:] == ["-", "NAME"]
