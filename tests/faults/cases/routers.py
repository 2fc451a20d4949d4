# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to HAProxy."""

from __future__ import annotations

from tests.faults.case import Met, case
from tests.faults.machines import shell
from tests.faults.scene import ROLLING, WEB, Scene, ended

BROKEN = "/etc/haproxy/apps/broken.cfg"


@case(
    "an invalid rendered HAProxy configuration",
    fails=("r2",),
    says=("HAProxy refuses the configuration",),
    returns=True,
    quick=True,
)
def invalid_configuration(scene: Scene) -> Met:
    text = scene.written
    # Another health path is what only a reload can bring.
    scene.wish(web={"health": {**WEB["health"], "path": "/_ping?again=yes"}})
    shell("r2", f"echo 'backend of nobody, never' > {BROKEN}")
    try:
        met = scene.run()
    finally:
        shell("r2", f"rm {BROKEN}")
    scene.write(text)
    return met


@case("HAProxy is killed in mid-roll", fails=None, lost=None)
def haproxy_killed(scene: Scene) -> Met:
    scene.wish()
    with scene.running() as run:
        run.reaches(ROLLING)
        shell("r1", "systemctl kill --kill-who=all --signal=KILL haproxy")
        return ended(run)
