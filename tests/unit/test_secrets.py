# SPDX-License-Identifier: GPL-3.0-or-later
"""Which values a release's secrets have: today's, or those that were kept."""

from __future__ import annotations

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.app.resolve import secret_hash
from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    Configuration,
    Process,
    Spec,
)
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.sealing import seal, unseal
from ansible_collections.fairlead.paas.plugins.module_utils.secrets import meant, missing, values_of

KEY = "platform key"


def shop(**values: str) -> Configuration:
    """Return a configuration that means these values."""
    hashes = {name: secret_hash("shop", name, value, KEY) for name, value in values.items()}
    spec = Spec("image", secrets=hashes)
    return Configuration("shop", (Process("web", 1, spec), Process("worker", 1, spec)))


def kept(**values: str) -> dict[tuple[str, str], str]:
    """Return what the ledger has of these values."""
    return {(name, secret_hash("shop", name, value, KEY)): seal(KEY, value) for name, value in values.items()}


def test_a_value_that_is_still_set_needs_no_keeping() -> None:
    assert values_of(shop(A="one"), {"A": "one", "B": "not asked for"}, {}, KEY, unseal) == {"A": "one"}


def test_a_value_of_then_comes_from_what_was_kept() -> None:
    now = {"A": "today", "B": "same"}
    assert values_of(shop(A="then", B="same"), now, kept(A="then"), KEY, unseal) == {"A": "then", "B": "same"}


def test_a_value_that_nobody_has_is_missing_by_name_only() -> None:
    configuration = shop(A="then", B="gone")
    assert missing(configuration, {"A": "today"}, kept(A="then"), KEY) == ["B"]
    with pytest.raises(FairleadError, match="the values that B had then") as refused:
        values_of(configuration, {"A": "today"}, kept(A="then"), KEY, unseal)
    assert "gone" not in str(refused.value)


def test_a_secret_that_is_no_longer_set_may_still_be_kept() -> None:
    assert values_of(shop(A="then"), {"A": None}, kept(A="then"), KEY, unseal) == {"A": "then"}


def test_what_is_sealed_shows_nothing_and_opens_with_its_key_alone() -> None:
    sealed = seal(KEY, "hunter2")
    assert "hunter2" not in sealed
    assert unseal(KEY, sealed) == "hunter2"
    with pytest.raises(FairleadError, match="sealed with another fairlead_hash_key"):
        unseal("another key", sealed)


def test_an_app_without_secrets_means_none() -> None:
    assert meant(shop()) == {}
