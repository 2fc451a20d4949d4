# SPDX-License-Identifier: GPL-3.0-or-later
"""The action as a playbook calls it: on the controller alone, with real inventories and a real vault."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fairlead.paas.plugins.module_utils.app.grammar import NAME_HELP
from ansible_collections.fairlead.paas.plugins.module_utils.image.converge import reference_tag
from tests.e2e.running import until
from tests.playbook import Outcome, play

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
APP = """
app: shop
build: {image: nginx}
env: {secret: [KEY], clear: {GREETING: "{{ lookup('pipe', 'id') }}"}}
processes: {web: {port: 80}}
"""
ACCOUNT = {"username": "me", "password": "hunter2-account"}
VARIABLES = {
    "fairlead_domain": "apps.localhost",
    "fairlead_registry": "{{ hostvars[groups['registries'] | first].fairlead_address }}:5000",
    "fairlead_registry_push": ACCOUNT,
    "fairlead_registry_pull": ACCOUNT,
    "fairlead_hash_key": "hunter2 hunter2 hunter2",
    "fairlead_secrets": {"shop": {"KEY": "hunter2-secret"}},
}
REGISTRY = 'is no address of a registry; got ":5000"; expected HOST:PORT, or nothing'
GROUPS = ("nodes", "routers", "managers", "registries", "builders")


class Site:
    """An app directory and an inventory of one machine that nobody could reach."""

    def __init__(self, path: Path) -> None:
        self.apps = path / "apps"
        self.apps.mkdir()
        (self.apps / "shop.yml").write_text(APP)
        self.inventory = path / "hosts.yml"
        self.host: dict[str, Any] = {"ansible_host": "198.19.255.254", "fairlead_address": "198.19.255.254"}
        self.variables: dict[str, Any] = dict(VARIABLES)
        self.groups = set(GROUPS)

    def run(self, arguments: str, *options: str) -> tuple[dict[str, Any], str]:
        """Return the result of the task and all that was printed."""
        self._write()
        argv = [
            *(
                str(BIN / "ansible"),
                "localhost",
                "-i",
                str(self.inventory),
                "-m",
                "fairlead.paas.validate",
                *options,
            ),
            *("-a", f"apps={self.apps} {arguments}"),
        ]
        env = os.environ | {
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_LOAD_CALLBACK_PLUGINS": "true",
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.minimal",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
        }
        ran = subprocess.run(argv, cwd=ROOT, env=env, check=False, capture_output=True, text=True)
        result: dict[str, Any] = json.loads(ran.stdout.rpartition("=> ")[2])
        return result, ran.stdout + ran.stderr

    def play(self, playbook: str, *arguments: str, **variables: object) -> Outcome:
        """Run a playbook as a person would."""
        self._write()
        return play(playbook, *arguments, on=str(self.inventory), fairlead_apps=str(self.apps), **variables)

    def _write(self) -> None:
        groups = {group: {"hosts": {"m1": self.host} if group in self.groups else {}} for group in GROUPS}
        data = {"all": {"vars": self.variables, "children": groups}}
        self.inventory.write_text(yaml.safe_dump(data))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_what_is_fine_is_returned_without_secrets(site: Site) -> None:
    result, output = site.run("app=shop", "-vvv", "--check")
    assert result["app"] == {
        "name": "shop",
        "hosts": ["shop.apps.localhost"],
        "image": {
            "registry": "198.19.255.254:5000",
            "tag": reference_tag("nginx"),
            "version": None,
            "image": "nginx",
        },
    }
    assert result["apps"] == ["shop"]
    assert result["changed"] is False
    assert "hunter2" not in output
    assert "uid=" not in output


def test_all_problems_of_files_and_inventory_are_said_at_once(site: Site) -> None:
    (site.apps / "blog.yml").write_text(
        "app: blog\nversion: 1.10\nbuild: {image: nginx}\nprocesses: {web: {}}\n"
    )
    site.host["fairlead_address"] = None
    site.groups.remove("managers")
    del site.variables["fairlead_secrets"]
    result, output = site.run("app=shop")
    assert result["problems"] == [
        'apps/blog.yml:2:10 version: is a number, not text; got 1.10; expected "1.10" in quotes',
        f"inventory fairlead_registry: {REGISTRY}",
        "inventory fairlead_secrets.shop.KEY: is not set; expected text, in a vault",
        "inventory m1.fairlead_address: is not set; expected the machine's private IPv4 address",
        "inventory managers: is an empty group; expected at least one machine",
    ]
    assert result["msg"] == "\n".join(result["problems"])
    assert "hunter2" not in output


def test_what_is_hardly_meant_is_said_and_stops_nothing(site: Site) -> None:
    app = APP.replace("{port: 80}", "{port: 80, placement: {constraints: [zon == a], spread: arch}}")
    (site.apps / "shop.yml").write_text(app)
    site.host |= {
        "fairlead_labels": {"zone": "a"},
        "fairlead_reserved_for": ["shop", "shp"],
        "fairlead_overcommit": {"memory": "{{ 1.5 }}", "cpu": 2},
        "fairlead_system": {"memory": "{{ 256 * 2 }}M"},
    }
    result, output = site.run("app=shop")
    printed = "".join(output.split())  # however wide the terminal is
    for words in (
        "inventory m1.fairlead_overcommit.memory: 1.5 times the memory is promised",
        "apps/shop.yml:5:55 processes.web.placement.constraints[0]: no node has the label zon; ",
        'got "zon == a"; expected one of arch, engine_version, node, zone (did you mean "zone"?)',
        'inventory m1.fairlead_reserved_for[1]: names an app that has no file; got "shp"; ',
    ):
        assert words.replace(" ", "") in printed, output
    assert output.count("no node has the label") == 1
    assert result["app"]["name"] == "shop"


def test_where_no_app_matters_files_are_not_read_and_the_inventory_is(site: Site) -> None:
    (site.apps / "blog.yml").write_text("app: [")
    assert site.run("inventory_only=true")[0]["msg"] == "the inventory is valid"
    site.groups.remove("routers")
    said = ["inventory routers: is an empty group; expected at least one machine"]
    assert site.run("inventory_only=true")[0]["problems"] == said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("", "none is given; expected -e app=NAME, one of shop"),
        ("app=shp", 'there is no such app; got "shp"; expected one of shop (did you mean "shop"?)'),
    ],
)
def test_an_app_has_to_be_named(site: Site, arguments: str, words: str) -> None:
    assert site.run(arguments)[0]["problems"] == [f"command line app: {words}"]


def test_what_is_removed_needs_a_name_but_no_file(site: Site) -> None:
    (site.apps / "blog.yml").write_text(APP.replace("app: shop", "app: blgo"))
    del site.variables["fairlead_secrets"]
    assert site.run("app=gone without_file=true")[0]["problems"] == [
        'apps/blog.yml:2:6 app: is not the file\'s name; got "blgo"; expected blog'
    ]
    (site.apps / "blog.yml").unlink()
    assert site.run("app=gone without_file=true")[0]["app"] is None
    assert site.run("without_file=true")[0]["problems"] == [
        "command line app: none is given; expected -e app=NAME"
    ]
    assert site.run("app=Shop without_file=true")[0]["problems"] == [
        f'command line app: is no name of an app; got "Shop"; expected {NAME_HELP}'
    ]


@pytest.mark.parametrize("playbook", ["deploy.yml", "playbooks/remove.yml"])
@pytest.mark.parametrize(
    ("harm", "arguments", "words"),
    [
        (lambda site: site.groups.clear(), (), "inventory nodes: is an empty group"),
        (lambda site: site.groups.remove("routers"), (), "inventory routers: is an empty group"),
        (lambda site: site.host.pop("fairlead_address"), (), "inventory m1.fairlead_address: is not set"),
        (lambda site: (site.apps / "x.yml").write_text("a"), (), "apps/x.yml:1:1: is not a mapping"),
        (lambda _: None, ("--limit", "nodes"), "command line --limit: is set"),
        (lambda _: None, ("-e", "manager=2"), "command line -e manager: is a name of the playbooks' own"),
    ],
)
def test_no_machine_is_touched_before_all_is_valid(
    site: Site, playbook: str, harm: Callable[[Site], object], arguments: tuple[str, ...], words: str
) -> None:
    harm(site)
    outcome = site.play(playbook, *arguments, app="shop")
    assert outcome.rc != 0
    assert words in outcome.output
    assert outcome.touched == set()


def test_all_apps_can_be_checked_without_naming_one(site: Site) -> None:
    (site.apps / "blog.yml").write_text(APP.replace("app: shop", "app: blog"))
    assert site.run("all=true")[0]["problems"] == [
        "inventory fairlead_secrets.blog.KEY: is not set; expected text, in a vault"
    ]
    assert "problems" not in site.run("app=shop")[0]


def test_a_vault_without_its_password_is_said_without_its_text(site: Site, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("of the vault\n")
    vault = [
        str(BIN / "ansible-vault"),
        "encrypt_string",
        "--vault-password-file",
        str(password),
        "hunter2-vaulted",
    ]
    encrypted = subprocess.run(vault, check=True, capture_output=True, text=True).stdout
    variables = tmp_path / "group_vars/all.yml"
    variables.parent.mkdir()
    variables.write_text("fairlead_secrets:\n  shop:\n    KEY: " + encrypted.replace("\n", "\n    "))
    del site.variables["fairlead_secrets"]

    locked, _ = site.run("app=shop")
    unlocked, output = site.run("app=shop", "--vault-password-file", str(password), "-vvv")

    why = "a template fails, or a vault password is missing"
    assert locked["problems"] == [
        f"inventory fairlead_secrets.shop.KEY: cannot be evaluated: {why}; expected text, in a vault"
    ]
    assert unlocked["app"]["name"] == "shop"
    assert "hunter2" not in output


def test_the_modules_that_come_next_are_packed_meanwhile(site: Site, place: Path) -> None:
    packed = {"paths": str(place), "recurse": True, "patterns": "*.modules.route-*-none"}
    waiting = {"register": "found", "until": "found.matched > 0", "retries": 20, "delay": 0.5}
    outcome = ahead(site, "shop", {"ansible.builtin.find": packed, **waiting})
    assert outcome.rc == 0, outcome.output


def test_a_run_that_ends_before_they_are_packed_leaves_nothing(site: Site, place: Path) -> None:
    assert ahead(site, "nosuch").rc != 0
    own = f"ANSIBLE_LOCAL_TEMP={place}".encode()
    until(lambda: not any(own in environment for environment in environments()))
    assert [*place.iterdir()] == []


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the runs of this test keep what is theirs for as long as they live."""
    monkeypatch.setenv("ANSIBLE_LOCAL_TEMP", str(tmp_path / "run"))
    return tmp_path / "run"


def ahead(site: Site, app: str, *then: dict[str, Any]) -> Outcome:
    """Validate an app with a module to pack meanwhile, and go on."""
    task = {"fairlead.paas.validate": {"apps": str(site.apps), "app": app, "ahead": ["route"]}}
    playbook = site.apps.parent / "ahead.yml"
    playbook.write_text(
        yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": [task, *then]}])
    )
    return site.play(str(playbook))


def environments() -> Iterator[bytes]:
    """Yield the environment of every process but this one."""
    for file in Path("/proc").glob("[0-9]*/environ"):
        if file.parent.name != str(os.getpid()):
            with suppress(OSError):
                yield file.read_bytes()
