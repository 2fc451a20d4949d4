# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages: what is found in good ones, and the one sentence that is said of each hostile one."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.errors import Refused
from ansible_collections.fairlead.paas.plugins.module_utils.image.context import Kind
from ansible_collections.fairlead.paas.plugins.module_utils.source.archive import each, survey
from ansible_collections.fairlead.paas.plugins.module_utils.source.members import LIMITS, Limits, Member
from tests.unit.archives import PACKERS, SHOP, gz, member, patched, tar, written, zipped, zst

ONLY = "expected only regular files and directories"
TOO_LONG = "has too long a name; expected at most 255 bytes a part, 1000 in all, 50 directories"
SMALL = Limits(members=5, total=5000, member=3000)


def said(folder: Path, name: str, data: bytes, limits: Limits = LIMITS) -> str:
    """Return what is said about an archive."""
    with pytest.raises(Refused) as refused:
        survey(written(folder, name, data), name, limits)
    assert len(refused.value.problems) == 1
    return str(refused.value)


def contents(path: Path, prefix: str = "") -> dict[str, tuple[Kind, bytes]]:
    found: dict[str, tuple[Kind, bytes]] = {}

    def take(one: Member, content: Iterator[bytes]) -> None:
        found[one.path] = one.kind, b"".join(content)

    each(path, path.name, prefix, take)
    return found


@pytest.mark.parametrize("name", PACKERS)
def test_what_is_in_a_package(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name, PACKERS[name]({**SHOP, "Procfile": "web: x\n"}))
    found = survey(path, name)
    assert found.kinds == {
        "Procfile": Kind.FILE,
        "index.html": Kind.FILE,
        "pages": Kind.DIRECTORY,
        "pages/about.html": Kind.FILE,
    }
    assert (found.texts, found.prefix, found.files) == ({"Procfile": "web: x\n"}, "", 3)
    assert contents(path)["pages/about.html"] == (Kind.FILE, b"about")


@pytest.mark.parametrize("name", PACKERS)
def test_a_directory_that_holds_all_of_it_is_left_away(tmp_path: Path, name: str) -> None:
    entries = {f"shop-1.0/{path}": content for path, content in SHOP.items()}
    path = written(tmp_path, name, PACKERS[name](entries))
    found = survey(path, name)
    assert (found.prefix, [*found.kinds]) == ("shop-1.0", ["index.html", "pages", "pages/about.html"])
    assert [*contents(path, found.prefix)] == ["index.html", "pages/about.html"]


@pytest.mark.parametrize("inside", ["shop/__init__.py", "shop/__main__.py", "public/index.php"])
def test_a_directory_that_is_a_part_of_it_stays(tmp_path: Path, inside: str) -> None:
    assert survey(written(tmp_path, "shop.zip", zipped({inside: "x"})), "shop.zip").prefix == ""


def test_what_tools_make(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / ("long" * 40)).write_text("x")
    (folder / "bin" / "run").write_text("#!/bin/sh\n")
    (folder / "bin" / "run").chmod(0o755)
    for name, command in {
        "a.tar.gz": ["tar", "czf"],
        "b.tar.gz": ["tar", "--format=posix", "-czf"],
        "c.tar.zst": ["tar", "--zstd", "-cf"],
        "d.zip": ["zip", "-qr"],
    }.items():
        if not shutil.which(command[0]):
            continue
        path = tmp_path / name
        subprocess.run([*command, str(path), "."], cwd=folder, check=True)
        kinds = {one: kind for one, (kind, _) in contents(path).items()}
        assert kinds == {
            "bin": Kind.DIRECTORY,
            f"bin/{'long' * 40}": Kind.FILE,
            "bin/run": Kind.PROGRAM,
        }, name


