# SPDX-License-Identifier: GPL-3.0-or-later
"""What several unit tests are given."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.paper_files import Desk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A folder with a fleet and apps on paper, which is where commands run."""
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path, capsys)
