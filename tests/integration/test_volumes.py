# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes on a real engine: what is written stays, nobody writes twice, no directory is somebody else's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Volume
from ansible_collections.fairlead.paas.plugins.module_utils.containers import volumes
from ansible_collections.fairlead.paas.plugins.module_utils.containers.arguments import Start
from ansible_collections.fairlead.paas.plugins.module_utils.containers.client import Engine
from ansible_collections.fairlead.paas.plugins.module_utils.containers.observe import look
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from tests.integration.engine_rig import APP, Wanted, ansible, docker, free_port, until
from tests.integration.test_converge import converge, exists, failures, state
from tests.integration.wishes import parameters

DATA = Volume("data", "/data")
# It dies if another one is there already, and keeps what each of them said.
JEALOUS = """
test -e /data/lock && exit 9
touch /data/lock; echo {} >> /data/log
trap 'sleep 0.3; rm /data/lock; exit 0' TERM
while true; do sleep 0.1; done
"""


def db(wanted: Wanted, release: int, *stored: Volume, number: int = 1, **spec: Any) -> dict[str, Any]:
    """Return a start of a process that keeps what its releases say in /data."""
    usual: dict[str, Any] = {
        "command": ("sh", "-c", JEALOUS.format(f"v{release}")),
        "port": None,
        "health": None,
        "volumes": stored or (DATA,),
    }
    return wanted.start(number, release, process="db", **usual | spec)


def log_of(name: str) -> list[str]:
    return docker("exec", name, "cat", "/data/log").split()


def volumes_of_rig() -> list[str]:
    return sorted(name for name in docker("volume", "ls", "--quiet").split() if name.startswith(f"{APP}."))


@pytest.mark.parametrize("order", ["start-first", "stop-first"])
def test_what_is_written_outlives_its_container_and_nobody_writes_beside_it(
    engine: Engine, wanted: Wanted, order: str
) -> None:
    old, new = db(wanted, 1), db(wanted, 2)
    lines, _ = converge(engine, start=[old])
    assert lines == [f"+ {APP}.db.1.data make volume", f"+ {APP}.db.1-v1 start"]
    stop = [{"container": old["name"], "timeout": 5}]
    converge(engine, start=[new], stop=stop, remove=[old["name"]], order="stop-first")
    assert log_of(new["name"]) == ["v1", "v2"]

    third = db(wanted, 3)
    lines, _ = converge(engine, start=[third], order=order)  # nobody says that the second has to stop
    assert lines == [f"- {APP}.db.1-v2 stop, for it must not run twice", f"+ {APP}.db.1-v3 start"]
    assert state(new["name"])["State"]["FinishedAt"] < state(third["name"])["State"]["StartedAt"]
    docker("restart", "--time", "5", third["name"])
    assert log_of(third["name"]) == ["v1", "v2", "v3", "v3"]
    assert converge(engine, start=[third])[0] == []


def test_what_the_engine_starts_over_and_over_is_stopped_too(engine: Engine, wanted: Wanted) -> None:
    old = db(wanted, 1)
    converge(engine, start=[old])
    docker("exec", old["name"], "sh", "-c", "rm /data/lock; echo broken > /data/lock")
    docker("kill", "--signal", "KILL", old["name"])
    docker("start", old["name"])
    until(lambda: state(old["name"])["RestartCount"] > 0, "it dies and comes back")
    new = db(wanted, 2, command=("sh", "-c", "rm /data/lock; sleep 60"), stop_timeout=0)
    lines, _ = converge(engine, start=[new])
    assert f"- {old['name']} stop, for it must not run twice" in lines
    assert state(old["name"])["State"]["Status"] == "exited"


def test_each_slot_has_its_own_and_removing_instances_removes_none(engine: Engine, wanted: Wanted) -> None:
    both = [db(wanted, 1), db(wanted, 1, number=2)]
    converge(engine, start=both)
    mine = [f"{APP}.db.1.data", f"{APP}.db.2.data"]
    assert volumes_of_rig() == mine
    seen = [it for it in look(engine, APP, 1, 2)["volumes"] if it["app"] == APP]
    assert [(it["process"], it["number"], it["name"]) for it in seen] == [
        ("db", 1, "data"),
        ("db", 2, "data"),
    ]
    assert all(it["created"] > 1_500_000_000 for it in seen)

    names = [each["name"] for each in both]
    converge(engine, remove=names)
    assert not any(map(exists, names))
    assert volumes_of_rig() == mine
    asked = {"remove_volumes": [*mine, f"{APP}.db.9.data"]}
    lines, _ = converge(engine, **asked)
    assert lines == [f"- {name} remove volume, with all that is in it" for name in mine]
    assert volumes_of_rig() == []
    assert converge(engine, **asked)[0] == []


def test_volumes_of_others_are_left_alone(engine: Engine, wanted: Wanted) -> None:
    docker("volume", "create", f"{APP}.db.1.data")
    with pytest.raises(FairleadError, match=r"was not made by Fairlead; rename or remove that one"):
        converge(engine, start=[db(wanted, 1)])
    assert converge(engine, remove_volumes=[f"{APP}.db.1.data"])[0] == []
    assert volumes_of_rig() == [f"{APP}.db.1.data"]