TARS: dict[str, tuple[tarfile.TarInfo, str]] = {
    "up": (member("a/../../b"), "a/../../b: leads out by ..; expected a name inside the archive"),
    "absolute": (
        member("/etc/passwd"),
        "/etc/passwd: is an absolute name; expected a name relative to the archive's top",
    ),
    "symbolic link": (member("a", tarfile.SYMTYPE, linkname="/etc"), f"a: is a symbolic link; {ONLY}"),
    "hard link": (member("a", tarfile.LNKTYPE, linkname="index.html"), f"a: is a hard link; {ONLY}"),
    "character device": (member("a", tarfile.CHRTYPE), f"a: is a device; {ONLY}"),
    "block device": (member("a", tarfile.BLKTYPE), f"a: is a device; {ONLY}"),
    "fifo": (member("a", tarfile.FIFOTYPE), f"a: is a fifo; {ONLY}"),
    "sparse": (member("a", tarfile.GNUTYPE_SPARSE), f"a: is a sparse file; {ONLY}"),
    "unknown": (member("a", b"Z"), f"a: is of a kind that is not known; got 'Z'; {ONLY}"),
    "setuid": (
        member("a", mode=0o4755),
        "a: has a bit that raises rights; got 4755; expected no setuid, setgid or sticky bit",
    ),
    "setgid": (
        member("a", tarfile.DIRTYPE, 0o2755),
        "a: has a bit that raises rights; got 2755; expected no setuid, setgid or sticky bit",
    ),
    "sticky": (
        member("a", tarfile.DIRTYPE, 0o1777),
        "a: has a bit that raises rights; got 1777; expected no setuid, setgid or sticky bit",
    ),
    "twice": (member("index.html"), "index.html: is in it twice; expected each name once"),
    "twice, written otherwise": (
        member("./pages//about.html"),
        "pages/about.html: is in it twice; expected each name once",
    ),
    "a file that is a directory": (
        member("pages"),
        "pages: is a file and a directory; expected one of the two",
    ),
    "a directory that is a file": (
        member("index.html/x"),
        "index.html: is a file and a directory; expected one of the two",
    ),
    "backslash": (member("a\\b"), r"a\b: has a backslash in its name; expected / between directories"),
    "control": (
        member("a\nb"),
        r'"a\nb": has a name with characters that cannot be printed; expected printable ones',
    ),
    "long": (
        member("a" * 256),
        f'"{"a" * 60}…": {TOO_LONG}',
    ),
    "deep": (
        member("a/" * 51),
        f'"{"a/" * 30}…": {TOO_LONG}',
    ),
}


@pytest.mark.parametrize("case", TARS)
@pytest.mark.parametrize("pack", [gz, zst])
def test_members_of_tars_that_are_refused(tmp_path: Path, case: str, pack: object) -> None:
    info, words = TARS[case]
    name = "shop.tar.gz" if pack is gz else "shop.tar.zst"
    data = tar(SHOP, info)
    assert said(tmp_path, name, gz(data) if pack is gz else zst(data)) == f"{name} {words}"


def test_names_that_are_not_utf_8(tmp_path: Path) -> None:
    data = patched(
        tar({"cafe.html": "x"}, format_=tarfile.USTAR_FORMAT), (b"cafe.html", b"caf\xe9.html"), *_summed("e")
    )
    words = r"caf\xe9.html: has a name that is not UTF-8; expected UTF-8"
    assert said(tmp_path, "shop.tar.gz", gz(data)) == f"shop.tar.gz {words}"


def _summed(letter: str) -> list[tuple[bytes, bytes]]:
    """Return the change of the checksum where a letter of the name becomes an é of Latin 1."""
    header = tar({"cafe.html": "x"}, format_=tarfile.USTAR_FORMAT)[:512]
    before = header[148:154]
    return [(before, b"%06o" % (int(before, 8) + 0xE9 - ord(letter)))]


def big(data: bytes) -> bytes:
    return tar({"zeros": data})


