# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that meet each other, what people do by hand meanwhile, and runs that cannot begin."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from tests.e2e.running import PROGRAM, until
from tests.e2e.shop import visit
from tests.faults.case import Met, case
from tests.faults.machines import ADDRESSES, ROUTERS, on, shell
from tests.faults.scene import APP, ROLLING, Scene, ended

EIGHT = [f"probe-{number}" for number in range(1, 9)]


@case("two deploys of one app at once")
def two_deploys(scene: Scene) -> Met:
    scene.wish()
    with scene.running() as first:
        first.reaches(ROLLING)
        second = scene.run()
        assert second.rc != 0
        assert f"(deploy {APP}) since 20" in " ".join(second.output.split()), second.output
        return ended(first)


@case("eight apps at once")
def eight_apps(scene: Scene) -> None:
    for app in EIGHT:
        scene.wish(app=app, web={"scale": 1}, update={"deadline": "90s"})
    try:
        with ExitStack() as stack:
            runs = [stack.enter_context(scene.running(app=app)) for app in EIGHT]
            for met in map(ended, runs):
                assert met.rc == 0, met.output
        for app in EIGHT:
            assert scene.containers(app) == scene.released(app)
            for router in ROUTERS:
                assert visit(ADDRESSES[router], host=f"{app}.apps.localhost")[0] == 200
        again = scene.run(app=EIGHT[-1])
        assert again.changed == {}, again.output
    finally:
        for app in EIGHT:
            (scene.apps / f"{app}.yml").unlink()
        with ThreadPoolExecutor(4) as pool:
            removed = list(pool.map(lambda app: scene.run("remove", app=app), EIGHT))
    assert [met.rc for met in removed] == [0] * len(EIGHT), removed


@case("a rollback during a deploy")
def rollback_during_a_deploy(scene: Scene) -> Met:
    target = scene.earlier()
    scene.wish()
    with scene.running() as deploy:
        deploy.reaches(ROLLING)
        refused = scene.run("rollback", to=f"v{target}")
        assert refused.rc != 0
        assert f"(deploy {APP}) since 20" in " ".join(refused.output.split()), refused.output
        with scene.running("rollback", to=f"v{target}", lease_wait=120) as waits:
            assert ended(deploy).rc == 0
            return ended(waits)


@case("a container is removed by hand", lost=5)
def removed_by_hand(_: Scene) -> None:
    ours = f"--filter label=io.fairlead.app={APP} --filter label=io.fairlead.process=web"
    shell("n1", f"docker rm --force $(docker ps --quiet {ours} | head -n 1)")


@case("a foreign process listens on a port of the range")
def foreign_port(scene: Scene) -> Met:
    on("n1", "systemd-run", "--quiet", "--unit=foreign", "python3", "-c", _LISTENER)
    try:
        until(lambda: shell("n1", "cat /run/foreign || true") != "")
        port = shell("n1", "cat /run/foreign")
        scene.wish()
        met = scene.run()
        assert f":{port}->" not in shell("n1", "docker ps --format '{{.Ports}}'")
        return met
    finally:
        shell("n1", "systemctl stop foreign; rm -f /run/foreign")


# Takes the port that the next instance would have got: the lowest free one.
_LISTENER = """
import itertools, signal, socket
for port in itertools.count(25701):
    taken = socket.socket()
    try:
        taken.bind(("", port))
        taken.listen()
        break
    except OSError:
        pass
open("/run/foreign", "w").write(str(port))
signal.pause()
"""


@case("the wrong vault password", returns=True, quick=True)
def wrong_password(scene: Scene) -> None:
    folder = scene.apps.parent
    secrets, right, wrong = (folder / name for name in ("vault.yml", "right", "wrong"))
    secrets.write_text("fairlead_secrets: {}\n")
    right.write_text("right\n")
    wrong.write_text("wrong\n")
    vault = PROGRAM.with_name("ansible-vault")
    subprocess.run(
        [vault, "encrypt", "--vault-password-file", right, secrets], check=True, capture_output=True
    )
    with scene.trying():
        met = scene.run("deploy", "-e", f"@{secrets}", "--vault-password-file", str(wrong))
    assert met.rc != 0
    assert "Decryption failed" in met.output, met.output
    assert "TASK [" not in met.output, met.output
