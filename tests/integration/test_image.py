# SPDX-License-Identifier: GPL-3.0-or-later
"""From a directory to a digest, with a real engine and a real registry; the second time nothing is made."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.containers.client import Engine
from ansible_collections.fairlead.paas.plugins.module_utils.containers.engine import pull
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.image.context import read_context
from ansible_collections.fairlead.paas.plugins.module_utils.image.converge import (
    Outcome,
    content_tag,
    converge,
    reference_tag,
)
from ansible_collections.fairlead.paas.plugins.module_utils.image.parcel import Shipment
from ansible_collections.fairlead.paas.plugins.module_utils.image.product import CACHE_KEY
from ansible_collections.fairlead.paas.plugins.module_utils.image.recipe import USUAL
from ansible_collections.fairlead.paas.plugins.module_utils.image.shipping import parcel_of, send
from ansible_collections.fairlead.paas.plugins.module_utils.image.wanted import Wanted
from ansible_collections.fairlead.paas.plugins.module_utils.image.workplace import LOGS, Workplace
from ansible_collections.fairlead.paas.plugins.module_utils.registry.client import Registry as Client
from ansible_collections.fairlead.paas.plugins.module_utils.registry.client import RegistryError
from ansible_collections.fairlead.paas.plugins.module_utils.registry.transport import Transport
from tests.integration.engine_rig import (
    APP,
    PULL,
    PUSH,
    ROOT,
    Registry,
    ansible,
    docker,
    import_image,
    pushed_image,
    running_registry,
    sweep_images,
    until,
)

BASE = f"{APP}-base:rig"
CANARY = "canary-of-the-build-secret"
KILLED = """
import sys
from pathlib import Path
from docker import APIClient
from tests.integration.engine_rig import Registry
from tests.integration.test_image import made
made(APIClient(), Registry(sys.argv[2]), context=Path(sys.argv[1]))
"""
DOCKERFILE = f'FROM {BASE}\nCOPY . /app\nCMD ["/app/run"]\n'


@pytest.fixture
def base(engine: Engine) -> Iterator[str]:
    assert engine.info()
    import_image(BASE)
    yield BASE
    sweep_images()


@pytest.fixture(name="empty")
def empty_registry() -> Iterator[Registry]:
    with running_registry() as running:
        yield running


@pytest.fixture
def context(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    root.mkdir()
    (root / "Dockerfile").write_text(DOCKERFILE)
    (root / "run").write_text("#!/bin/sh\nexec sleep 60\n")
    (root / "run").chmod(0o755)
    return root


def image(registry: Registry, *flags: str, **given: Any) -> dict[str, Any]:
    arguments = {"app": APP, "registry": registry.address, "push_auth": PUSH, **given}
    return ansible(
        "image", {name: str(v) if isinstance(v, Path) else v for name, v in arguments.items()}, *flags
    )


def logs_of(tag: str) -> list[Path]:
    """Return the logs of the builds of a content, the newest last."""
    return sorted(LOGS.glob(f"{APP}-*-{tag}.log"))


def newest_log(tag: str) -> Path:
    return logs_of(tag)[-1]


def tags(registry: Registry, name: str = APP, *references: str) -> list[str | None]:
    with closing(Client(registry.address, PULL)) as client:
        return [client.digest(name, reference) for reference in references]


@pytest.mark.usefixtures("base")
def test_it_is_foreseen_built_once_and_then_only_looked_up(empty: Registry, context: Path) -> None:
    name = f"{empty.address}/{APP}"
    foreseen = image(empty, "--check", "--diff", context=context, version="1.0.0")
    assert (foreseen["changed"], foreseen["predicted"]) == (True, True)
    assert foreseen["image"] == f"{name}@sha256:{0:064}"
    assert tags(empty, APP, foreseen["tag"]) == [None]

    built = image(empty, context=context, version="1.0.0")
    assert (built["changed"], built["predicted"], built["tag"]) == (True, False, foreseen["tag"])
    assert built["diff"] == foreseen["diff"]
    assert built["diff"]["prepared"] == f"+ {name}:{built['tag']} build\n+ {name}:1.0.0 tag\n"
    digest = built["image"].removeprefix(f"{name}@")
    assert tags(empty, APP, built["tag"], "1.0.0") == [digest, digest]

    again = image(empty, "--diff", context=context, version="1.0.0")
    assert (again["changed"], again["image"], again["diff"]["prepared"]) == (False, built["image"], "")
    assert "building" not in again["output"]
    assert "push-password" not in built["output"] + json.dumps(again)


def made(
    engine: Engine | Callable[[], Engine], registry: Registry, *, check: bool = False, **given: Any
) -> Outcome:
    """Do what action and module do, without Ansible between them."""
    connect = engine if callable(engine) else lambda: engine
    root = given.pop("context", None)
    auth = given.pop("auth", PUSH)
    with (
        tempfile.TemporaryFile() as tar,
        tempfile.NamedTemporaryFile() as pieces,
        closing(Client(registry.address, auth)) as client,
    ):
        if root:
            context = read_context(root, given.get("recipe", USUAL))
            context.pack(tar)
            parcel = parcel_of(tar)
            send(tar, parcel, parcel.distinct, pieces)
            shipped = Shipment(parcel, Path(pieces.name), whole=True)
            given |= {"tag": content_tag(context.hash()), "context": shipped}
        else:
            given |= {"tag": reference_tag(given["image"])}
        wanted = Wanted(app=APP, registry=registry.address, auth=auth, **given)
        return converge(wanted, client, connect, check=check)


def pulled_labels(engine: Engine, built: str) -> dict[str, str]:
    """Return the labels of an image as a node gets it."""
    pull(engine, built, PULL)
    labels: dict[str, str] = json.loads(
        docker("image", "inspect", "--format", "{{json .Config.Labels}}", built)
    )
    return labels


@pytest.mark.usefixtures("base")
def test_the_built_image_says_what_it_is_and_runs_from_its_digest(
    engine: Engine, empty: Registry, context: Path
) -> None:
    built = made(engine, empty, context=context, labels={"org.opencontainers.image.revision": "abc123"}).image
    tag = content_tag(read_context(context).hash())
    labels = pulled_labels(engine, built)
    docker("run", "--rm", "--entrypoint", "test", built, "-x", "/app/run")
    assert labels == {"io.fairlead.content": tag, "org.opencontainers.image.revision": "abc123"}


@pytest.mark.usefixtures("base")
def test_a_build_ends_with_the_stage_that_is_asked_for_and_knows_its_arguments(
    engine: Engine, empty: Registry, context: Path
) -> None:
    (context / "docker").mkdir()
    stages = f"FROM {BASE} AS small\nARG LEVEL\nLABEL level=$LEVEL\nFROM small AS large\nLABEL size=large\n"
    (context / "docker/web").write_text(stages)
    given = {"context": context, "dockerfile": "docker/web", "args": {"LEVEL": "7"}}
    small, large = image(empty, **given, target="small"), image(empty, **given)
    assert len({small["tag"], large["tag"], small["image"], large["image"]}) == 4
    labels = [pulled_labels(engine, each["image"]) for each in (small, large)]
    assert [(each["level"], each.get("size")) for each in labels] == [("7", None), ("7", "large")]
    assert image(empty, **given, target="small")["changed"] is False
    unknown = image(empty, **given, target="medium")
    assert unknown["failed"]
    assert "medium" in unknown["msg"]


@pytest.mark.usefixtures("base")
def test_another_content_takes_the_version_along_and_is_another_digest(
    engine: Engine, empty: Registry, context: Path
) -> None:
    name = f"{empty.address}/{APP}"
    first = made(engine, empty, context=context, version="dev")
    (context / "more").write_text("more")
    foreseen = made(engine, empty, context=context, version="dev", check=True)
    second = made(engine, empty, context=context, version="dev")
    assert second.image != first.image
    assert second.lines[1:] == (f"~ {name}:dev tag",)
    assert foreseen.lines == second.lines
    (context / "more").unlink()
    foreseen = made(engine, empty, context=context, version="dev", check=True)
    back = made(engine, empty, context=context, version="dev")
    assert (back.image, back.lines) == (first.image, (f"~ {name}:dev tag",))
    assert foreseen == back
    assert made(engine, empty, context=context, version="dev").lines == ()


def test_a_base_in_our_registry_is_pulled_with_the_push_account(
    engine: Engine, empty: Registry, context: Path
) -> None:
    based = f"{APP}-ourbase"
    assert pushed_image(empty, based)
    docker("image", "rm", "--force", f"{empty.address}/{based}:rig")
    (context / "Dockerfile").write_text(f"ARG FAIRLEAD_REGISTRY\nFROM ${{FAIRLEAD_REGISTRY}}/{based}:rig\n")
    assert made(engine, empty, context=context).lines


@pytest.mark.usefixtures("base")
def test_the_failing_step_is_said_with_what_it_printed(
    engine: Engine, empty: Registry, context: Path
) -> None:
    dockerfile = f'FROM {BASE}\nRUN ["echo", "first"]\nRUN ["ls", "/no-such-thing"]\n'
    (context / "Dockerfile").write_text(dockerfile)
    tag = content_tag(read_context(context).hash())
    with pytest.raises(FairleadError) as caught:
        made(engine, empty, context=context)
    lines = str(caught.value).splitlines()
    assert f'{APP}:{tag} cannot be built: at [3/3] RUN ["ls", "/no-such-thing"]: ' in lines[0]
    assert lines[1:] == [
        "ls: /no-such-thing: No such file or directory",
        f"The whole log is on this builder: {newest_log(tag)}",
    ]
    assert '[2/3] RUN ["echo", "first"]' in newest_log(tag).read_text()
    assert newest_log(tag).stat().st_mode & 0o777 == 0o600
    assert tags(empty, APP, tag) == [None]


def test_a_base_that_does_not_exist_is_said_and_nothing_is_pushed(
    engine: Engine, empty: Registry, context: Path
) -> None:
    (context / "Dockerfile").write_text(
        "ARG FAIRLEAD_REGISTRY\nFROM ${FAIRLEAD_REGISTRY}/nothing:1\nCOPY . /app\n"
    )
    tag = content_tag(read_context(context).hash())
    with pytest.raises(FairleadError) as caught:
        made(engine, empty, context=context)
    said = str(caught.value).splitlines()[0]
    assert said.startswith(f"image {empty.address}/{APP}:{tag} cannot be built: ")
    assert f"{empty.address}/nothing:1" in said
    assert "not found" in said
    assert tags(empty, APP, tag, "buildcache") == [None, None]


@pytest.mark.usefixtures("base")
def test_what_a_build_says_is_shown_while_it_runs(empty: Registry, context: Path) -> None:
    (context / "Dockerfile").write_text(f"FROM {BASE}\nRUN echo one; echo two; : {uuid4()}\n")
    said = image(empty, context=context)["output"].splitlines()
    steps = [re.sub(r"^  #[0-9]+ [0-9.]+ ", "", line) for line in said]
    assert steps.index("one") < steps.index("two") < steps.index("  pushing")


@pytest.mark.usefixtures("base")
def test_a_build_reads_a_secret_that_nobody_sees_afterwards(
    engine: Engine, empty: Registry, context: Path
) -> None:
    # Cached steps say nothing.
    mounted = "--mount=type=secret,id=TOKEN"
    read = f"RUN {mounted} cat /run/secrets/TOKEN && wc -c < /run/secrets/TOKEN > /length; : {uuid4()}\n"
    (context / "Dockerfile").write_text(f"FROM {BASE}\nCOPY . /app\n{read}")
    given = {"context": context, "secrets": ["TOKEN"]}
    without = image(empty, **given)
    assert "build.secrets TOKEN: has no value" in without["msg"]
    built = image(empty, "-vvv", "-e", json.dumps({"fairlead_secrets": {APP: {"TOKEN": CANARY}}}), **given)
    pull(engine, built["image"], PULL)
    assert docker("run", "--rm", built["image"], "cat", "/length") == str(len(CANARY))
    saved = subprocess.run(["docker", "save", built["image"]], capture_output=True, check=True).stdout
    log = newest_log(built["tag"]).read_text()
    assert "********" in log
    for seen in (saved.decode(errors="replace"), log, built["output"].replace("extra_vars", "")):
        assert CANARY not in seen


@pytest.mark.usefixtures("base")
def test_content_that_is_there_costs_one_question(
    engine: Engine, empty: Registry, context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(engine, empty, context=context)
    asked: list[str] = []
    ask = Transport.open

    def heard(way: Transport, method: str, path: str, *rest: Any) -> Any:
        asked.append(f"{method} {path}")
        return ask(way, method, path, *rest)

    monkeypatch.setattr(Transport, "open", heard)
    tag = content_tag(read_context(context).hash())
    assert made(engine, empty, context=context).lines == ()
    assert asked == [f"HEAD /v2/{APP}/manifests/{tag}"]


@pytest.mark.usefixtures("base")
def test_the_same_content_is_the_same_digest_whenever_it_is_built(
    engine: Engine, empty: Registry, context: Path
) -> None:
    (context / "Dockerfile").write_text(f"FROM {BASE}\nCOPY . /app\nRUN mkdir /made && echo x > /made/x\n")
    first = made(engine, empty, context=context)
    anew = made(engine, empty, context=context, fresh=True)
    assert anew.lines
    assert anew.image == first.image
    with running_registry() as other:
        elsewhere = made(engine, other, context=context, fresh=True).image
    assert elsewhere.partition("@")[2] == first.image.partition("@")[2]


@pytest.mark.usefixtures("base")
def test_the_registry_keeps_what_later_builds_take_their_steps_from(
    engine: Engine, empty: Registry, context: Path
) -> None:
    first = made(engine, empty, context=context).image
    with closing(Client(empty.address, PULL)) as client:
        cache, image_ = (client.manifest(APP, each) for each in ("buildcache", first.partition("@")[2]))
        assert cache
        assert image_
        assert cache.data["layers"] == image_.data["layers"]
        assert CACHE_KEY in json.loads(client.blob(APP, cache.data["config"]["digest"]))
        assert CACHE_KEY not in json.loads(client.blob(APP, image_.data["config"]["digest"]))


@pytest.mark.usefixtures("base")
def test_who_builds_the_same_content_at_once_waits_and_pushes_nothing(
    engine: Engine, empty: Registry, context: Path
) -> None:
    (context / "Dockerfile").write_text(f"FROM {BASE}\nRUN sleep 1; : {uuid4()}\n")
    making = []

    def connect() -> Engine:
        making.append(1)
        return engine

    with ThreadPoolExecutor(3) as pool:
        builds = [pool.submit(made, connect, empty, context=context) for _ in range(3)]
        images = {each.result().image for each in builds}
    assert (len(images), len(making)) == (1, 1)
    assert not (Workplace().folder / "work" / APP).exists()


@pytest.mark.usefixtures("base")
def test_a_build_that_is_killed_leaves_nothing_that_a_later_one_minds(
    engine: Engine, empty: Registry, context: Path
) -> None:
    (context / "Dockerfile").write_text(f"FROM {BASE}\nRUN echo begun; sleep 2; : {uuid4()}\n")
    tag = content_tag(read_context(context).hash())
    command = [sys.executable, "-c", KILLED, str(context), empty.address, tag]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT}/.collections"}
    with subprocess.Popen(command, env=environment) as process:
        until(lambda: any(" begun" in log.read_text() for log in logs_of(tag)), "it has begun")
        process.kill()
    left = Workplace().folder / "work" / APP
    assert left.is_dir()
    assert made(engine, empty, context=context).lines
    assert not left.exists()


def test_a_local_image_is_copied_once_by_its_reference(engine: Engine, empty: Registry, base: str) -> None:
    copied = made(engine, empty, image=base)
    assert copied.lines == (f"+ {empty.address}/{APP}:{reference_tag(base)} copy of {base}",)
    assert made(engine, empty, image=base) == Outcome(copied.image)
    pull(engine, copied.image, PULL)
    docker("run", "--rm", copied.image, "true")


def test_an_image_that_is_nowhere_is_said(engine: Engine, empty: Registry) -> None:
    with pytest.raises(FairleadError, match=r"^image 127\.0\.0\.1:1/nowhere:1 cannot be pulled: .*refused"):
        made(engine, empty, image="127.0.0.1:1/nowhere:1")


def test_an_image_of_our_registry_is_only_looked_up(engine: Engine, registry: Registry, digest: str) -> None:
    for written in (f"REGISTRY/{APP}:rig", f"{registry.address}/{APP}:rig", digest):
        assert made(engine, registry, image=written, version="1") == Outcome(digest)
    with pytest.raises(FairleadError, match=f"image absent:1 is not in our registry {registry.address}"):
        made(engine, registry, image="REGISTRY/absent:1")


@pytest.mark.parametrize(
    ("address", "password", "said"),
    [
        ("", "guessed", "the registry answers 401, the account is refused"),
        ("127.0.0.1:1", "push-password", r"registry 127.0.0.1:1 gives no answer: .*Connection refused"),
    ],
)
def test_a_registry_that_cannot_be_used_is_said(
    engine: Engine, registry: Registry, address: str, password: str, said: str
) -> None:
    auth = {"username": "push", "password": password}
    with pytest.raises(FairleadError, match=said):
        made(engine, Registry(address or registry.address), image="any", auth=auth)


def test_an_app_file_says_what_to_build(empty: Registry, context: Path, base: str) -> None:
    apps = context.parent
    (apps / f"{APP}.yml").write_text(
        f'app: {APP}\nversion: "7"\nbuild: {{context: shop}}\nprocesses: {{web: {{command: [/app/run]}}}}\n'
    )
    foreseen = image(empty, "--check", apps=apps)
    assert foreseen["diff"]["prepared"].splitlines()[1].endswith(f"{APP}:7 tag")
    (apps / f"{APP}.yml").write_text(f"app: {APP}\nbuild: {{image: '{base}'}}\nprocesses: {{web: {{}}}}\n")
    assert f"copy of {base}" in image(empty, "--check", apps=apps)["diff"]["prepared"]


@pytest.mark.usefixtures("base")
def test_of_a_large_context_only_what_the_builder_lacks_is_sent(
    engine: Engine, empty: Registry, context: Path
) -> None:
    blob = os.urandom(3 * 2**20)
    for number in range(4):
        (context / f"blob-{number}").write_bytes(blob[number:])
    first = image(empty, context=context)
    # What an earlier test has left of this app's context may have some of the small ones.
    assert re.search("sending [4-7] of 7 pieces", first["output"])
    (context / "run").write_text("#!/bin/sh\nexec sleep 61\n")
    second = image(empty, context=context)
    assert "sending 1 of 7 pieces" in second["output"]
    pull(engine, second["image"], PULL)
    assert "sleep 61" in docker("run", "--rm", second["image"], "cat", "/app/run")
    (context / "blob-1").unlink()
    assert re.search("sending [01] of 6 pieces", image(empty, context=context)["output"])


def test_nothing_of_the_context_is_left_on_the_builder(empty: Registry, context: Path, base: str) -> None:
    assert base
    remote = context.parent / "remote"
    built = image(empty, "-e", f"ansible_remote_tmp={remote}", context=context)
    assert built["changed"]
    assert list(remote.rglob("pieces")) == []


def test_a_context_that_cannot_be_built_is_refused_with_all_reasons(empty: Registry, context: Path) -> None:
    (context / "out").symlink_to("../../etc/passwd")
    (context / "python").symlink_to("/usr/bin/python3")
    said = image(empty, context=context)
    assert said["failed"]
    assert said["msg"].count("is a link that leads out of the build context") == 2


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a certificate for 127.0.0.1 that is its own CA, and its key."""
    place = tmp_path_factory.mktemp("tls")
    crt, key = place / "ca.crt", place / "key"
    names = [
        "-subj",
        "/CN=rig",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-addext",
        "basicConstraints=CA:TRUE",
    ]
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run([*new, "-days", "2", "-keyout", key, "-out", crt, *names], check=True, capture_output=True)
    return crt, key


def test_a_registry_with_a_ca_is_asked_over_verified_tls(
    certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    with running_registry(certificate) as secure:
        trusted, distrusted = tmp_path / "trusted", tmp_path / "distrusted"
        for place, ca in ((trusted, certificate[0].read_text()), (distrusted, another_ca(tmp_path))):
            (place / secure.address).mkdir(parents=True)
            (place / secure.address / "ca.crt").write_text(ca)
        with closing(Client(secure.address, PULL, trusted)) as client:
            assert client.digest(APP, "none") is None
        with (
            closing(Client(secure.address, PULL, distrusted)) as client,
            pytest.raises(
                RegistryError, match="is not trusted: self-signed certificate; its CA belongs into"
            ),
        ):
            client.digest(APP, "none")


def another_ca(place: Path) -> str:
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=other", "-days", "2"]
    subprocess.run([*new, "-keyout", place / "k", "-out", place / "c"], check=True, capture_output=True)
    return (place / "c").read_text()