ZEROS = bytes(2**25)
WHOLE = gz(tar(SHOP))
STREAMS: dict[str, tuple[str, bytes, str]] = {
    "empty file": ("a.tar.gz", b"", "is empty; expected gzip"),
    "empty tar": ("a.tar.gz", gz(tar({})), "is empty; expected at least one file"),
    "only directories": (
        "a.tgz",
        gz(tar({}, member("a", tarfile.DIRTYPE))),
        "is empty; expected at least one file",
    ),
    "only macOS's own": ("a.zip", zipped({"__MACOSX/x": ""}), "is empty; expected at least one file"),
    "no gzip": ("a.tar.gz", b"hello world", "is not what its name says; got another format; expected gzip"),
    "zip as gzip": ("a.tar.gz", zipped(SHOP), "is not what its name says; got zip; expected gzip"),
    "gzip as zip": ("a.zip", WHOLE, "is not what its name says; got gzip; expected zip"),
    "gzip as zstd": ("a.tar.zst", WHOLE, "is not what its name says; got gzip; expected Zstandard"),
    "bare tar": ("a.tgz", tar(SHOP), "is not what its name says; got another format; expected gzip"),
    "empty zip": ("a.zip", zipped({}), "is not what its name says; got a zip without members; expected zip"),
    "cut gzip": ("a.tar.gz", WHOLE[:-20], "ends too early; expected the whole file"),
    "cut to its first bytes": ("a.tar.gz", WHOLE[:2], "ends too early; expected gzip"),
    "cut zstd": ("a.tar.zst", zst(tar(SHOP))[:-4], "ends too early; expected the whole file"),
    "cut tar": ("a.tar.gz", gz(tar(SHOP)[:1300]), "ends too early; expected the whole archive"),
    "tar without an end": ("a.tar.gz", gz(tar(SHOP)[:2048]), "ends too early; expected the whole archive"),
    "cut zip": ("a.zip", zipped(SHOP)[:-40], "ends too early; expected the whole archive"),
    "more after gzip": ("a.tar.gz", WHOLE + b"x", "has something after its end; expected nothing more"),
    "more after zstd": (
        "a.tar.zst",
        zst(tar(SHOP)) + b"xxxx",
        "has something after its end; expected nothing more",
    ),
    "more after tar": (
        "a.tar.gz",
        gz(tar(SHOP) + b"x"),
        "has something after its end; expected nothing more",
    ),
    "more after zip": ("a.zip", zipped(SHOP) + b"x", "has something after its end; expected nothing more"),
    "more before zip": (
        "a.zip",
        b"PK\x03\x04" + zipped(SHOP),
        "has bytes that belong to no member; expected members, and their directory",
    ),
    "broken gzip": ("a.tar.gz", WHOLE[:40] + b"\xff\xff\xff" + WHOLE[43:], "is broken; expected gzip"),
    "gzip's own checksum": ("a.tar.gz", WHOLE[:-8] + b"abcd" + WHOLE[-4:], "is broken; expected gzip"),
    "no tar": ("a.tar.gz", gz(b"x" * 512), "is no tar, or broken; expected octal numbers in each header"),
    "a broken header": (
        "a.tar.gz",
        gz(patched(tar(SHOP), (b"index.html", b"indax.html"))),
        "is no tar, or broken; expected the checksum of each header to be right",
    ),
    "a bomb": (
        "a.tar.gz",
        gz(big(ZEROS)),
        "is packed beyond belief, as bombs are; expected at most 200 bytes from one",
    ),
    "a bomb of Zstandard": (
        "a.tar.zst",
        zst(big(ZEROS)),
        "is packed beyond belief, as bombs are; expected at most 200 bytes from one",
    ),
}


@pytest.mark.parametrize("case", STREAMS)
def test_files_that_are_refused(tmp_path: Path, case: str) -> None:
    name, data, words = STREAMS[case]
    assert said(tmp_path, name, data) == f"{name}: {words}"


def test_several_streams_of_gzip_are_one(tmp_path: Path) -> None:
    data = tar(SHOP)
    assert survey(written(tmp_path, "a.tgz", gz(data[:700]) + gz(data[700:])), "a.tgz").files == 2


