# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases as people read them."""

from __future__ import annotations

from ansible_collections.fairlead.paas.plugins.module_utils.ledger.listing import lines_of
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.records import Release

ONE = Release(
    app="shop",
    number=1,
    state="superseded",
    image="198.18.0.10:5000/shop@sha256:" + "1234567890abcdef" * 4,
    configuration={},
    configuration_hash="a" * 16,
    who="ada",
    host="laptop",
    git_commit="c0ffee00c0ffee00",
    git_dirty=True,
    message="the first",
    opened_at="2026-01-02T03:04:05Z",
    closed_at="2026-01-02T03:05:17Z",
    outcome="deployed",
    kind="deploy",
    irreversible=True,
    ref="main",
)


def test_a_line_says_what_when_who_and_why() -> None:
    heads, line = lines_of([ONE])
    assert heads.split() == ["release", "state", "opened", "took", "kind", "by", "commit", "image", "message"]
    assert line == (
        "v1       superseded  2026-01-02T03:04:05Z  72 s  deploy (irreversible)  ada@laptop  c0ffee00+"
        "  1234567890ab  the first"
    )
