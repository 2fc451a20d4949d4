# SPDX-License-Identifier: GPL-3.0-or-later
"""From a root, made here by hand, to an image's tree; and what stands in the tree."""

from __future__ import annotations

import hashlib
import io
import py_compile
import struct
import tarfile
from pathlib import Path

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.image.layers import settle
from ansible_collections.fairlead.paas.plugins.module_utils.runtimes.bytecode import trusted
from ansible_collections.fairlead.paas.plugins.module_utils.runtimes.packages import (
    installed,
    needed,
    upstream,
)
from ansible_collections.fairlead.paas.plugins.module_utils.runtimes.root import Addition, Shape, shaped
from ansible_collections.fairlead.paas.plugins.module_utils.runtimes.truststore import truststore
from ansible_collections.fairlead.paas.plugins.module_utils.runtimes.users import Account


def stanza(name: str, depends: str = "", **more: str) -> str:
    fields = {
        "Package": name,
        "Status": "install ok installed",
        "Architecture": "amd64",
        "Version": f"1-{name}",
    }
    fields |= {"Depends": depends} if depends else {}
    return "".join(f"{key}: {value}\n" for key, value in {**fields, **more}.items())


STATUS = "\n".join(
    [
        stanza("base-files"),
        stanza("dpkg"),
        stanza("web", "libweb (>= 1), dpkg, perl | awk, web-data"),
        stanza("libweb", Provides="web-data (= 1)", Source="websrc (7)", Maintainer="A <a@example.com>"),
        stanza("perl", "perl-base"),
        stanza("perl-base"),
        stanza("mawk", Provides="awk"),
        stanza("idle"),
        stanza("openssl"),
        stanza("gone", Status="deinstall ok config-files"),
    ]
)
LISTS = {
    "base-files": "/.\n/bin\n/etc\n/tmp\n/var\n/var/tmp\n",
    "dpkg": "/.\n/usr\n/usr/bin\n/usr/bin/dpkg\n/usr/share\n/usr/share/dpkg\n",
    "web": "/.\n/bin\n/bin/web\n/usr/share\n/usr/share/doc/web\n/usr/share/doc/web/copyright\n",
    "libweb": "/.\n/usr/lib\n/usr/lib/libweb.so\n",
    "openssl": "/.\n/usr/lib/ssl\n/usr/lib/ssl/certs\n/usr/bin/openssl\n",
    "idle": "/.\n/usr/lib\n/usr/lib/idle\n/usr/lib/idle/file\n",
}
FILES = {
    "usr/bin/web": "web",
    "usr/bin/dpkg": "dpkg",
    "usr/lib/libweb.so": "lib",
    "usr/lib/idle/file": "idle",
    "usr/lib/ssl/certs": "",
    "usr/bin/openssl": "",
    "usr/share/doc/web/copyright": "GPL",
    "usr/share/doc/web/changelog": "long",
    "etc/passwd": "root:x:0:0::/root:/bin/sh\nweb:x:103:104::/:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n",
    "etc/passwd-": "old",
    "etc/group": "root:x:0:\nweb:x:104:\n",
    "etc/shadow": "root:*:20418:0:99999:7:::\nweb:!:20418::::::\n",
    "etc/gshadow": "root:*::\n",
    "var/log/dpkg.log": "now",
    "var/lib/dpkg/status": STATUS,
    "var/lib/dpkg/status-old": "",
    "run/lock": "",
    "var/lib/web/database": "made when it was installed",
    "etc/ssl/private/key": "made when it was installed",
    "etc/machine-id": "abc",
}
FOLDERS = (
    "etc",
    "etc/idle.d",
    "run",
    "tmp",
    "usr",
    "usr/bin",
    "usr/lib",
    "usr/lib/idle",
    "usr/share",
    "var",
    "var/tmp",
)