@pytest.mark.parametrize("pack", PACKERS)
def test_limits(tmp_path: Path, pack: str) -> None:
    make = PACKERS[pack]
    noise = {name: bytes((i * 7919 + n * 31) % 251 for i in range(2000)) for n, name in enumerate("abc")}
    many = {str(number): "x" for number in range(6)}
    large = {"a": bytes(i * 7919 % 251 for i in range(3001))}
    assert said(tmp_path, pack, make(many), SMALL) == f"{pack}: has too many members; expected at most 5"
    assert said(tmp_path, pack, make(large), SMALL) == f"{pack} a: is too large; expected at most 3000"
    assert (
        said(tmp_path, pack, make(noise), SMALL)
        == f"{pack} c: is where it gets too large; expected at most 5000"
    )


def test_a_zip_whose_directory_is_longer_than_it_says(tmp_path: Path) -> None:
    data = zipped({str(number): "x" for number in range(6)})
    end = data.index(b"PK\x05\x06")
    few = data[: end + 8] + struct.pack("<2H", 1, 1) + data[end + 12 :]
    assert said(tmp_path, "a.zip", few, SMALL) == "a.zip: has too many members; expected at most 5"


PAX = "is no tar, or broken; expected well-formed pax headers"


@pytest.mark.parametrize(
    "records", [b"x", b"5 a=b", b"99 a=b\n", b"5 ab=\n", b"-1 a=b\n", b"0 a=b\n", b"4 a\n"]
)
def test_broken_pax_headers(tmp_path: Path, records: bytes) -> None:
    header = member("x", tarfile.XHDTYPE, size=len(records)).tobuf(tarfile.USTAR_FORMAT)
    data = header + records.ljust(512, b"\0") + tar(SHOP)
    assert said(tmp_path, "a.tgz", gz(data)) == f"a.tgz: {PAX}"


def test_a_name_in_a_pax_header_is_held_to_the_same(tmp_path: Path) -> None:
    up = tar({f"{'a' * 120}/../../etc/passwd": "x"})
    assert "leads out by ..; expected a name inside the archive" in said(tmp_path, "a.tgz", gz(up))
    sparse = member("a", pax_headers={"GNU.sparse.major": "1"})
    assert f"is a sparse file; {ONLY}" in said(tmp_path, "a.tgz", gz(tar(SHOP, sparse)))


ZIPPED = zipped({"a.txt": "hello" * 50})


