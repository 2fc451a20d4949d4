# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's docker-registry with settings as the role writes them; it is restarted as its service is."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.fairlead.paas.plugins.module_utils.image.assembly import (
    configuration_of,
    encoded,
    keep_image,
)
from ansible_collections.fairlead.paas.plugins.module_utils.image.layers import Layer, compress
from ansible_collections.fairlead.paas.plugins.module_utils.registry.client import Registry
from ansible_collections.fairlead.paas.plugins.module_utils.registry.collecting import PROGRAM, Service
from ansible_collections.fairlead.paas.plugins.module_utils.registry.storage import Disk
from tests.integration.engine_rig import ACCOUNTS, PUSH, free_port

_SETTINGS = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  cache: {{blobdescriptor: inmemory}}
  filesystem: {{rootdirectory: {root}}}
  delete: {{enabled: true}}
  maintenance: {{readonly: {{enabled: false}}}}
http: {{addr: '127.0.0.1:{port}'}}
auth: {{htpasswd: {{realm: rig, path: {accounts}}}}}
"""


@dataclass
class Home:
    """A registry with its disk and its settings; ``registry`` is a client that may push."""

    place: Path
    port: int = field(default_factory=free_port)
    started_with: str = ""

    def __post_init__(self) -> None:
        self.settings, accounts = self.place / "config.yml", self.place / "accounts"
        accounts.write_text(ACCOUNTS)
        self.settings.write_text(
            _SETTINGS.format(root=self.place / "disk", port=self.port, accounts=accounts)
        )
        self.registry = Registry(f"127.0.0.1:{self.port}", PUSH)
        self.process: subprocess.Popen[bytes] | None = None
        self.restarts = 0

    @property
    def disk(self) -> Disk:
        return Disk(self.place / "disk")

    @property
    def service(self) -> Service:
        return Service(self.settings, self.restart, lambda: self.started_with == self.settings.read_text())

    def restart(self) -> None:
        self.stop()
        self.restarts += 1
        self.started_with = self.settings.read_text()
        # Ends with the test run, also with one that is killed.
        command = ["setpriv", "--pdeathsig", "TERM", PROGRAM, "serve", str(self.settings)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.registry.wait_until_it_answers()

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait()

    def push(self, name: str, text: str, *tags: str) -> str:
        """Push an image of one layer with this text; return its digest."""
        file = self.place / "layer"
        with (self.place / "text").open("w+b") as source:
            source.write(text.encode())
            source.seek(0)
            layer = compress(source, file)
        with file.open("rb") as blob:
            self.registry.put_blob(name, blob, layer.digest, layer.size)
        return self.keep(name, [layer], *tags)

    def keep(self, name: str, layers: list[Layer], *tags: str) -> str:
        written = configuration_of({"architecture": "amd64", "os": "linux"}, layers, {})
        return keep_image(self.registry, name, [*tags, content_tag(layers)], encoded(written), layers)


def content_tag(layers: list[Layer]) -> str:
    joined = "".join(layer.digest for layer in layers)
    return f"c-{hashlib.sha256(joined.encode()).hexdigest()[:16]}"


@contextmanager
def running_home(place: Path) -> Iterator[Home]:
    """Run a registry as it is set up by the role, until the test is over."""
    home = Home(place)
    with closing(home.registry):
        home.restart()
        home.restarts = 0
        try:
            yield home
        finally:
            home.stop()
