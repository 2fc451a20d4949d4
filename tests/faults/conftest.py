# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab with the platform on it, and one scene for all cases: a new one for each takes too long."""

from __future__ import annotations

import pytest

from tests.faults.machines import bring_back
from tests.faults.scene import Scene
from tests.playbook import play


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Six machines on which site.yml has run, and a repository with the app."""
    bring_back()
    site = play("playbooks/site.yml")
    assert site.rc == 0, site.output
    return Scene(tmp_path_factory.mktemp("scene"))