def test_members_of_zips_that_are_refused(tmp_path: Path) -> None:
    def zip_said(data: bytes) -> str:
        return said(tmp_path, "a.zip", data).removeprefix("a.zip ")

    for name, words in {
        "../a": "../a: leads out by ..; expected a name inside the archive",
        "/a": "/a: is an absolute name; expected a name relative to the archive's top",
        "a\\b": r"a\b: has a backslash in its name; expected / between directories",
    }.items():
        assert zip_said(zipped({name: "x"})) == words
    for mode, words in {
        0o120777: f"a: is a symbolic link; {ONLY}",
        0o020666: f"a: is a device; {ONLY}",
        0o010644: f"a: is a fifo; {ONLY}",
        0o140644: f"a: is a socket; {ONLY}",
        0o104755: "a: has a bit that raises rights; got 4755; expected no setuid, setgid or sticky bit",
    }.items():
        assert zip_said(zipped({"a": "x"}, mode=mode)) == words
    assert zip_said(zipped({"a": "x", "a/b": "x"})) == "a: is a file and a directory; expected one of the two"
    other = zip_said(zipped({"a": "x"}, method=zipfile.ZIP_LZMA))
    assert other == "a: is compressed in another way; got 14; expected stored or deflated members"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_twice_in_a_zip(tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a", "x")
        archive.writestr("a", "y")
    assert said(tmp_path, "a.zip", file.getvalue()) == "a.zip a: is in it twice; expected each name once"


def directory_at(data: bytes) -> int:
    return data.index(b"PK\x01\x02")


def changed(data: bytes, at: int, form: str, value: int) -> bytes:
    new = struct.pack(form, value)
    return data[:at] + new + data[at + len(new) :]


DIRECTORY = directory_at(ZIPPED)
ALIKE = "expected the same in the archive's directory and before the member"
DIFFER = f"a.zip a.txt: has two headers that differ; {ALIKE}"
LIES: dict[str, tuple[bytes, str]] = {
    "another name": (ZIPPED.replace(b"a.txt", b"b.txt", 1), DIFFER),
    "another size": (changed(ZIPPED, 22, "<L", 5), DIFFER),
    "another method": (changed(ZIPPED, 8, "<H", 0), DIFFER),
    "less than comes": (
        changed(changed(ZIPPED, 22, "<L", 5), DIRECTORY + 24, "<L", 5),
        "a.zip a.txt: is larger than its header says; expected 5 bytes",
    ),
    "more than comes": (
        changed(changed(ZIPPED, 22, "<L", 900), DIRECTORY + 24, "<L", 900),
        "a.zip a.txt: is broken; expected a member as it was packed",
    ),
    "another checksum": (
        changed(changed(ZIPPED, 14, "<L", 1), DIRECTORY + 16, "<L", 1),
        "a.zip a.txt: is broken; expected a member as it was packed",
    ),
    "encrypted": (
        changed(changed(ZIPPED, 6, "<H", 1), DIRECTORY + 8, "<H", 1),
        "a.zip a.txt: is encrypted; expected members that can be read",
    ),
    "elsewhere": (
        changed(ZIPPED, DIRECTORY + 42, "<L", 4),
        f"a.zip a.txt: has no header where it should be; {ALIKE}",
    ),
}


@pytest.mark.parametrize("case", LIES)
def test_zips_whose_headers_lie(tmp_path: Path, case: str) -> None:
    data, words = LIES[case]
    assert said(tmp_path, "a.zip", data) == words


def test_a_zip_whose_members_share_bytes(tmp_path: Path) -> None:
    data = zipped({"a": "x" * 100, "b": "x" * 100})
    first, second = data[: directory_at(data)].split(b"PK\x03\x04")[1:]
    at = directory_at(data)
    entry = data.index(b"PK\x01\x02", at + 1)
    end = data.index(b"PK\x05\x06")
    start = b"PK\x03\x04" + first
    # Both entries of the directory name the one member that is left.
    directory = data[at:entry] * 2
    made = start + directory + changed(changed(data[end:], 12, "<L", len(directory)), 16, "<L", len(start))
    assert second
    assert "shares bytes with another member" in said(tmp_path, "a.zip", made)


def test_a_bomb_in_a_zip_is_found_while_it_is_unpacked(tmp_path: Path) -> None:
    words = "a.zip zeros: is packed beyond belief, as bombs are; expected at most 200 bytes from one"
    assert said(tmp_path, "a.zip", zipped({"zeros": ZEROS})) == words


def test_a_zip_of_streams_is_read(tmp_path: Path) -> None:
    class Unseekable(io.RawIOBase):
        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            self.data += bytes(data)  # type: ignore[call-overload]
            return len(bytes(data))  # type: ignore[call-overload]

    stream = Unseekable()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", "hello")
    assert contents(written(tmp_path, "a.zip", bytes(stream.data))) == {"a": (Kind.FILE, b"hello")}


def test_output_that_waits_in_the_unpacker_is_not_lost(tmp_path: Path) -> None:
    data = bytes(2**20 * 3)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    assert len(packer.compress(data) + packer.flush()) < 2**14
    path = written(tmp_path, "a.zip", zipped({"a": data}))
    assert contents(path)["a"] == (Kind.FILE, data)


@pytest.mark.parametrize("name", PACKERS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_whatever_happens_to_an_archive_it_is_read_or_refused(
    tmp_path: Path, name: str, data: st.DataObject
) -> None:
    good = PACKERS[name](SHOP)
    at = data.draw(st.integers(0, len(good) - 1))
    change = data.draw(st.sampled_from(["flip", "cut", "double"]))
    bad = {
        "flip": good[:at] + bytes([good[at] ^ data.draw(st.integers(1, 255))]) + good[at + 1 :],
        "cut": good[:at],
        "double": good[:at] + good[at:] + good[at:],
    }[change]
    try:
        found = survey(written(tmp_path, name, bad), name)
    except Refused as refused:
        lines = str(refused).splitlines()
    else:
        lines = [str(found.files)]
    assert len(lines) == 1
