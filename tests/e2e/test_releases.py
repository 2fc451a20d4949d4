# SPDX-License-Identifier: GPL-3.0-or-later
"""Back, up, down and once more: what people do with releases, by hand."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from tests.e2e.conftest import Repository
from tests.e2e.shop import HOST, ROUTERS, WAYS, answers, containers, slots
from tests.load import under_load
from tests.playbook import Outcome, play

WEB = ["shop.web.1", "shop.web.2", "shop.web.3", "shop.web.4"]
EVERYTHING = [*WEB, "shop.worker.1"]
_MANIFESTS = "/var/lib/docker-registry/docker/registry/v2/repositories/shop/_manifests/revisions/sha256"


def greetings() -> set[str]:
    return {answers(router)["greeting"] for router in ROUTERS}


def verb(repository: Repository, name: str, *arguments: str, **variables: object) -> Outcome:
    """Run playbooks/NAME.yml for shop."""
    apps = str(repository.apps)
    return play(f"playbooks/{name}.yml", *arguments, on="lab", app="shop", fairlead_apps=apps, **variables)


def test_a_rollback_brings_environment_routes_and_formation_back_without_a_lost_request(
    deployed: Repository,
) -> None:
    before = int(answers()["release"].removeprefix("v"))
    deployed.edit(
        ("GREETING: hello", "GREETING: worse"),
        ("scale: 4", "scale: 3"),
        ("shop.example.com", "shop.example.net"),
    )
    assert deployed.deploy().rc == 0
    assert len(slots()) == len(EVERYTHING) - 1

    predicted = verb(deployed, "rollback", "--check", "--diff")
    with under_load(WAYS, HOST) as load:
        back = verb(deployed, "rollback", message="it was worse")

    assert back.rc == 0, back.output
    assert set(predicted.changed) == set(back.changed)
    assert "+ host shop.example.com -> shop.web" in predicted.output
    assert load.failures == []
    assert slots() == EVERYTHING
    assert greetings() == {"hello"}
    assert int(answers()["release"].removeprefix("v")) > before
    listed = verb(deployed, "releases")
    assert "rollback" in listed.output
    assert "it was worse" in listed.output


def test_a_rollback_says_when_there_is_nothing_to_return_to(deployed: Repository) -> None:
    before = containers()
    refused = verb(deployed, "rollback", to="v999")
    assert refused.rc != 0
    assert "shop has no release v999" in refused.output
    assert refused.changed == {}
    assert containers() == before


def test_a_rollback_to_an_image_that_is_gone_touches_nothing(
    deployed: Repository, on: Callable[..., str]
) -> None:
    source = deployed.apps / "shop" / "shop" / "pages.py"
    source.write_text(source.read_text() + "# an image of its own\n")
    assert deployed.deploy().rc == 0
    gone = int(answers()["release"].removeprefix("v"))
    image = on("n1", "docker", "ps", "--filter", "name=^shop.web.1-", "--format", "{{.Image}}")
    deployed.edit(("GREETING: hello", "GREETING: next"))
    source.write_text(source.read_text() + "# and another\n")
    assert deployed.deploy().rc == 0
    before = containers()
    digest = image.partition("@sha256:")[2]
    on("m1", "rm", "-r", f"{_MANIFESTS}/{digest}")

    refused = verb(deployed, "rollback", to=f"v{gone}")

    assert refused.rc != 0
    assert digest in refused.output
    assert refused.changed == {}
    assert containers() == before
    assert greetings() == {"next"}


def test_a_rollback_brings_the_values_of_secrets_back_that_the_release_had(
    deployed: Repository, on: Callable[..., str]
) -> None:
    def value() -> str:
        [name] = [name for name in containers().values() if name.startswith("shop.web.1-")]
        container, _, node = name.partition("@")
        return on(node, "docker", "exec", container, "sh", "-c", "echo $SESSION_KEY")

    deployed.edit(("GREETING: hello", "GREETING: other"))
    other = {"shop": {"SESSION_KEY": "another-session-key"}}
    assert deployed.deploy(fairlead_secrets=other).rc == 0
    assert value() == "another-session-key"

    back = verb(deployed, "rollback", "-vvv", fairlead_secrets=other)

    assert back.rc == 0, back.output
    assert value() == "lab-only-session-key"
    assert "lab-only-session-key" not in back.output
    assert (
        on("m1", "sh", "-c", "cat /var/lib/fairlead/ledger.db* | grep --text --count session-key || true")
        == "0"
    )


def test_a_scale_set_by_hand_survives_deploys_until_it_is_dropped(deployed: Repository) -> None:
    before = set(containers())
    assert verb(deployed, "scale", web=3).rc == 0
    assert set(containers()) < before
    assert len(slots()) == len(EVERYTHING) - 1

    again = deployed.deploy()
    assert again.changed == {}, again.output
    assert "web=3 was set by hand, the app file says 4" in again.output

    assert verb(deployed, "scale", web="spec").rc == 0
    assert slots() == EVERYTHING
    assert deployed.deploy().changed == {}


def test_a_scale_that_is_none_touches_nothing(deployed: Repository) -> None:
    for given, words in (({"web": "many"}, "web: is no scale; got 'many'"), ({}, "no scale is given")):
        refused = verb(deployed, "scale", **given)
        assert refused.rc != 0
        assert words in refused.output
        assert refused.changed == {}


def test_a_restart_replaces_every_instance_without_a_lost_request(deployed: Repository) -> None:
    before = set(containers())
    with under_load(WAYS, HOST) as load:
        restarted = verb(deployed, "restart")
    assert restarted.rc == 0, restarted.output
    assert load.failures == []
    assert slots() == EVERYTHING
    assert before.isdisjoint(containers())
    assert deployed.deploy().changed == {}


def test_a_pipeline_that_comes_late_is_refused_unless_it_is_meant(deployed: Repository) -> None:
    def git(*arguments: str) -> None:
        who = ("-c", "user.name=ada", "-c", "user.email=ada@example.com")
        subprocess.run(["git", "-C", str(deployed.apps.parent), *who, *arguments], check=True)

    git("init", "--quiet", "--initial-branch", "main")
    git("add", "apps")
    git("commit", "--quiet", "--message", "older")
    deployed.edit(("GREETING: hello", "GREETING: newer"))
    git("commit", "--quiet", "--all", "--message", "newer")
    assert deployed.deploy().rc == 0
    git("checkout", "--quiet", "HEAD~1")

    late = deployed.deploy()

    assert late.rc != 0
    assert "it is superseded" in late.output
    assert late.changed == {}
    assert greetings() == {"newer"}
    assert deployed.deploy(allow_older=True).rc == 0
    assert greetings() == {"hello"}
