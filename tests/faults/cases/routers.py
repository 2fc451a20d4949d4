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
    shell("r2", f"printf 'backend broken\n no such keyword\n' > {BROKEN}")
    # Another health path is what only a reload can bring.
    health = {**WEB["health"], "path": "/_ping?again=yes"}
    try:
        with scene.trying(web={"health": health}):
            return scene.run()
    finally:
        shell("r2", f"rm {BROKEN}")


@case("HAProxy is killed in mid-roll", fails=None, lost=None)
def haproxy_killed(scene: Scene) -> Met:
    scene.wish()
    with scene.running() as run:
        run.reaches(ROLLING)
        shell("r1", "systemctl kill --kill-who=all --signal=KILL haproxy")
        return ended(run)
