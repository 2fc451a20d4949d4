# SPDX-License-Identifier: GPL-3.0-or-later
"""Gzip in blocks: anybody can read it, and it is the same however it came in."""

from __future__ import annotations

import gzip
import random
import zlib

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.image.squeeze import BLOCK, Squeeze

TEXT = random.Random(1).randbytes(1000) * 3000  # noqa: S311 - any bytes


def squeezed(data: bytes, piece: int) -> bytes:
    said = bytearray()
    with Squeeze(said.extend) as squeeze:
        for start in range(0, len(data), piece):
            squeeze.write(data[start : start + piece])
    return bytes(said)


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 7])
def test_what_comes_out_is_gzip_of_what_went_in(size: int) -> None:
    data = TEXT[:size]
    assert gzip.decompress(squeezed(data, 65536)) == data


def test_it_is_the_same_however_it_came_in() -> None:
    assert squeezed(TEXT, 1000) == squeezed(TEXT, 70_001) == squeezed(TEXT, len(TEXT))


def test_hardly_anything_is_lost_against_one_stream() -> None:
    assert len(squeezed(TEXT, BLOCK)) < 1.05 * len(zlib.compress(TEXT, 4)) + 200
