# SPDX-License-Identifier: GPL-3.0-or-later
"""All files of `apps/` together, as they lie on a disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.app.catalog import Catalog, read_catalog
from ansible_collections.fairlead.paas.plugins.module_utils.errors import Refused
from ansible_collections.fairlead.paas.plugins.module_utils.image.recipe import Recipe
from ansible_collections.fairlead.paas.plugins.module_utils.source.choice import choose

ROOT = Path(__file__).parents[2]


@pytest.fixture
def apps(tmp_path: Path) -> Path:
    """An empty directory of app files."""
    directory = tmp_path / "apps"
    directory.mkdir()
    return directory


def write(
    apps: Path,
    name: str,
    *routes: str,
    more: str = "build: {image: nginx}",
    processes: str = "{web: {port: 80}}",
) -> Path:
    """Write an app file whose routes stand on its fourth line."""
    listed = ", ".join(f"{{domain: {route}, process: web}}" for route in routes)
    file = apps / f"{name}.yml"
    file.write_text(f"app: {name}\n{more}\nprocesses: {processes}\nroutes: [{listed}]\n")
    return file


def said(catalog: Catalog) -> list[str]:
    return [str(problem) for problem in catalog.problems]


def test_the_repository_s_own_apps_are_fine() -> None:
    catalog = read_catalog(ROOT / "apps", "apps.localhost")
    assert said(catalog) == []
    assert catalog.require("shop").context == ROOT / "apps/shop"


def test_only_files_that_are_meant_as_apps_are_read(apps: Path) -> None:
    write(apps, "blog")
    (apps / ".blog.yml.swp.yml").write_text("}")
    (apps / "README.md").write_text("}")
    (apps / "shop").mkdir()
    (apps / "shop/compose.yml").write_text("}")
    assert list(read_catalog(apps).entries) == ["blog"]
    assert said(read_catalog(apps)) == []


def test_all_problems_of_all_files_are_said_at_once(apps: Path) -> None:
    write(apps, "blog", processes="{web: {port: 0}}")
    write(apps, "shop", more="build: {image: -f}")
    write(apps, "wiki")
    catalog = read_catalog(apps)
    assert [line.partition(";")[0] for line in said(catalog)] == [
        "apps/blog.yml:3:25 processes.web.port: is out of range",
        "apps/shop.yml:2:16 build.image: is not an image",
    ]
    with pytest.raises(Refused, match=r"blog(.|\n)*shop"):
        catalog.require("wiki")


@pytest.mark.parametrize(
    ("blog", "shop", "place", "owner"),
    [
        (["a.b"], ["c.d", "A.B"], "apps/shop.yml:4:48 routes[1]", "blog, process web"),
        ([], ["a.b", "a.b"], "apps/shop.yml:4:48 routes[1]", "shop, process web"),
        ([], ["blog.apps.at"], "apps/shop.yml:4:19 routes[0]", "blog, as NAME.<platform domain>"),
        ([], ["shop.apps.at"], "apps/shop.yml:4:19 routes[0]", "shop, as NAME.<platform domain>"),
        (["shop.apps.at"], [], "apps/blog.yml:4:19 routes[0]", "shop, as NAME.<platform domain>"),
    ],
)
def test_a_domain_belongs_to_one(
    apps: Path, blog: list[str], shop: list[str], place: str, owner: str
) -> None:
    write(apps, "blog", *blog)
    write(apps, "shop", *shop)
    domain = (shop or blog)[-1].lower()
    assert said(read_catalog(apps, "Apps.At")) == [
        f'{place}.domain: belongs to app {owner}; got "{domain}"; expected a domain of its own'
    ]


def test_whom_an_app_stands_with_is_checked_over_all_files(apps: Path) -> None:
    write(apps, "blog", processes="{web: {port: 80, placement: {with: [cahce]}}}")
    write(apps, "cache", processes="{main: {placement: {apart: [shop]}}, web: {port: 80}}")
    write(apps, "shop", processes="{web: {port: 80, placement: {with: [cache/main, wiki/web]}}}")
    write(apps, "wiki", processes="{web: {port: 0}}")
    assert [line.partition(";")[0] for line in said(read_catalog(apps))] == [
        "apps/blog.yml:3:48 processes.web.placement.with[0]: names an app that has no file",
        (
            "apps/shop.yml:3:48 processes.web.placement.with[0]: "
            "brings shop/web onto a node with cache/main, which keeps apart from it"
        ),
        "apps/wiki.yml:3:25 processes.web.port: is out of range",
    ]


def test_domains_that_only_look_alike_are_free(apps: Path) -> None:
    write(apps, "blog", "a.b", "apps.at", "news.apps.at")
    write(apps, "shop", "b.a.b", "www.blog.apps.at")
    assert said(read_catalog(apps, "apps.at")) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("shp", 'there is no such app; got "shp"; expected one of blog, shop (did you mean "shop"?)'),
        ("a\nb", 'there is no such app; got "a\\nb"; expected one of blog, shop'),
        ("", "none is given; expected -e app=NAME, one of blog, shop"),
    ],
)
def test_an_app_that_does_not_exist(apps: Path, name: str, words: str) -> None:
    write(apps, "blog")
    write(apps, "shop")
    with pytest.raises(Refused) as refused:
        read_catalog(apps).require(name)
    assert str(refused.value) == f"command line app: {words}"


def test_an_app_whose_file_is_broken_is_not_said_to_be_missing(apps: Path) -> None:
    (apps / "shop.yml").write_text("}")
    with pytest.raises(Refused) as refused:
        read_catalog(apps).require("shop")
    assert len(refused.value.problems) == 1


def test_a_directory_without_apps(apps: Path) -> None:
    with pytest.raises(Refused, match="expected an app file in the apps directory"):
        read_catalog(apps).require("shop")
    assert said(read_catalog(apps / "nowhere")) == [
        f"{apps}/nowhere: is no directory; expected the apps directory"
    ]


def test_another_ending_is_no_app_file(apps: Path) -> None:
    write(apps, "shop").rename(apps / "shop.yaml")
    assert said(read_catalog(apps)) == [
        "apps/shop.yaml: has another ending; got .yaml; expected the name shop.yml"
    ]


def test_links_are_followed_inside_of_the_directory_only(apps: Path, tmp_path: Path) -> None:
    outside = write(tmp_path, "blog")
    (apps / "blog.yml").symlink_to(outside)
    (apps / "gone.yml").symlink_to(apps / "nowhere")
    (apps / "loop.yml").symlink_to(apps / "loop.yml")
    assert said(read_catalog(apps)) == [
        "apps/blog.yml: is a link that leads out of the apps directory; expected an app file",
        "apps/gone.yml: is not a regular file; expected an app file",
        "apps/loop.yml: is not a regular file; expected an app file",
    ]


def test_what_is_no_file_is_not_read(apps: Path) -> None:
    (apps / "blog.yml").mkdir()
    os.mkfifo(apps / "shop.yml")
    assert said(read_catalog(apps)) == [
        "apps/blog.yml: is not a regular file; expected an app file",
        "apps/shop.yml: is not a regular file; expected an app file",
    ]


def built(apps: Path, how: str = "") -> list[str]:
    """Return what is said of an app that is built from the directory `shop`."""
    write(apps, "shop", more=f"build: {{context: shop{how}}}")
    return said(read_catalog(apps))


def test_a_context_is_a_directory_with_a_dockerfile(apps: Path) -> None:
    place = "apps/shop.yml:2:18 build.context:"
    assert built(apps) == [f'{place} is no directory; got "shop"; expected a directory beside this file']
    (apps / "shop").mkdir()
    nothing, *_ = built(apps)
    assert nothing.startswith(f"{place} has no Dockerfile and none of requirements.txt, pyproject.toml, ")
    assert "; expected a regular file shop/Dockerfile, or runtime: one of golang, java, " in nothing
    dockerfile = f'{place} has no Dockerfile; got "shop"; expected a regular file shop/Dockerfile'
    (apps / "shop/Dockerfile").mkdir()
    assert built(apps) == [dockerfile]
    (apps / "shop/Dockerfile").rmdir()
    (apps / "shop/Dockerfile").write_text("FROM scratch\n")
    assert built(apps) == []


def test_another_dockerfile_is_in_the_context_too(apps: Path) -> None:
    (apps / "shop/docker").mkdir(parents=True)
    how = ", dockerfile: docker/web"
    expected = "expected a regular file shop/docker/web"
    assert built(apps, how) == [
        f'apps/shop.yml:2:18 build.context: has no docker/web; got "shop"; {expected}'
    ]
    (apps / "shop/docker/web").write_text("FROM scratch\n")
    assert built(apps, f"{how}, target: small, args: {{LEVEL: '2'}}") == []
    choice = choose(read_catalog(apps).entries["shop"], {})
    assert choice
    assert choice.source.recipe == Recipe("docker/web", "small", {"LEVEL": "2"})
    (apps / "shop/docker/web").unlink()
    (apps / "shop/docker/web").symlink_to(apps / "shop.yml")
    assert "has a docker/web that leads out of it" in built(apps, how)[0]


def test_a_context_does_not_lead_out(apps: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "Dockerfile").write_text("FROM scratch\n")
    (apps / "shop").symlink_to(outside)
    assert "leads out of the apps directory" in built(apps)[0]
    (apps / "shop").unlink()
    (apps / "shop").mkdir()
    (apps / "shop/Dockerfile").symlink_to(outside / "Dockerfile")
    assert "has a Dockerfile that leads out of it" in built(apps)[0]


def test_a_dockerfile_is_no_link(apps: Path) -> None:
    (apps / "shop").mkdir()
    (apps / "shop/other").write_text("FROM scratch\n")
    (apps / "shop/Dockerfile").symlink_to("other")
    assert "has a Dockerfile that is a link" in built(apps)[0]
