# SPDX-License-Identifier: GPL-3.0-or-later
"""What machines still show of releases: containers of a real engine, tokens, hosts and backups in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Configuration, Process, Spec
from ansible_collections.fairlead.paas.plugins.module_utils.containers.client import Engine
from ansible_collections.fairlead.paas.plugins.module_utils.containers.converge import act, inspect
from ansible_collections.fairlead.paas.plugins.module_utils.containers.remains import remains
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.fence import fenced, tokens_seen
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.file import File
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.recovery import survey
from ansible_collections.fairlead.paas.plugins.module_utils.recovery.decide import rebuild
from ansible_collections.fairlead.paas.plugins.module_utils.recovery.remains import gathered
from ansible_collections.fairlead.paas.plugins.modules.converge import wish_from
from tests.integration.engine_rig import APP, Wanted, ansible, docker
from tests.integration.ledger_rig import made
from tests.integration.wishes import parameters


def converge(engine: Engine, **given: Any) -> bool:
    """Do what the module does; return whether anything was changed."""
    wish = wish_from(parameters(**given))
    plan = inspect(engine, wish)
    act(engine, wish, plan)
    return plan.work.changes


def released(start: dict[str, Any]) -> Configuration:
    """Return the configuration of a release that starts this alone."""
    return Configuration(APP, (Process("web", 1, Spec.from_dict(start["spec"])),))


def ours(engine: Engine) -> dict[str, Any]:
    """Return what remains of the rig's app."""
    found = remains(engine)
    lists = {name: [it for it in found[name] if it["app"] == APP] for name in ("instances", "configurations")}
    return found | lists


def test_a_release_is_rebuilt_from_the_container_that_it_started(engine: Engine, wanted: Wanted) -> None:
    start = wanted.start(release=3, env={"GREETING": "hello"}, secrets={"KEY": "keyed-hash"})
    configuration = released(start)
    given = {"start": [start], "secrets": {"KEY": "s3cret-value"}, "configuration": configuration.as_dict()}
    assert converge(engine, **given)

    [found] = rebuild(gathered({"n1": ours(engine)}))

    assert (found.app, found.number, found.configuration) == (APP, 4, configuration)
    assert "s3cret-value" not in docker("inspect", "--format", "{{json .Config.Labels}}", start["name"])


def test_a_container_is_kept_whichever_configuration_it_carries(engine: Engine, wanted: Wanted) -> None:
    start = wanted.start()
    configuration = released(start).as_dict()
    assert converge(engine, start=[start])
    assert not converge(engine, start=[start], configuration=configuration)
    assert ours(engine)["configurations"] == []


def test_containers_without_sense_hide_nothing(engine: Engine, wanted: Wanted, digest: str) -> None:
    start = wanted.start(release=2)
    converge(engine, start=[start], configuration=released(start).as_dict())
    app, task = f"io.fairlead.app={APP}", f"io.fairlead.task={APP}"
    for name, labels in (
        ("odd", [app, "io.fairlead.process=web", "io.fairlead.release=9", "io.fairlead.configuration=x"]),
        ("task", [task, "io.fairlead.release=5"]),
        ("vast", [task, f"io.fairlead.release={'9' * 5000}"]),
    ):
        given = (word for label in labels for word in ("--label", label))
        docker("create", "--name", f"{APP}.{name}", *given, digest, "sleep", "60")
    found = ours(engine)
    assert [it["name"] for it in found["instances"]] == [start["name"]]
    assert [text for text in found["strange"] if APP in text] == [
        f"container {APP}.odd: the label io.fairlead.slot is missing"
    ]
    assert found["numbers"][APP] == 9
    assert len(found["configurations"]) == 1


def test_tokens_are_those_that_changes_have_shown(tmp_path: Path) -> None:
    assert tokens_seen(tmp_path / "none") == {}
    for app, token in (("shop", 7), ("shop", 9), ("blog", 1)):
        with fenced(app, token, folder=tmp_path):
            pass
    (tmp_path / ".shop.x1y2z3").write_text("")  # by a run that was killed
    assert tokens_seen(tmp_path) == {"shop": 9, "blog": 1}
    for damage in ("many", "", "-1", "9" * 5000):
        (tmp_path / "shop").write_text(damage)
        with pytest.raises(FairleadError, match="shop holds no token; expected a whole number: remove"):
            tokens_seen(tmp_path)
    with pytest.raises(FairleadError, match="holds no token"), fenced("shop", 10, folder=tmp_path):
        pytest.fail("it got in")


def test_the_module_says_hosts_and_backup_and_changes_nothing(tmp_path: Path) -> None:
    backup = made(tmp_path)
    (tmp_path / "hosts.map").write_text("shop.example.com shop.web\nblog.example.com blog.web\n")
    asked = {"router": True, "manager": True, "config_dir": str(tmp_path), "backup": str(backup)}
    said = ansible("remains", asked, "--check")
    kept = survey(File(backup))
    assert kept
    assert said["changed"] is False
    assert said["hosts"] == {"shop.example.com": "shop.web", "blog.example.com": "blog.web"}
    assert said["backup"] == {"ledger": kept.ledger, "releases": 0}
    assert "instances" not in said
    nothing = ansible(
        "remains", {"router": True, "manager": True, "config_dir": "/nowhere", "backup": "/nowhere"}
    )
    assert (nothing["hosts"], nothing["backup"]) == ({}, None)
