# SPDX-License-Identifier: GPL-3.0-or-later
"""How an update goes: all at once or few by few, watched, paused, with what comes before it and after."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.state import parse_servers
from tests.e2e.conftest import Repository
from tests.e2e.running import running, until
from tests.e2e.shop import HOST, NODES, ROUTERS, WAYS, answers, containers, slots
from tests.load import under_load
from tests.playbook import play

EVERYTHING = ["shop.web.1", "shop.web.2", "shop.web.3", "shop.web.4", "shop.worker.1"]
WEB = "command: [python3, -m, shop]"
PACE = ("parallelism: all", "parallelism: 2")
UPDATE = "drain: 10s, deadline: 60s"
On = Callable[..., str]


def states(on: On) -> list[str]:
    """Return the states of the releases of shop, newest first, without those that failed before."""
    newest, *others = on("m1", "python3", "-c", _STATES).split()
    return [newest, *(state for state in others if state != "failed")]


_STATES = (
    "import sqlite3; print(*(state for state, in sqlite3.connect('/var/lib/fairlead/ledger.db')"
    ".execute(\"SELECT state FROM releases WHERE app = 'shop' ORDER BY number DESC\")))"
)


def weights(on: On) -> set[int]:
    """Return the weights that shop's servers have on the routers."""
    found = (parse_servers(on(router, "python3", "-c", _SERVERS))["shop.web"] for router in ("r1", "r2"))
    return {server.weight for servers in found for server in servers.values()}


_SERVERS = (
    "import socket; s = socket.socket(socket.AF_UNIX); s.connect('/run/haproxy/admin.sock');"
    " s.sendall(b'show servers state\\n'); print(s.makefile().read())"
)


def tasks(on: On) -> list[str]:
    """Return the containers of release commands on all nodes."""
    listed = ("docker", "ps", "--all", "--filter", "label=io.fairlead.task", "--format", "{{.Names}}")
    return [name for node in NODES for name in on(node, *listed).split()]


def add(repository: Repository, line: str) -> None:
    """Write one more line at the end of apps/shop.yml."""
    file = repository.apps / "shop.yml"
    file.write_text(f"{file.read_text()}{line}\n")


def test_blue_green_goes_over_in_one_step_without_a_failed_request(deployed: Repository) -> None:
    old = containers()
    deployed.edit(("GREETING: hello", "GREETING: green"))
    with under_load(WAYS, HOST) as load:
        outcome = deployed.deploy()
    assert outcome.rc == 0, outcome.output
    assert load.failures == []
    assert outcome.output.count("TASK [Route to the new instances") == 1
    assert slots() == EVERYTHING
    assert not set(old) & set(containers())


def test_without_room_beside_it_an_instance_stops_first_only_if_it_may_be_missing(
    deployed: Repository, on: On
) -> None:
    most = 0.6 * int(on("n1", "docker", "info", "--format", "{{.NCPU}}"))
    deployed.edit(PACE, ("scale: 4", "scale: 2"), ("cpu: 0.25", f"cpu: {most:.2f}"))
    assert deployed.deploy().rc == 0
    before = containers()
    deployed.edit(("GREETING: hello", "GREETING: tight"))
    refused = deployed.deploy()
    assert refused.rc != 0
    assert "set update.max_unavailable to 1 or more; without it, it is 0" in " ".join(refused.output.split())
    assert refused.changed == {}
    assert containers() == before
    deployed.edit(("parallelism: 2", "parallelism: 2, max_unavailable: 1"))
    outcome = deployed.deploy()
    assert outcome.rc == 0, outcome.output
    assert "stopped first, no room beside it" in outcome.output
    assert answers()["greeting"] == "tight"


def test_one_that_dies_soon_after_it_was_healthy_is_found_by_monitor(deployed: Repository) -> None:
    old = containers()
    dying = '[sh, -c, "python3 -m shop & sleep 6; echo out of ideas; exit 7"]'
    deployed.edit((WEB, f"command: {dying}"), PACE, (UPDATE, f"{UPDATE}, monitor: 20s"))
    with under_load(WAYS, HOST) as load:
        outcome = deployed.deploy()
    assert outcome.rc != 0
    said = " ".join(outcome.output.split())
    assert "exited with code 7, within the 20s that it had to stay healthy" in said
    assert "out of ideas" in said
    assert load.failures == []
    assert containers() == old


