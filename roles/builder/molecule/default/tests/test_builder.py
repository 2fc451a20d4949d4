# SPDX-License-Identifier: GPL-3.0-or-later
"""What the builder promises: its engine can build images, and no account is left on it."""

from __future__ import annotations

from testinfra.host import Host


def test_buildkit_is_there(host: Host) -> None:
    with host.sudo():
        assert "buildx" in host.check_output("docker buildx version")


def test_no_account_is_left_on_the_machine(host: Host) -> None:
    with host.sudo():
        assert host.run("grep -rlE 'push-of-the-test|auths' /root /etc/docker /var/tmp /home").stdout == ""
