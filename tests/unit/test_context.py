# SPDX-License-Identifier: GPL-3.0-or-later
"""Build contexts: what counts for the hash and what does not, what is packed, what is refused."""

from __future__ import annotations

import io
import os
import socket
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.errors import Refused
from ansible_collections.fairlead.paas.plugins.module_utils.image.context import Context, read_context
from ansible_collections.fairlead.paas.plugins.module_utils.image.recipe import Recipe


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    (root / "src" / "empty").mkdir(parents=True)
    (root / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (root / "src" / "run").write_text("#!/bin/sh\n")
    (root / "src" / "run").chmod(0o755)
    (root / "src" / "link").symlink_to("run")
    return root


def packed(context: Context) -> bytes:
    file = io.BytesIO()
    context.pack(file)
    return file.getvalue()


def members(context: Context) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(packed(context))) as tar:
        return {member.name: member for member in tar.getmembers()}


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        (lambda root: (root / "src/run").write_text("#!/bin/sh\nexit 1\n"), True),
        (lambda root: (root / "src/run").chmod(0o644), True),
        (lambda root: (root / "src/run").rename(root / "src/ran"), True),
        (lambda root: (root / "Dockerfile").write_text("FROM scratch\n"), True),
        (lambda root: (root / "new").touch(), True),
        (lambda root: (root / "src/empty").rmdir(), True),
        (lambda root: (root / "src/link").unlink(), True),
        (lambda root: relink(root / "src/link", "empty"), True),
        (lambda root: (root / ".dockerignore").write_text("nothing\n"), True),
        (lambda root: os.utime(root / "src/run", (1, 1)), False),
        (lambda root: (root / "src/run").chmod(0o700), False),
        (lambda root: (root / "src").chmod(0o700), False),
    ],
)
def test_the_hash_changes_with_what_a_build_can_see(
    root: Path, change: Callable[[Path], object], *, counts: bool
) -> None:
    before = read_context(root)
    before_hash, before_bytes = before.hash(), packed(before)
    change(root)
    after = read_context(root)
    assert (after.hash() != before_hash) == counts
    assert (packed(after) != before_bytes) == counts


def relink(link: Path, target: str) -> None:
    link.unlink()
    link.symlink_to(target)


def test_the_place_of_the_context_does_not_count(root: Path) -> None:
    before = read_context(root).hash()
    moved = root.rename(root.with_name("elsewhere"))
    assert read_context(moved).hash() == before


def test_how_it_is_built_counts_and_what_is_usual_does_not(root: Path) -> None:
    (root / "src/Dockerfile").write_text("FROM scratch\n")
    either, same = (Recipe(args=dict(args)) for args in ((("A", "1"), ("B", "2")), (("B", "2"), ("A", "1"))))
    assert read_context(root, either).hash() == read_context(root, same).hash()
    others = (
        Recipe(args={"A": "1"}),
        Recipe(args={"A": "2"}),
        Recipe(target="A"),
        Recipe("src/Dockerfile"),
    )
    usual = read_context(root).hash()
    assert len({usual, *(read_context(root, other).hash() for other in others)}) == 5
    assert read_context(root, Recipe("Dockerfile", None, {})).hash() == usual


def test_the_dockerfile_that_is_used_is_sent_even_if_it_is_ignored(root: Path) -> None:
    (root / "build").mkdir()
    (root / "build/Dockerfile.web").write_text("FROM scratch\n")
    (root / ".dockerignore").write_text("build\n")
    assert "build/Dockerfile.web" in members(read_context(root, Recipe("build/Dockerfile.web")))
    assert "build/Dockerfile.web" not in members(read_context(root))
    with pytest.raises(Refused, match=r"has no build/Dockerfile\.worker"):
        read_context(root, Recipe("build/Dockerfile.worker"))


def test_a_move_of_bytes_from_one_file_to_another_counts(root: Path) -> None:
    (root / "a").write_text("xy")
    (root / "b").write_text("z")
    before = read_context(root).hash()
    (root / "a").write_text("x")
    (root / "b").write_text("yz")
    assert read_context(root).hash() != before


def test_what_is_packed_is_the_context_and_nothing_of_this_machine(root: Path) -> None:
    found = members(read_context(root))
    assert list(found) == ["Dockerfile", "src", "src/empty", "src/link", "src/run"]
    assert {(member.uid, member.gid, member.mtime, member.uname) for member in found.values()} == {
        (0, 0, 0, "")
    }
    modes = {name: member.mode for name, member in found.items() if not member.issym()}
    assert modes == {"Dockerfile": 0o644, "src": 0o755, "src/empty": 0o755, "src/run": 0o755}
    assert found["src/link"].linkname == "run"


@pytest.mark.parametrize(
    ("ignore", "left"),
    [
        ("src\n", ["Dockerfile"]),
        ("# all but one\n*\n!src/run\n", ["Dockerfile", "src/run"]),
        ("Dockerfile\n.dockerignore\n**/run\n", ["Dockerfile", "src", "src/empty", "src/link"]),
    ],
)
def test_what_is_ignored_is_neither_hashed_nor_packed(root: Path, ignore: str, left: list[str]) -> None:
    (root / ".dockerignore").write_text(ignore)
    context = read_context(root)
    assert sorted(members(context)) == [".dockerignore", *left], "the engine reads that file itself"
    before = context.hash()
    (root / "src" / "empty" / "run").write_text("anything")
    if "src" not in left:
        assert read_context(root).hash() == before


def test_everything_that_cannot_be_shipped_is_refused_at_once(root: Path) -> None:
    os.mkfifo(root / "pipe")
    (root / "up").symlink_to("../other")
    (root / "src" / "deep").symlink_to("empty/../../../other")
    (root / "python").symlink_to("/usr/bin/python3")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
        with pytest.raises(Refused) as caught:
            read_context(root)
    refused = {Path(problem.file).name: problem.problem for problem in caught.value.problems}
    outside = "is a link that leads out of the build context"
    odd = "is no file, directory or link"
    assert refused == {"pipe": odd, "socket": odd, "up": outside, "deep": outside, "python": outside}
    (root / ".dockerignore").write_text("pipe\nsocket\nup\nsrc/deep\npython\n")
    assert read_context(root).entries


def test_links_that_stay_inside_are_fine_even_to_nothing(root: Path) -> None:
    (root / "src" / "up").symlink_to("../Dockerfile")
    (root / "nothing").symlink_to("not/there")
    assert members(read_context(root))["src/up"].linkname == "../Dockerfile"


def test_no_dockerfile_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="has no Dockerfile"):
        read_context(tmp_path)


def test_names_that_are_not_utf_8_are_shipped(root: Path) -> None:
    (root / os.fsdecode(b"caf\xe9")).write_text("x")
    assert read_context(root).hash()
    assert os.fsdecode(b"caf\xe9") in members(read_context(root))


_NAMES = st.text("abcXYZ._- ", min_size=1, max_size=8).filter(
    lambda name: name.strip(".") and name == name.strip()
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.dictionaries(_NAMES, st.binary(max_size=64), max_size=6))
def test_the_same_files_give_the_same_hash_in_whatever_order_they_were_made(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    hashes = set()
    for names in (sorted(files), sorted(files, reverse=True)):
        root = tmp_path_factory.mktemp("context")
        (root / "Dockerfile").write_text("FROM scratch\n")
        for name in names:
            (root / name).write_bytes(files[name])
        hashes.add((read_context(root).hash(), packed(read_context(root))))
    assert len(hashes) == 1
