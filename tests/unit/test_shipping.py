# SPDX-License-Identifier: GPL-3.0-or-later
"""Only the pieces of a build context travel that the builder lacks, and it arrives whole or not at all."""

from __future__ import annotations

import io
import random
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.image.parcel import Parcel
from ansible_collections.fairlead.paas.plugins.module_utils.image.shipping import (
    LARGEST,
    Shelf,
    parcel_of,
    send,
)

LARGE = random.Random(3).randbytes(2 * LARGEST)  # noqa: S311 - any bytes
FILES = {"a": b"first", "b": LARGE, "same": b"first", "long/" + "x" * 150: b"long name", "empty": b""}
PIECES = 8  # each file, the large one in three parts as its header counts too, and the end of the tar


def tar(files: dict[str, bytes]) -> io.BytesIO:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as written:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            written.addfile(info, io.BytesIO(content))
    return packed


def shipped(shelf: Shelf, packed: io.BytesIO, folder: Path, *, whole: bool = False) -> tuple[int, bytes]:
    """Return how many pieces were sent, and what then is on the shelf."""
    parcel = Parcel.from_dict(parcel_of(packed).as_dict())
    lacking = parcel.distinct if whole else shelf.lacking("shop", parcel)
    sent = folder / "sent"
    with sent.open("wb") as file:
        send(packed, parcel, lacking, file)
    return len(lacking), shelf.put_together("shop", parcel, sent, whole=whole).read_bytes()


@pytest.mark.parametrize("whole", [False, True])
def test_it_arrives_as_it_was(tmp_path: Path, *, whole: bool) -> None:
    packed = tar(FILES)
    assert shipped(Shelf(tmp_path / "shelf"), packed, tmp_path, whole=whole)[1] == packed.getvalue()


def test_only_what_changed_is_sent_wherever_it_moved(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf")
    assert shipped(shelf, tar(FILES), tmp_path)[0] == PIECES
    changed = tar({"0": b"before all", **FILES, "a": b"another"})
    sent, arrived = shipped(shelf, changed, tmp_path)
    assert arrived == changed.getvalue()
    assert sent <= 3, "both, and the end of the tar, which is as long as all before makes it"
    assert shipped(shelf, changed, tmp_path) == (0, changed.getvalue())
    edited = bytearray(LARGE)
    edited[-1] ^= 1
    assert shipped(shelf, tar({**FILES, "a": b"another", "b": bytes(edited)}), tmp_path)[0] <= 2


@given(st.lists(st.dictionaries(st.sampled_from("abcdef"), st.binary(max_size=700)), min_size=1, max_size=4))
def test_whatever_comes_after_whatever_arrives(contexts: list[dict[str, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shelf = Shelf(Path(folder) / "shelf")
        for files in contexts:
            packed = tar(files)
            assert shipped(shelf, packed, Path(folder))[1] == packed.getvalue()


def test_what_was_touched_on_the_builder_is_not_built_on(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf")
    shipped(shelf, tar(FILES), tmp_path)
    kept = tmp_path / "shelf/shop.tar"
    kept.write_bytes(b"x" * kept.stat().st_size)
    packed = tar(FILES)
    assert shipped(shelf, packed, tmp_path) == (PIECES, packed.getvalue())


def test_what_does_not_fit_together_is_refused_and_the_next_one_is_sent_whole(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf")
    packed = tar(FILES)
    shipped(shelf, packed, tmp_path)
    other = parcel_of(tar({"a": b"nobody has sent this"}))
    with pytest.raises(FairleadError, match="did not arrive whole; run again"):
        shelf.put_together("shop", other, None, whole=False)
    assert shipped(shelf, packed, tmp_path) == (PIECES, packed.getvalue())


def test_a_context_that_waits_for_too_long_is_removed(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf")
    shipped(shelf, tar(FILES), tmp_path)
    written = (tmp_path / "shelf/shop.tar").stat().st_mtime
    shelf.tidy(written + 29 * 86_400)
    assert len(list(shelf.folder.iterdir())) == 2
    shelf.tidy(written + 31 * 86_400)
    assert list(shelf.folder.iterdir()) == []
