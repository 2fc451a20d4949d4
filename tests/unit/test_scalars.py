# SPDX-License-Identifier: GPL-3.0-or-later
"""Unquoted words mean one thing, or nothing."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.app.scalars import read_plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("hello", "hello"),
        ("128M", "128M"),
        ("1.0.0", "1.0.0"),
        ("127.0.0.1", "127.0.0.1"),
        ("8080:80", "8080:80"),
        ("disk == ssd", "disk == ssd"),
        ("Norway", "Norway"),
        ("-f", "-f"),
        ("/_ping", "/_ping"),
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("0", 0),
        ("-12", -12),
        ("8080", 8080),
        ("0.25", 0.25),
        ("1.10", 1.1),
        ("-0.5", -0.5),
    ],
)
def test_words_that_everybody_reads_alike(text: str, value: object) -> None:
    assert read_plain(text) == value
    assert type(read_plain(text)) is type(value)


@pytest.mark.parametrize("text", ["no", "Yes", "on", "OFF", "y", "N"])
def test_words_that_are_booleans_to_some(text: str) -> None:
    with pytest.raises(ValueError, match=f'^"{text}" in quotes$'):
        read_plain(text)


@pytest.mark.parametrize(
    "text",
    [
        *("010", "0o17", "0x1F", "0b101", "1_000", "+5", "-0", "9" * 19),
        *("1e3", "1.5E-3", ".5", "5.", "1_0.5", "0." + "1" * 19, ".inf", "-.INF", ".nan"),
        *(
            "12:30",
            "12:30:45",
            "190:20:30.15",
            "2026-01-01",
            "2026-1-1",
            "2026-01-01 10:00:00",
            "2026-01-01T10:00:00Z",
        ),
        *("=", "<<"),
    ],
)
def test_numbers_and_dates_that_need_quotes(text: str) -> None:
    with pytest.raises(ValueError, match="in quotes if it is text, or a plain decimal number"):
        read_plain(text)


PLAIN = st.text(alphabet="0123456789.:_+-eEoOxXbBinfatruyslTZ =<~", max_size=14)


@given(PLAIN)
def test_what_yaml_1_1_reads_as_something_else_never_passes_as_text(text: str) -> None:
    try:
        value = read_plain(text)
    except ValueError:
        return
    resolver = yaml.SafeLoader("")
    tag = resolver.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    assert isinstance(value, str) == (tag == "tag:yaml.org,2002:str")
