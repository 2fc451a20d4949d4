# SPDX-License-Identifier: GPL-3.0-or-later
"""Where only signed images may run: neither an instance nor a release command is created of another one."""

from __future__ import annotations

import subprocess
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.containers import converge as converging
from ansible_collections.fairlead.paas.plugins.module_utils.containers import task as tasks
from ansible_collections.fairlead.paas.plugins.module_utils.containers.client import Engine
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.registry.client import Registry as Client
from ansible_collections.fairlead.paas.plugins.module_utils.registry.signing import (
    Image,
    sign_image,
    signer_line,
    verify_image,
)
from ansible_collections.fairlead.paas.plugins.modules.converge import wish_from
from ansible_collections.fairlead.paas.plugins.modules.task import task_from
from tests.integration.engine_rig import APP, PULL, PUSH, Wanted, docker
from tests.integration.wishes import parameters


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a builder's key that this node trusts."""
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    (tmp_path / "signers").write_text(signer_line(path.with_suffix(".pub").read_text()))
    ours = partial(verify_image, signers=tmp_path / "signers", kept=tmp_path / "kept")
    for module in (converging, tasks):
        monkeypatch.setattr(module, "verify_image", ours)
    return path


def containers() -> list[str]:
    return docker("ps", "--all", "--filter", f"name={APP}", "--format", "{{.Names}}").split()


def sign(wanted: Wanted, key: Path) -> None:
    address, image = Image.of(wanted.image)
    with closing(Client(address, PUSH)) as registry:
        sign_image(registry, image.name, image.digest, key)


def test_nothing_is_created_of_an_image_that_is_not_signed(engine: Engine, wanted: Wanted, key: Path) -> None:
    asked = parameters(start=[wanted.start(1)], require_signed=True, registry_auth=PULL)
    wish = wish_from(asked)
    with pytest.raises(FairleadError, match=rf"{APP}.web.1 on node n1 did not start: image .* is not signed"):
        converging.act(engine, wish, converging.inspect(engine, wish))
    spec = wanted.start(command=("true",), port=None)["spec"]
    task = task_from(
        {
            "app": APP,
            "node": "n1",
            "address": "127.0.0.1",
            "name": f"{APP}.release-v1",
            "release": 1,
            "spec": spec,
            "deadline": 20.0,
            "secrets": {},
            "registry_auth": PULL,
            "require_signed": True,
        }
    )
    with pytest.raises(FairleadError, match=rf"of {APP} on node n1 did not start: image .* is not signed"):
        tasks.begin(engine, task, [])
    assert containers() == []
    sign(wanted, key)
    converging.act(engine, wish, converging.inspect(engine, wish))
    assert tasks.finish(engine, task, tasks.begin(engine, task, [])) == ()
    assert containers() == [f"{APP}.web.1-v1"]