def test_a_deploy_that_pauses_stays_where_it_failed_and_goes_on_or_back(deployed: Repository, on: On) -> None:
    old = containers()
    late = '[sh, -c, "[ $INSTANCE != web.3 ] && exec python3 -m shop; exit 3"]'
    deployed.edit(
        ("GREETING: hello", "GREETING: half"),
        (WEB, f"command: {late}"),
        PACE,
        (UPDATE, f"{UPDATE}, on_failure: pause"),
    )
    with under_load(WAYS, HOST) as load:
        paused = deployed.deploy()
    assert paused.rc != 0
    said = " ".join(paused.output.split())
    assert "stopped where it failed" in said
    assert "ansible-playbook playbooks/rollback.yml -e app=shop" in said
    assert load.failures == []
    assert states(on)[:2] == ["pending", "active"]
    running_now = containers()
    assert set(old) & set(running_now), "what was not replaced yet serves on"
    assert set(running_now) - set(old), "what is new serves too"

    apps = str(deployed.apps)
    back = play("playbooks/rollback.yml", on="lab", app="shop", fairlead_apps=apps)
    assert back.rc == 0, back.output
    assert {answers(router)["greeting"] for router in ROUTERS} == {"hello"}
    assert states(on)[:2] == ["failed", "active"]

    assert deployed.deploy().rc != 0
    deployed.edit(("[ $INSTANCE != web.3 ] && exec", "exec"))
    onwards = deployed.deploy()
    assert onwards.rc == 0, onwards.output
    assert {answers(router)["greeting"] for router in ROUTERS} == {"half"}
    assert slots() == EVERYTHING
    assert deployed.deploy().changed == {}


def test_a_bad_release_is_aborted_by_its_canary_and_no_visitor_noticed(deployed: Repository, on: On) -> None:
    old = containers()
    code = deployed.apps / "shop/shop/web.py"
    a_third_fails = "self.answer(500 if time.time_ns() // 1000 % 10 < 3 else 200, kind"
    code.write_text(code.read_text().replace("self.answer(200, kind", a_third_fails))
    canary = "canary: {weight: 25, for: 60s}, on_failure: pause"
    deployed.edit(PACE, (UPDATE, f"{UPDATE}, {canary}"))
    began = time.monotonic()
    with under_load(WAYS, HOST, slow=0) as load:
        outcome = deployed.deploy()
    assert outcome.rc != 0
    assert time.monotonic() - began < 60, "as soon as it is clear"
    said = " ".join(outcome.output.split())
    words = r"the canary was aborted after \d+s: shop\.web: \d+ of \d+ requests \(\d\d %\) to the new"
    assert re.search(words, said), outcome.output
    assert "update.canary.max_5xx allows 1 % more" in said
    assert "what served before the run serves on" in said
    assert load.failures == []
    assert containers() == old
    assert states(on)[:2] == ["failed", "active"]
    assert "the canary was aborted after" in play("playbooks/releases.yml", on="lab", app="shop").output
    assert weights(on) == {1}


def test_a_good_release_passes_its_canary_also_when_a_run_before_was_killed_in_it(
    deployed: Repository, on: On
) -> None:
    canary = "canary: {weight: 25, for: 5s, max_p95: 50x}"
    deployed.edit(("GREETING: hello", "GREETING: canary"), PACE, (UPDATE, f"{UPDATE}, {canary}"))
    with under_load(WAYS, HOST, slow=0) as load:
        with running("deploy.yml", app="shop", fairlead_apps=deployed.apps) as killed:
            killed.reaches("TASK [Compare the new release with the old one]")
            killed.kill()
        assert weights(on) == {3, 4}
        outcome = deployed.deploy(lease_wait=20)
    assert outcome.rc == 0, outcome.output
    said = " ".join(outcome.output.split())
    assert "canary: shop.web.1 gets 25 % of web's requests for 5s; aborted over 1 % more 5xx or 50x" in said
    assert re.search(r"shop\.web: 0 of \d+ requests to the new release failed, 0 of \d+ requests to", said), (
        said
    )
    assert load.failures == []
    assert slots() == EVERYTHING
    assert {answers(router)["greeting"] for router in ROUTERS} == {"canary"}
    assert weights(on) == {1}
    assert deployed.deploy().changed == {}


