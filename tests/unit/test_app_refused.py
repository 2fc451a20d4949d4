# SPDX-License-Identifier: GPL-3.0-or-later
"""What an app file may not say, and the exact words for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.app_texts import HEAD, WEB, problems, process, top

BOTH = "stands beside context; expected one of context, image, package, git"


def cases(name: str) -> list[tuple[str, str]]:
    """Return the pairs of a table: what is written, and what is said about it."""
    text = Path(__file__).with_name(name).read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(field, words.strip()) for field, words in zip(lines[::2], lines[1::2], strict=True)]


@pytest.mark.parametrize(("field", "words"), cases("refused_process.txt"))
def test_fields_of_a_process(field: str, words: str) -> None:
    column, _, rest = words.partition(" ")
    assert problems(process(field)) == [f"5:{column} processes.web.{rest}"]


@pytest.mark.parametrize(("line", "words"), cases("refused_app.txt"))
def test_fields_of_an_app(line: str, words: str) -> None:
    assert problems(top(line)) == [f"4:{words}"]


def test_a_canary_needs_a_process_that_gets_requests() -> None:
    said = "4:10 update.canary: has no process that gets requests; expected a process with a port and a route"
    for processes in ("{worker: {}}", "{web: {}}", "{api: {port: 80}}"):
        assert problems(f"{HEAD}processes: {processes}\nupdate: {{canary: {{}}}}\n") == [said]
    routes = "routes: [{domain: a.example, process: api}]"
    assert problems(f"{HEAD}processes: {{api: {{port: 80}}}}\nupdate: {{canary: {{}}}}\n{routes}\n") == []


def test_a_process_on_every_node_is_not_counted() -> None:
    alone = "stands beside mode: global; expected one of the two: global is one instance on every node"
    process_ = "{placement: {mode: global, spread: zone, max_skew: 1}, scale: 2}"
    assert problems(f"{HEAD}processes: {{web: {process_}}}\n") == [
        f"3:45 processes.web.placement.spread: {alone} that may hold it",
        f"3:59 processes.web.placement.max_skew: {alone} that may hold it",
        f"3:73 processes.web.scale: {alone} that may hold it",
    ]


def test_a_canary_needs_a_process_that_may_run_twice() -> None:
    said = (
        "4:10 update.canary: has no process that could try a release; expected no canary: what has volumes or"
        " publish stops before its successor starts"
    )
    canary = "update: {canary: {}}\n"
    stored = "volumes: [{name: data, path: /data}]"
    for kept in (stored, "publish: 5432"):
        assert problems(f"{HEAD}processes: {{web: {{port: 80, {kept}}}}}\n{canary}") == [said]
    routes = "routes: [{domain: a.example, process: api}]\n"
    beside = f"{HEAD}processes: {{web: {{port: 80, {stored}}}, api: {{port: 81}}}}\n{canary}{routes}"
    assert problems(beside) == []
    read_only = "volumes: [{name: a, path: /a, node: /srv/a, read_only: true}]"
    assert problems(f"{HEAD}processes: {{web: {{port: 80, {read_only}}}}}\n{canary}") == []


def test_routers_lead_to_http_alone() -> None:
    db = "{port: 5432, publish: 5432, health: {kind: tcp}}"
    assert problems(f"{HEAD}processes: {{db: {db}}}\n") == []
    routes = "routes: [{domain: a.example, process: db}]"
    assert problems(f"{HEAD}processes: {{db: {db}}}\n{routes}\n") == [
        (
            '4:39 routes[0].process: speaks TCP, and routers lead to HTTP; got "db"; expected a process that'
            " is asked by HTTP, or no kind: tcp in processes.db.health"
        )
    ]
    alone = "needs a port to lead to; expected a port beside it"
    assert problems(f"{HEAD}processes: {{db: {{publish: 5432}}}}\n") == [
        f"3:18 processes.db.publish: {alone}"
    ]


@pytest.mark.parametrize("port", ["0", "65536", "80.5", "'80'"])
def test_ports(port: str) -> None:
    said = problems(f"{HEAD}processes: {{web: {{port: {port}}}}}\n")
    assert len(said) == 1
    assert said[0].startswith("3:25 processes.web.port: is ")
    assert said[0].endswith("; expected a whole number from 1 to 65535")


@pytest.mark.parametrize(
    "domain",
    [
        *("a b", "-f", "${VAR}", "a.example\\nuse_backend x", "*.example.com", "a..b", ".a", "a.", "a-.b"),
        *("a_b.c", "a.b:80", "http://a.b", "a.b/c", "10.0.0.1", "2001:db8::1", "1.2", "b\u00fccher.example"),
        *("", "a" * 64 + ".b", ".".join(["a" * 50] * 6), "a\\tb", "{{ x }}", "%[src]", "a\\\\.b", "#", '\\"'),
    ],
)
def test_domains(domain: str) -> None:
    said = problems(top(f'routes: [{{domain: "{domain}", process: web}}]'))
    assert len(said) == 1
    assert said[0].startswith("4:19 routes[0].domain: is not a domain; got ")
    assert said[0].endswith(
        "; expected a host name such as shop.example.com: letters, digits, hyphens and dots"
    )
    assert "\n" not in said[0]


@pytest.mark.parametrize("name", ["", "a" * 41, "1a", "-a", "a-", "A", "a_b", "a.b", "a b", "../a", "\u00e9"])
def test_names(name: str) -> None:
    said = problems(f'app: "{name}"\nbuild: {{image: a}}\nprocesses: {{"{name}": {{}}}}', f"apps/{name}.yml")
    rules = "1 to 40 characters of a-z, 0-9 and -, beginning with a letter, not ending in -"
    assert len(said) == 2
    assert "app: is not a name; got " in said[0]
    assert "3:13 processes." in said[1]
    assert all(line.endswith(f"; expected {rules}") for line in said)


@pytest.mark.parametrize(
    "image",
    ["Nginx", "a:b:c", "a@sha256:12", "-a", "a b", "a:", "/a", "a//b", "$(id)", f"a:1@sha256:{0:064}"],
)
def test_images(image: str) -> None:
    said = problems(top("").replace("nginx", f"'{image}'"))
    assert len(said) == 1
    assert said[0].startswith("2:16 build.image: is not an image; got ")
    assert said[0].endswith("; expected NAME, NAME:TAG or NAME@sha256:DIGEST")


@pytest.mark.parametrize(
    "context", ["..", "../shop", "a/../../b", "/etc", ".", "./a", "a b", "", "a/", "~", "$HOME"]
)
def test_contexts(context: str) -> None:
    said = problems(f"app: shop\nbuild: {{context: '{context}'}}\n{WEB}")
    assert len(said) == 1
    assert said[0].startswith("2:18 build.context: is not a build context; got ")


PACKAGE = "expected a file beside this file, such as shop-1.2.tar.gz, or an http(s):// URL of one"


@pytest.mark.parametrize(
    "package",
    [
        "../a.zip",
        "/a.zip",
        "a b.zip",
        "-a.zip",
        "a/",
        "http://u:p@h/a.zip",
        "ftp://h/a.zip",
        "http://h/a.zip?x=1",
    ],
)
def test_packages(package: str) -> None:
    said = problems(f"app: shop\nbuild: {{package: '{package}', runtime: static}}\n{WEB}")
    assert said[0].startswith("2:18 build.package: is not a package; got ")
    assert said[0].endswith(PACKAGE)


@pytest.mark.parametrize(
    "url",
    [
        *("-a", "--upload-pack=x", "file:///srv/a", "/srv/a", "http://h/a", "git://h/a", "ext::sh -c x"),
        *("https://u:p@h/a", "https://u@h/a", "ssh://-oProxyCommand=x/a", "ssh://u:p@h/a", "u@h:-a", "a b"),
    ],
)
def test_repositories(url: str) -> None:
    said = problems(f"app: shop\nbuild: {{git: {{url: '{url}'}}}}\n{WEB}")
    assert len(said) == 1
    assert said[0].startswith("2:20 build.git.url: is not a repository; got ")


@pytest.mark.parametrize("ref", ["-a", "a..b", "a b", "a^", "a~1", "a:b", "a.lock", "a/", "@{1}", ""])
def test_refs(ref: str) -> None:
    said = problems(f"app: shop\nbuild: {{git: {{url: 'git@h:a', ref: '{ref}'}}}}\n{WEB}")
    assert len(said) == 1
    assert said[0].startswith("2:36 build.git.ref: is not a branch, tag or commit; got ")


def test_what_stands_under_secret_is_never_repeated() -> None:
    for line in ("env: {secret: [A=hunter2]}", "env: {secret: {A: hunter2}}", "env: {secret: hunter2}"):
        said = problems(top(line))
        assert len(said) == 1
        assert "hunter2" not in said[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("app: shp\nbuild: {image: a}\n" + WEB, '1:6 app: is not the file\'s name; got "shp"; expected shop'),
        (
            "build: {image: a}\n" + WEB,
            "1:1 app: is missing; expected the app's name, which is also the file's",
        ),
        (
            "app: shop\nbuild: {context: a, image: b}\n" + WEB,
            f"2:21 build.image: {BOTH}",
        ),
        (
            "app: shop\nbuild: {image: a, target: b}\n" + WEB,
            "2:19 build.target: stands beside image; expected context or git, which are built",
        ),
        (
            "app: shop\nbuild: {context: a, args: {FAIRLEAD_REGISTRY: b}}\n" + WEB,
            "2:28 build.args.FAIRLEAD_REGISTRY: is set by the platform; expected another name",
        ),
        (
            "app: shop\nbuild: {context: a, target: Up}\n" + WEB,
            (
                '2:29 build.target: is not a stage; got "Up"; '
                "expected the name of a stage, FROM … AS NAME: a-z, 0-9 and _ . -, or its number"
            ),
        ),
        (
            "app: shop\nbuild: {context: a, dockerfile: ../b}\n" + WEB,
            (
                '2:33 build.dockerfile: is not a path; got "../b"; '
                "expected a path inside the context, with no .. in it"
            ),
        ),
        (
            "app: shop\nbuild: {package: a.rar, runtime: static}\n" + WEB,
            (
                '2:18 build.package: has an ending that is not known; got "a.rar"; '
                "expected a name that ends in .tar.gz, .tgz, .tar.zst or .zip"
            ),
        ),
        (
            "app: shop\nbuild: {package: a.zip}\n" + WEB,
            (
                "2:18 build.package: has no runtime beside it; "
                "expected runtime: one of golang, java, node, php, python, ruby, static"
            ),
        ),
        (
            "app: shop\nbuild: {package: 'https://h.example/a.zip', runtime: static}\n" + WEB,
            "2:18 build.package: has no sha256 beside it; expected sha256: what sha256sum prints of the file",
        ),
        (
            "app: shop\nbuild: {package: a.zip, runtime: pyton}\n" + WEB,
            (
                '2:34 build.runtime: is not a runtime; got "pyton"; expected one of '
                'golang, java, node, php, python, ruby, static (did you mean "python"?)'
            ),
        ),
        (
            "app: shop\nbuild: {package: a.zip, runtime: 'static:a b'}\n" + WEB,
            (
                '2:34 build.runtime: is not a runtime; got "static:a b"; '
                "expected an image tag such as 1.0.0: letters, digits, _ . - and at most 128 of them"
            ),
        ),
        (
            "app: shop\nbuild: {package: a.zip, runtime: static, sha256: abc}\n" + WEB,
            (
                '2:50 build.sha256: is not a SHA-256; got "abc"; '
                "expected the 64 hexadecimal digits that sha256sum prints"
            ),
        ),
        (
            "app: shop\nbuild: {package: a.zip, runtime: static, args: {A: b}}\n" + WEB,
            "2:42 build.args: stands beside package; expected context or git, which are built",
        ),
        (
            "app: shop\nbuild: {context: a, runtime: static, target: b}\n" + WEB,
            "2:38 build.target: stands beside runtime; expected one of the two",
        ),
        (
            f"app: shop\nbuild: {{context: a, sha256: '{0:064}'}}\n" + WEB,
            "2:21 build.sha256: stands beside context; expected package",
        ),
        (
            "app: shop\nbuild: {image: a, secrets: [B]}\n" + WEB,
            "2:19 build.secrets: stands beside image; expected context or git, which are built",
        ),
        (
            "app: shop\nbuild: {git: {ref: a}}\n" + WEB,
            (
                "2:14 build.git.url: is missing; expected where it is: "
                "https://HOST/PATH, ssh://USER@HOST/PATH or USER@HOST:PATH, without a password"
            ),
        ),
        (HEAD + "processes: {}", "3:12 processes: is empty; got a mapping; expected at least one"),
        ("[]", "1:1: is not a mapping; got a list; expected a mapping"),
        ("hello", '1:1: is not a mapping; got "hello"; expected a mapping'),
        (
            "app: shop\n" + WEB,
            (
                "1:1 build: is missing; "
                "expected where the image comes from: {context: DIRECTORY}, {image: NAME},"
                " {package: FILE, runtime: NAME} or {git: {url: URL}}"
            ),
        ),
        (
            "app: shop\nbuild: {}\n" + WEB,
            "2:8 build: has no source of the image; expected one of context, image, package, git",
        ),
        (
            HEAD + "processes: {web: {health: {}}}",
            "3:19 processes.web.health: needs a port to ask at; expected a port beside it",
        ),
        (
            HEAD + "processes: {a: {}}\nroutes: [{domain: a.b, process: a}]",
            '4:33 routes[0].process: has no port; got "a"; expected a port in processes.a',
        ),
    ],
)
def test_what_must_hold_together(text: str, expected: str) -> None:
    assert problems(text) == [expected]


def test_every_problem_is_said_at_once_and_each_only_once() -> None:
    text = (
        "app: Shop\napp: shop\nversion: 1.10\nprocesses:\n  web: {memory: 12X, scal: 1, health: {}}\n"
        "routes: [{domain: -f, process: x}]\n"
    )
    assert [line.partition(": ")[0] for line in problems(text)] == [
        "1:1 build",
        "1:6 app",
        "2:1 app",
        "3:10 version",
        "5:17 processes.web.memory",
        "5:22 processes.web.scal",
        "5:31 processes.web.health",
        "6:19 routes[0].domain",
        "6:32 routes[0].process",
    ]


VOCABULARY = """
with apart apps per preferences rule weight zone==a [zone] [shop/web] max_per max_skew spread mode global
app image processes web port 80 env clear secret routes domain process build context health command [a] []
{} [[]] {a:b} no 1.5 '' "" x-a true -1 PORT update placement constraints shop ~ *a &a
"""
WORDS = st.sampled_from(VOCABULARY.split())
LINES = st.lists(st.tuples(st.integers(0, 3), WORDS, WORDS), max_size=8).map(
    lambda rows: "".join(f"{'  ' * depth}{key}: {value}\n" for depth, key, value in rows)
)


def _flow(pairs: list[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"


NESTED = st.recursive(WORDS, lambda inner: st.lists(st.tuples(WORDS, inner), max_size=4).map(_flow))
LIKELY = NESTED.map(lambda value: top(f"env: {value}\nroutes: [{value}]\nupdate: {value}"))


PLACED = NESTED.map(lambda value: process(f"placement: {value}"))


@given(st.one_of(st.text(), st.binary(), LINES, NESTED, LIKELY, PLACED))
def test_nothing_but_refused_is_ever_raised(text: str | bytes) -> None:
    assert all("\n" not in line for line in problems(text))
