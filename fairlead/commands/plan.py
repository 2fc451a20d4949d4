# SPDX-License-Identifier: GPL-3.0-or-later
"""Say what a deploy would change now, or what would move if.

Without any of --without, --add, --scale and --fleet: what deploys of these apps would change, or of all of
apps/; each is planned for itself, by deploy.yml --check. --out saves the plan of one app, which
`ansible-playbook deploy.yml -e plan=FILE` carries out, or refuses with what changed since.

With any of them: what would move, start and stop if nodes were gone or there were more of them, or if
processes had another scale; over all apps that run, by their active releases. Nothing is touched.
"""

from __future__ import annotations

import json
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Configuration
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.files import land
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Instance
from ansible_collections.fairlead.paas.plugins.module_utils.paper.instances import slot_named
from ansible_collections.fairlead.paas.plugins.module_utils.placement import Explanation
from ansible_collections.fairlead.paas.plugins.module_utils.what_if.arrange import Arrangement, arrange
from ansible_collections.fairlead.paas.plugins.module_utils.what_if.explanation import explain
from ansible_collections.fairlead.paas.plugins.module_utils.what_if.supposition import (
    ADD_HELP,
    SCALE_HELP,
    WITHOUT_HELP,
    added,
    rescaled,
    without,
)
from ansible_collections.fairlead.paas.plugins.module_utils.what_if.usage import use_of
from fairlead import ROOT
from fairlead.machines import machines_of
from fairlead.options import fleet_options
from fairlead.output import Output
from fairlead.source import fleet_of, survey
from fairlead.words import as_data, counted, explained, lines_of, refusals, use_table

EXAMPLES = """\
  fairlead plan                                  what deploys of all apps would change
  fairlead plan shop --out shop.plan             and save it; deploy.yml -e plan=shop.plan does just that
  fairlead plan shop --explain shop.web.3        and say why this one stands where it will
  fairlead plan --without n3 --scale shop.web=12
  fairlead plan --without zone=a --add '2x n1'
  fairlead plan --fleet fleet.yml --without n3   the same on paper
"""
CODES = "Exit codes: 0 nothing changes, 2 something does, 1 an error, also where something does not fit."


