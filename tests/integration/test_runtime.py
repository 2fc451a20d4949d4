# SPDX-License-Identifier: GPL-3.0-or-later
"""A runtime made for real: from Debian's packages to the registry, to an engine that runs it."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fairlead.paas.plugins.module_utils.image.assembly import (
    configuration_of,
    encoded,
    keep_image,
)
from ansible_collections.fairlead.paas.plugins.module_utils.image.layers import Layer, compress
from ansible_collections.fairlead.paas.plugins.module_utils.registry.client import Registry
from ansible_collections.fairlead.paas.plugins.module_utils.runtimes.bill import (
    find_bill,
    keep_bill,
    tag_of,
    versions_in,
)
from ansible_collections.fairlead.paas.plugins.module_utils.runtimes.standing import standings, store_of
from tests.integration.engine_rig import (
    APP,
    PULL,
    PUSH,
    ROOT,
    ansible,
    docker,
    free_port,
    running_registry,
    until,
)
from tests.integration.engine_rig import Registry as Rig

ROLE = ROOT / "roles" / "runtimes"
KNOWN: dict[str, dict[str, Any]] = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())["runtimes_known"]
ASKED: dict[str, Any] = {**KNOWN["static"], "files": str(ROLE / "files" / "static"), "release": "bookworm"}
AS_THE_PLATFORM = (
    *("--read-only", "--tmpfs=/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
    *("--user", "10001:10001"),
)


@pytest.fixture(name="rig", scope="module")
def _rig() -> Iterator[Rig]:
    if os.geteuid() != 0:
        pytest.skip("roots are made by root")
    with running_registry() as rig:
        yield rig


@pytest.fixture(name="made", scope="module")
def _made(rig: Rig) -> dict[str, Any]:
    """The result of the first making."""
    return runtime(rig)


@pytest.fixture(name="registry")
def _registry(rig: Rig) -> Iterator[Registry]:
    registry = Registry(rig.address, PUSH)
    yield registry
    registry.close()


@pytest.fixture(name="image", scope="module")
def _image(rig: Rig, made: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The image, pulled as a node does it."""
    assert made["changed"], made
    name = f"{rig.address}/runtimes/static:latest"
    config = str(tmp_path_factory.mktemp("docker"))
    login = ["--username", PULL["username"], "--password-stdin", rig.address]
    docker("--config", config, "login", *login, data=PULL["password"].encode())
    docker("--config", config, "pull", "--quiet", name)
    yield name
    docker("image", "rm", "--force", name)


@pytest.fixture(name="pushing")
def _pushing(rig: Rig, tmp_path: Path) -> str:
    """Where Docker finds the account that may push."""
    login = ["--username", PUSH["username"], "--password-stdin", rig.address]
    docker("--config", str(tmp_path / "docker"), "login", *login, data=PUSH["password"].encode())
    return str(tmp_path / "docker")


