# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may change an app: one run at a time, for as long as it lives, and no run that lost its right."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.e2e.conftest import Repository
from tests.e2e.running import running
from tests.e2e.shop import ROUTERS, answers, containers, slots, visit
from tests.playbook import ROOT

EVERYTHING = ["shop.web.1", "shop.web.2", "shop.web.3", "shop.web.4", "shop.worker.1"]
ROLLING = "TASK [Stop and start instances]"
On = Callable[..., str]


def test_a_second_deploy_says_who_is_at_work_and_may_wait_for_it(deployed: Repository) -> None:
    # The first one watches what it started for longer than the second takes to be refused.
    deployed.edit(("GREETING: hello", "GREETING: first"), ("deadline: 60s", "deadline: 60s, monitor: 20s"))
    with running("deploy.yml", app="shop", fairlead_apps=deployed.apps) as first:
        first.reaches(ROLLING)
        refused = deployed.deploy()
        waits = deployed.deploy(lease_wait=120)
        assert first.end() == 0, first.output
    assert refused.rc != 0
    assert "(deploy shop) since 20" in refused.output
    assert "lease_wait=300" in refused.output
    assert refused.changed == {}
    assert waits.rc == 0, waits.output
    assert "waiting: shop is held by" in waits.output
    assert waits.changed == {}


def test_an_interrupted_deploy_blocks_nobody_and_is_mended_by_the_next(deployed: Repository) -> None:
    deployed.edit(("GREETING: hello", "GREETING: interrupted"))
    with running("deploy.yml", app="shop", fairlead_apps=deployed.apps) as killed:
        killed.reaches(ROLLING)
        killed.kill(signal.SIGINT)
    began = time.monotonic()
    mended = deployed.deploy(lease_wait=20)
    assert mended.rc == 0, mended.output
    assert time.monotonic() - began < 120
    assert slots() == EVERYTHING
    assert {answers(router)["greeting"] for router in ROUTERS} == {"interrupted"}
    assert deployed.deploy().changed == {}


def test_an_app_whose_deploy_was_killed_can_be_removed(deployed: Repository) -> None:
    deployed.edit(("GREETING: hello", "GREETING: gone"))
    with running("deploy.yml", app="shop", fairlead_apps=deployed.apps) as killed:
        killed.reaches(ROLLING)
        killed.kill()
    with running("playbooks/remove.yml", app="shop", fairlead_apps=deployed.apps, lease_wait=20) as removal:
        assert removal.end() == 0, removal.output
    assert containers() == {}


def test_if_the_keeper_is_killed_too_the_lease_is_over_after_its_seconds(deployed: Repository) -> None:
    deployed.edit(("GREETING: hello", "GREETING: alone"))
    with running("deploy.yml", app="shop", fairlead_apps=deployed.apps) as killed:
        killed.reaches(ROLLING)
        own = f"fairlead_apps={deployed.apps}".encode()
        everyone = [
            int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline") if own in path.read_bytes()
        ]
        assert len(everyone) >= 2, "the run and its keeper"
        for process in everyone:
            subprocess.run(["kill", "-KILL", str(process)], check=False, capture_output=True)
        killed.end()
    began = time.monotonic()
    mended = deployed.deploy(lease_wait=30)
    assert mended.rc == 0, mended.output
    assert "waiting: shop is held by" in mended.output
    assert time.monotonic() - began < 120
    assert deployed.deploy().changed == {}


def test_a_run_that_lost_its_lease_changes_no_machine(deployed: Repository, on: On) -> None:
    assert deployed.deploy().rc == 0
    before = containers()
    token = int(on("m1", "python3", "-c", _NEWEST))
    victim, name = next((i, name) for i, name in before.items() if name.startswith("shop.web.1"))
    node = name.partition("@")[2]
    deployed.edit(("GREETING: hello", "GREETING: newer"))
    assert deployed.deploy().rc == 0  # machines have seen this deploy's token
    late = _adhoc(node, "converge", f"app=shop node={node} address=198.18.0.11 remove={victim} token={token}")
    assert "has lost its lease and changes nothing more" in late
    table = '{"app": "shop", "hosts": {}, "backends": []}'
    late = _adhoc("r1", "route", f"table='{table}' token={token}")
    assert "has lost its lease and changes nothing more" in late
    assert visit(ROUTERS[0])[0] == 200


def test_two_apps_deploy_at_the_same_time_and_lose_nothing_of_each_other(deployed: Repository) -> None:
    text = (deployed.apps / "shop.yml").read_text()
    (deployed.apps / "blog.yml").write_text(
        text.replace("app: shop", "app: blog")
        .replace("shop.example", "blog.example")
        .replace(", secret: [SESSION_KEY]", "")
    )
    deployed.edit(("GREETING: hello", "GREETING: both"))
    with (
        running("deploy.yml", app="shop", fairlead_apps=deployed.apps) as shop,
        running("deploy.yml", app="blog", fairlead_apps=deployed.apps) as blog,
    ):
        assert blog.end() == 0, blog.output
        assert shop.end() == 0, shop.output
    assert len(slots("blog")) == len(slots("shop")) == len(EVERYTHING)
    for router in ROUTERS:
        assert visit(router, host="blog.apps.localhost")[0] == 200
        assert answers(router)["greeting"] == "both"
    assert deployed.deploy().changed == {}
    assert deployed.deploy(app="blog").changed == {}
    with running("playbooks/remove.yml", app="blog", fairlead_apps=deployed.apps) as removal:
        assert removal.end() == 0, removal.output


_NEWEST = (
    "import sqlite3; print(sqlite3.connect('/var/lib/fairlead/ledger.db')"
    ".execute(\"SELECT token FROM leases WHERE app = 'shop'\").fetchone()[0])"
)


def _adhoc(host: str, module: str, arguments: str) -> str:
    program = str(Path(sys.executable).with_name("ansible"))
    argv = [program, host, "-b", "-m", f"fairlead.paas.{module}", "-a", arguments]
    done = subprocess.run(argv, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode != 0, done.stdout
    return " ".join((done.stdout + done.stderr).split())
