# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance that keeps what it writes: on its node, through updates, and moved only when told to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.conftest import Repository
from tests.e2e.shop import NODES, containers
from tests.playbook import Outcome, play

APP = """\
app: notes
build: {context: notes}
env: {clear: {TEXT: first}}
processes:
  keeper:
    command:
      - python3
      - -c
      - import os, time; open('/data/log', 'a').write(os.environ['TEXT'] + ' '); time.sleep(10**6)
    memory: 32M
    volumes: [{name: data, path: /data}]
"""
DOCKERFILE = "ARG FAIRLEAD_REGISTRY\nFROM ${FAIRLEAD_REGISTRY}/runtimes/python\n"
On = Callable[..., str]


def remove(*, volumes: bool = False) -> Outcome:
    return play("playbooks/remove.yml", app="notes", remove_volumes=volumes)


@pytest.fixture
def notes(lab: None, repository: Repository) -> Iterator[Repository]:  # noqa: ARG001 - it must be up
    """An app with a volume, alone on the lab; without a trace of it afterwards."""
    play("playbooks/remove.yml", app="shop")
    (repository.apps / "notes.yml").write_text(APP)
    (repository.apps / "notes").mkdir()
    (repository.apps / "notes" / "Dockerfile").write_text(DOCKERFILE)
    yield repository
    for node in NODES:
        play("playbooks/undrain.yml", node=node)
    assert remove(volumes=True).rc == 0


def standing() -> tuple[str, str]:
    """Return the container of the one instance, and its node."""
    [(container, name)] = containers("notes").items()
    return container, name.rpartition("@")[2]


def test_what_is_written_stays_on_its_node_until_it_is_told_to_move(notes: Repository, on: On) -> None:
    def log() -> str:
        container, node = standing()
        return on(node, "docker", "exec", container, "cat", "/data/log")

    def stored() -> list[str]:
        return [node for node in NODES if "notes.keeper.1.data" in on(node, "docker", "volume", "ls", "-q")]

    assert notes.deploy(app="notes").rc == 0
    _, home = standing()
    assert (log(), stored()) == ("first", [home])
    assert notes.deploy(app="notes").changed == {}

    file = notes.apps / "notes.yml"
    file.write_text(file.read_text().replace("TEXT: first", "TEXT: second"))
    updated = notes.deploy(app="notes")
    assert updated.rc == 0, updated.output
    assert "stopped first, must not run twice" in updated.output
    assert (standing()[1], log()) == (home, "first second")

    before = containers("notes")
    refused = play("playbooks/drain.yml", node=home)
    assert refused.rc != 0
    assert f"its volume data is on {home}, which is draining" in " ".join(refused.output.split())
    assert (refused.changed, containers("notes")) == ({}, before)

    moved = play("playbooks/drain.yml", node=home, move_volumes=True)
    assert moved.rc == 0, moved.output
    _, new = standing()
    assert new != home
    assert (log(), sorted(stored())) == ("second", sorted([home, new])), (
        "nothing is carried along, nothing is lost"
    )
    assert play("playbooks/undrain.yml", node=home).rc == 0
    assert notes.deploy(app="notes").changed == {}

    kept = remove()
    assert kept.rc == 0, kept.output
    assert "= notes.keeper.1.data  the volume stays" in kept.output
    assert (containers("notes"), sorted(stored())) == ({}, sorted([home, new]))
    assert remove(volumes=True).rc == 0
    assert stored() == []
    assert remove(volumes=True).changed == {}
