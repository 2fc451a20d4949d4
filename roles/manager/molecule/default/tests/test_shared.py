# SPDX-License-Identifier: GPL-3.0-or-later
"""What managers promise that share a database: the role prepares them, and one takes over from the other."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from tests.integration.postgres_rig import PASSWORD, running_server

HERE = "198.18.0.1"  # this machine, as the machines of the lab see it
PLAYBOOK = Path(__file__).parents[1] / "shared.yml"


def play(url: str, *flags: str) -> tuple[str, list[str]]:
    """Run the playbook; return its output, and how many changes each machine had."""
    done = subprocess.run(
        ["ansible-playbook", "-i", os.environ["MOLECULE_INVENTORY_FILE"], str(PLAYBOOK), "--diff", *flags],
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "SHARED_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout + done.stderr, re.findall(r"changed=(\d+)", done.stdout)


def test_managers_of_both_debians_share_a_database() -> None:
    with running_server(address=HERE) as server:
        url = server.url()
        _, foreseen = play(url, "--check")
        assert foreseen == ["1", "1"]
        said, changes = play(url, "-vvv")
        assert PASSWORD not in said
        assert url not in said
        assert changes != ["0", "0"]
        assert play(url)[1] == ["0", "0"]
