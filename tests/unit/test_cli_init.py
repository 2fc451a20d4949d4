# SPDX-License-Identifier: GPL-3.0-or-later
"""`fairlead init`: a first app file that validates, for all that somebody may have."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.app.catalog import read_catalog
from tests.unit.archives import SHOP, gz, tar, written, zipped
from tests.unit.paper_files import Desk

SHOP_FILE = """\
# What may stand here is in docs/app-files.md; what is left out has a default.
# The name of the app, which is also this file's.
app: shop
# What the image is built from. It runs on python, because of requirements.txt; the Dockerfile is generated:
# fairlead build shop --show
# Its packages come from an index, the inventory's fairlead_indexes.python.
# Unless a process says otherwise, it starts by: python3 app.py
build: {context: shop}
# What runs: each process has as many instances as its scale says.
# Their commands are those of the Procfile, unless there is a command here.
processes:
  web:
    # It answers at shop.<the platform's domain>. The port is what it listens on, and it is told
    # by PORT. It is healthy as long as it answers GET /; health: {path: /_ping} asks for another.
    port: 8080
    # How many instances run.
    scale: 1
    # Reserved for each instance, and the most that it gets.
    memory: 256M
    # Cores reserved for each instance; it may use more where they are idle.
    cpu: 0.1
  worker: {scale: 1, memory: 256M, cpu: 0.1}
# The Procfile's release command runs once before each release; release.command says another.
"""


@pytest.fixture
def place(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an empty directory of apps, where commands run."""
    del desk
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "new").mkdir()
    return tmp_path


def source(place: Path, name: str, **files: str) -> Path:
    root = place / name
    root.mkdir(parents=True)
    for file, text in files.items():
        (root / file.replace("__", ".")).write_text(text)
    return root


def names(place: Path) -> list[str]:
    return sorted(str(each.relative_to(place / "new")) for each in (place / "new").rglob("*"))


def test_code_beside_the_app_file(desk: Desk, place: Path) -> None:
    procfile = "web: gunicorn app:app -b 0.0.0.0:$PORT\nworker: python3 work.py\nrelease: ./migrate\n"
    source(place, "new/shop", requirements__txt="flask\n", app__py="", Procfile=procfile)
    said = desk.run("init", "new/shop", "--out", "new")
    assert (said.code, said.err) == (0, "")
    assert (place / "new/shop.yml").read_text() == SHOP_FILE
    assert said.out.startswith(
        "new/shop.yml is written\nRead it, and deploy: ansible-playbook deploy.yml -e app=shop\n"
    )
    assert read_catalog(place / "new").require("shop").app.build.context == "shop"
    again = desk.run("init", "new/shop", "--out", "new")
    assert (again.code, again.out) == (1, "")
    assert (
        again.err == "fairlead: new/shop.yml: is there already; it is not changed. Another app: --name NAME\n"
    )


def test_a_copy_is_what_a_build_would_see(desk: Desk, place: Path) -> None:
    root = source(
        place, "code", Dockerfile="FROM scratch\nEXPOSE 3000/tcp\n", a__log="x", __dockerignore="*.log\n"
    )
    (root / "bin").mkdir()
    (root / "bin/run").write_text("x")
    (root / "bin/run").chmod(0o755)
    (root / "link").symlink_to("bin/run")
    said = desk.run("init", "code", "--out", "new", "--copy", "--name", "shop", "--json")
    assert said.code == 0
    assert (said.data["app"], said.data["copied"]) == ("shop", "new/shop")
    assert "\n    port: 3000\n" in said.data["text"]
    assert names(place) == [
        *("shop", "shop.yml", "shop/.dockerignore", "shop/Dockerfile"),
        *("shop/bin", "shop/bin/run", "shop/link"),
    ]
    assert (place / "new/shop/bin/run").stat().st_mode & 0o111
    assert (place / "new/shop/link").is_symlink()