def arguments(parser: ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("names", nargs="*", metavar="APP", help="of apps/; all of them when none is named")
    parser.add_argument("--out", metavar="FILE", help="save the plan of one app")
    parser.add_argument("--explain", metavar="INSTANCE", help="say why this one stands where it will")
    group = parser.add_argument_group("what if; each may be given more than once")
    for option, help_ in (("--without", WITHOUT_HELP), ("--add", ADD_HELP), ("--scale", SCALE_HELP)):
        group.add_argument(option, action="append", default=[], metavar="WHAT", help=help_)
    fleet_options(parser)


def run(asked: Namespace, output: Output) -> int:
    """Plan deploys, or suppose something."""
    if asked.without or asked.add or asked.scale or asked.fleet:
        return _suppose(asked, output)
    return _deploys(asked, output)


def _suppose(asked: Namespace, output: Output) -> int:
    if asked.names or asked.out:
        raise FairleadError(
            "what-if goes over all apps that run, and is nothing to carry out; leave APP and --out away"
        )
    paper = fleet_of(asked, output)
    fleet = without(added(paper.fleet, asked.add), asked.without)
    found = arrange(rescaled(paper.configurations, asked.scale), fleet)
    before = use_of(arrange({}, paper.fleet).board)
    why = explain(slot_named(asked.explain), found) if asked.explain else None
    data = as_data(found, before) | ({"explanation": why.as_dict()} if why else {})
    head = f"{_supposition(asked)}: {counted(found.changes) or 'nothing changes'}"
    parts = [
        [head, *lines_of(found.changes)],
        refusals(found),
        use_table(before, use_of(found.board)),
    ]
    output.answer(
        data, "\n\n".join("\n".join(part) for part in [*parts, explained(why) if why else []] if part)
    )
    return 1 if found.homeless else 2 if found.changes else 0


def _supposition(asked: Namespace) -> str:
    words = [f"without {', '.join(asked.without)}"] if asked.without else []
    words += [f"with {', '.join(asked.add)} more"] if asked.add else []
    words += [f"with {', '.join(asked.scale)}"] if asked.scale else []
    said = ", ".join(words) or "as it is"
    return said[0].upper() + said[1:]


def _deploys(asked: Namespace, output: Output) -> int:
    """Plan one deploy after the other; those after one that cannot be planned too."""
    names = _names(asked)
    if asked.out and len(names) > 1:
        raise FairleadError(
            f"--out takes the plan of one app, and {len(names)} are meant: when one has been carried out, the"
            " fleet is another one, and the next plan would be refused. Name the app"
        )
    plans, errors = [], dict[str, None]()
    for name in names:
        try:
            plans.append(_planned(name, asked, output))
        except FairleadError as error:
            errors[str(error)] = None
    why = _explanation(asked, plans, output) if asked.explain and plans else None
    changes = any(plan["changes"] for plan in plans)
    told = [{key: plan[key] for key in ("app", "changes", "active", "steps", "text")} for plan in plans]
    data = {"changes": changes, "plans": told, "errors": [*errors]}
    texts = [plan["text"] if plan["changes"] else f"{plan['app']}: nothing to do" for plan in plans]
    texts += ["\n".join(explained(why))] if why else []
    if plans or asked.json:
        output.answer(data | ({"explanation": why.as_dict()} if why else {}), "\n\n".join(texts))
    for said in errors:
        output.error(said)
    return 1 if errors else 2 if changes else 0


def _names(asked: Namespace) -> list[str]:
    if asked.names:
        return list(dict.fromkeys(asked.names))
    from fairlead.apps import names_in  # noqa: PLC0415 - it is slow to import

    return names_in(_directory(asked))


def _directory(asked: Namespace) -> Path:
    if len(asked.apps) > 1:
        raise FairleadError("--apps is one directory where deploys are planned")
    return Path(asked.apps[0]) if asked.apps else ROOT / "apps"


def _planned(name: str, asked: Namespace, output: Output) -> dict[str, Any]:
    """Return the plan of one deploy as deploy.yml saves it. Raises FairleadError with why there is none."""
    from fairlead.running import play  # noqa: PLC0415 - likewise

    skip: dict[str, object] = {"skip_unreachable": True} if asked.skip_unreachable else {}
    with tempfile.TemporaryDirectory(prefix="fairlead-plan-") as folder:
        file = Path(folder) / "plan.json"
        given = {"app": name, "plan_out": str(file), "fairlead_apps": str(_directory(asked).resolve())} | skip
        play("deploy.yml", machines_of(asked), output, "--check", **given)
        data = file.read_bytes()
    if asked.out:
        _save(Path(asked.out), data)
    plan: dict[str, Any] = json.loads(data)
    return plan


def _save(path: Path, data: bytes) -> None:
    try:
        land(path, data, 0o600)
    except OSError as error:
        raise FairleadError(f"--out {path}: cannot be written: {error.strerror}") from error


def _explanation(asked: Namespace, plans: list[dict[str, Any]], output: Output) -> Explanation:
    """Return why an instance stands where a plan has it, on the fleet as it is when that is carried out."""
    slot = slot_named(asked.explain)
    plan = next((plan for plan in plans if plan["app"] == slot.app), None)
    if plan is None:
        raise FairleadError(
            f"{slot} is an instance of another app than {', '.join(it['app'] for it in plans)}"
        )
    paper = survey(asked, output)
    configuration = Configuration.from_dict(plan["configuration"])
    found = arrange(
        {**paper.configurations, slot.app: configuration}, _after(plan, paper.fleet, configuration)
    )
    return _with_reason(explain(slot, found), plan, found)


def _after(plan: Mapping[str, Any], fleet: Fleet, configuration: Configuration) -> Fleet:
    """Return the fleet as it is when a plan has been carried out."""
    specs = {process.name: process.spec for process in configuration.processes}
    others = [one for one in fleet.instances if one.slot.app != configuration.app]
    instances = []
    for step in plan["steps"]:
        standing = step["new"] or (step["old"] if step["kind"] == "keep" else None)
        if standing:
            slot, node = slot_named(step["slot"]), standing.rpartition(" on ")[2]
            spec = specs[slot.process]
            instances.append(
                Instance(slot, node, standing, standing, 0, spec.image, "", spec.memory, spec.cpu, None)
            )
    return Fleet.of(fleet.nodes, [*others, *instances], volumes=fleet.volumes)


def _with_reason(why: Explanation, plan: Mapping[str, Any], found: Arrangement) -> Explanation:
    kinds = {step["slot"]: step["kind"] for step in plan["steps"] if step["kind"] != "stop"}
    kind = kinds.get(str(why.slot), "keep")
    words = {"keep": "it is kept", "start": "it starts there", "replace": "it is replaced there"}
    return replace(why, why=words.get(kind, "it moves there")) if why.slot in found.kept else why
