# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON Schema of app files, for editors. ``make schema`` writes it to docs/app.schema.json."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from .model import App

_LICENCE = "SPDX-License-Identifier: GPL-3.0-or-later"


class _Generator(GenerateJsonSchema):
    """Pydantic's own, without nulls and titles, with ``x-*`` at every level and defaults as people write."""

    def field_title_should_be_set(self, schema: object) -> bool:
        del schema
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        default = schema.get("default")
        if not default or isinstance(default, BaseModel):
            return inner
        return {**inner, "default": _written(schema["schema"], default)}

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        return _closed(super().dict_schema(schema))

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        return _closed(super().model_schema(schema))


def app_schema() -> JsonSchemaValue:
    """Return the JSON Schema of an app file, draft 2020-12."""
    schema = App.model_json_schema(schema_generator=_Generator)
    head = {"$schema": _Generator.schema_dialect, "$comment": _LICENCE, "title": "Fairlead app file"}
    return head | {key: value for key, value in schema.items() if key != "title"}


def render_schema() -> str:
    """Return the text of docs/app.schema.json."""
    return json.dumps(app_schema(), indent=2, ensure_ascii=False) + "\n"


def _closed(mapping: JsonSchemaValue) -> JsonSchemaValue:
    keys = {**mapping.get("patternProperties", {}), "^x-": True}
    bounds = {key: value for key, value in mapping.items() if key != "propertyNames"}
    return {**bounds, "patternProperties": keys, "additionalProperties": False}


def _written(schema: Mapping[str, Any], default: object) -> object:
    write = schema.get("serialization", {}).get("function")
    return write(default) if write else default


if __name__ == "__main__":
    sys.stdout.write(render_schema())
