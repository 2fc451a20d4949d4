# SPDX-License-Identifier: GPL-3.0-or-later
"""From one real registry to another, empty one by a file; and files that are no bundles."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.bundle.contents import (
    HEAD,
    BundleError,
    Head,
    blob_path,
    read_head,
    texts,
)
from ansible_collections.fairlead.paas.plugins.module_utils.bundle.packing import lacking, pack, unpack
from ansible_collections.fairlead.paas.plugins.module_utils.containers.client import Engine
from ansible_collections.fairlead.paas.plugins.module_utils.containers.engine import pull
from ansible_collections.fairlead.paas.plugins.module_utils.registry.client import Registry
from ansible_collections.fairlead.paas.plugins.module_utils.registry.pruning import attached_tag
from tests.integration.engine_rig import APP, PULL, PUSH, docker, pushed_image, running_registry, sweep_images
from tests.integration.registry_rig import Home, running_home

APP_FILE = "app: shop\nbuild: {image: REGISTRY/shop@sha256:…}\n"
TOLD: dict[str, Any] = {"app": "shop", "release": {"number": 3}, "secrets": ["SESSION_KEY"]}


@pytest.fixture(scope="module", name="home")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with running_home(tmp_path_factory.mktemp("registry")) as found:
        yield found


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Home]:
    (tmp_path / "other").mkdir()
    with running_home(tmp_path / "other") as found:
        yield found


@pytest.fixture
def bundle(home: Home, tmp_path: Path) -> Path:
    digest = home.push("shop", "one", "1.0")
    home.push("shop", "its signature", attached_tag(digest, "sig"))
    pack(home.registry, tmp_path / "shop.bundle", TOLD, [f"shop@{digest}"], APP_FILE)
    return tmp_path / "shop.bundle"


def test_an_image_arrives_with_what_is_attached_and_runs_there(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    with running_registry() as there, closing(Registry(there.address, PUSH)) as source:
        _, _, digest = pushed_image(there, f"{APP}-bundled").partition("@")
        pack(source, path, {**TOLD, "app": "shop"}, [f"{APP}-bundled@{digest}"], APP_FILE)
    sweep_images()
    with running_registry() as here, closing(Registry(here.address, PUSH)) as target:
        assert lacking(target, read_head(path).images) == [f"{APP}-bundled@{digest}"]
        assert unpack(target, path) == [f"{APP}-bundled@{digest}"]
        assert unpack(target, path) == []
        image = f"{here.address}/{APP}-bundled@{digest}"
        pull(engine, image, PULL)
        assert docker("run", "--rm", image, "echo", "it runs") == "it runs"
    sweep_images()


def test_tags_and_attachments_are_the_same_in_the_other_registry(
    home: Home, other: Home, tmp_path: Path
) -> None:
    digest = home.push("shop", "two", "2.0")
    signature = home.push("shop", "of two", attached_tag(digest, "sig"))
    base = home.push("base/python", "python", "bookworm")
    path = tmp_path / "bundle"
    head = pack(home.registry, path, TOLD, [f"shop@{digest}", "base/python:bookworm"], APP_FILE)
    assert read_head(path) == head
    assert texts(path, head.app_file) == {"app/shop.yml": APP_FILE.encode()}
    assert unpack(other.registry, path) == [f"{it.name}@{it.digest}" for it in head.images]
    assert other.registry.digest("shop", digest) == digest
    assert other.registry.digest("shop", attached_tag(digest, "sig")) == signature
    assert other.registry.digest("base/python", "bookworm") == base
    assert other.registry.names() == ["base/python", "shop"]
    layer = home.registry.manifest("shop", digest).data["layers"][0]["digest"]  # type: ignore[union-attr]
    assert other.registry.blob("shop", layer) == home.registry.blob("shop", layer)


def test_the_same_release_makes_the_same_bundle(home: Home, bundle: Path, tmp_path: Path) -> None:
    head = read_head(bundle)
    again = tmp_path / "again"
    pack(home.registry, again, TOLD, [f"shop@{head.images[0].digest}"], APP_FILE)
    assert again.read_bytes() == bundle.read_bytes()


def test_what_was_pruned_cannot_be_bundled(home: Home, tmp_path: Path) -> None:
    with pytest.raises(
        BundleError, match=r"image shop@sha256:0+ is not in the registry any more: it was pruned"
    ):
        pack(home.registry, tmp_path / "x", TOLD, [f"shop@sha256:{'0' * 64}"], APP_FILE)


Members = list[tuple[tarfile.TarInfo, bytes]]


def members_of(path: Path) -> Members:
    with tarfile.open(path) as tar:
        return [(info, file.read()) for info in tar if (file := tar.extractfile(info))]


def written(members: Members, path: Path, kind: int = tarfile.USTAR_FORMAT) -> Path:
    with tarfile.open(path, "w", format=kind) as tar:
        for info, body in members:
            tar.addfile(info, io.BytesIO(body) if info.isreg() else None)
    return path


def member(name: str, body: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "") -> Members:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, len(body), link
    return [(info, body)]


def named(name: str, body: bytes) -> Callable[[Members], Members]:
    """Return the hostile change by which the head names one file more, with its right checksum."""

    def change(members: Members) -> Members:
        data = json.loads(members[0][1])
        data["files"][name] = {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body)}
        return [*member(HEAD, json.dumps(data).encode()), *members[1:], *member(name, body)]

    return change


def head_with(**changes: Any) -> Callable[[Members], Members]:
    def change(members: Members) -> Members:
        return [*member(HEAD, json.dumps({**json.loads(members[0][1]), **changes}).encode()), *members[1:]]

    return change


HOSTILE: dict[str, tuple[Callable[[Members], Members], str]] = {
    "nothing": (lambda _: [], "begins with 'nothing'; expected fairlead-bundle.json"),
    "no head": (lambda it: it[1:], "begins with 'oci-layout'; expected fairlead-bundle.json"),
    "a file is missing": (lambda it: it[:-1], "lacks blobs/sha256/[0-9a-f]{64}, and so is not whole"),
    "a file is twice": (lambda it: [*it, it[1]], "'oci-layout' is in it twice"),
    "the head is twice": (lambda it: [*it, it[0]], "'fairlead-bundle.json' is in it twice"),
    "a strange file": (
        lambda it: [*it, *member("etc/passwd", b"x")],
        "'etc/passwd' is no file that a bundle",
    ),
    "one more app": (
        lambda it: [*it, *member("app/x.yml", b"x")],
        "'app/x.yml' is in it twice, or is not named",
    ),
    "above": (lambda it: [*it, *member("../x", b"x")], "'../x' is no file that a bundle has"),
    "above, and named": (named("../x", b"x"), r"\.\./x.* is no file that a bundle has"),
    "absolute": (lambda it: [*it, *member("/x", b"x")], "'/x' is no file that a bundle has"),
    "a folder": (lambda it: [*it, *member("app", kind=tarfile.DIRTYPE)], "'app/' is no regular file"),
    "a link": (
        lambda it: [*it, *member("app/x.yml", kind=tarfile.SYMTYPE, link="/etc/passwd")],
        "'app/x.yml' is no regular file",
    ),
    "a hard link": (
        lambda it: [*it, *member("app/x.yml", kind=tarfile.LNKTYPE, link="oci-layout")],
        "'app/x.yml' is no regular file",
    ),
    "a device": (lambda it: [*it, *member("index.json", kind=tarfile.CHRTYPE)], "'index.json' is no regular"),
    "changed": (
        lambda it: [*it[:1], *member("oci-layout", b"x" * it[1][0].size), *it[2:]],
        "oci-layout was changed: its checksum is not that in fairlead-bundle.json",
    ),
    "longer": (
        lambda it: [*it[:1], *member("oci-layout", b"x" * 99), *it[2:]],
        "oci-layout has 99 bytes; expected 31, as fairlead-bundle.json says",
    ),
    "no JSON": (lambda it: [*member(HEAD, b"{"), *it[1:]], "fairlead-bundle.json: is not that of a bundle"),
    "deep": (lambda it: [*member(HEAD, b"[" * 100_000), *it[1:]], "fairlead-bundle.json: is not that of a"),
    "a list": (lambda it: [*member(HEAD, b"[]"), *it[1:]], "fairlead-bundle.json: is not that of a bundle"),
    "of the future": (
        head_with(format="fairlead bundle 2"),
        "got 'fairlead bundle 2'; expected 'fairlead bun",
    ),
    "a bad name": (head_with(app="../x"), "'../x' is not possible there"),
    "a bad image": (
        head_with(images=[{"name": "a b", "digest": "x", "kind": "", "tags": []}]),
        "'a b' is not possible there",
    ),
    "no image": (head_with(images=[]), "names no image"),
    "no app file": (head_with(app="other"), r"names no file app/other\.yml, which a bundle of other has"),
    "a blob by a false name": (named(f"blobs/sha256/{'0' * 64}", b"x"), "is not named by its checksum"),
}


@pytest.mark.parametrize("how", HOSTILE)
def test_what_is_no_bundle_is_refused_with_the_reason(bundle: Path, tmp_path: Path, how: str) -> None:
    change, words = HOSTILE[how]
    path = written(change(members_of(bundle)), tmp_path / "hostile")
    with pytest.raises(BundleError, match=words):
        read_head(path)


def test_an_extended_header_is_refused_before_it_is_read(bundle: Path, tmp_path: Path) -> None:
    members = [*members_of(bundle), *member("app/" + "x" * 200, b"x")]
    for kind in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        with pytest.raises(BundleError, match="is no regular file"):
            read_head(written(members, tmp_path / "hostile", kind))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
def test_a_torn_file_is_refused(bundle: Path, tmp_path: Path, share: float) -> None:
    whole = bundle.read_bytes().rstrip(b"\0")
    torn = tmp_path / "torn"
    torn.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(BundleError):
        read_head(torn)


def test_a_compressed_file_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo(HEAD))
    with pytest.raises(BundleError, match="cannot be read as a bundle"):
        read_head(tmp_path / "x")


def test_an_image_that_lacks_a_layer_is_refused(bundle: Path, tmp_path: Path) -> None:
    members, head = members_of(bundle), read_head(bundle)
    manifest = json.loads(texts(bundle, head.images[0].place)[head.images[0].place])
    gone = blob_path(manifest["layers"][0]["digest"])
    less = replace(head, files={name: file for name, file in head.files.items() if name != gone})
    kept: Members = [*member(HEAD, less.written()), *(it for it in members[1:] if it[0].name != gone)]
    with pytest.raises(BundleError, match=r"lacks sha256:[0-9a-f]{64}, a part of the image shop@"):
        read_head(written(kept, tmp_path / "hostile"))
    assert Head.parsed(head.written()) == head


def test_nothing_is_pushed_of_a_bundle_that_is_not_whole(bundle: Path, other: Home, tmp_path: Path) -> None:
    members = members_of(bundle)
    members[-1] = (members[-1][0], b"x" * members[-1][0].size)
    with pytest.raises(BundleError, match="was changed"):
        unpack(other.registry, written(members, tmp_path / "hostile"))
    assert other.registry.names() == []
