# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry goes away, or a tag in it goes elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.running import until
from tests.faults.case import Met, case
from tests.faults.machines import ADDRESSES, MANAGER, NODES, on, shell, stopped
from tests.faults.scene import APP, ROUTING, Scene, ended

FRONT = "fairlead-registry-front"
_UPLOADS = f"/var/lib/docker-registry/docker/registry/v2/repositories/{APP}/_uploads"


@case(
    "the registry is down when an image is to be pushed",
    fails=("m1",),
    says=("registry",),
    returns=True,
    quick=True,
)
def down_at_push(scene: Scene) -> Met:
    with another_image(scene), scene.running() as run:
        run.reaches("TASK [Build the image]")
        with stopped(MANAGER, FRONT):
            return ended(run)


@case(
    "the registry goes down in the middle of a push",
    fails=("m1",),
    says=(f"{ADDRESSES[MANAGER]}:5000",),
    returns=True,
)
def down_in_push(scene: Scene) -> Met:
    with another_image(scene, mebibytes=192), scene.running() as run:
        run.reaches("TASK [Build the image]")
        until(lambda: shell(MANAGER, f"find {_UPLOADS} -name data -size +4M || true") != "")
        with stopped(MANAGER, FRONT):
            return ended(run)


@case(
    "the registry is down when an image is to be pulled",
    fails=NODES,
    says=("cannot be pulled",),
    returns=True,
)
def down_at_pull(scene: Scene) -> Met:
    with another_image(scene), scene.running() as run:
        run.reaches("TASK [Ask the hook pre_deploy]")
        with stopped(MANAGER, FRONT):
            return ended(run)


@case("a pushed tag changes between two nodes' pulls")
def tag_changes(scene: Scene) -> Met:
    one = scene.image()
    scene.content()
    scene.wish()
    assert scene.run().rc == 0
    other = scene.image()
    for node in NODES:
        shell(node, "docker image prune --all --force")
    tag(one)
    scene.wish(build={"image": f"REGISTRY/{APP}:moving"}, update={"parallelism": 1})
    with scene.running() as run:
        run.reaches(ROUTING)
        tag(other)
        met = ended(run)
    assert scene.image() == one
    assert scene.containers() == scene.released()
    return met


@contextmanager
def another_image(scene: Scene, mebibytes: int = 1) -> Iterator[None]:
    """Wish for what has to be built first; afterwards the app file and its content are as before."""
    scene.content(mebibytes=mebibytes)
    try:
        with scene.trying():
            yield
    finally:
        scene.content(mebibytes=0)


def tag(image: str) -> None:
    """Let the tag ``moving`` of the app lead to an image, as a push from elsewhere would."""
    on(MANAGER, "python3", "-", ADDRESSES[MANAGER], APP, image.partition("@")[2], text=_TAG)


_TAG = """
import base64, ssl, sys, urllib.request
address, app, digest = sys.argv[1:]
place = f"https://{address}:5000/v2/{app}/manifests/"
kind = "application/vnd.docker.distribution.manifest.v2+json"
account = {"Authorization": "Basic " + base64.b64encode(b"push:lab-only-push").decode()}
trust = ssl.create_default_context(cafile=f"/etc/docker/certs.d/{address}:5000/ca.crt")
def ask(reference, method, body, headers):
    request = urllib.request.Request(place + reference, body, headers | account, method=method)
    return urllib.request.urlopen(request, context=trust).read()
ask("moving", "PUT", ask(digest, "GET", None, {"Accept": kind}), {"Content-Type": kind})
"""
