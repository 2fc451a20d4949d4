# SPDX-License-Identifier: GPL-3.0-or-later
"""The release command on a real engine: how it runs, how it ends, and that nothing of it stays."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.containers.client import Engine
from ansible_collections.fairlead.paas.plugins.module_utils.containers.converge import act, inspect
from ansible_collections.fairlead.paas.plugins.module_utils.containers.observe import look
from ansible_collections.fairlead.paas.plugins.module_utils.containers.task import (
    TaskFailed,
    begin,
    finish,
    leftovers,
    task_body,
)
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.modules.converge import wish_from
from ansible_collections.fairlead.paas.plugins.modules.task import task_from
from tests.integration.engine_rig import APP, PULL, Wanted, ansible, docker
from tests.integration.wishes import parameters

NAME = f"{APP}.release-v2"
WHO = f"the release command of {APP} on node n1"


def given(wanted: Wanted, *command: str, **more: Any) -> dict[str, Any]:
    """Return the module's parameters; what is not one of them goes into the spec."""
    own = {key: more.pop(key) for key in ("deadline", "secrets", "name") if key in more}
    start = wanted.start(command=command, **{"port": None, "stop_timeout": 1.0, **more})
    usual = {"app": APP, "node": "n1", "address": "127.0.0.1", "name": NAME, "release": 2}
    return usual | {"deadline": 20.0, "secrets": {}, "registry_auth": PULL, "spec": start["spec"]} | own


def run(engine: Engine, parameters: dict[str, Any]) -> tuple[str, ...]:
    """Do what the module does; return the last log lines."""
    task = task_from(parameters)
    return finish(engine, task, begin(engine, task, leftovers(engine, APP)))


def refused(engine: Engine, parameters: dict[str, Any]) -> TaskFailed:
    with pytest.raises(TaskFailed) as caught:
        run(engine, parameters)
    return caught.value


def everything_of_ours() -> list[str]:
    return docker("ps", "--all", "--filter", f"name={APP}", "--format", "{{.Names}}").split()


def left_by_a_killed_run(engine: Engine, wanted: Wanted, *command: str) -> str:
    return begin(engine, task_from(given(wanted, *command, name=f"{APP}.release-v1")), [])


def test_a_command_that_succeeds_leaves_nothing_but_its_last_lines(engine: Engine, wanted: Wanted) -> None:
    said = run(engine, given(wanted, "sh", "-c", "echo one; echo two >&2"))
    assert sorted(said) == ["one", "two"]  # the engine keeps no order between the two outputs
    assert everything_of_ours() == []


def test_it_finds_the_environment_of_its_release(engine: Engine, wanted: Wanted) -> None:
    asked = given(wanted, "env", env={"GREETING": "hello"}, secrets={"KEY": "s3cret-value"})
    asked["spec"]["secrets"] = {"KEY": "h"}
    assert {
        *("GREETING=hello", "KEY=s3cret-value", f"APP_NAME={APP}", "PROCESS=release", "INSTANCE=release.1"),
        *("RELEASE=v2", "HOST_IP=127.0.0.1"),
    } <= set(run(engine, asked))


def test_it_is_held_to_the_limits_and_rights_of_an_instance_and_published_nowhere(wanted: Wanted) -> None:
    host = task_body(task_from(given(wanted, "true", memory=32 * 2**20)))["HostConfig"]
    assert (host["Memory"], host["MemorySwap"], host["PidsLimit"]) == (32 * 2**20, 32 * 2**20, 512)
    assert (host["CapDrop"], host["SecurityOpt"]) == (["ALL"], ["no-new-privileges"])
    assert (host["PortBindings"], host["RestartPolicy"]) == ({}, {"Name": "no"})


def test_a_command_that_fails_says_how_and_shows_its_last_lines(engine: Engine, wanted: Wanted) -> None:
    failed = refused(engine, given(wanted, "sh", "-c", "echo no such table; exit 3"))
    assert str(failed) == f"{WHO} exited with code 3; its last log lines:\nno such table"
    assert (failed.code, failed.logs) == (3, ("no such table",))
    assert everything_of_ours() == []


