# SPDX-License-Identifier: GPL-3.0-or-later
"""Packed modules, from one run to the next."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils import packs

LOOK = "ansible_collections.fairlead.paas.plugins.modules.look-ZIP_DEFLATED-none"


class Run:
    """A run's own folder, as Ansible makes it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        packs.lend(folder)

    def packs(self, name: str, content: str) -> None:
        (self.folder / "ansiballz_cache" / name).write_text(content)

    def has(self) -> dict[str, str]:
        return {one.name: one.read_text() for one in (self.folder / "ansiballz_cache").iterdir()}


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Some sources, and a cache of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(packs, "_SOURCES", tmp_path / "plugins")
    for name in ("modules/look.py", "module_utils/deep/one.py"):
        file = tmp_path / "plugins" / name
        file.parent.mkdir(parents=True)
        file.write_text("1")
    return tmp_path / "plugins"


@pytest.fixture
def first(sources: Path, tmp_path: Path) -> Run:  # noqa: ARG001 - it must be there
    """A run that has packed look, and something that is not ours, and was killed while it packed another."""
    run = Run(tmp_path / "first")
    run.packs(LOOK, "packed")
    run.packs("ansible.modules.ping-ZIP_DEFLATED-none", "not ours")
    run.packs(f"{LOOK}.lock", "")
    run.packs(f"{LOOK.replace('look', 'route')}-part", "hal")
    packs.keep(run.folder)
    return run


def test_a_run_need_not_pack_what_an_earlier_one_has_packed(first: Run, tmp_path: Path) -> None:
    again = Run(tmp_path / "again")
    assert again.has() == {LOOK: "packed"}
    assert packs.has(again.folder, "look")
    assert not packs.has(again.folder, "route")
    for one in (first.folder / "ansiballz_cache").iterdir():
        one.unlink()  # as when the run ends
    assert again.has() == {LOOK: "packed"}


@pytest.mark.parametrize("changed", ["modules/look.py", "module_utils/deep/one.py", "module_utils/new.py"])
def test_what_is_made_of_other_sources_is_packed_anew_and_the_old_is_forgotten(
    first: Run,  # noqa: ARG001 - it must have been
    sources: Path,
    tmp_path: Path,
    changed: str,
) -> None:
    (sources / changed).write_text("other")
    other = Run(tmp_path / "other")
    assert other.has() == {}
    other.packs(LOOK, "otherwise")
    packs.keep(other.folder)
    assert Run(tmp_path / "again").has() == {LOOK: "otherwise"}
    assert len([*tmp_path.glob("cache/fairlead/*/*")]) == 1


def test_what_a_run_packs_while_a_source_changes_is_not_kept(sources: Path, tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    (sources / "modules/look.py").write_text("other")
    run.packs(LOOK, "of either")
    packs.keep(run.folder)
    assert Run(tmp_path / "again").has() == {}


@pytest.mark.parametrize("open_to_others", ["cache/fairlead", "cache/fairlead/*", "cache/fairlead/*/*"])
def test_what_others_may_have_written_is_not_carried_out(
    first: Run,  # noqa: ARG001 - it must have been
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    open_to_others: str,
) -> None:
    [folder] = tmp_path.glob(open_to_others)
    folder.chmod(0o777)
    assert Run(tmp_path / "again").has() == {}
    folder.chmod(0o700)
    assert Run(tmp_path / "and again").has() == {LOOK: "packed"}
    somebody_else = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: somebody_else)
    assert Run(tmp_path / "of another").has() == {}


def test_a_cache_on_another_disk_is_as_good(
    sources: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert sources.is_dir()
    monkeypatch.setattr(Path, "hardlink_to", _other_disk)
    run = Run(tmp_path / "run")
    run.packs(LOOK, "packed")
    packs.keep(run.folder)
    packs.keep(run.folder)
    assert Run(tmp_path / "again").has() == {LOOK: "packed"}


def _other_disk(self: Path, target: Path) -> None:
    raise OSError(18, "Invalid cross-device link", str(self), None, str(target))


def test_where_nothing_can_be_kept_a_run_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    run = Run(tmp_path / "run")
    run.packs(LOOK, "packed")
    packs.keep(run.folder)
    assert run.has() == {LOOK: "packed"}
