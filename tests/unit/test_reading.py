# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML to a document: what comes through, where it stands, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.app.document import Document, Path
from ansible_collections.fairlead.paas.plugins.module_utils.app.reading import parse_document
from ansible_collections.fairlead.paas.plugins.module_utils.errors import Refused

ONE = "; expected one well-formed YAML document"
NO_TAGS = "expected plain YAML without tags"
TWO_WAYS = "in quotes if it is text, or a plain decimal number"


def read(text: str | bytes) -> Document:
    return parse_document("a.yml", text if isinstance(text, bytes) else text.encode())


def problems(text: str | bytes) -> list[str]:
    """Return all problems of a text, fatal or not."""
    try:
        return [str(problem) for problem in sorted(read(text).problems)]
    except Refused as refused:
        return [str(problem) for problem in refused.problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1", {"a": 1}),
        ("\ufeffa: b", {"a": "b"}),
        ('"no": "1.10"', {"no": "1.10"}),
        ("a: !!str 1.10", {"a": "1.10"}),
        ("a: [x, {b: 0.5}]", {"a": ["x", {"b": 0.5}]}),
        ("a: '{{ 6 * 7 }}'", {"a": "{{ 6 * 7 }}"}),
        ("x-note: no\na: {x-b: 010, c: d}", {"a": {"c": "d"}}),
        ("x-web: &web {a: 1, b: 2}\nc: {<<: *web, b: 3}", {"c": {"a": 1, "b": 3}}),
        (
            "k: &a {a: 1}\nl: &b {a: 2, b: 2}\nm: {<<: [*a, *b]}",
            {"k": {"a": 1}, "l": {"a": 2, "b": 2}, "m": {"a": 1, "b": 2}},
        ),
        ("a: &a [1]\nb: *a", {"a": [1], "b": [1]}),
        ("a: |\n  one\n  two\n", {"a": "one\ntwo\n"}),
    ],
)
def test_what_comes_through(text: str, value: object) -> None:
    document = read(text)
    assert document.problems == ()
    assert document.value == value


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ((), "a.yml:2:1"),
        (("processes", "web", "memory"), "a.yml:4:13 processes.web.memory"),
        (("routes", 1, "domain"), "a.yml:7:14 routes[1].domain"),
        (("routes", 1, "process"), "a.yml:7:5 routes[1].process"),
        (("nothing", "at", "all"), "a.yml:2:1 nothing.at.all"),
    ],
)
def test_problems_point_at_values_or_at_what_should_hold_them(path: Path, place: str) -> None:
    text = "# a comment\nprocesses:\n  web:\n    memory: 12X\nroutes:\n  - domain: a\n  - {domain: b}\n"
    document = read(text)
    assert str(document.problem(path, "is wrong")).startswith(f"{place}: is wrong")


