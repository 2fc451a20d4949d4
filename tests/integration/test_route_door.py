# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``route`` as Ansible starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.routing import Table
from tests.integration.router_rig import Router, running_router, table

ROOT = Path(__file__).parents[2]


@pytest.fixture
def router() -> Iterator[Router]:
    with running_router() as running:
        yield running


def run(router: Router, wanted: dict[str, Any], *options: str) -> dict[str, Any]:
    """Run the module over a local connection and return its result."""
    folder = router.place.config_dir
    given = {
        "table": wanted,
        "drain": 1,
        "deadline": 2,
        "config_dir": str(folder),
        "admin_socket": f"{folder}/admin.sock",
        "master_socket": f"{folder}/master.sock",
    }
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory = folder / "inventory.yml"
    inventory.write_text(json.dumps({"all": {"hosts": {"here": here}}}))
    command = [
        sys.executable,
        "-m",
        "ansible",
        "adhoc",
        "all",
        "-i",
        str(inventory),
        "-m",
        "fairlead.paas.route",
    ]
    done = subprocess.run(
        [*command, "-a", json.dumps(given), *options],
        cwd=ROOT,
        env=os.environ
        | {
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            "ANSIBLE_NOCOLOR": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    head, _, body = done.stdout.partition("=> {")
    result: dict[str, Any] = json.loads("{" + body)
    return result | {"rc": done.returncode, "before": head}


def test_check_mode_shows_the_difference_and_touches_nothing(router: Router) -> None:
    one = router.instance()
    result = run(router, table(one).as_dict(), "--check", "--diff")
    assert (result["rc"], result["changed"], result["reloaded"]) == (0, True, True)
    assert f"+ server shop.web/{one.server.name} 127.0.0.1:{one.server.port}\n" in result["before"]
    assert router.get("shop.example.com").status == 404
    assert run(router, table(one).as_dict())["changes"] == result["changes"]
    assert run(router, table(one).as_dict())["changed"] is False
    assert run(router, table(one).as_dict(), "--check")["changed"] is False


def test_a_failure_is_a_sentence_that_names_the_router(router: Router) -> None:
    result = run(router, table(router.instance(ping="500")).as_dict())
    assert result["rc"] != 0
    assert result["msg"].startswith(f"router {os.uname().nodename}: not healthy in time: shop.web/web.1-n1-")
    assert "answers 500" in result["msg"]


@pytest.mark.parametrize(
    "wanted",
    [{}, {"app": "shop"}, {"app": "shop", "hosts": {}, "backends": [{}]}, Table("../x").as_dict()],
)
def test_what_is_no_table_is_refused_with_a_sentence(router: Router, wanted: dict[str, Any]) -> None:
    result = run(router, wanted)
    assert result["rc"] != 0
    assert "table" in result["msg"]
    assert "Traceback" not in result["before"] + json.dumps(result)
