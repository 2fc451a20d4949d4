# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rules of placement of one app say of the others: names, circles, contradictions."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.app.file import parse_app
from ansible_collections.fairlead.paas.plugins.module_utils.app.neighbours import check_neighbours

Written = Mapping[str, str]  # APP/PROCESS -> the rules of its placement


def said(written: Written, *broken: str) -> list[str]:
    """Return what is said of apps, of which each process stands on a line of its own, from the fourth."""
    lines: dict[str, list[str]] = {}
    for process, rules in written.items():
        app, _, name = process.partition("/")
        lines.setdefault(app, []).append(f"  {name}: {{placement: {{{rules}}}}}\n")
    texts = {
        app: f"app: {app}\nbuild: {{image: a}}\nprocesses:\n{''.join(own)}" for app, own in lines.items()
    }
    apps = {app: parse_app(f"apps/{app}.yml", text.encode()) for app, text in texts.items()}
    return [str(problem) for problem in sorted(check_neighbours(apps, (*apps, *broken)))]


@pytest.mark.parametrize(
    "written",
    [
        {"shop/web": "with: [cache]", "cache/main": ""},
        {"shop/web": "with: [cache/main, shop/worker]", "shop/worker": "", "cache/main": ""},
        {"shop/web": "apart: [cache, '*', shop/worker]", "shop/worker": "", "cache/main": ""},
        {"shop/web": "apart: ['*']", "cache/main": "apart: ['*']"},
        {"shop/web": "apart: [cache]", "cache/main": "apart: [shop]"},
        # not the same process: any other of the app will do
        {"shop/web": "with: [cache], apart: [cache/side]", "cache/main": "", "cache/side": ""},
        {"shop/web": "with: [cache]", "cache/main": "", "cache/side": "apart: [shop]"},
        # one after the other is no circle
        {"a/a": "with: [b]", "b/b": "with: [c]", "c/c": "", "d/d": "with: [b, c]"},
        {"a/a": "with: [b/b]", "b/b": "", "b/c": "with: [a/a]"},
        # apart of other apps is not apart of one's own
        {"shop/web": "with: [shop/worker]", "shop/worker": "apart: ['*']"},
    ],
)
def test_what_can_be(written: Written) -> None:
    assert said(written) == []


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (
            "with: [cahce]",
            (
                'with[0]: names an app that has no file; got "cahce"; '
                'expected one of cache, wiki (did you mean "cache"?)'
            ),
        ),
        (
            "with: [cahce/main]",
            (
                'with[0]: names an app that has no file; got "cahce/main"; '
                'expected one of cache, wiki (did you mean "cache"?)'
            ),
        ),
        (
            "with: [cache/mian]",
            (
                'with[0]: names no process of app cache; got "cache/mian"; '
                'expected one of main, side (did you mean "main"?)'
            ),
        ),
        (
            "with: [shop/wbe]",
            (
                'with[0]: names no process of app shop; got "shop/wbe"; '
                'expected one of web (did you mean "web"?)'
            ),
        ),
        (
            "apart: ['*', cahce]",
            (
                'apart[1]: names an app that has no file; got "cahce"; '
                'expected one of cache, wiki (did you mean "cache"?)'
            ),
        ),
        (
            "apart: {apps: [cache/x], per: zone}",
            ('apart.apps[0]: names no process of app cache; got "cache/x"; expected one of main, side'),
        ),
    ],
)
def test_whom_no_file_has(rule: str, words: str) -> None:
    found = said({"shop/web": rule, "cache/main": "", "cache/side": ""}, "wiki")
    assert len(found) == 1
    assert found[0].startswith("apps/shop.yml:4:")
    assert found[0].endswith(f" processes.web.placement.{words}")


def test_an_app_whose_file_cannot_be_read_is_there_all_the_same() -> None:
    assert said({"shop/web": "with: [wiki, wiki/web]"}, "wiki") == []


def test_there_is_nobody_to_be_with() -> None:
    assert said({"shop/web": "with: [cache]"}) == [
        (
            'apps/shop.yml:4:28 processes.web.placement.with[0]: names an app that has no file; got "cache"; '
            "expected its app file"
        )
    ]