@pytest.fixture(name="address", scope="module")
def _address(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a directory is served as an app's instance would serve it."""
    site, name, port = tmp_path_factory.mktemp("site"), f"{APP}.static.1", free_port()
    (site / "index.html").write_text("<h1>hello</h1>")
    (site / "app.js").write_text("0123456789")
    (site / "leak").symlink_to("/etc/passwd")
    for path in site.parent, site:
        path.chmod(0o755)
    docker("rm", "--force", name)
    published = ["--publish", f"127.0.0.1:{port}:9000", "--env", "PORT=9000", "--volume", f"{site}:/srv:ro"]
    docker("run", "--detach", "--name", name, *AS_THE_PLATFORM, *published, image, "fairlead-static", "/srv")
    until(lambda: answers(port), "static files are served")
    yield f"http://127.0.0.1:{port}"
    began = time.monotonic()
    docker("stop", name)
    took, code = time.monotonic() - began, docker("inspect", "--format", "{{.State.ExitCode}}", name)
    logged = subprocess.run(["docker", "logs", name], capture_output=True, text=True, check=True).stdout
    docker("rm", "--force", name)
    assert took < 5, "SIGTERM ends it"
    assert code == "0"
    assert '"GET /app.js HTTP/1.1" 200 10' in logged


def runtime(rig: Rig, *flags: str, **more: Any) -> dict[str, Any]:
    """Call the module as the role does."""
    said = ansible("runtime", {**ASKED, "registry": rig.address, "push_auth": PUSH, **more}, *flags)
    assert not said.get("failed"), said
    return said


def answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/").read()
    except OSError:
        return False
    return True


def ask(url: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(url, method=method, headers=headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def test_it_is_made_once_and_again_only_for_what_changed(
    rig: Rig, made: dict[str, Any], registry: Registry
) -> None:
    tags = registry.tags("runtimes/static")
    assert made["lines"] == [
        f"make runtimes/static:{made['tag']}: the registry lacks it",
        *("tag runtimes/static:bookworm", "tag runtimes/static:latest"),
    ]
    assert {made["tag"], "bookworm", "latest"} < set(tags)
    assert runtime(rig)["changed"] is False
    registry.put_manifest("runtimes/static", "latest", older(registry))
    foreseen, done = runtime(rig, "--check"), runtime(rig)
    assert foreseen["lines"] == done["lines"] == ["tag runtimes/static:latest"]
    assert registry.tags("runtimes/static") == tags
    assert foreseen["diff"]["after"] == "tag runtimes/static:latest\n"


def older(registry: Registry) -> Any:
    """Return another image, as an older one would be: here, the bill."""
    digest = registry.digest("runtimes/static", "bookworm")
    assert digest
    found = registry.manifest("runtimes/static", tag_of(digest))
    assert found
    return found


def test_an_update_of_debian_is_foreseen_by_its_packages(
    rig: Rig, made: dict[str, Any], registry: Registry
) -> None:
    digest = registry.digest("runtimes/static", made["tag"])
    assert digest
    bill = find_bill(registry, "runtimes/static", digest)
    assert bill
    text = json.dumps(bill).replace(versions_in(bill)["libc6"], "2.1-1")
    keep_bill(registry, "runtimes/static", digest, json.loads(text))
    [made_anew, *_] = runtime(rig, "--check")["lines"]
    keep_bill(registry, "runtimes/static", digest, bill)
    assert f"make runtimes/static:{made['tag']}: " in made_anew
    assert f"libc6 2.1-1 → {versions_in(bill)['libc6']}" in made_anew


def test_its_bill_is_found_beside_it(made: dict[str, Any], registry: Registry) -> None:
    digest = registry.digest("runtimes/static", made["tag"])
    assert digest
    artifact = registry.manifest("runtimes/static", f"sha256-{digest.removeprefix('sha256:')}.sbom")
    assert artifact
    assert artifact.data["subject"]["digest"] == digest
    assert artifact.data["artifactType"] == "application/spdx+json"
    bill = find_bill(registry, "runtimes/static", digest)
    assert bill
    assert {"libc6", "ca-certificates", "lighttpd", "tzdata", "dash"} < set(versions_in(bill))
    assert not {"apt", "dpkg", "perl-base"} & set(versions_in(bill))


def test_an_app_on_what_a_runtime_is_no_more_is_found(
    rig: Rig, image: str, registry: Registry, pushing: str, tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {image}\nCOPY Dockerfile /app/\n")
    name = f"{rig.address}/{APP}"
    docker("build", "--quiet", "--tag", f"{name}:rig", str(tmp_path))
    docker("--config", pushing, "push", "--quiet", f"{name}:rig")
    apps = {"app": f"{name}@{registry.digest(APP, 'rig')}"}
    [before] = standings(apps, rig.address, store_of(registry))
    keep_image(registry, "runtimes/static", ["bookworm"], *another(registry, tmp_path))
    [after] = standings(apps, rig.address, store_of(registry))
    assert runtime(rig)["lines"] == ["tag runtimes/static:bookworm"]
    docker("image", "rm", "--force", f"{name}:rig")
    assert (before.runtime, before.is_outdated) == ("runtimes/static:bookworm", False)
    assert (after.runtime, after.is_outdated) == ("runtimes/static:bookworm", True)


def another(registry: Registry, folder: Path) -> tuple[bytes, list[Layer]]:
    """Return an image of one empty layer, as the runtime might become."""
    with tarfile.open(folder / "tar", "w"):
        pass
    with (folder / "tar").open("rb") as stream:
        layer = compress(stream, folder / "layer")
    registry.put_blob("runtimes/static", (folder / "layer").read_bytes(), layer.digest, layer.size)
    return encoded(configuration_of({"architecture": "amd64", "os": "linux"}, [layer], {})), [layer]


def test_it_has_a_shell_and_a_language_and_no_way_to_install_more(image: str) -> None:
    script = 'echo "$LANG $PWD"; for each in dpkg apt perl python3 ls; do command -v $each; done; :'
    assert docker("run", "--rm", *AS_THE_PLATFORM, image, "sh", "-c", script) == "C.UTF-8 /app"


def test_files_are_served_whole_in_part_and_by_their_kind(address: str) -> None:
    status, headers, body = ask(f"{address}/")
    assert (status, headers["Content-Type"], body) == (200, "text/html; charset=utf-8", b"<h1>hello</h1>")
    status, headers, body = ask(f"{address}/app.js", Range="bytes=2-4")
    assert (status, headers["Content-Range"], body) == (206, "bytes 2-4/10", b"234")
    status, headers, body = ask(f"{address}/app.js", "HEAD")
    assert (status, headers["Content-Type"], headers["Content-Length"]) == (
        200,
        "text/javascript; charset=utf-8",
        "10",
    )
    assert ask(f"{address}/app.js")[2] == b"0123456789"


def test_what_has_the_same_time_in_every_release_is_not_told_by_it(address: str) -> None:
    _, headers, _ = ask(f"{address}/app.js")
    assert not {"Last-Modified", "ETag"} & set(headers)
    status, _, body = ask(f"{address}/app.js", **{"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"})
    assert (status, body) == (200, b"0123456789")


@pytest.mark.parametrize("path", ["/leak", "/nothing", "/../../etc/passwd", "/%2e%2e/etc/passwd"])
def test_what_is_elsewhere_is_not_served(address: str, path: str) -> None:
    status, _, body = ask(f"{address}{path}")
    assert status in {400, 403, 404}
    assert b"root:" not in body


@pytest.mark.parametrize(
    ("options", "arguments", "said"),
    [
        ((), ("/nothing",), "usage: fairlead-static DIR; got /nothing, expected a directory"),
        ((), (), "usage: fairlead-static DIR; got nothing, expected a directory"),
        (("--env", "PORT=80a"), ("/app",), "PORT: got 80a, expected a number"),
    ],
)
def test_what_is_asked_wrongly_is_said(
    image: str, options: tuple[str, ...], arguments: tuple[str, ...], said: str
) -> None:
    asked = ["docker", "run", "--rm", *AS_THE_PLATFORM, *options, image, "fairlead-static", *arguments]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == 64
    assert said in done.stderr


def test_a_bundle_of_certificates_and_the_time_zones_are_there(image: str, tmp_path: Path) -> None:
    container = docker("create", image)
    try:
        docker("cp", "--follow-link", f"{container}:/etc/ssl/certs/ca-certificates.crt", str(tmp_path / "ca"))
        docker(
            "cp", "--follow-link", f"{container}:/usr/share/zoneinfo/Europe/Vienna", str(tmp_path / "zone")
        )
        docker("cp", f"{container}:/etc/passwd", str(tmp_path / "passwd"))
    finally:
        docker("rm", container)
    assert (tmp_path / "ca").read_text().count("BEGIN CERTIFICATE") > 100
    assert (tmp_path / "zone").read_bytes().startswith(b"TZif")
    assert "app:x:10001:10001::/app:/bin/sh" in (tmp_path / "passwd").read_text().splitlines()
