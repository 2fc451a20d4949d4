# SPDX-License-Identifier: GPL-3.0-or-later
"""The published JSON Schema is the model's, and tells editors what a run would say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from ansible_collections.fairlead.paas.plugins.module_utils.app.schema import app_schema, render_schema
from tests.unit.app_texts import problems, process, top
from tests.unit.test_app import EVERY_RULE
from tests.unit.test_app_refused import cases

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "docs/app.schema.json"
SCHEMA = Draft202012Validator(app_schema())
# What only a run can know: it compares fields, reads quantities, and sees how a number is written.
BEYOND_A_SCHEMA = (
    *("is named twice", "in env.clear too", "is set by the platform", "is no process of this app"),
    *(", from 6M to 16T", ", from 0s to 1h", ", from 1s to 1h", ", from 100ms to 5m"),
    *('is empty; got ""', "got 2.0", "got 010", "nothing to stop", "beside stop-first"),
    *("needs spread", "beside mode: global", " itself; ", "under apart too", "has a key of its own"),
    *("what apart means anyway", "as that fact is written"),
    *("belongs to the engine", "empty for ever", "that of another volume", "inside each other"),
    *("beside kind: tcp", "that of web"),
)


def complaints(text: str) -> list[str]:
    """Return what an editor would say."""
    return [error.message for error in SCHEMA.iter_errors(yaml.safe_load(text))]


def test_the_published_schema_is_up_to_date() -> None:
    assert PUBLISHED.read_text() == render_schema(), "run: make schema"


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(app_schema())


def test_the_sample_names_the_schema_and_keeps_to_it() -> None:
    sample = ROOT / "apps/shop.yml"
    first, _, text = sample.read_text().partition("\n")
    link = first.removeprefix("# yaml-language-server: $schema=")
    assert (sample.parent / link).resolve() == PUBLISHED
    assert complaints(text) == []


@pytest.mark.parametrize(
    "line",
    [
        "x-note: [anything, {at: all}]",
        "version: 1.0.0",
        "env: {clear: {A: b, B: 1, x-old: 2}, secret: [C]}",
        "routes: [{domain: a.example, process: web, x-why: asked for}]",
        "update: {}",
        "update: {canary: {}}",
        "update: {canary: {weight: 5, for: 60s, max_5xx: 0.5%, max_p95: 1.25x, x-why: asked for}}",
    ],
)
def test_good_lines_please_both(line: str) -> None:
    assert problems(top(line)) == []
    assert complaints(top(line)) == []


@pytest.mark.parametrize(
    "field",
    [
        "volumes: [{name: data, path: /data, x-why: no}, {name: b, path: /b, node: /srv/b, read_only: true}]",
        'volumes: [{name: media, path: /media, nfs: "nas.example.com:/export/media"}]',
        "publish: 5432",
        "health: {kind: http, path: /_ping}",
    ],
)
def test_good_volumes_ports_and_health_please_both(field: str) -> None:
    assert problems(process(field)) == []
    assert complaints(process(field)) == []


@pytest.mark.parametrize("field", [EVERY_RULE, "placement: {apart: [a, b/c, '*'], mode: global, x-why: no}"])
def test_good_rules_of_placement_please_both(field: str) -> None:
    assert problems(process(field)) == []
    assert complaints(process(field)) == []


@pytest.mark.parametrize(
    "text",
    [
        text
        for name, write in (("refused_process.txt", process), ("refused_app.txt", top))
        for text, words in ((write(field), words) for field, words in cases(name))
        if not any(beyond in words for beyond in BEYOND_A_SCHEMA)
    ],
)
def test_bad_lines_please_neither(text: str) -> None:
    assert problems(text)
    assert complaints(text)


def test_every_field_is_described_and_defaults_are_as_people_write_them() -> None:
    schema = json.loads(render_schema())
    models = [schema, *schema["$defs"].values()]
    assert all("description" in field for model in models for field in model["properties"].values())
    fields = schema["$defs"]["Process"]["properties"]
    assert (fields["memory"]["default"], fields["stop_timeout"]["default"]) == ("256M", "10s")