@pytest.mark.parametrize(
    ("written", "place", "circle"),
    [
        ({"s/web": "with: [s/w]", "s/w": "with: [s/web]"}, "s.yml:5:26 processes.w", "s/w s/web"),
        ({"a/x": "with: [b]", "b/x": "with: [a]"}, "a.yml:4:26 processes.x", "a/x b/x"),
        (
            {"b/x": "with: [a/z, c]", "c/x": "with: [a/x]", "a/x": "with: [b/x]", "a/z": ""},
            "a.yml:4:26 processes.x",
            "a/x b/x c/x",
        ),
        # an app means any of its processes; to name the right one leads out
        ({"a/x": "with: [b]", "b/x": "", "b/z": "with: [a]"}, "a.yml:4:26 processes.x", "a/x b/z"),
    ],
)
def test_a_circle_is_said_once_and_whole(written: Written, place: str, circle: str) -> None:
    names = circle.split()
    got = written[names[0]].removeprefix("with: [").rstrip("]")
    whole = " with ".join([*names, names[0]])
    assert said(written) == [
        (
            f'apps/{place}.placement.with[0]: leads in a circle: {whole}; got "{got}"; '
            "expected one of them that is not with the next"
        )
    ]


def test_every_circle_is_said() -> None:
    written = {"a/x": "with: [b]", "b/x": "with: [a]", "c/x": "with: [d]", "d/x": "with: [c, a]"}
    assert [line.partition(";")[0].rpartition(": ")[2] for line in said(written)] == [
        "a/x with b/x with a/x",
        "c/x with d/x with c/x",
    ]


@pytest.mark.parametrize(
    ("written", "place", "pair"),
    [
        (
            {"shop/web": "with: [cache]", "cache/main": "apart: [shop]"},
            'apps/shop.yml:4:28 processes.web.placement.with[0]; got "cache"',
            "shop/web cache/main",
        ),
        (
            {"shop/web": "with: [cache/main]", "cache/main": "apart: {apps: ['*'], per: zone}"},
            'apps/shop.yml:4:28 processes.web.placement.with[0]; got "cache/main"',
            "shop/web cache/main",
        ),
        (
            {"shop/web": "with: [shop/worker]", "shop/worker": "apart: [shop/web]"},
            'apps/shop.yml:4:28 processes.web.placement.with[0]; got "shop/worker"',
            "shop/web shop/worker",
        ),
        # the only process of an app
        (
            {"shop/web": "with: [cache], apart: [cache/main]", "cache/main": ""},
            'apps/shop.yml:4:28 processes.web.placement.with[0]; got "cache"',
            "cache/main shop/web",
        ),
        # none of several is left
        (
            {"shop/web": "with: [cache], apart: [cache/b]", "cache/a": "apart: [shop/web]", "cache/b": ""},
            'apps/shop.yml:4:28 processes.web.placement.with[0]; got "cache"',
            "shop/web cache/a",
        ),
        # two of those it is with
        (
            {"shop/web": "with: [a, b]", "a/x": "apart: [b]", "b/x": ""},
            'apps/shop.yml:4:31 processes.web.placement.with[1]; got "b"',
            "b/x a/x",
        ),
        # by way of a third, and said where both meet first
        (
            {"c/x": "with: [b]", "b/x": "with: [a]", "a/x": "apart: [b]"},
            'apps/b.yml:4:26 processes.x.placement.with[0]; got "a"',
            "b/x a/x",
        ),
        (
            {"c/x": "with: [b]", "b/x": "with: [a]", "a/x": "apart: [c]"},
            'apps/c.yml:4:26 processes.x.placement.with[0]; got "b"',
            "c/x a/x",
        ),
    ],
)
def test_a_contradiction_over_several_files_is_said_once(written: Written, place: str, pair: str) -> None:
    other, keeper = pair.split()
    where, _, got = place.partition("; ")
    words = f"brings {other} onto a node with {keeper}, which keeps apart from it"
    assert said(written) == [f"{where}: {words}; {got}; expected one of the two rules"]


NAMES = st.sampled_from(["a/x", "a/z", "b/x", "b/z", "c/x"])
OTHERS = st.lists(NAMES | st.sampled_from(["a", "b", "c"]), unique=True, max_size=3)


@given(st.dictionaries(NAMES, st.tuples(OTHERS, OTHERS), min_size=1))
def test_whatever_is_written_an_end_is_found(drawn: dict[str, tuple[list[str], list[str]]]) -> None:
    written = {}
    for name, (together, apart) in drawn.items():
        app = name.partition("/")[0]
        alike = [other for other in together if other not in (app, name)]
        others = [other for other in apart if other not in (app, name)]
        met = {*alike, *(other.partition("/")[0] for other in alike)}
        away = [other for other in others if other not in met]
        written[name] = f"with: [{', '.join(alike)}], apart: [{', '.join(away)}]"
    found = said(written)
    assert len({line.partition(": ")[0] + line for line in found}) == len(found)
