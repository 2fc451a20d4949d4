# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine's command is told to build, and what is understood of what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.image.buildkit import Order, follow
from ansible_collections.fairlead.paas.plugins.module_utils.image.recipe import Recipe

DIGEST = "sha256:" + "ab" * 32
HEAD = f"""\
#1 [internal] load remote build context
#1 DONE 0.0s
#3 [internal] load metadata for r:5000/runtimes/go:latest
#4 [build 1/2] FROM r:5000/runtimes/go-build:latest@{DIGEST}
#4 CACHED
#5 [stage-1 1/2] FROM r:5000/runtimes/go:1.19@{DIGEST}
#6 [build 2/2] RUN make
#6 0.272 compiling
#6 1.100 cc: error
"""
OLD = "#6 ERROR: executor failed running [/bin/sh -c make]: exit code: 2"
NEW = '#6 ERROR: process "/bin/sh -c make" did not complete successfully: exit code: 2'


def test_the_command_says_all_of_it_and_no_secret() -> None:
    order = Order(
        registry="r:5000",
        packed=Path("/context"),
        recipe=Recipe("docker/web", "small", {"LEVEL": "7"}, ("TOKEN",)),
        caches=("r:5000/shop:buildcache",),
        secrets={"TOKEN": "canary"},
        auth={"username": "push", "password": "canary"},
    )
    assert order.arguments(Path("/id")) == [
        *("build", "--progress=plain", "--iidfile=/id", "--file=docker/web", "--build-arg=LEVEL=7"),
        *("--build-arg=FAIRLEAD_REGISTRY=r:5000", "--build-arg=BUILDKIT_INLINE_CACHE=1"),
        *("--secret=id=TOKEN,env=TOKEN", "--target=small", "--cache-from=r:5000/shop:buildcache", "-"),
    ]
    assert "canary" not in repr(order)


def test_a_fresh_build_takes_no_step_from_a_cache() -> None:
    order = Order("r:5000", Path("/context"), Recipe(), ("r:5000/shop:buildcache",), fresh=True)
    assert order.arguments(Path("/id"))[-2:] == ["--no-cache", "-"]


@pytest.mark.parametrize("error", [OLD, NEW])
def test_a_failed_build_says_its_step_and_only_that_steps_lines(error: str) -> None:
    said = f"{HEAD}{error}\n------\n > [build 2/2] RUN make:\n------\nfailed to solve\n"
    lines = follow(said.splitlines()).failure().splitlines()
    assert lines == [f"at [build 2/2] RUN make: {error.removeprefix('#6 ERROR: ')}", "compiling", "cc: error"]


@pytest.mark.parametrize(
    ("said", "failure"),
    [
        ("", "it failed and said nothing"),
        ("#1 DONE\nfailed to solve: bad Dockerfile\n\n", "failed to solve: bad Dockerfile"),
        ("ERROR: BuildKit is enabled but the buildx component is missing or broken.", "knows no BuildKit"),
    ],
)
def test_a_build_that_failed_before_its_first_step_is_said_too(said: str, failure: str) -> None:
    assert failure in follow(said.splitlines()).failure()


def test_the_base_is_what_the_last_stage_begins_with() -> None:
    done = follow(f"{HEAD}#7 [stage-1 2/2] COPY --from=build /app /app\n#8 exporting to image".splitlines())
    assert done.pulled[done.stage] == f"r:5000/runtimes/go:1.19@{DIGEST}"
    assert list(done.pulled) == ["build", "stage-1"]
    single = follow([f"#4 [1/2] FROM r:5000/base/python@{DIGEST}", "#5 [2/2] COPY . /app"])
    assert single.pulled[single.stage] == f"r:5000/base/python@{DIGEST}"
    local = follow(["#4 [1/1] FROM docker.io/library/local:1"])
    assert local.pulled.get(local.stage) is None
