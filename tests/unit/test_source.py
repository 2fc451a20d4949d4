# SPDX-License-Identifier: GPL-3.0-or-later
"""What an app's image is built from: which source each kind of `build` is, its hash, what is packed of it."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.app.catalog import Entry, read_catalog
from ansible_collections.fairlead.paas.plugins.module_utils.app.commands import completed
from ansible_collections.fairlead.paas.plugins.module_utils.errors import Refused
from ansible_collections.fairlead.paas.plugins.module_utils.image.context import Context, read_context
from ansible_collections.fairlead.paas.plugins.module_utils.source import archive, package
from ansible_collections.fairlead.paas.plugins.module_utils.source.choice import (
    choose,
    procfile_of,
)
from ansible_collections.fairlead.paas.plugins.module_utils.source.chosen import Choice
from ansible_collections.fairlead.paas.plugins.module_utils.source.generated import Source
from tests.unit.archives import SHOP, gz, tar, written, zipped

STATIC = """\
ARG FAIRLEAD_REGISTRY
FROM ${FAIRLEAD_REGISTRY}/runtimes/static:latest
COPY root/ /
WORKDIR /app
USER app
CMD ["fairlead-static", "/app"]
"""


@pytest.fixture
def apps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory of apps, and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "apps").mkdir()
    return tmp_path / "apps"


def entry(apps: Path, build: str, processes: str = "{web: {port: 80}}") -> Entry:
    """Return the app `shop` with this `build`."""
    (apps / "shop.yml").write_text(f"app: shop\nbuild: {build}\nprocesses: {processes}\n")
    return read_catalog(apps).require("shop")


def chosen(apps: Path, build: str, processes: str = "{web: {port: 80}}", **indexes: str) -> Choice:
    choice = choose(entry(apps, build, processes), indexes)
    assert choice
    return choice


def refused(apps: Path, build: str, processes: str = "{web: {port: 80}}", **indexes: str) -> str:
    with pytest.raises(Refused) as error:
        chosen(apps, build, processes, **indexes)
    return str(error.value)


def packed(source: Source) -> bytes:
    file = io.BytesIO()
    source.pack(file)
    return file.getvalue()


def members(data: bytes) -> Mapping[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive_:
        return {each.name: each for each in archive_.getmembers()}


def test_a_directory_with_a_dockerfile_is_what_it_always_was(apps: Path) -> None:
    (apps / "shop").mkdir()
    (apps / "shop/Dockerfile").write_text("FROM scratch\n")
    choice = chosen(apps, "{context: shop}")
    assert choice.source == read_context(apps / "shop")
    assert isinstance(choice.source, Context)
    assert (choice.dockerfile, choice.runtime) == ("FROM scratch\n", None)
    assert choice.source.hash() == "7b11f958925cd26f"  # as it was before there were other sources


def test_a_package_comes_beside_its_dockerfile(apps: Path) -> None:
    written(apps, "shop.tar.gz", gz(tar({f"shop/{name}": text for name, text in SHOP.items()})))
    choice = chosen(apps, "{package: shop.tar.gz, runtime: static}")
    assert choice.dockerfile == STATIC
    data = packed(choice.source)
    assert [*members(data)] == [
        *("Dockerfile", "root", "root/app", "root/app/index.html"),
        *("root/app/pages", "root/app/pages/about.html"),
    ]
    assert packed(chosen(apps, "{package: shop.tar.gz, runtime: static}").source) == data
    assert {(info.uid, info.gid, info.mtime) for info in members(data).values()} == {(0, 0, 0)}


def test_programs_stay_programs(apps: Path) -> None:
    written(apps, "shop.zip", zipped({"serve": "ELF"}, mode=0o100755))
    choice = chosen(apps, "{package: shop.zip, runtime: golang}")
    assert members(packed(choice.source))["root/app/serve"].mode == 0o755
    assert 'CMD ["/app/serve"]' in choice.dockerfile


def test_what_counts_for_the_hash_of_a_package(apps: Path) -> None:
    written(apps, "shop.zip", zipped(SHOP))
    first = chosen(apps, "{package: shop.zip, runtime: static}").source.hash()
    assert len(first) == 16
    assert chosen(apps, "{package: shop.zip, runtime: static}").source.hash() == first
    written(apps, "again.zip", zipped(SHOP))
    assert chosen(apps, "{package: again.zip, runtime: static}").source.hash() == first
    assert chosen(apps, "{package: shop.zip, runtime: 'static:12'}").source.hash() != first
    written(apps, "shop.zip", zipped({**SHOP, "new": ""}))
    assert chosen(apps, "{package: shop.zip, runtime: static}").source.hash() != first


def test_what_was_found_in_a_package_is_not_looked_for_again(
    apps: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(apps, "shop.zip", zipped(SHOP))
    first = chosen(apps, "{package: shop.zip, runtime: static}").source.hash()

    def never(*_: object) -> None:
        raise AssertionError("it was unpacked again")

    monkeypatch.setattr(archive, "survey", never)
    assert chosen(apps, "{package: shop.zip, runtime: static}").source.hash() == first
    (kept,) = (apps.parent / "cache/fairlead/surveys").iterdir()
    kept.write_text("{")
    with pytest.raises(AssertionError):
        chosen(apps, "{package: shop.zip, runtime: static}")


def test_a_package_that_looks_as_it_did_is_not_read_again(
    apps: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(apps, "shop.zip", zipped(SHOP))
    build = "{package: shop.zip, runtime: static}"
    first = chosen(apps, build).source.hash()
    reads: list[Path] = []
    read = package.sha256_of

    def counted(path: Path) -> str:
        reads.append(path)
        return read(path)

    monkeypatch.setattr(package, "sha256_of", counted)
    monkeypatch.setattr(package, "_SETTLED", 0)
    assert [chosen(apps, build).source.hash() for _ in range(3)] == [first] * 3
    assert reads == [path]
    written(apps, "shop.zip", zipped({**SHOP, "index.html": "<h1>SHOP</h1>"}))
    assert chosen(apps, build).source.hash() != first
    assert reads == [path] * 2


def test_a_package_that_changes_while_it_is_packed_is_noticed(apps: Path) -> None:
    written(apps, "shop.zip", zipped(SHOP))
    source = chosen(apps, "{package: shop.zip, runtime: static}").source
    assert source.again().hash() == source.hash()
    written(apps, "shop.zip", zipped({**SHOP, "new": ""}))
    assert source.again().hash() != source.hash()


def test_packages_that_are_refused(apps: Path, tmp_path: Path) -> None:
    at = "apps/shop.yml:2:18 build.package:"
    beside = "expected a file beside this file"
    how = "{package: a.zip, runtime: static}"
    assert refused(apps, how) == f'{at} is no file; got "a.zip"; {beside}'
    (apps / "a.zip").symlink_to(written(tmp_path, "a.zip", zipped(SHOP)))
    assert refused(apps, how) == f'{at} leads out of the apps directory; got "a.zip"; {beside}'
    (apps / "a.zip").unlink()
    written(apps, "a.zip", b"hello")
    assert refused(apps, how) == "apps/a.zip: is not what its name says; got another format; expected zip"
    written(apps, "a.zip", zipped(SHOP))
    other = "0" * 64
    words = refused(apps, f'{{package: a.zip, runtime: static, sha256: "{other}"}}')
    assert words.startswith("apps/a.zip: has another SHA-256 than the app file says; got ")
    assert words.endswith(f"; expected {other}")
    assert refused(apps, "{package: a.zip, runtime: golang}") == (
        "apps/shop.yml:3:18 processes.web: has no command, and none is found: "
        "no file at its top is executable; a zip that was made on Windows does not say which are; "
        "expected command, or web: … in a Procfile of the source"
    )


def test_a_directory_without_a_dockerfile_is_what_it_looks_like(apps: Path) -> None:
    (apps / "shop/.git").mkdir(parents=True)
    (apps / "shop/.git/HEAD").write_text("ref: x\n")
    (apps / "shop/.env").write_text("TOKEN=x\n")
    (apps / "shop/.dockerignore").write_text("*.log\n")
    (apps / "shop/a.log").write_text("x")
    (apps / "shop/index.html").write_text("x")
    choice = chosen(apps, "{context: shop}")
    assert choice.runtime
    assert (choice.runtime.name, choice.runtime.why) == ("static", "index.html")
    assert choice.dockerfile == STATIC
    assert [*members(packed(choice.source))] == ["Dockerfile", "root", "root/app", "root/app/index.html"]


def test_a_runtime_goes_before_a_dockerfile(apps: Path) -> None:
    (apps / "shop").mkdir()
    for name in ("Dockerfile", "index.html", "package.json"):
        (apps / "shop" / name).write_text("{}")
    assert chosen(apps, "{context: shop, runtime: static}").dockerfile == STATIC


def test_directories_that_say_too_much_or_too_little(apps: Path) -> None:
    (apps / "shop").mkdir()
    assert "has no Dockerfile and none of requirements.txt, " in refused(apps, "{context: shop}")
    (apps / "shop/package.json").write_text("{}")
    (apps / "shop/go.mod").write_text("module shop\n")
    words = "has no Dockerfile, and may be several things by package.json (node), go.mod (golang)"
    assert words in refused(apps, "{context: shop}")
    assert "has no Dockerfile; got" in refused(apps, "{context: shop, target: small}")


def test_an_index_is_a_build_argument_and_counts(apps: Path) -> None:
    (apps / "shop").mkdir()
    (apps / "shop/requirements.txt").write_text("flask\n")
    (apps / "shop/app.py").write_text("")
    assert refused(apps, "{context: shop}").startswith(
        "apps/shop.yml:2:18 build.context: requirements.txt names packages, and no index is named "
        "(runtime python); got "
    )
    first = chosen(apps, "{context: shop}", python="https://index.example/simple").source
    assert first.recipe.args == {"PIP_INDEX_URL": "https://index.example/simple"}
    assert first.hash() != chosen(apps, "{context: shop}", python="https://other.example/").source.hash()


PROCFILE = (
    "# how it starts\nweb: python3 app.py --port $PORT\nworker: python3 worker.py\nrelease: ./migrate\n"
)


@pytest.mark.parametrize("build", ["{context: shop}", "{package: shop.zip, runtime: python}"])
def test_a_procfile_says_what_the_app_file_does_not(apps: Path, build: str) -> None:
    (apps / "shop").mkdir()
    (apps / "shop/requirements.txt").write_text("")
    (apps / "shop/Procfile").write_text(PROCFILE)
    written(apps, "shop.zip", zipped({"Procfile": PROCFILE}))
    one = entry(apps, build, "{web: {port: 80}, worker: {command: [sleep]}}")
    assert choose(one, {})
    app = completed(one.app, procfile_of(one))
    assert app.processes["web"].command == ("/bin/sh", "-c", "exec python3 app.py --port $PORT")
    assert app.processes["worker"].command == ("sleep",)
    assert app.release
    assert app.release.command == ("./migrate",)
    assert "processes.other: has no command" in refused(apps, build, "{web: {}, other: {}}")


def test_a_process_named_release_is_a_process(apps: Path) -> None:
    (apps / "shop").mkdir()
    (apps / "shop/index.html").write_text("")
    (apps / "shop/Procfile").write_text(PROCFILE)
    one = entry(apps, "{context: shop}", "{release: {}}")
    app = completed(one.app, procfile_of(one))
    assert (app.release, app.processes["release"].command) == (None, ("./migrate",))
