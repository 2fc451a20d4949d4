# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers on a real engine: started, kept, stopped, removed, and what is said when that fails."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from docker import APIClient

from ansible_collections.fairlead.paas.plugins.module_utils.containers.client import Engine
from ansible_collections.fairlead.paas.plugins.module_utils.containers.converge import act, inspect
from ansible_collections.fairlead.paas.plugins.module_utils.containers.instances import (
    Failure,
    InstancesFailed,
    Up,
)
from ansible_collections.fairlead.paas.plugins.module_utils.containers.observe import look
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.modules.converge import wish_from
from tests.integration.engine_rig import APP, Registry, Wanted, ansible, docker, free_port, pushed_image
from tests.integration.wishes import parameters

HEALTH = {"path": "/_ping", "interval": 0.5, "timeout": 0.5, "retries": 3, "start_period": 5.0}


def converge(engine: Engine, **given: Any) -> tuple[list[str], list[Up]]:
    """Do what the module does; return the diff's lines, and what is up."""
    wish = wish_from(parameters(**given))
    plan = inspect(engine, wish)
    return plan.work.lines(), act(engine, wish, plan)


def state(name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = json.loads(docker("container", "inspect", name))
    return found[0]


def exists(name: str) -> bool:
    return name in docker("ps", "--all", "--format", "{{.Names}}").split()


def failures(engine: Engine, **given: Any) -> tuple[str, tuple[Failure, ...]]:
    with pytest.raises(InstancesFailed) as caught:
        converge(engine, **given)
    return str(caught.value), caught.value.failures


def test_what_is_started_is_what_was_promised(engine: Engine, wanted: Wanted) -> None:
    start = wanted.start(env={"GREETING": "hello"}, secrets={"KEY": "h"}, capabilities=("NET_BIND_SERVICE",))
    converge(engine, start=[start], secrets={"KEY": "s3cret-value", "OTHER": "unused"})
    made = state(start["name"])
    host, environment = made["HostConfig"], set(made["Config"]["Env"])
    given = {
        f"APP_NAME={APP}",
        "PROCESS=web",
        "INSTANCE=web.1",
        "RELEASE=v1",
        "HOST_IP=127.0.0.1",
        "PORT=8080",
    }
    assert environment == given | {"GREETING=hello", "KEY=s3cret-value", "PATH=/bin"}
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert (host["CapDrop"], host["CapAdd"]) == (["ALL"], ["NET_BIND_SERVICE"])
    assert (host["Memory"], host["MemorySwap"], host["PidsLimit"]) == (64 * 2**20, 64 * 2**20, 512)
    assert (host["Init"], host["RestartPolicy"]["Name"]) == (True, "unless-stopped")
    assert host["PortBindings"] == {
        "8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(start["host_port"])}]
    }
    assert (made["Config"]["Hostname"], made["Config"]["StopTimeout"]) == (f"{APP}-web-1", 10)
    assert "s3cret-value" not in json.dumps(made["Config"]["Labels"])


def test_a_second_run_changes_nothing_whatever_was_asked_for(engine: Engine, wanted: Wanted) -> None:
    old, new = wanted.start(), wanted.start(release=2, host_port=free_port())
    converge(engine, start=[old])
    asked = {
        "start": [new],
        "stop": [{"container": old["name"], "timeout": 1}],
        "remove": [f"{APP}.web.9-v1"],
    }
    lines, up = converge(engine, **asked)
    assert lines == [f"+ {new['name']} start on port {new['host_port']}", f"- {old['name']} stop"]
    assert [one.slot for one in up] == [f"{APP}.web.1"]
    before = state(new["name"])["State"]["StartedAt"]
    assert converge(engine, **asked)[0] == []
    assert state(new["name"])["State"]["StartedAt"] == before
    assert exists(old["name"])


def test_start_first_never_leaves_the_slot_without_an_answer(engine: Engine, wanted: Wanted) -> None:
    old, new = wanted.start(), wanted.start(release=2, host_port=free_port())
    converge(engine, start=[old])
    converge(engine, start=[new], stop=[{"container": old["name"], "timeout": 5}])
    started, stopped = state(new["name"])["State"]["StartedAt"], state(old["name"])["State"]["FinishedAt"]
    assert started < stopped
    assert answers(new["host_port"]) == 200


def test_stop_first_frees_the_port_for_the_new_one(engine: Engine, wanted: Wanted) -> None:
    old, new = wanted.start(), wanted.start(release=2)
    converge(engine, start=[old])
    converge(
        engine, start=[new], remove=[], stop=[{"container": old["name"], "timeout": 5}], order="stop-first"
    )
    assert state(new["name"])["State"]["Running"]
    assert not state(old["name"])["State"]["Running"]


def answers(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/_ping")
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_stopped_one_is_resumed_and_healthy(engine: Engine, wanted: Wanted) -> None:
    web = wanted.start()
    converge(engine, start=[web])
    converge(engine, stop=[{"container": web["name"], "timeout": 1}])
    asked = {"resume": [{"container": state(web["name"])["Id"], "health": HEALTH}]}
    assert converge(engine, **asked)[0] == [f"+ {web['name']} start again"]
    assert answers(web["host_port"]) == 200
    assert state(web["name"])["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert converge(engine, **asked)[0] == []


@pytest.mark.parametrize("by_hand", ["pause", "stop", "kill"])
def test_removed_is_gone_in_whatever_state_it_was(engine: Engine, wanted: Wanted, by_hand: str) -> None:
    web = wanted.start(stop_timeout=1)
    converge(engine, start=[web])
    docker(by_hand, web["name"])
    lines, _ = converge(engine, remove=[web["name"], state(web["name"])["Id"]])
    assert lines == [f"- {web['name']} remove"]
    assert not exists(web["name"])
    assert converge(engine, remove=[web["name"]])[0] == []


def test_many_start_at_the_same_time(engine: Engine, wanted: Wanted) -> None:
    slow = (
        "sh",
        "-c",
        "sleep 1; " + "mkdir -p /tmp/www; touch /tmp/www/_ping; exec httpd -f -p $PORT -h /tmp/www",
    )
    starts = [wanted.start(number, host_port=free_port(), command=slow) for number in range(1, 6)]
    begun = time.monotonic()
    _, up = converge(engine, start=starts)
    assert len(up) == 5
    assert time.monotonic() - begun < 5


def test_one_that_exits_fails_at_once_and_shows_its_last_lines(engine: Engine, wanted: Wanted) -> None:
    dying = f"for n in {' '.join(map(str, range(1, 26)))}; do echo line $n; done; exit 3"
    web = wanted.start(command=("sh", "-c", dying))
    begun = time.monotonic()
    said, [failure] = failures(engine, start=[web])
    assert time.monotonic() - begun < 5
    assert (
        said.splitlines()[0]
        == f"{APP}.web.1 on node n1 exited with code 3; the last log lines of {APP}.web.1:"
    )
    assert failure.logs == tuple(f"line {n}" for n in range(6, 26))
    assert not state(web["name"])["State"]["Running"]


def test_too_much_memory_is_said(engine: Engine, wanted: Wanted) -> None:
    eater = ("sh", "-c", "sleep 0.5; dd if=/dev/zero of=/dev/null bs=64M")
    said, _ = failures(engine, start=[wanted.start(command=eater, memory=8 * 2**20)])
    assert re.search("exited with code 137, killed(, likely)? for using more than its memory", said)


def test_bad_answers_fail_after_the_start_period_and_the_retries(engine: Engine, wanted: Wanted) -> None:
    health = {"path": "/nothing", "interval": 0.3, "timeout": 0.5, "retries": 2, "start_period": 0.5}
    web = wanted.start(health=health)
    said, [failure] = failures(engine, start=[web])
    assert failure.why == f"did not become healthy: http://127.0.0.1:{web['host_port']}/nothing answers 404"
    assert said == f"{APP}.web.1 on node n1 {failure.why}; {APP}.web.1 logged nothing"
    assert state(web["name"])["State"]["Running"], "it is left for the caller to look at"


def test_the_deadline_bounds_a_start_period_of_any_length(engine: Engine, wanted: Wanted) -> None:
    web = wanted.start(command=("sleep", "60"), health={**HEALTH, "start_period": 600.0}, stop_timeout=0)
    said, _ = failures(engine, start=[web], deadline=1.0)
    assert "gives no answer" in said
    assert "at the deadline of 1s" in said


def test_a_failure_stops_nothing_and_ends_the_waiting_for_others(engine: Engine, wanted: Wanted) -> None:
    old = wanted.start()
    converge(engine, start=[old])
    bad = wanted.start(release=2, command=("false",), host_port=free_port())
    silent = wanted.start(2, release=2, command=("sleep", "60"), host_port=free_port(), stop_timeout=0)
    begun = time.monotonic()
    _, failed = failures(engine, start=[bad, silent], stop=[{"container": old["name"], "timeout": 1}])
    assert time.monotonic() - begun < 5
    assert [failure.slot for failure in failed] == [f"{APP}.web.1"]
    assert answers(old["host_port"]) == 200
    converge(engine, remove=[bad["name"], silent["name"]])
    assert not exists(bad["name"])


def test_a_worker_without_health_must_keep_running(engine: Engine, wanted: Wanted) -> None:
    good = wanted.start(process="worker", command=("sleep", "60"), port=None, health=None, stop_timeout=0)
    converge(engine, start=[good])
    assert "PORT=8080" not in state(good["name"])["Config"]["Env"]
    bad = wanted.start(
        process="worker", command=("sh", "-c", "sleep 0.4; exit 7"), port=None, health=None, release=2
    )
    said, _ = failures(engine, start=[bad])
    assert "exited with code 7" in said


SHORT_LIVED = ("sh", "-c", "mkdir -p /tmp/www; touch /tmp/www/_ping; httpd -p 8080 -h /tmp/www; {}")


def test_one_that_dies_after_it_was_healthy_fails_while_it_is_watched(engine: Engine, wanted: Wanted) -> None:
    dying = (*SHORT_LIVED[:2], SHORT_LIVED[2].format("sleep 1; echo out of ideas; exit 1"))
    old, web = wanted.start(), wanted.start(release=2, command=dying, host_port=free_port())
    converge(engine, start=[old])
    stop = [{"container": old["name"], "timeout": 1}]
    said, [failure] = failures(engine, start=[web], stop=stop, monitor=3.0)
    assert said.splitlines() == [
        (
            f"{APP}.web.1 on node n1 exited with code 1, within the 3s that it had to stay healthy; "
            f"the last log lines of {APP}.web.1:"
        ),
        "out of ideas",
    ]
    assert failure.logs == ("out of ideas",)
    assert state(web["name"])["RestartCount"] == 0, "it stays dead, to be looked at"
    assert answers(old["host_port"]) == 200
    converge(engine, remove=[web["name"]])
    assert [one.slot for one in converge(engine, start=[web], monitor=0.0)[1]] == [f"{APP}.web.1"]


def test_one_that_turns_unhealthy_fails_while_it_is_watched(engine: Engine, wanted: Wanted) -> None:
    sick = (*SHORT_LIVED[:2], SHORT_LIVED[2].format("sleep 1; rm /tmp/www/_ping; sleep 60"))
    health = {**HEALTH, "interval": 0.3, "retries": 2}
    said, _ = failures(
        engine, start=[wanted.start(command=sick, health=health, stop_timeout=0)], monitor=20.0
    )
    assert "became unhealthy: http://127.0.0.1:" in said
    assert "/_ping answers 404, within the 20s that it had to stay healthy" in said


def test_all_are_watched_in_the_same_time_and_restarted_only_after_it(engine: Engine, wanted: Wanted) -> None:
    starts = [wanted.start(number, host_port=free_port()) for number in range(1, 5)]
    worker = wanted.start(process="worker", command=("sleep", "60"), port=None, health=None, stop_timeout=0)
    begun = time.monotonic()
    _, up = converge(engine, start=[*starts, worker], monitor=2.0)
    assert 2.0 < time.monotonic() - begun < 7
    assert len(up) == 5
    assert {state(one.name)["HostConfig"]["RestartPolicy"]["Name"] for one in up} == {"unless-stopped"}
    begun = time.monotonic()
    converge(engine, start=[*starts, worker], monitor=2.0)
    assert time.monotonic() - begun < 2, "what was up before is not watched again"


def test_a_run_killed_before_health_is_finished_by_the_next(engine: Engine, wanted: Wanted) -> None:
    web = wanted.start()
    wish = wish_from(parameters(start=[web]))
    plan = inspect(engine, wish)
    created = engine.create_container_from_config(plan.bodies[web["name"]], name=web["name"])["Id"]
    assert inspect(engine, wish).work.lines() == [f"+ {web['name']} start again"]
    engine.start(created)
    [instance] = [found for found in look(engine, APP, 1, 2)["instances"] if found["app"] == APP]
    assert instance["drift"] == ["was never seen healthy: restart policy is no, released with unless-stopped"]
    assert converge(engine, start=[web])[0] == [f"~ {web['name']} keep once healthy"]
    assert state(web["name"])["Id"] == created
    assert converge(engine, start=[web])[0] == []


def test_an_engine_that_hangs_on_a_container_is_said_with_what_frees_it(
    wanted: Wanted, engine: Engine, impatient: Engine
) -> None:
    web = wanted.start()
    converge(engine, start=[web])
    watcher = parent_of(state(web["name"])["State"]["Pid"])
    os.kill(watcher, signal.SIGSTOP)
    try:
        with pytest.raises(FairleadError) as caught:
            converge(impatient, stop=[{"container": web["name"], "timeout": 1}])
    finally:
        os.kill(watcher, signal.SIGCONT)
    assert str(caught.value).startswith(
        f"container {web['name']} cannot be stopped: the engine has not answered"
    )
    assert "systemctl restart docker" in str(caught.value)
    converge(engine, remove=[web["name"]])
    assert not exists(web["name"])


@pytest.fixture
def impatient() -> Iterator[Engine]:
    """An engine's client that takes three seconds without an answer for a hang."""
    client = APIClient(version="auto", timeout=3)
    yield cast("Engine", client)
    client.close()


def parent_of(process: int) -> int:
    """Return the process's parent: of a container's first one, what watches it for the engine."""
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def test_a_dead_leftover_of_the_same_slot_is_cleared_away(engine: Engine, wanted: Wanted) -> None:
    stale, web = wanted.start(env={"A": "old"}), wanted.start(env={"A": "new"})
    converge(engine, start=[stale])
    docker("stop", "--time", "1", stale["name"])
    assert converge(engine, start=[web])[0][0] == f"- {web['name']} clear away"
    assert "A=new" in state(web["name"])["Config"]["Env"]


def test_a_name_taken_by_a_stranger_is_an_error_and_it_is_left_alone(engine: Engine, wanted: Wanted) -> None:
    web = wanted.start()
    docker("create", "--name", web["name"], wanted.image, "true")
    with pytest.raises(
        FairleadError, match=rf"{APP}.web.1 on node n1: the name .* is taken by .* not Fairlead's"
    ):
        converge(engine, start=[web])
    with pytest.raises(FairleadError, match=rf"is not of app {APP}; left alone"):
        converge(engine, remove=[web["name"]])
    assert exists(web["name"])


def test_a_port_taken_by_another_program_is_said(engine: Engine, wanted: Wanted) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        said, _ = failures(engine, start=[wanted.start(host_port=port)])
    assert (
        f"{APP}.web.1 on node n1 did not start: port {port} of 127.0.0.1 is taken by something else" in said
    )


def test_a_command_that_is_not_there_is_said(engine: Engine, wanted: Wanted) -> None:
    said, _ = failures(engine, start=[wanted.start(command=("nonsense",))])
    assert "nonsense" in said
    assert said.startswith(f"{APP}.web.1 on node n1 ")


def test_a_missing_secret_is_said_before_anything_is_touched(engine: Engine, wanted: Wanted) -> None:
    web = wanted.start(secrets={"KEY": "h", "B": "h"})
    with pytest.raises(FairleadError, match="no value was given for the secret B, KEY"):
        converge(engine, start=[web])
    assert not exists(web["name"])


def test_an_absent_image_is_pulled_once_by_its_digest(
    engine: Engine, wanted: Wanted, registry: Registry
) -> None:
    image = pushed_image(registry, f"{APP}-pulled")
    docker("image", "rm", f"{registry.address}/{APP}-pulled:rig")
    starts = [
        wanted.start(n, host_port=free_port(), command=("sleep", "9"), health=None, env={}) for n in (1, 2)
    ]
    for start in starts:
        start["spec"]["image"] = image
    lines, _ = converge(engine, start=starts)
    assert lines[0] == f"+ {image} pull"
    assert sum("pull" in line for line in lines) == 1


@pytest.mark.parametrize(
    ("image", "password", "said"),
    [
        ("{address}/{app}@sha256:" + "1" * 64, "pull-password", "manifest unknown"),
        ("{address}/{app}-private@sha256:" + "1" * 64, "wrong", "auth"),
        ("127.0.0.1:1/{app}@sha256:" + "1" * 64, "pull-password", "connection refused"),
    ],
)
def test_an_image_that_cannot_be_pulled_is_said(wanted: Wanted, image: str, password: str, said: str) -> None:
    wanted.image = image.format(address=wanted.image.partition("/")[0], app=APP)
    auth = {"username": "pull", "password": password}
    result = ansible("converge", parameters(start=[wanted.start()], registry_auth=auth))
    expected = f"{APP}.web.1 on node n1 did not start: image {wanted.image} cannot be pulled: "
    assert result["msg"].startswith(expected)
    assert said in result["msg"]


def test_the_module_predicts_does_repeats_and_keeps_secrets(wanted: Wanted) -> None:
    web = wanted.start(env={"GREETING": "hello"}, secrets={"KEY": "h"})
    given = parameters(start=[web], secrets={"KEY": "s3cret-value"})
    line = f"+ {web['name']} start on port {web['host_port']}\n"
    foreseen = ansible("converge", given, "--check", "--diff")
    assert (foreseen["changed"], foreseen["diff"]) == (True, {"prepared": line})
    assert not exists(web["name"])
    done = ansible("converge", given, "--diff", "-vvv")
    assert (done["changed"], done["diff"], done["started"]) == (True, {"prepared": line}, [web["name"]])
    again = ansible("converge", given)
    assert (again["changed"], again["diff"]) == (False, {"prepared": ""})
    assert [one["slot"] for one in again["healthy"]] == [f"{APP}.web.1"]
    assert "KEY=s3cret-value" in state(web["name"])["Config"]["Env"]
    for result in (foreseen, again):
        assert "s3cret-value" not in json.dumps({k: v for k, v in result.items() if k != "output"})
        assert "s3cret-value" not in result["output"]


def test_the_module_fails_with_the_failed_instances(wanted: Wanted) -> None:
    web = wanted.start(command=("sh", "-c", "echo no such table; exit 1"))
    said = ansible("converge", parameters(start=[web]))
    assert said["failed"] is True
    assert said["failed_instances"] == [
        {"slot": f"{APP}.web.1", "name": web["name"], "why": "exited with code 1", "logs": ["no such table"]}
    ]
    assert said["msg"].endswith("no such table")
    assert said["started"] == [web["name"]]
    assert "Traceback" not in said["output"]