def test_key_problems_point_at_keys() -> None:
    document = read("a:\n  bc: d\n")
    assert str(document.key_problem(("a", "bc"), "is wrong")) == "a.yml:2:3 a.bc: is wrong"


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("", "1:1", "is empty; expected an app"),
        ("# only a comment\n", "1:1", "is empty; expected an app"),
        ("a: b\n\tc: d", "2:1", "malformed YAML: found character '\\t' that cannot start any token" + ONE),
        ("a: *b", "1:4", "malformed YAML: found undefined alias 'b'" + ONE),
        ("a: b: c", "1:5", "malformed YAML: mapping values are not allowed here" + ONE),
        ("a: b\n---\nc: d", "2:1", "more than one YAML document" + ONE),
        (b"a: b\nc: \xff", "2:4", "not UTF-8; got byte 0xFF; expected UTF-8 text"),
        ("a: b".encode("utf-16"), "1:1", "not UTF-8; got byte 0xFF; expected UTF-8 text"),
        ("a: b\nc: d\0", "2:5", "a character that YAML does not allow; got U+0000"),
        ('a: "\\0"', "1:4 a", 'has a character that no text may hold; got "\\u0000"'),
        ('a: "\\ud800"', "1:4 a", 'has a character that no text may hold; got "\\ud800"'),
        ("a: 1\nb: 2\na: 3", "3:1 a", "is set twice; expected each key once"),
        ("a: {b: 1, b: 1}", "1:11 a.b", "is set twice; expected each key once"),
        ("a:\nb: 1", "1:3 a", "has no value; expected a value, or leave the key out"),
        ("a: no", "1:4 a", 'can be read in two ways; got no; expected "no" in quotes'),
        ("a: 1:30", "1:4 a", f'can be read in two ways; got 1:30; expected "1:30" {TWO_WAYS}'),
        ("on: a", "1:1 on", "is a key that is not text; got on; expected quotes around it"),
        ("80: a", "1:1 80", "is a key that is not text; got 80; expected quotes around it"),
        ("? [a]\n: b", "1:3", "has a key that is not text; expected text"),
        (
            "a: {{ b }}",
            "1:4 a",
            "has a key that is not text; expected text; braces in a text need quotes around it",
        ),
        ("a: !!python/name:os.system", "1:4 a", "has a tag; got !!python/name:os.system; " + NO_TAGS),
        ("a: !vault b", "1:4 a", "has a tag; got !vault; " + NO_TAGS),
        ("a: &a [*a]", "1:4 a[0]", "contains itself; expected an alias of something else"),
        ("a: &a {<<: *a}", "1:4 a", "contains itself; expected an alias of something else"),
        ("a: {<<: b}", "1:9 a.<<", "cannot be merged; expected an alias of a mapping"),
        ("[" * 5000, "1:17", "nested too deeply; expected at most 16 levels"),
    ],
)
def test_what_is_refused(text: str | bytes, place: str, words: str) -> None:
    assert problems(text) == [f"a.yml:{place}: {words}"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('a: "\\UFFFFFFFF"', "malformed YAML" + ONE),
        (b"#" * (256 * 1024 + 1), "too large; got 262145 bytes; expected at most 262144 bytes"),
    ],
)
def test_what_is_refused_as_a_whole(text: str | bytes, words: str) -> None:
    assert problems(text) == [f"a.yml: {words}"]


def test_all_lesser_problems_are_said_together() -> None:
    assert len(problems("a: no\nb: 010\nb: 1\nc:\n80: d\n")) == 5


@pytest.mark.parametrize(
    "text",
    [
        "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)),
        "a0: &a0 {b: 1}\n" + "".join(f"a{n}: &a{n} [{f'*a{n - 1}'}]\n" for n in range(1, 40)),
        "a0: &a0 {k0: 1}\n"
        + "".join(f"a{n}: &a{n} {{k{n}: 1, <<: [{', '.join([f'*a{n - 1}'] * 10)}]}}\n" for n in range(1, 9)),
        f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 1000)}]",
    ],
)
def test_alias_bombs_are_refused(text: str) -> None:
    assert len(problems(text)) == 1
    assert problems(text)[0].endswith(": aliases unfold to too much; expected at most 10000 values, 16 deep")


PIECES = """
a b : - { } [ ] , &a *a << ? !t !!str " ' | > # --- ... %YAML \\x é no 1.5 ~
"""
YAMLISH = st.lists(st.sampled_from([*PIECES.split(), ": ", "- ", " ", "\n", "\t", "\ufeff"])).map("".join)


@given(st.one_of(st.text(), st.binary(), YAMLISH))
@example("%YAML " + "9" * 5000 + ".1\n--- a")
@example("&a [&a [*a]]")
@example("? *a\n: &a b")
@example("&a {? [*a] : b}")
@example('"\\x')
def test_nothing_but_refused_is_ever_raised(text: str | bytes) -> None:
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    try:
        document = read(data)
    except Refused as refused:
        said = [str(problem) for problem in refused.problems]
    else:
        said = [str(problem) for problem in document.problems]
    assert all("\n" not in line and line.startswith("a.yml") for line in said)
