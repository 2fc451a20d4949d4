# SPDX-License-Identifier: GPL-3.0-or-later
"""What every case is held to, whatever the fault.

A  no more requests fail than promised, and each answer comes from a release of the app;
B  the containers on all nodes equal the ledger's active release exactly;
C  after at most one repairing run the next one ends with changed=0;
D  that run starts within 20 s, with no unlocking by hand;
E  a run that fails exits with an error that names host, app and step.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.load import Load

from .case import Case, Measured, Met
from .machines import bring_back
from .scene import APP, Scene, answered_by, ended

STARTS_WITHIN = 20.0
PLANNING = "TASK [Plan"


def examine(scene: Scene, group: str, case: Case) -> None:
    """Let one fault happen under load, and hold what comes of it to all oracles."""
    ready(scene)
    before = scene.identities()
    with measuring(Measured(case.title, group)) as measured:
        with scene.load() as load:
            met = case.does(scene)
            mended(scene, measured)
        counted(load, measured)
        told(case, met, measured)
        assert case.lost is None or measured.failed <= case.lost, load.failures[:5]
        if case.returns:
            assert scene.identities() == before
            assert measured.repairs == 0
    scene.good = True


def ready(scene: Scene) -> None:
    """Make the app be deployed as its file says; after a case that went well it is."""
    if scene.good:
        scene.good = False
        return
    bring_back()
    scene.wish()
    met = scene.run(lease_wait=60)
    assert met.rc == 0, met.output


def mended(scene: Scene, measured: Measured, verb: str = "deploy", **given: Any) -> None:
    """Hold the next runs of the verb to B, C and D."""
    began = time.monotonic()
    with scene.running(verb, lease_wait=30, **given) as run:
        run.reaches(PLANNING)
        measured.starts_after = time.monotonic() - began
        following = ended(run)
    assert following.rc == 0, following.output
    if following.changed:
        measured.repairs = 1
        again = scene.run(verb, **given)
        assert again.rc == 0, again.output
        assert again.changed == {}, again.output
    assert scene.containers() == scene.released()
    assert measured.starts_after <= STARTS_WITHIN, following.output


def counted(load: Load, measured: Measured) -> None:
    """Count what the visitors got, for A."""
    measured.failed = len(load.failures)
    measured.requests = load.done + measured.failed
    measured.answered_by = answered_by(load)
    assert load.rate > 50, "the load has not been steady"


def told(case: Case, met: Met | None, measured: Measured) -> None:
    """Hold the run that met the fault to E."""
    if met is None:
        return
    measured.rc = met.rc
    measured.said = f"{met.host}: {met.step}" if met.rc else ""
    assert case.fails is None or (met.rc != 0) == bool(case.fails), met.output
    if met.rc:
        assert not case.fails or met.host in case.fails, met.output
        assert met.step, met.output
        assert APP in met.error, met.output
    plain = " ".join(met.output.split())
    for words in case.says:
        assert words in plain, met.output


@contextmanager
def measuring(measured: Measured) -> Iterator[Measured]:
    """Keep what was measured, also of a case that fails."""
    begun = time.monotonic()
    try:
        yield measured
        measured.held = True
    finally:
        measured.seconds = time.monotonic() - begun
        measured.keep()
