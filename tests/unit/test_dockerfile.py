# SPDX-License-Identifier: GPL-3.0-or-later
"""The Dockerfiles that are written for those who bring none: word for word, in ``dockerfiles.txt``.

``python -m tests.unit.test_dockerfile`` writes that file anew; read what has changed in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.image.context import Kind
from ansible_collections.fairlead.paas.plugins.module_utils.source.contents import Contents, contents_of
from ansible_collections.fairlead.paas.plugins.module_utils.source.dockerfile import Written, write
from ansible_collections.fairlead.paas.plugins.module_utils.source.draft import Order, Unbuildable
from ansible_collections.fairlead.paas.plugins.module_utils.source.runtimes import (
    RUNTIMES,
    Runtime,
    detect,
    split_runtime,
)

EXPECTED = Path(__file__).with_name("dockerfiles.txt")
HEAD = """\
# SPDX-License-Identifier: GPL-3.0-or-later
# What tests/unit/test_dockerfile.py expects, case by case.
"""
INDEXES = {
    "go": "https://go.example",
    "java": "https://java.example/maven",
    "node": "https://node.example",
    "php": "http://php.example",
    "python": "http://python.example:8080/simple",
    "ruby": "https://ruby.example",
}


@dataclass(frozen=True)
class Case:
    """Names at the top of a source, ``x*`` a program and ``x/`` a directory; the texts of some files."""

    runtime: str
    names: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    package: bool = False
    indexes: Mapping[str, str] = field(default_factory=lambda: INDEXES)

    def contents(self) -> Contents:
        kinds = {"*": Kind.PROGRAM, "/": Kind.DIRECTORY}
        named = [(name.rstrip("*/"), kinds.get(name[-1], Kind.FILE)) for name in self.names.split()]
        read = {name: text.encode() for name, text in self.texts.items()}
        return contents_of([*named, *((name, Kind.FILE) for name in read)], read)

    def write(self) -> Written:
        order = Order(self.contents(), self.package, self.indexes)
        return write(split_runtime(self.runtime), order)


NPM = '{"scripts": {"start": "node server.js", "build": "vite build"}, "dependencies": {"a": "1"}}'
INSTALLS = '{"main": "a.js", "scripts": {"prepare": "x"}, "dependencies": {"a": "1"}}'
CASES = {
    "static files": Case("static", "index.html", package=True),
    "static program": Case("static", "serve* README", package=True),
    "static with neither": Case("static", "README", package=True),
    "golang compiled": Case("golang:12", "serve*", package=True),
    "golang module": Case("golang", "go.mod main.go templates/"),
    "golang vendored": Case("golang", "go.mod cmd/ cmd/serve/ vendor/", indexes={}),
    "golang without libraries": Case("golang", "go.mod main.go", indexes={}),
    "java war": Case("java", "shop.war", package=True),
    "java jar": Case("java", "shop.jar lib/", package=True),
    "java Maven": Case("java", texts={"pom.xml": "<project/>"}),
    "java Maven offline, a war": Case(
        "java", ".m2/ .m2/repository/", {"pom.xml": "<packaging>war</packaging>"}, indexes={}
    ),
    "python vendored": Case("python", "main.py vendor/", package=True),
    "python with requirements": Case("python", "app.py", {"requirements.txt": "flask\n"}),
    "python with requirements in files": Case("python", "app.py", {"requirements.txt": "-r more.txt\n"}),
    "python with wheels": Case("python", "app.py wheels/", {"requirements.txt": "flask\n"}, indexes={}),
    "python with empty requirements": Case("python", "app.py", {"requirements.txt": "# none\n"}, indexes={}),
    "python project alone": Case(
        "python", "src/", {"pyproject.toml": '[project]\nscripts = {shop = "shop:main"}\n'}, indexes={}
    ),
    "python project with dependencies": Case(
        "python", "__main__.py", {"pyproject.toml": '[project]\ndependencies = ["flask"]\n'}
    ),
    "node alone": Case("node", "index.js", package=True),
    "node built": Case("node", "package-lock.json", {"package.json": NPM}),
    "node package": Case("node", "package-lock.json", {"package.json": NPM}, package=True),
    "node with its modules": Case("node", "node_modules/", {"package.json": NPM}, package=True, indexes={}),
    "node with a script that installs": Case(
        "node",
        texts={"package.json": '{"main": "a.js", "scripts": {"prepare": "x"}, "dependencies": {"a": "1"}}'},
    ),
    "php served": Case("php", "index.php", package=True),
    "php with packages": Case("php", "public/", {"composer.json": '{"require": {"php": "8", "a/b": "1"}}'}),
    "ruby rack": Case("ruby", "Gemfile.lock config.ru", {"Gemfile": "gem 'rack'\n"}),
    "ruby with cached gems": Case(
        "ruby", "app.rb vendor/ vendor/cache/", {"Gemfile": "gem 'a'\n"}, indexes={}
    ),
    "ruby alone": Case("ruby", "main.rb", {"Gemfile": "# none\n"}, indexes={}),
}


def rendered(case: Case) -> str:
    written = case.write()
    args = "".join(f"# {name}={value}\n" for name, value in sorted(written.args.items()))
    lacks = f"# lacks a command: {written.lacks}\n" if written.lacks else ""
    return f"{args}{lacks}{written.text}"


def expected() -> dict[str, str]:
    parts = EXPECTED.read_text().split("\n=== ")[1:]
    return {head: text for head, _, text in (part.partition("\n") for part in parts)}


@pytest.mark.parametrize("name", CASES)
def test_dockerfiles(name: str) -> None:
    assert rendered(CASES[name]) == expected()[name].rstrip("\n") + "\n"


def test_no_case_is_expected_that_is_not_tried() -> None:
    assert [*expected()] == [*CASES]
    assert {case.runtime.partition(":")[0] for case in CASES.values()} == set(RUNTIMES)


@pytest.mark.parametrize("name", CASES)
def test_they_need_nothing_of_new_engines(name: str) -> None:
    text = CASES[name].write().text
    for modern in ("# syntax", "--mount", "--chmod", "--link", "<<", "--parents", "--exclude", "ADD "):
        assert modern not in text
    last = text.rpartition("FROM ")[2]
    assert "ARG " not in last  # and so not in what the image tells of its making
    assert "\nWORKDIR /app\nUSER app\n" in last


REFUSED = {
    "has no go.mod; expected a module of Go": Case("golang", "main.go"),
    "has no program to compile; expected files of package main at its top, or one directory in cmd/": Case(
        "golang", "go.mod cmd/ cmd/a/ cmd/b/"
    ),
    "has no pom.xml; expected a project of Maven's, or a package with a .war or a .jar": Case("java"),
    (
        "needs what its pom.xml names, and no index is named; "
        "expected fairlead_indexes.java, or a .m2/repository in it"
    ): Case("java", "pom.xml", indexes={}),
    (
        "requirements.txt names packages, and no index is named; "
        "expected fairlead_indexes.python, or their wheels in wheels/"
    ): Case("python", texts={"requirements.txt": "flask"}, indexes={}),
    (
        "package.json names packages, and no index is named; "
        "expected fairlead_indexes.node, or them in node_modules/"
    ): Case("node", texts={"package.json": NPM}, indexes={}),
    "has a package.json that is no JSON; expected one that can be read": Case(
        "node", texts={"package.json": "["}
    ),
    "has a package.json whose scripts.start is no command; expected quotes that are closed": Case(
        "node", texts={"package.json": '{"scripts": {"start": "node \'a"}}'}
    ),
    "has a composer.json that is no JSON; expected one that can be read": Case(
        "php", texts={"composer.json": "[" * 100_000}
    ),
    "has a pyproject.toml that is no TOML; expected one that can be read": Case(
        "python", texts={"pyproject.toml": "["}
    ),
    (
        "Gemfile names gems, and no index is named; expected fairlead_indexes.ruby, or them in vendor/cache/"
    ): Case("ruby", texts={"Gemfile": "gem 'a'"}, indexes={}),
}


@pytest.mark.parametrize("words", REFUSED)
def test_sources_that_cannot_be_built(words: str) -> None:
    with pytest.raises(Unbuildable) as error:
        REFUSED[words].write()
    assert f"{error.value}; expected {error.value.expected}" == words


LACKS = {
    "several files at its top are executable: a, b": Case("golang", "a* b*", package=True),
    "there are a.war, b.war at its top": Case("java", "a.war b.war", package=True),
    "there is no .war and no .jar at its top": Case("java", "a.txt", package=True),
    "there is none of app.py, main.py, __main__.py at its top": Case("python", "shop.py", package=True),
    "package.json has neither scripts.start nor main, and there is no server.js and no index.js": Case(
        "node", "a.js", package=True
    ),
    "there is none of config.ru, app.rb, main.rb at its top": Case("ruby", "shop.rb", package=True),
}


@pytest.mark.parametrize("words", LACKS)
def test_sources_that_do_not_say_how_they_start(words: str) -> None:
    written = LACKS[words].write()
    assert (written.command, written.lacks) == ((), words)
    assert "CMD" not in written.text


@pytest.mark.parametrize(
    ("names", "runtime", "why"),
    [
        ("requirements.txt app.py", "python", "requirements.txt"),
        ("pyproject.toml requirements.txt", "python", "requirements.txt"),
        ("package.json index.html", "node", "package.json"),
        ("go.mod", "golang", "go.mod"),
        ("pom.xml", "java", "pom.xml"),
        ("Gemfile", "ruby", "Gemfile"),
        ("composer.json index.php", "php", "composer.json"),
        ("index.php index.html", "php", "index.php"),
        ("index.html app.js", "static", "index.html"),
    ],
)
def test_detection(names: str, runtime: str, why: str) -> None:
    assert detect(Case("", names).contents()) == Runtime(runtime, why=why)


@pytest.mark.parametrize("names", ["", "README", "index.html/", "requirements.txt go.mod"])
def test_what_cannot_be_detected(names: str) -> None:
    with pytest.raises(ValueError, match="has no Dockerfile"):
        detect(Case("", names).contents())


def test_a_name_cannot_write_into_a_dockerfile() -> None:
    names = ('x"]\\nRUN*', "$(id)*", "a'b*", "é*")
    for name in names:
        line = Case("golang", package=True).write().text.count("\n") + 1
        text = write(
            Runtime("golang"),
            Order(contents_of([(name.rstrip("*"), Kind.PROGRAM)], {}), finished=True),
        ).text
        assert text.count("\n") == line


def test_every_template_is_for_a_runtime() -> None:
    templates = Path(__file__).parents[2] / "plugins/module_utils/source/dockerfiles"
    assert sorted(each.stem for each in templates.iterdir()) == sorted(RUNTIMES)


if __name__ == "__main__":
    EXPECTED.write_text(HEAD + "".join(f"\n=== {name}\n{rendered(case)}" for name, case in CASES.items()))