def test_a_command_that_takes_too_long_is_stopped(engine: Engine, wanted: Wanted) -> None:
    begun = time.monotonic()
    failed = refused(engine, given(wanted, "sh", "-c", "echo waiting; sleep 60", deadline=1.0))
    assert time.monotonic() - begun < 10
    assert str(failed) == f"{WHO} had not ended after 1s; its last log lines:\nwaiting"
    assert failed.code is None
    assert everything_of_ours() == []


def test_too_much_memory_is_said(engine: Engine, wanted: Wanted) -> None:
    failed = refused(engine, given(wanted, "dd", "if=/dev/zero", "of=/dev/null", "bs=64M", memory=8 * 2**20))
    assert "exited with code 137, killed" in str(failed)
    assert "for using more than its memory" in str(failed)


def test_a_command_that_is_not_there_is_said_and_leaves_nothing(engine: Engine, wanted: Wanted) -> None:
    with pytest.raises(FairleadError, match=rf"(?s){WHO} .*nonsense"):
        run(engine, given(wanted, "nonsense"))
    assert everything_of_ours() == []


def test_what_a_killed_run_left_is_removed_by_the_next(engine: Engine, wanted: Wanted) -> None:
    ended = left_by_a_killed_run(engine, wanted, "true")
    docker("wait", ended)
    assert run(engine, given(wanted, "echo", "again")) == ("again",)
    left_by_a_killed_run(engine, wanted, "sleep", "60")
    assert run(engine, given(wanted, "echo", "again")) == ("again",)
    assert everything_of_ours() == []


def test_one_that_is_removed_while_it_runs_is_said(engine: Engine, wanted: Wanted) -> None:
    task = task_from(given(wanted, "sleep", "60"))
    container = begin(engine, task, [])
    docker("rm", "--force", container)
    with pytest.raises(TaskFailed, match=f"{WHO} was removed by someone before it had ended"):
        finish(engine, task, container)


def test_nobody_takes_it_for_an_instance_and_a_look_finds_what_is_left(
    engine: Engine, wanted: Wanted
) -> None:
    container = left_by_a_killed_run(engine, wanted, "sleep", "60")
    seen = look(engine, APP, 25701, 26700)
    assert [one for one in seen["instances"] if one["app"] == APP] == []
    assert [one for one in seen["strange"] if APP in one] == []
    assert [one for one in seen["leftovers"] if one["app"] == APP] == [{"app": APP, "container": container}]
    wish = wish_from(parameters(remove=[container]))
    act(engine, wish, inspect(engine, wish))
    assert everything_of_ours() == []


def test_the_module_predicts_runs_and_keeps_secrets(engine: Engine, wanted: Wanted) -> None:
    left_by_a_killed_run(engine, wanted, "true")
    asked = given(wanted, "sh", "-c", "echo the key is $KEY", secrets={"KEY": "s3cret-canary"})
    asked["spec"]["secrets"] = {"KEY": "h"}
    foreseen = ansible("task", asked, "--check", "--diff")
    assert everything_of_ours() == [f"{APP}.release-v1"]
    done = ansible("task", asked, "--diff", "-vvv")
    for result in (foreseen, done):
        assert (result["changed"], result["removed"]) == (True, [f"{APP}.release-v1"])
        assert result["diff"] == {"prepared": f"- {APP}.release-v1 clear away\n+ {NAME} run\n"}
    assert (done["rc"], len(done["logs"])) == (0, 1)
    asked["spec"]["command"] = ["sh", "-c", "echo the key was $KEY; exit 3"]
    failed = ansible("task", asked, "-vvv")
    assert (failed["failed"], failed["rc"], failed["changed"]) == (True, 3, True)
    assert failed["msg"].startswith(f"{WHO} exited with code 3; its last log lines:\nthe key was ")
    for result in (foreseen, done, failed):
        assert "s3cret-canary" not in json.dumps(result)
        assert "Traceback" not in result["output"]
    assert everything_of_ours() == []