@pytest.mark.parametrize(
    ("file", "data", "build"),
    [
        ("shop-1.2.tar.gz", gz(tar(SHOP)), "{package: shop-1.2.tar.gz, runtime: static}"),
        ("shop.zip", zipped({"serve": "x"}, mode=0o100755), "{package: shop.zip, runtime: static}"),
        ("shop.zip", zipped({"shop.war": "x"}), "{package: shop.zip, runtime: java}"),
    ],
)
def test_packages(desk: Desk, place: Path, file: str, data: bytes, build: str) -> None:
    written(place, file, data)
    said = desk.run("init", file, "--out", "new", "--copy")
    assert (said.code, said.err) == (0, "")
    assert f"\nbuild: {build}\n" in (place / "new/shop.yml").read_text()
    assert (place / "new" / file).read_bytes() == data


def test_a_checkout_can_stay_where_it_is(desk: Desk, place: Path) -> None:
    root = source(place, "shop", index__html="x")
    url = "git@git.example.com:team/shop.git"
    for command in (["init", "-q", "-b", "1.0"], ["remote", "add", "origin", url]):
        subprocess.run(["git", *command], cwd=root, check=True)
    assert desk.run("init", "shop", "--out", "new", "--git").code == 0
    assert f'\nbuild: {{git: {{url: "{url}", ref: "1.0"}}}}\n' in (place / "new/shop.yml").read_text()
    assert names(place) == ["shop.yml"]
    subprocess.run(["git", "remote", "set-url", "origin", "https://u:hunter2@h/a"], cwd=root, check=True)
    said = desk.run("init", "shop", "--out", "new", "--git", "--name", "other")
    assert "its origin cannot be used; expected https://HOST/PATH" in said.err
    assert "hunter2" not in said.err


@pytest.mark.parametrize(
    ("files", "more", "words"),
    [
        (
            {"index__html": ""},
            [],
            "code: is not in new, beside the app file; move it there, or say --copy, or --git",
        ),
        ({"index__html": ""}, ["--git"], "code: is no checkout with an origin: "),
        ({"README": ""}, ["--copy"], "it has no Dockerfile and none of requirements.txt, "),
        (
            {"requirements__txt": ""},
            ["--copy"],
            "nothing says how it starts: there is none of app.py, main.py, ",
        ),
        ({"go__mod": ""}, ["--copy"], "it has no program to compile; expected "),
        ({"index__html": "", "Procfile": "x"}, ["--copy"], "Procfile:1:1: is no line of a Procfile"),
        ({"index__html": ""}, ["--copy", "--name", "../x"], "--name ../x: is not a name; expected 1 to 40 "),
        (
            {"index__html": ""},
            ["--copy", "--runtime", "perl"],
            "--runtime perl: is not known; expected one of golang",
        ),
        (
            {"index__html": ""},
            ["--copy", "--out", "nowhere"],
            "nowhere: is no directory; expected that of app files",
        ),
    ],
)
def test_what_is_refused_leaves_nothing(
    desk: Desk, place: Path, files: dict[str, str], more: list[str], words: str
) -> None:
    source(place, "code", **files)
    said = desk.run("init", "code", *([] if "--out" in more else ["--out", "new"]), *more)
    assert (said.code, said.out) == (1, "")
    assert words in said.err
    assert names(place) == []


def test_what_fails_at_last_is_taken_back(desk: Desk, place: Path) -> None:
    # A package that is fine by itself, with a name that no app file may hold.
    written(place, "-shop.zip", zipped(SHOP))
    said = desk.run("init", "./-shop.zip", "--out", "new", "--copy", "--name", "shop")
    assert said.code == 1
    assert "new/shop.yml:" in said.err
    assert names(place) == []


def test_what_is_named_and_is_not_there(desk: Desk, place: Path) -> None:
    assert (
        desk.run("init", "nowhere", "--out", "new").err
        == "fairlead: nowhere: there is no such file or directory\n"
    )
    written(place, "a.rar", b"x")
    assert (
        "has an ending that is not known; expected a name that ends in"
        in desk.run("init", "a.rar", "--out", "new", "--copy").err
    )
