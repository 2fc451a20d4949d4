# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue of the role ``runtimes``, beside the app files of services and the runtimes of sources."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fairlead.paas.plugins.module_utils.app.catalog import read_catalog
from ansible_collections.fairlead.paas.plugins.module_utils.runtimes.runtime import Recipe
from ansible_collections.fairlead.paas.plugins.module_utils.source.runtimes import RUNTIMES
from ansible_collections.fairlead.paas.plugins.modules.runtime import ARGUMENTS, recipe_from

ROLE = Path(__file__).parents[2] / "roles" / "runtimes"
VARS: dict[str, Any] = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())
KNOWN: dict[str, dict[str, Any]] = VARS["runtimes_known"]
SERVICES = read_catalog(ROLE / "files" / "services")


def recipe(name: str) -> Recipe:
    """Return a recipe of the catalogue as the module takes it."""
    usual = {option: spec.get("default") for option, spec in ARGUMENTS.items()}
    given = {**usual, "release": "bookworm", **KNOWN[name]}
    return recipe_from({**given, "version": given["version"] and {"parts": 1, **given["version"]}})


@pytest.mark.parametrize("name", KNOWN)
def test_every_recipe_is_possible_and_its_programs_can_be_run(name: str) -> None:
    assert KNOWN[name].keys() <= ARGUMENTS.keys()
    assert recipe(name).name in {f"runtimes/{name}", f"services/{name}"}
    if "files" in KNOWN[name]:
        programs = list((ROLE / "files" / KNOWN[name]["files"] / "usr" / "bin").iterdir())
        assert programs
        assert all(
            os.access(each, os.X_OK) and each.read_text().startswith("#!/bin/sh\n") for each in programs
        )


def test_every_runtime_that_an_app_can_name_is_made_unless_others_are_wanted() -> None:
    builders = {f"{name}-build" for name in RUNTIMES if name != "static"}
    assert set(VARS["runtimes_for_apps"]) == {*RUNTIMES, *builders}


@pytest.mark.parametrize("name", SERVICES.entries)
def test_the_app_file_of_a_service_fits_its_image(name: str) -> None:
    app, image = SERVICES.entries[name].app, recipe(name)
    [process] = app.processes.values()
    [volume] = process.volumes
    assert (app.build.image or "").startswith(f"REGISTRY/{image.name}:")
    assert volume.path == image.data
    assert process.publish == process.port
    assert app.env.secret
