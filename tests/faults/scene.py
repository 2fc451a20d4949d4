# SPDX-License-Identifier: GPL-3.0-or-later
"""The app that all cases share, its runs, and what stands on the machines beside what the ledger has."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Configuration
from tests.e2e.running import Run, running, until
from tests.lab.paths import ROOT
from tests.load import Load, under_load

from .case import Met
from .machines import MANAGER, NODES, WAYS, on

APP = "probe"
HOST = f"{APP}.apps.localhost"
PLAYBOOKS = {"deploy": "deploy.yml"}
ROLLING = "TASK [Stop and start instances]"
ROUTING = "TASK [Route to the new instances"
WEB: Mapping[str, Any] = {
    "command": ["python3", "-m", "shop.misbehave"],
    "scale": 3,
    "memory": "64M",
    "cpu": 0.2,
    "port": 8080,
    "health": {"path": "/_ping", "interval": "500ms", "timeout": "3s", "retries": 4, "start_period": "5s"},
    "stop_timeout": "5s",
}
WORKER: Mapping[str, Any] = {"command": ["python3", "-m", "shop.worker"], "memory": "32M", "cpu": 0.05}
PACE = 0.35  # seconds between the requests of a client; all of them make a hundred a second
UPDATE: Mapping[str, Any] = {"parallelism": 2, "drain": "5s", "deadline": "30s"}


class Scene:
    """A repository with the app ``probe``: three instances that answer with their release, and a worker."""

    def __init__(self, folder: Path) -> None:
        """Copy the sample's code, with the vices beside it."""
        self.apps = folder / "apps"
        self.good = False  # the app is deployed as its file says
        self._wishes = 0
        source = self.apps / APP
        shutil.copytree(ROOT / "apps" / "shop", source)
        shutil.copy(ROOT / "tests" / "faults" / "app" / "misbehave.py", source / "shop")
        self.wish()

    def wish(
        self,
        app: str = APP,
        web: Mapping[str, Any] | None = None,
        update: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        """Write an app file that makes a new release; what is not given is as ever."""
        self._wishes += 1
        clear = {"GREETING": f"number {self._wishes}", **(env or {})}
        text = {
            "app": app,
            "build": {"context": APP},
            "env": {"clear": clear},
            "processes": {"web": {**WEB, **(web or {})}, "worker": dict(WORKER)},
            "update": {**UPDATE, **(update or {})},
            **more,
        }
        (self.apps / f"{app}.yml").write_text(yaml.safe_dump(text))

    def content(self, *, mebibytes: int = 1) -> None:
        """Let the next deploy find another content to build an image of; with 0, none but the app's own."""
        more = self.apps / APP / "shop" / "content"
        more.unlink(missing_ok=True)
        if mebibytes:
            more.write_bytes(secrets.token_bytes(mebibytes * 2**20))

    def image(self) -> str:
        """Return the image of the active release."""
        return next(str(found["image"]) for found in self._releases(APP) if found["state"] == "active")

    @contextmanager
    def trying(self, **wishes: Any) -> Iterator[None]:
        """Wish for what is not to stay: afterwards the app file is as before."""
        file = self.apps / f"{APP}.yml"
        text = file.read_text()
        self.wish(**wishes)
        try:
            yield
        finally:
            file.write_text(text)

    @contextmanager
    def running(self, verb: str = "deploy", *arguments: str, app: str = APP, **given: Any) -> Iterator[Run]:
        """Start a verb for the app, and leave no run behind."""
        playbook = PLAYBOOKS.get(verb, f"playbooks/{verb}.yml")
        with running(playbook, *arguments, app=app, fairlead_apps=self.apps, **given) as run:
            yield run

    def run(self, verb: str = "deploy", *arguments: str, app: str = APP, **given: Any) -> Met:
        """Run a verb to its end."""
        with self.running(verb, *arguments, app=app, **given) as run:
            return ended(run)

    def load(self) -> Any:
        """Ask the app all the time, over both routers; every answer names its release."""
        return under_load(WAYS, HOST, query="format=json", pace=PACE)

    def containers(self, app: str = APP) -> list[tuple[str, str, str]]:
        """Return slot, spec hash and state of every container of the app on all nodes, also of dead ones."""
        return sorted((slot, spec, state) for _, slot, spec, state in self._listed(app))

    def identities(self, app: str = APP) -> set[str]:
        """Return the ids of all containers of the app."""
        return {identity for identity, *_ in self._listed(app)}

    def home(self) -> str:
        """Return a node on which the app runs: it will run its next release too."""
        return next(node for node in NODES if self._on(node, APP))

    def released(self, app: str = APP) -> list[tuple[str, str, str]]:
        """Return what ``containers`` shall return, by the ledger's active release alone."""
        releases = self._releases(app)
        active = [
            json.loads(release["configuration"]) for release in releases if release["state"] == "active"
        ]
        assert len(active) == 1, releases
        assert not [release["number"] for release in releases if release["state"] == "pending"]
        return sorted(
            (f"{process.name}.{number}", process.spec.hash(), "running")
            for process in Configuration.from_dict(active[0]).processes
            for number in range(1, process.scale + 1)
        )

    def rest(self, app: str = APP) -> None:
        """Wait until the lease of the last run is released: a run that begins before it looks twice."""
        until(lambda: on(MANAGER, "python3", "-", app, text=_RELEASED) == "1")

    def earlier(self) -> int:
        """Return the number of a release of other content than the active one; make one if there is none."""
        releases = self._releases(APP)
        active = next(release for release in releases if release["state"] == "active")
        found = [
            int(release["number"])
            for release in releases
            if release["state"] == "superseded" and release["configuration"] != active["configuration"]
        ]
        if found:
            return found[-1]
        self.wish()
        assert self.run().rc == 0
        return int(active["number"])

    def _releases(self, app: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(on(MANAGER, "python3", "-", app, text=_RELEASES))
        return found

    def _listed(self, app: str) -> list[tuple[str, ...]]:
        with ThreadPoolExecutor() as pool:
            return [line for lines in pool.map(lambda node: self._on(node, app), NODES) for line in lines]

    def _on(self, node: str, app: str) -> list[tuple[str, ...]]:
        labelled = ("--filter", f"label=io.fairlead.app={app}", "--format", _FORMAT)
        lines = on(node, "docker", "ps", "--all", "--no-trunc", *labelled).splitlines()
        return [tuple(line.split()) for line in lines]


def ended(run: Run) -> Met:
    """Wait for a run's end, and return what came of it."""
    return Met(run.end(), run.output)


def answered_by(load: Load) -> dict[str, int]:
    """Return how many requests each release has answered; every answer must be the app's own."""
    found: dict[str, int] = {}
    for body, times in load.names.items():
        said = json.loads(body)
        assert said["app"] == APP, body
        found[said["release"]] = found.get(said["release"], 0) + times
    return found


_FORMAT = (
    '{{.ID}} {{.Label "io.fairlead.process"}}.{{.Label "io.fairlead.slot"}} {{.Label "io.fairlead.spec"}}'
    " {{.State}}"
)
_RELEASED = """
import sqlite3, sys
db = sqlite3.connect("/var/lib/fairlead/ledger.db")
print(db.execute("SELECT released FROM leases WHERE app = ?", sys.argv[1:]).fetchone()[0])
"""
_RELEASES = """
import json, sqlite3, sys
db = sqlite3.connect("/var/lib/fairlead/ledger.db")
db.row_factory = sqlite3.Row
rows = db.execute(
    "SELECT number, state, image, configuration FROM releases WHERE app = ? ORDER BY number", sys.argv[1:]
)
print(json.dumps([dict(row) for row in rows]))
"""
