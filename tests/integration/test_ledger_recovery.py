# SPDX-License-Identifier: GPL-3.0-or-later
"""A lost ledger made anew, in a file and in a database: what is recorded, kept aside, refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.ledger.backup import LEAP, dump, keep
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.file import File
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.ledger import Ledger
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.recovery import (
    Evidence,
    Found,
    Survey,
    recover,
    survey,
)
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.session import LedgerError
from ansible_collections.fairlead.paas.plugins.modules.ledger import run
from tests.integration.ledger_rig import ADA, BOB, FIRST, Home, made, opened, params, states, told

SHOP = Found(
    app="shop",
    number=4,
    image=FIRST.image,
    configuration=FIRST.configuration,
    configuration_hash=FIRST.configuration_hash,
    source="3 containers of v2 and v3, as v3 says",
)
BLOG = replace(
    SHOP, app="blog", number=2, configuration={}, configuration_hash="", source="1 container of v2"
)
SEEN = Evidence([BLOG, SHOP], {"shop": 17, "gone": 12})


@pytest.fixture
def lost(tmp_path: Path) -> Path:
    """Where a ledger was."""
    return tmp_path / "fairlead" / "ledger.db"


def test_a_lost_ledger_is_made_anew_with_the_active_releases(bare: Home) -> None:
    predicted = recover(bare.place, SEEN, ADA, check=True)
    assert survey(bare.place) is None

    outcome = recover(bare.place, SEEN, ADA)

    assert outcome == predicted
    assert (outcome.changed, outcome.aside) == (True, ())
    assert (states(bare.place), states(bare.place, "blog")) == ({4: "active"}, {2: "failed"})
    with Ledger(bare.place) as ledger:
        [release] = ledger.releases("shop", 10)
    assert (release.kind, release.who, release.git_commit, release.outcome) == (
        "recover",
        "ada",
        "",
        "recovered",
    )
    assert release.message == "rebuilt from 3 containers of v2 and v3, as v3 says"
    assert (release.configuration, release.image) == (FIRST.configuration, FIRST.image)
    assert told(bare.place) == [
        "ada opened 4 recover: rebuilt from 3 containers of v2 and v3, as v3 says",
        "ada activated 4 recovered",
    ]


def test_tokens_begin_after_all_that_were_seen_and_the_next_run_looks_again(bare: Home) -> None:
    recover(bare.place, SEEN, ADA)
    with Ledger(bare.place) as ledger:
        for app, stale in (("shop", True), ("blog", True), ("gone", False), ("new", False)):
            begun = ledger.begin(app, BOB, since_look=1.0)
            assert begun.token > 17 + LEAP
            assert begun.stale == stale


def test_a_second_time_changes_nothing(bare: Home) -> None:
    recover(bare.place, SEEN, ADA)
    for check in (True, False):
        again = recover(bare.place, SEEN, ADA, check=check)
        assert (again.changed, again.moves) == (False, {})
    assert (states(bare.place), len(told(bare.place))) == ({4: "active"}, 2)


def test_a_ledger_that_was_made_anew_and_given_away_tokens_is_no_hindrance(bare: Home) -> None:
    bare.place.prepare()
    with Ledger(bare.place) as ledger:
        ledger.release("shop", ledger.begin("shop", BOB, since_look=1.0).token)
    recover(bare.place, SEEN, ADA)
    with Ledger(bare.place) as ledger:
        assert ledger.begin("shop", BOB, since_look=1.0).token > 17 + LEAP
        assert ledger.releases("shop", 1)[0].state == "active"


def test_apps_that_the_ledger_knows_are_left_alone(bare: Home) -> None:
    bare.place.prepare()
    with Ledger(bare.place) as ledger:
        opened(ledger, "shop", FIRST)
    outcome = recover(bare.place, SEEN, ADA)
    assert [*outcome.moves] == ["blog"]
    assert states(bare.place) == {1: "pending"}


def test_tokens_leap_where_machines_have_seen_higher_ones_and_nothing_runs(bare: Home) -> None:
    bare.place.prepare()
    with Ledger(bare.place) as ledger:
        token = ledger.begin("shop", BOB, since_look=1.0).token
        assert recover(bare.place, Evidence(tokens={"shop": token}), ADA).changed is False
        assert recover(bare.place, Evidence(tokens={"shop": token + 1}), ADA).changed is True
        with pytest.raises(LedgerError, match="taken over"):
            ledger.renew("shop", token)


def test_a_release_that_only_keeps_a_number_can_be_followed(bare: Home) -> None:
    recover(bare.place, SEEN, ADA)
    with Ledger(bare.place) as ledger:
        assert opened(ledger, "blog", FIRST)[0] == 3
        assert opened(ledger, "shop", replace(FIRST, configuration_hash="c" * 16))[0] == 5


@pytest.mark.parametrize("torn", [b"no ledger at all, and long enough to be looked at" * 9, None])
def test_a_damaged_ledger_is_set_aside_by_force_only(tmp_path: Path, torn: bytes | None) -> None:
    path = made(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(torn or whole[: len(whole) // 2])
    before = path.read_bytes()
    with pytest.raises(
        LedgerError, match=r"cannot be read .*recover.yml -e force=true.*Nothing was recovered"
    ):
        recover(File(path), SEEN, ADA)
    predicted = recover(File(path), SEEN, ADA, force=True, check=True)
    assert path.read_bytes() == before
    outcome = recover(File(path), SEEN, ADA, force=True)
    assert len(outcome.aside) == len(predicted.aside)
    assert Path(outcome.aside[0]).read_bytes() == before
    assert ".db.lost-" in outcome.aside[0]
    assert states(File(path)) == {4: "active"}


def test_a_log_without_its_ledger_is_set_aside_and_not_taken_for_the_new_ones(lost: Path) -> None:
    lost.parent.mkdir()
    lost.with_name("ledger.db-wal").write_bytes(b"a log")
    [aside] = recover(File(lost), SEEN, ADA).aside
    assert aside.endswith("-wal")
    assert Path(aside).read_bytes() == b"a log"
    assert states(File(lost)) == {4: "active"}


def test_a_backup_that_knows_more_is_in_the_way(tmp_path: Path, lost: Path) -> None:
    old, kept = made(tmp_path / "old"), tmp_path / "backup" / "ledger.db"
    with Ledger(File(old)) as ledger:
        opened(ledger, "shop", FIRST)
    keep(kept, dump(old)[1])
    found = survey(File(kept))
    assert found
    assert found.releases == 1
    evidence = replace(SEEN, backups={"m2": found})
    for _ in range(2):  # without a ledger, and with a new one
        with pytest.raises(
            LedgerError, match=r"m2 keeps a backup .* with 1 release, .*playbooks/restore.yml"
        ):
            recover(File(lost), evidence, ADA)
        File(lost).prepare()
    assert states(File(lost)) == {}
    recover(File(lost), evidence, ADA, force=True)
    assert states(File(lost)) == {4: "active"}

    snapshot = dump(lost)[1]
    with pytest.raises(LedgerError, match="of another ledger"):
        keep(kept, snapshot)
    keep(kept, snapshot, force=True, check=True)
    assert [file.name for file in kept.parent.iterdir()] == ["ledger.db"]
    keep(kept, snapshot, force=True)
    assert states(File(kept)) == {4: "active"}
    [aside] = kept.parent.glob("ledger.db.lost-*")
    assert states(File(aside)) == {1: "pending"}


def test_a_backup_of_the_same_ledger_is_in_nobodys_way(bare: Home) -> None:
    bare.place.prepare()
    with Ledger(bare.place) as ledger:
        opened(ledger, "other", FIRST)
    same = survey(bare.place)
    assert same
    assert [*recover(bare.place, replace(SEEN, backups={"m2": same}), ADA).moves] == ["blog", "shop"]
    empty = {"m2": Survey("another", 0)}
    assert recover(bare.place, replace(SEEN, backups=empty), ADA).changed is False


@pytest.mark.parametrize("content", [None, b"", b"torn" * 2000])
def test_what_is_no_backup_is_none(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ledger.db"
    if content is not None:
        path.write_bytes(content)
    assert survey(File(path)) is None


def test_the_module_says_what_it_did(bare: Home) -> None:
    given: dict[str, Any] = {
        "found": [vars(SHOP)],
        "tokens": {"shop": 17},
        "backups": {"m2": {"ledger": "another", "releases": 0}},
        "who": "ada",
        "host": "laptop",
    }
    said = run(params(bare, "recover", **given), check=False)
    assert said["changed"] is True
    assert said["moves"] == [
        {"app": "shop", "number": 4, "before": None, "after": "active", "outcome": "recovered"}
    ]
    assert said["diff"]["after"] == "v4 active\n"
    assert run(params(bare, "recover", **given), check=False)["changed"] is False
