# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy's counts and its lines about requests, as 2.6 and 3.0 write them, and what they mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.canary.reading import Measure
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.traffic import (
    Event,
    after,
    mark_of,
    parse_counts,
    parse_events,
    with_events,
)

STAT = """\
# pxname,svname,scur,eresp,wretr,status,chkdown,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,
shop.web,web.1,3,6,4,UP,1,0,100,20,3,7,0,
shop.web,web.2,0,0,0,DOWN,0,,,,,,,
shop.web,BACKEND,0,0,0,UP,0,0,100,20,3,7,0,"""

HEAD = "<5>2026-11-21T13:29:06.949639+00:00 127.0.0.1:32860 [21/Nov/2026:13:29:06.948] fairlead"
TAIL = '50 - - ---- 2/2/0/0/0 0/0 "GET /x HTTP/1.1"'


def line(server: str, timers: str, status: int, tail: str = TAIL) -> str:
    return f"{HEAD} {server} {timers} {status} {tail}"


def test_counts_of_servers() -> None:
    assert parse_counts(STAT) == {
        "shop.web/web.1": Measure("UP", downs=1, answered=130, failed=7, repeated=4),
        "shop.web/web.2": Measure("DOWN"),
    }


NO_SERVER, WEB = "shop.web/<NOSRV>", "shop.web/web.1"
CUT = '50 - - ---- 2/2/0/0/0 0/0 "GET /a-lo'
TRICK = '50 - - ---- 2/2/0/0/0 0/0 "GET / blog.web/x 0/0/0/9/9 500 "'


@pytest.mark.parametrize(
    ("text", "events"),
    [
        (line(WEB, "0/0/1/12/15", 200), [Event(WEB, 200, 12)]),
        (line(WEB, "0/5001/0/3/5004", 200), [Event(WEB, 200, 3)]),
        (line(WEB, "0/0/0/12345/12999", 200), [Event(WEB, 200, 12300)]),
        (line(WEB, "0/0/0/2/+9", 200), [Event(WEB, 200, 2)]),
        (line(WEB, "0/0/0/-1/5001", 504), [Event(WEB, 504, None)]),
        (line(WEB, "0/0/0/-1/800", -1), [Event(WEB, -1, None)]),
        (line(NO_SERVER, "0/-1/-1/-1/0", 503), [Event(NO_SERVER, 503, None)]),
        (line(WEB, "0/0/0/2/9", 200, CUT), [Event(WEB, 200, 2)]),
        (line(WEB, "0/0/0/2/9", 200, TRICK), [Event(WEB, 200, 2)]),
        (line(WEB, "0/0/0/2/9", 200).replace("127.0.0.1", "fd00::1"), [Event(WEB, 200, 2)]),
        (f"{HEAD} shop.web/web.1 0/0/0", []),
        ("<5>2026-11-21T13:29:06.949639+00:00 Server shop.web/web.1 is DOWN", []),
        ("", []),
    ],
)
def test_a_line_about_a_request(text: str, events: list[Event]) -> None:
    assert list(parse_events([text])) == events


requests = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200)


@given(requests)
def test_nothing_that_a_visitor_asks_for_is_taken_for_a_measure(asked: str) -> None:
    text = line("shop.web/web.1", "0/0/0/2/9", 200, f'50 - - ---- 2/2/0/0/0 0/0 "{asked}"')
    assert list(parse_events([text])) == [Event("shop.web/web.1", 200, 2)]


@given(st.lists(st.integers(0, 9).map(str), unique=True), st.data())
def test_what_was_read_before_is_left_out_and_what_is_lost_loses_no_more(
    lines: list[str], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(lines)))
    mark = mark_of(lines[at - 1]) if at else ""
    assert after(mark, lines) == lines[at:]
    assert after(mark_of("overwritten"), lines) == lines


def test_events_tell_the_times_and_what_no_server_answered() -> None:
    counts = {"shop.web/a": Measure("UP", answered=3), "shop.web/b": Measure("UP")}
    events = [
        *(Event("shop.web/a", 200, 5), Event("shop.web/a", 500, 5), Event("shop.web/a", 200, 7)),
        *(Event("shop.web/b", 504, None), Event("shop.web/b", -1, None), Event("blog.web/a", 502, None)),
        Event("blog.web/a", 200, 3),
    ]
    assert with_events(counts, events) == {
        "shop.web/a": Measure("UP", answered=3, times={5: 2, 7: 1}),
        "shop.web/b": Measure("UP", unanswered=1),
    }
