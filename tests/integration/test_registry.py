# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry's HTTP API against Debian's docker-registry: blobs, tags, and an image made of its parts."""

from __future__ import annotations

import gzip
import io
import os
import py_compile
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from py_compile import PycInvalidationMode

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.containers.client import Engine
from ansible_collections.fairlead.paas.plugins.module_utils.containers.engine import pull
from ansible_collections.fairlead.paas.plugins.module_utils.image.assembly import (
    configuration_of,
    encoded,
    keep_image,
)
from ansible_collections.fairlead.paas.plugins.module_utils.image.layers import (
    MOMENT,
    Layer,
    settle,
)
from ansible_collections.fairlead.paas.plugins.module_utils.registry.client import (
    Registry,
    RegistryError,
    digest_of,
)
from tests.integration.engine_rig import APP, PULL, PUSH, docker, running_registry, sweep_images


@pytest.fixture(scope="module", name="address")
def running() -> Iterator[str]:
    with running_registry() as found:
        yield found.address


@pytest.fixture
def registry(address: str) -> Iterator[Registry]:
    with closing(Registry(address, PUSH)) as client:
        yield client


def tar(*, moment: float, owner: str = "builder") -> io.BytesIO:
    """Return a layer with a file, a hard link and a link, as a build step writes it at a moment."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as written:
        for name, kind, target in (
            ("app", tarfile.DIRTYPE, ""),
            ("app/run", tarfile.REGTYPE, ""),
            ("app/same", tarfile.LNKTYPE, "app/run"),
            ("app/link", tarfile.SYMTYPE, "run"),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.mtime, info.uname = kind, target, moment, owner
            info.mode = 0o755
            info.pax_headers = {"SCHILY.xattr.user.note": "kept", "atime": str(moment)}
            content = b"#!/bin/sh\n" if kind == tarfile.REGTYPE else b""
            info.size = len(content)
            written.addfile(info, io.BytesIO(content))
    packed.seek(0)
    return packed


def sent(registry: Registry, name: str, path: Path) -> Layer:
    layer = settle(tar(moment=1.8e9), path)
    with path.open("rb") as file:
        registry.put_blob(name, file, layer.digest, layer.size)
    return layer


def test_a_layer_is_the_same_whenever_and_by_whom_it_was_made(tmp_path: Path) -> None:
    first = settle(tar(moment=1.7e9), tmp_path / "first")
    second = settle(tar(moment=1.8e9 + 0.5, owner="other"), tmp_path / "second")
    assert first == second
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    with tarfile.open(tmp_path / "first") as read:
        found = {member.name: member for member in read}
    assert {member.mtime for member in found.values()} == {MOMENT}
    assert found["app/same"].islnk()
    assert found["app/run"].pax_headers == {"SCHILY.xattr.user.note": "kept"}
    again = settle(io.BytesIO(unpacked(tmp_path / "first")), tmp_path / "again")
    assert again == first


def unpacked(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes())


def test_compiled_python_stays_as_good_as_it_was(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text("ANSWER = 42\n")
    os.utime(source, (1.7e9, 1.7e9))
    py_compile.compile(str(source), doraise=True, invalidation_mode=PycInvalidationMode.TIMESTAMP)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as written:
        for path in (source, *(tmp_path / "__pycache__").iterdir()):
            written.add(path, path.relative_to(tmp_path))
    packed.seek(0)
    settle(packed, tmp_path / "layer")
    place = tmp_path / "unpacked"
    with tarfile.open(tmp_path / "layer") as read:
        read.extractall(place, filter="data")
    code = "import sys; sys.dont_write_bytecode = True; import module"
    said = subprocess.run(
        [sys.executable, "-v", "-c", code], cwd=place, capture_output=True, text=True, check=True
    ).stderr
    assert re.search(r"matches .*/module\.py", said)


def test_an_image_of_its_parts_is_pulled_and_runs_and_is_found_by_name_and_tag(
    registry: Registry, engine: Engine, tmp_path: Path
) -> None:
    name = f"{APP}-parts"
    layer = sent(registry, name, tmp_path / "layer")
    built = {"architecture": "amd64", "os": "linux", "docker_version": "20", "config": {"Cmd": ["/app/run"]}}
    written = configuration_of(built, [layer], {"one": "1"})
    digest = keep_image(registry, name, ["c-1", "latest"], encoded(written), [layer])
    assert digest == keep_image(registry, name, ["again"], encoded(written), [layer])
    assert registry.tags(name) == ["again", "c-1", "latest"]
    assert name in registry.names()
    assert registry.digest(name, "latest") == registry.digest(name, "c-1") == digest
    assert "docker_version" not in written
    pull(engine, f"{registry.address}/{name}@{digest}", PULL)
    shown = docker(
        "image",
        "inspect",
        "--format",
        "{{.Config.Cmd}} {{.Config.Labels}}",
        f"{registry.address}/{name}@{digest}",
    )
    assert shown == "[/app/run] map[one:1]"
    sweep_images()


def test_a_blob_is_sent_once_taken_over_and_read_again(registry: Registry, tmp_path: Path) -> None:
    layer = sent(registry, f"{APP}-one", tmp_path / "layer")
    with (tmp_path / "layer").open("rb") as file:
        registry.put_blob(f"{APP}-one", file, layer.digest, layer.size)
        assert file.tell() == 0
    assert not registry.has_blob(f"{APP}-two", layer.digest)
    assert registry.mount_blob(f"{APP}-two", layer.digest, f"{APP}-one")
    assert registry.has_blob(f"{APP}-two", layer.digest)
    assert not registry.mount_blob(f"{APP}-two", digest_of(b"nowhere"), f"{APP}-one")
    assert registry.blob(f"{APP}-two", layer.digest) == (tmp_path / "layer").read_bytes()
    with registry.open_blob(f"{APP}-two", layer.digest) as stream:
        assert stream.read() == (tmp_path / "layer").read_bytes()


def test_what_is_deleted_is_gone_with_all_its_tags(registry: Registry, tmp_path: Path) -> None:
    name = f"{APP}-gone"
    layer = sent(registry, name, tmp_path / "layer")
    digest = keep_image(registry, name, ["one", "two"], encoded(configuration_of({}, [layer], {})), [layer])
    registry.delete(name, digest)
    registry.delete(name, digest)
    assert (registry.digest(name, "one"), registry.tags(name), registry.tags("nobody")) == (None, [], [])
    with pytest.raises(RegistryError, match="is not in the registry"):
        registry.tag(name, digest, "three")


def test_a_blob_that_is_not_what_it_says_is_refused(registry: Registry) -> None:
    with pytest.raises(RegistryError, match=r"blob .* cannot be kept: the registry answers 400"):
        registry.put_blob(f"{APP}-wrong", b"other", digest_of(b"said"), 5)


def test_a_connection_that_the_registry_has_left_is_made_anew() -> None:
    with running_registry() as first, closing(Registry(first.address, PUSH)) as client:
        assert client.tags("none") == []
    with pytest.raises(RegistryError, match="gives no answer"):
        client.tags("none")