def test_a_directory_of_the_node_is_just_that(engine: Engine, wanted: Wanted, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "hello").write_text("there")
    stored = (
        Volume("data", "/data", node=str(tmp_path / "own")),
        Volume("theirs", "/theirs", node=str(tmp_path / "theirs"), read_only=True),
    )
    start = db(wanted, 1, *stored)
    converge(engine, start=[start])
    assert (tmp_path / "own" / "log").read_text().split() == ["v1"]
    assert docker("exec", start["name"], "cat", "/theirs/hello") == "there"
    with pytest.raises(AssertionError, match="Read-only file system"):
        docker("exec", start["name"], "touch", "/theirs/mine")
    converge(engine, remove=[start["name"]])
    converge(engine, remove_volumes=[f"{APP}.db.1.data", f"{APP}.db.1.theirs"])
    assert (tmp_path / "own" / "log").read_text().split() == ["v1"], "the directory is not the engine's"


def test_directories_that_could_become_others_are_refused(
    engine: Engine, wanted: Wanted, tmp_path: Path
) -> None:
    (tmp_path / "data" / "inner").mkdir(parents=True)
    (tmp_path / "link").symlink_to("/etc")
    (tmp_path / "file").write_text("")

    def refused(folder: str) -> str:
        with pytest.raises(FairleadError) as caught:
            converge(engine, start=[db(wanted, 2, Volume("more", "/data", node=str(tmp_path / folder)))])
        return str(caught.value)

    converge(engine, start=[db(wanted, 1, Volume("data", "/data", node=str(tmp_path / "data")))])
    assert "is no directory of node n1; make it there, or mount it" in refused("nothing")
    assert "is no directory of node n1" in refused("file")
    assert "is a link on node n1, or below one; name what it leads to, /etc, if that may be" in refused(
        "link"
    )
    assert "is a link on node n1, or below one" in refused("link/apt")
    for folder in ("data/inner", ""):
        assert f"and {tmp_path}/data, the volume {APP}.db.1.data of node n1, are inside each" in refused(
            folder
        )


def test_one_with_other_options_is_refused_with_what_to_do(
    engine: Engine, wanted: Wanted, tmp_path: Path
) -> None:
    converge(engine, start=[db(wanted, 1)])
    other = db(wanted, 2, Volume("data", "/data", node=str(tmp_path)))
    with pytest.raises(FairleadError) as caught:
        converge(engine, start=[other])
    assert str(caught.value) == (
        f"the volume {APP}.db.1.data of node n1 is kept by the engine and shall be the directory {tmp_path}:"
        " give it another name in the app file, which begins empty, or move its data and remove the old one"
        f" there, docker volume rm {APP}.db.1.data"
    )


def test_an_nfs_export_gets_the_options_that_the_engine_mounts_it_by(engine: Engine, wanted: Wanted) -> None:
    start = Start.from_dict(db(wanted, 1, Volume("media", "/media", nfs="10.0.0.5:/export/media")))
    for volume in volumes.lacking(engine, [start], "n1"):
        volumes.make(engine, volume)
    [found] = json.loads(docker("volume", "inspect", f"{APP}.db.1.media"))
    assert found["Driver"] == "local"
    assert found["Options"] == {"type": "nfs", "o": "addr=10.0.0.5,nfsvers=4,rw", "device": ":/export/media"}
    assert volumes.lacking(engine, [start], "n1") == ()


def test_check_mode_says_it_and_makes_nothing(wanted: Wanted) -> None:
    said = ansible("converge", parameters(start=[db(wanted, 1)]), "--check", "--diff")
    assert f"+ {APP}.db.1.data make volume" in said["diff"]["prepared"]
    assert volumes_of_rig() == []


TCP = {"kind": "tcp", "interval": 0.3, "timeout": 0.5, "retries": 2, "start_period": 0.5}


def test_a_connection_is_all_that_tcp_asks_for(engine: Engine, wanted: Wanted) -> None:
    publish = free_port()
    good = wanted.start(health=TCP, publish=publish, host_port=publish, command=("httpd", "-f", "-p", "8080"))
    assert [one.slot for one in converge(engine, start=[good])[1]] == [f"{APP}.web.1"]
    next_one = wanted.start(
        1, 2, health=TCP, publish=publish, host_port=publish, command=("httpd", "-f", "-p", "8080")
    )
    lines, _ = converge(engine, start=[next_one])
    assert lines == [
        f"- {good['name']} stop, for it must not run twice",
        f"+ {next_one['name']} start on port {publish}",
    ]


def test_an_open_door_with_nobody_behind_it_is_not_healthy(engine: Engine, wanted: Wanted) -> None:
    silent = wanted.start(health=TCP, command=("sleep", "60"), stop_timeout=0)
    said, _ = failures(engine, start=[silent])
    assert f"did not become healthy: 127.0.0.1:{silent['host_port']} " in said