def packed(path: Path, *, moment: int = 1_800_000_000, **more: str) -> Path:
    """Write a root; its files are ``moment`` old, and one of them is a web server's own."""
    with tarfile.open(path, "w") as tar:
        for name in FOLDERS:
            entry = tarfile.TarInfo(f"./{name}")
            entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, 0o755, moment
            tar.addfile(entry)
        for name, target in (("bin", "usr/bin"), ("etc/awk", "/bin/dpkg"), ("etc/sh", "/bin/web")):
            entry = tarfile.TarInfo(f"./{name}")
            entry.type, entry.linkname, entry.mtime = tarfile.SYMTYPE, target, moment
            tar.addfile(entry)
        lists = {f"var/lib/dpkg/info/{name}.list": text for name, text in LISTS.items()}
        for name, text in {**FILES, **lists, **more}.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.size, entry.mtime, entry.uid, entry.gid = len(text.encode()), moment, 0, 0
            entry.mode = 0o4755 if name == "usr/bin/web" else 0o644
            if name == "usr/lib/libweb.so":
                entry.uid, entry.gid = 103, 104
            tar.addfile(entry, io.BytesIO(text.encode()))
    return path


def tree(path: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(path) as tar:
        return {member.name: member for member in tar.getmembers()}


def text(path: Path, name: str) -> str:
    with tarfile.open(path) as tar:
        stream = tar.extractfile(name)
        assert stream
        return stream.read().decode()


@pytest.fixture(name="image")
def _image(tmp_path: Path) -> Path:
    shape = Shape(
        wanted=("web",),
        account=Account("web", "/srv/web"),
        owned=("/var/lib/web",),
        additions=(
            Addition("usr/bin/start", b"#!/bin/sh\n", is_program=True),
            Addition("etc/web/conf", b"x"),
        ),
    )
    shaped(packed(tmp_path / "root"), tmp_path / "tree", shape)
    return tmp_path / "tree"


def test_what_is_needed_stays_and_what_installed_it_goes(image: Path) -> None:
    names = set(tree(image))
    assert {
        "bin",
        "etc/sh",
        "usr/lib/ssl/certs",
        "usr/bin/web",
        "usr/lib/libweb.so",
        "usr/share/doc/web/copyright",
        "tmp",
    } <= names
    assert not names & {
        *(
            "usr/bin/dpkg",
            "usr/bin/openssl",
            "etc/awk",
            "usr/lib/idle",
            "usr/lib/idle/file",
            "usr/share/doc/web/changelog",
        ),
        *(
            "etc/passwd-",
            "var/log/dpkg.log",
            "var/lib/dpkg/info/web.list",
            "run/lock",
            "var/lib/web/database",
            "etc/ssl/private/key",
            "etc/machine-id",
            "etc/idle.d",
        ),
    }
    assert [
        line for line in text(image, "var/lib/dpkg/status").splitlines() if line.startswith("Package")
    ] == [*("Package: base-files", "Package: libweb", "Package: mawk", "Package: web")]


def test_it_has_one_account_of_its_own_and_no_dates(image: Path) -> None:
    assert text(image, "etc/passwd").splitlines() == [
        "root:x:0:0::/root:/bin/sh",
        "nobody:x:65534:65534::/:/bin/false",
        "web:x:10001:10001::/srv/web:/bin/sh",
    ]
    assert text(image, "etc/group").splitlines() == ["root:x:0:", "web:x:10001:"]
    assert text(image, "etc/shadow").splitlines() == ["root:*:10957:0:99999:7:::", "web:*:10957:0:99999:7:::"]
    there = tree(image)
    assert (there["etc/shadow"].mode, there["etc/passwd"].mode) == (0o640, 0o644)
    assert (there["var/lib/web"].uid, there["var/lib/web"].mode) == (10001, 0o700)
    assert (there["srv/web"].uid, there["var/lib"].uid) == (0, 0)
    assert there["usr/lib/libweb.so"].uid == 0


def test_nobody_becomes_somebody_else_and_programs_can_be_run(image: Path) -> None:
    there = tree(image)
    assert there["usr/bin/web"].mode == 0o755
    assert (there["usr/bin/start"].mode, there["etc/web/conf"].mode) == (0o755, 0o644)


def test_the_same_root_of_another_moment_is_the_same_layer(tmp_path: Path) -> None:
    digests = []
    for moment in (1_800_000_000, 1_900_000_000):
        shaped(packed(tmp_path / "root", moment=moment), tmp_path / "tree", Shape(("web",)))
        with (tmp_path / "tree").open("rb") as stream:
            digests.append(settle(stream, tmp_path / "blob").digest)
    assert digests[0] == digests[1]


def test_whole_is_all_but_what_tells_of_its_making(tmp_path: Path) -> None:
    kept = shaped(packed(tmp_path / "root"), tmp_path / "tree", Shape(("web",), whole=True))
    names = set(tree(tmp_path / "tree"))
    assert {"usr/bin/dpkg", "usr/lib/idle/file", "etc/awk", "var/lib/dpkg/info/web.list"} <= names
    assert not names & {"etc/passwd-", "var/log/dpkg.log", "etc/machine-id", "var/lib/dpkg/status-old"}
    assert len(kept) == 9
    assert tree(tmp_path / "tree")["usr/bin/web"].mode == 0o4755


def test_what_is_left_out_by_name_and_by_path(tmp_path: Path) -> None:
    shape = Shape(("web",), without=("libw*",), lacks=("usr/share/*",))
    kept = shaped(packed(tmp_path / "root"), tmp_path / "tree", shape)
    assert [each.name for each in kept] == ["base-files", "mawk", "web"]
    assert not {"usr/lib/libweb.so", "usr/share/doc/web/copyright"} & set(tree(tmp_path / "tree"))


def test_one_file_under_two_names_of_which_one_goes_is_an_error(tmp_path: Path) -> None:
    packed(tmp_path / "root")
    with tarfile.open(tmp_path / "root", "a") as tar:
        entry = tarfile.TarInfo("./usr/bin/other")
        entry.type, entry.linkname = tarfile.LNKTYPE, "./usr/bin/dpkg"
        tar.addfile(entry)
    with pytest.raises(
        FairleadError, match=r"/usr/bin/other is the same file as /usr/bin/dpkg, which is left"
    ):
        shaped(tmp_path / "root", tmp_path / "tree", Shape(("web",)))


def test_packages_are_read_as_dpkg_wrote_them() -> None:
    found = {each.name: each for each in installed(STATUS)}
    assert "gone" not in found
    assert found["web"].needs == (("libweb",), ("dpkg",), ("perl", "awk"), ("web-data",))
    assert (found["libweb"].source, found["libweb"].source_version) == ("websrc", "7")
    assert (found["web"].source, found["web"].source_version) == ("web", "1-web")
    assert needed(found.values(), ["web"], ["perl*", "dpkg"]) == {"web", "libweb", "mawk"}
    assert needed(found.values(), ["awk", "nothing"], []) == {"mawk"}


@pytest.mark.parametrize(
    ("version", "parts", "found"),
    [("3.11.2-1+b1", 2, "3.11"), ("1:10.11.6-0+deb12u1", 2, "10.11"), ("2:8.2+93", 3, "8.2"), ("git", 1, "")],
)
def test_an_upstream_version_is_cut(version: str, parts: int, found: str) -> None:
    assert upstream(version, parts) == found


@pytest.mark.parametrize(("mode", "before", "after"), [("TIMESTAMP", 0, 0), ("CHECKED_HASH", 3, 1)])
def test_compiled_python_is_not_compared_with_its_source(
    tmp_path: Path, mode: str, before: int, after: int
) -> None:
    source, compiled = tmp_path / "x.py", tmp_path / "x.pyc"
    source.write_text("x = 1\n")
    py_compile.compile(str(source), str(compiled), invalidation_mode=py_compile.PycInvalidationMode[mode])
    data = compiled.read_bytes()
    assert struct.unpack("<I", data[4:8])[0] == before
    assert trusted(data) == data[:4] + struct.pack("<I", after) + data[8:]
    assert trusted(b"short") == b"short"


def test_the_truststore_is_whole_and_the_same_for_the_same_certificates() -> None:
    pem = "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n"
    other = pem.replace("YWJj", "ZGVm")
    store = truststore(pem + other)
    assert store == truststore(other + pem + pem)
    assert store[:12] == struct.pack(">III", 0xFEEDFEED, 2, 2)
    seal = hashlib.sha1("changeit".encode("utf-16-be") + b"Mighty Aphrodite" + store[:-20])  # noqa: S324
    assert store[-20:] == seal.digest()
