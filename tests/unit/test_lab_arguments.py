# SPDX-License-Identifier: GPL-3.0-or-later
"""From what an engine says of itself to the arguments of a lab machine."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.arguments import CAP_SYS_RESOURCE, Engine, Machine, create_arguments
from tests.lab.progress import LabError

ALL = -1
NO_SYS_RESOURCE = ((1 << 41) - 1) & ~(1 << CAP_SYS_RESOURCE)

V1 = {"CgroupVersion": "1", "SecurityOptions": ["name=seccomp,profile=default"], "OperatingSystem": "Debian"}
V2 = {**V1, "CgroupVersion": "2", "SecurityOptions": ["name=apparmor", "name=cgroupns"]}
DESKTOP = {**V2, "OperatingSystem": "Docker Desktop"}
FEDORA = {**V2, "SecurityOptions": ["name=selinux", "name=cgroupns"]}

N1 = Machine("n1", 12, "198.18.0.11")
N3 = Machine("n3", 13, "198.18.0.13")
R1 = Machine("r1", 12, "198.18.0.21", "127.0.0.1:8080:80")


def arguments(said: dict[str, Any], bounding_set: int = ALL, machine: Machine = N1) -> list[str]:
    return create_arguments(Engine.of(said, bounding_set), machine, "IMAGE")


def test_a_machine_on_cgroup_v1_whose_host_lacks_sys_resource() -> None:
    assert " ".join(arguments(V1, NO_SYS_RESOURCE)) == (
        "--name fairlead-n1 --hostname n1 --label fairlead.lab=true --stop-signal SIGRTMIN+3"
        " --network fairlead-lab --ip 198.18.0.11"
        " --cap-add ALL --cap-drop SYS_RESOURCE --security-opt seccomp=unconfined"
        " --security-opt apparmor=unconfined --security-opt systempaths=unconfined"
        " --cgroupns host --volume /sys/fs/cgroup:/sys/fs/cgroup:rw"
        " --tmpfs /run --tmpfs /run/lock --tmpfs /tmp:exec"
        " --volume fairlead-n1-docker:/var/lib/docker --volume fairlead-n1-containerd:/var/lib/containerd"
        " IMAGE"
    )


def test_a_machine_on_cgroup_v2_has_a_tree_of_its_own_and_makes_it_writable() -> None:
    assert arguments(V2) == [
        *("--name", "fairlead-n1", "--hostname", "n1", "--label", "fairlead.lab=true"),
        *("--stop-signal", "SIGRTMIN+3", "--network", "fairlead-lab", "--ip", "198.18.0.11"),
        *("--cap-add", "ALL", "--security-opt", "seccomp=unconfined"),
        *("--security-opt", "apparmor=unconfined", "--security-opt", "systempaths=unconfined"),
        *("--cgroupns", "private"),
        *("--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp:exec"),  # noqa: S108 - in a machine
        *("--volume", "fairlead-n1-docker:/var/lib/docker"),
        *("--volume", "fairlead-n1-containerd:/var/lib/containerd"),
        "IMAGE",
        *("/bin/sh", "-c", "mount -o remount,rw /sys/fs/cgroup && exec /sbin/init"),
    ]


@pytest.mark.parametrize(
    ("said", "bounding_set", "machine", "words", "expected"),
    [
        pytest.param(V1, ALL, N1, "--cap-drop", False, id="nothing is dropped that the host has"),
        pytest.param(V1, NO_SYS_RESOURCE, N1, "--cap-drop SYS_RESOURCE", True, id="what the host lacks is"),
        pytest.param(V2, NO_SYS_RESOURCE, N1, "--cap-drop SYS_RESOURCE", True, id="also on cgroup v2"),
        pytest.param(V1, ALL, N3, "--env SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1", True, id="13 on v1"),
        pytest.param(V1, ALL, N1, "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE", False, id="12 on v1"),
        pytest.param(V2, ALL, N3, "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE", False, id="13 on v2"),
        pytest.param(V2, ALL, N1, "/sys/fs/cgroup:", False, id="v2 never sees the host's tree"),
        pytest.param(DESKTOP, ALL, N1, "--cgroupns private", True, id="Docker Desktop is v2"),
        pytest.param(FEDORA, ALL, N1, "--security-opt label=disable", True, id="SELinux"),
        pytest.param(V2, ALL, N1, "label=disable", False, id="no SELinux"),
        pytest.param(V1, ALL, R1, "--publish 127.0.0.1:8080:80", True, id="a published port"),
        pytest.param(V1, ALL, N1, "--publish", False, id="none"),
        pytest.param(V1, ALL, N1, "--privileged", False, id="never privileged"),
    ],
)
def test_a_machine_follows_its_engine(
    said: dict[str, Any], bounding_set: int, machine: Machine, words: str, *, expected: bool
) -> None:
    assert (words in " ".join(arguments(said, bounding_set, machine))) is expected


def test_an_engine_that_says_nothing_of_cgroups_is_an_old_one_on_v1() -> None:
    assert Engine.of({}, ALL).cgroup == 1


def test_a_rootless_engine_is_refused_with_a_sentence() -> None:
    with pytest.raises(LabError, match="runs rootless"):
        Engine.of({**V2, "SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"]}, ALL)
