# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever people have, from there to an answer through the routers: built, pushed, deployed, asked."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.e2e import artefacts
from tests.e2e.conftest import Repository
from tests.e2e.shop import ROUTERS, containers, visit
from tests.playbook import play

RUNTIMES = ["static", "golang", "golang-build", "java", "node", "php", "python"]
APP = """\
app: kinds
build: {build}
processes: {{web: {{port: 8080, memory: 256M, health: {{path: /, start_period: 60s}}}}}}
"""
PACKAGES: list[tuple[Callable[[Path], Path], str, str]] = [
    (artefacts.c_program, "static", "from C"),
    (artefacts.pages, "static", "from a page"),
    (artefacts.jar, "java", "from a jar"),
    (artefacts.war, "java", "from a war"),
    (artefacts.python_code, "python", "from Python"),
    (artefacts.node_code, "node", "from Node"),
    (artefacts.php_code, "php", "from PHP"),
]


@pytest.fixture(scope="module", autouse=True)
def runtimes(lab: None) -> None:  # noqa: ARG001 - it must be up
    """Every runtime that the apps here stand on."""
    made = play("playbooks/runtimes.yml", runtimes_wanted=RUNTIMES)
    assert made.rc == 0, made.output


@pytest.fixture(scope="module", name="repository")
def repository_of_one_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """An apps directory with one app, which each test makes from something else."""
    apps = tmp_path_factory.mktemp("kinds") / "apps"
    apps.mkdir()
    yield Repository(apps)
    removed = play("playbooks/remove.yml", app="kinds", fairlead_apps=str(apps))
    assert removed.rc == 0, removed.output


def deployed(repository: Repository, build: str) -> str:
    """Deploy what the app file then says; return what the run printed."""
    (repository.apps / "kinds.yml").write_text(APP.format(build=build))
    outcome = repository.deploy(app="kinds")
    assert outcome.rc == 0, outcome.output
    return outcome.output


def said() -> set[str]:
    """Return what all routers answer."""
    answers = {visit(router, host="kinds.apps.localhost") for router in ROUTERS}
    assert {status for status, _ in answers} == {200}, answers
    return {body.strip() for _, body in answers}


@pytest.mark.parametrize(("make", "runtime", "answer"), PACKAGES, ids=[each[2] for each in PACKAGES])
def test_a_package_becomes_an_answer(
    repository: Repository, tmp_path: Path, make: Callable[[Path], Path], runtime: str, answer: str
) -> None:
    package = make(tmp_path)
    package.rename(repository.apps / package.name)
    deployed(repository, f"{{package: {package.name}, runtime: {runtime}}}")
    assert said() == {answer}


def test_a_commit_is_compiled_and_what_was_compiled_is_a_package_too(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text('#!/bin/sh\nshift\nexec sh -c "$*"\n')  # to this very machine
    ssh.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(ssh))
    monkeypatch.setenv("GIT_SSH_VARIANT", "simple")
    source = artefacts.go_source(tmp_path)
    (source / "README").write_text(f"{uuid4()}\n")  # nobody has built this before
    git = ["git", "-C", str(source), "-c", "user.name=A", "-c", "user.email=a@example.com"]
    for words in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "."],
        ["commit", "--quiet", "-m", "One"],
    ):
        subprocess.run([*git, *words], check=True)
    output = deployed(repository, f'{{git: {{url: "ssh://here{source}", ref: main}}}}')
    assert "go build" in output
    assert said() == {"from Go"}

    node, name = running()
    inside = ["docker", "exec", f"fairlead-{node}", "docker", "cp", f"{name}:/app/app", "-"]
    tar = subprocess.run(inside, check=True, capture_output=True).stdout
    subprocess.run(["tar", "--extract"], cwd=tmp_path, input=tar, check=True)
    artefacts.packed(repository.apps / "go.tar.gz", tmp_path / "app")
    deployed(repository, "{package: go.tar.gz, runtime: golang}")
    assert said() == {"from Go"}


def test_the_other_builder_makes_the_same_image(repository: Repository) -> None:
    context = repository.apps / "kinds"
    context.mkdir()
    (context / "Dockerfile").write_text(
        "ARG FAIRLEAD_REGISTRY\nFROM ${FAIRLEAD_REGISTRY}/runtimes/python\nCOPY said.py /srv/\n"
        "RUN python3 -m compileall -q /srv && mkdir /srv/made && date > /dev/null\n"
        'CMD ["python3", "-m", "http.server", "8080", "--directory", "/srv"]\n'
    )
    (context / "said.py").write_text(f"SAID = {uuid4().int}\n")
    deployed(repository, "{context: kinds}")
    node, name = running()
    inspect = [
        "docker",
        "exec",
        f"fairlead-{node}",
        "docker",
        "inspect",
        "--format",
        "{{.Config.Image}}",
        name,
    ]
    first = subprocess.run(inspect, check=True, capture_output=True, text=True).stdout.strip()
    other = play("tests/e2e/other_builder.yml", apps=str(repository.apps), app="kinds", made=first)
    assert other.rc == 0, other.output
    assert "[2/3] COPY said.py" in other.output


def test_what_is_deployed_is_nobodys_but_the_apps(repository: Repository, tmp_path: Path) -> None:
    package = artefacts.node_code(tmp_path)
    package.rename(repository.apps / package.name)
    deployed(repository, f"{{package: {package.name}, runtime: node}}")
    node, name = running()
    inside = ["docker", "exec", f"fairlead-{node}", "docker", "exec", name, "sh", "-c"]
    shown = subprocess.run(
        [*inside, "id -u; touch /app/x; ls -ld /app"], check=False, capture_output=True, text=True
    )
    assert shown.stdout.split()[0] == "10001"
    assert "Permission denied" in shown.stderr
    assert " root root " in shown.stdout


def test_an_archive_that_would_write_elsewhere_is_refused_before_any_machine_is_touched(
    repository: Repository, tmp_path: Path
) -> None:
    (tmp_path / "evil").symlink_to("/etc/passwd")
    artefacts.packed(repository.apps / "evil.tar.gz", tmp_path / "evil")
    before = containers("kinds")
    (repository.apps / "kinds.yml").write_text(APP.format(build="{package: evil.tar.gz, runtime: static}"))
    outcome = repository.deploy(app="kinds")
    assert outcome.rc != 0
    assert "evil" in outcome.output
    assert "link" in outcome.output
    assert outcome.touched == set()
    assert containers("kinds") == before


def running() -> tuple[str, str]:
    """Return node and name of the app's container."""
    (found,) = containers("kinds").values()
    name, _, node = found.partition("@")
    return node, name
