# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab with the platform on it, and one scene for all cases: a new one for each takes too long."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.machines import bring_back
from tests.faults.scene import Scene
from tests.playbook import play


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Six machines on which site.yml has run, and a repository with the app; it leaves none of it behind."""
    bring_back()
    site = play("playbooks/site.yml")
    assert site.rc == 0, site.output
    scene = Scene(tmp_path_factory.mktemp("scene"))
    yield scene
    scene.run("remove", lease_wait=60)