def test_a_release_command_runs_once_before_anything_is_switched(deployed: Repository, on: On) -> None:
    deployed.edit(("GREETING: hello", "GREETING: migrated"))
    add(
        deployed, "release: {command: [python3, -c, \"import os; print('migrated', os.environ['RELEASE'])\"]}"
    )
    predicted = deployed.deploy("--check", "--diff")
    outcome = deployed.deploy("-v")
    assert outcome.rc == 0, outcome.output
    assert set(predicted.changed) == set(outcome.changed)
    assert f"migrated {answers()['release']}" in outcome.output
    assert tasks(on) == []
    assert deployed.deploy().changed == {}


def test_a_release_command_that_fails_switches_nothing(deployed: Repository, on: On) -> None:
    old = containers()
    deployed.edit(("GREETING: hello", "GREETING: never"))
    add(deployed, "release: {command: [sh, -c, 'echo no such table: $SESSION_KEY; exit 3']}")
    outcome = deployed.deploy(fairlead_secrets={"shop": {"SESSION_KEY": "canary-55e1"}})
    assert outcome.rc != 0
    said = " ".join(outcome.output.split())
    assert "the release command of shop on node" in said
    assert "exited with code 3; its last log lines: no such table:" in said
    assert "no instance and no router was touched" in said
    assert "canary-55e1" not in outcome.output
    assert containers() == old
    assert states(on)[:2] == ["failed", "active"]
    assert tasks(on) == []


def test_what_a_killed_run_leaves_of_a_release_command_is_removed_by_the_next(
    deployed: Repository, on: On
) -> None:
    deployed.edit(("GREETING: hello", "GREETING: killed"))
    add(deployed, "release: {command: [sleep, '300']}")
    with running("deploy.yml", app="shop", fairlead_apps=deployed.apps) as killed:
        until(lambda: bool(tasks(on)))
        killed.kill()
    deployed.edit(("[sleep, '300']", "[sleep, '0']"))
    outcome = deployed.deploy(lease_wait=30)
    assert outcome.rc == 0, outcome.output
    assert "a release command that a killed run left" in outcome.output
    assert tasks(on) == []
    assert slots() == EVERYTHING
    assert deployed.deploy().changed == {}


def test_hooks_of_the_operator_run_around_a_deploy(deployed: Repository) -> None:
    hooks, told = deployed.apps.parent / "hooks", deployed.apps.parent / "told"
    hooks.mkdir()
    for name in ("pre_deploy", "post_deploy"):
        (hooks / name).write_text(
            f"#!/bin/sh\necho {name} $FAIRLEAD_KIND $FAIRLEAD_APP $FAIRLEAD_HOSTS >> {told}\n"
        )
        (hooks / name).chmod(0o755)
    deployed.edit(("GREETING: hello", "GREETING: hooked"))
    deployed.deploy("--check")
    assert not told.exists()
    assert deployed.deploy().rc == 0
    assert [line.rpartition(" ")[0] for line in told.read_text().splitlines()] == [
        "pre_deploy deploy shop",
        "post_deploy deploy shop",
    ]
    assert deployed.deploy().changed == {}
    assert len(told.read_text().splitlines()) == 2, "nothing to do is no deploy"


def test_a_hook_that_fails_stops_a_deploy_before_it_touches_anything(deployed: Repository, on: On) -> None:
    old = containers()
    hook = deployed.apps.parent / "hooks/pre_deploy"
    hook.parent.mkdir()
    hook.write_text("#!/bin/sh\necho we are frozen\nexit 1\n")
    hook.chmod(0o755)
    deployed.edit(("GREETING: hello", "GREETING: frozen"))
    outcome = deployed.deploy()
    hook.unlink()
    assert outcome.rc != 0
    assert "hooks/pre_deploy exited with code 1; its last lines:" in " ".join(outcome.output.split())
    assert "we are frozen" in outcome.output
    assert containers() == old
    assert states(on)[:2] == ["failed", "active"]
