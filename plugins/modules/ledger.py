# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and write the ledger on the primary manager."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ledger
short_description: Read and write the ledger
description:
  - The ledger is a SQLite file on the primary manager, or a PostgreSQL database that all managers share. It
    keeps the releases and leases of every app, and what happened to them. Releases and events are only ever
    added; the state of a release moves on.
  - A run takes the lease of an app (V(begin)), renews it while it works, claims what it is about to start,
    says how that ended (V(activate), V(fail), V(settle) or V(remove)), and releases the lease.
  - Leases and claims say who works, not what is. They are no change that a run would report.
  - In a playbook, an action of the same name sets O(url) to the C(fairlead_ledger_url) of the first manager.
requirements:
  - python3-psycopg2, for O(url)
options:
  path:
    description: The ledger's file.
    type: path
    default: /var/lib/fairlead/ledger.db
  url:
    description:
      - The PostgreSQL database that the ledger is in instead, C(postgresql://user:password@host:5432/name).
        V(dump) and V(keep) are for files alone.
    type: str
  do:
    description:
      - V(prepare) makes the schema, of a file the directory (0700) and the file (0600) too.
      - V(read) returns the newest releases of O(app).
      - V(events) returns the newest events of O(app).
      - V(nodes) returns which nodes are cordoned or draining, since when, by whom and why.
      - V(images) returns the releases whose images are to be kept, and which apps somebody changes just now.
      - V(mark) says that O(node) is in O(state) from now on, until that is said anew.
      - V(begin) takes the lease of O(app), or fails while somebody else has it. It lives for C(ttl) seconds.
      - V(renew) keeps the lease for another C(ttl) seconds. One that ran out is given again, if nobody took
        it or a port that it claimed.
      - V(release) gives the lease back. A second time does nothing.
      - V(claim) keeps O(wants) from other apps, and opens the release of O(configuration) if there is one. If
        other apps have claimed the same, nothing is done, and C(conflicts) says why. Renews the lease.
      - V(settle) says that what was claimed is done or undone, where there is no release to close.
      - V(activate) makes the pending release O(number) the active one, and the active one superseded.
      - V(fail) marks the pending release O(number) failed.
      - V(remove) marks the active release removed, and a pending one failed.
      - V(dump) returns a snapshot of the whole ledger as it is at one moment, or of a backup at O(path).
      - V(keep), on another manager, keeps O(snapshot) at O(backup), unless that is as new. It lands whole
        (0600). A snapshot is refused if it is torn, damaged, of another schema or of another ledger.
      - V(restore) puts O(snapshot) in the place of the ledger. If there is one with releases it fails, unless
        O(force). Tokens of leases leap, so that none is given that was given after the backup was made.
      - V(restore) moves O(snapshot) into the database of O(url), if nothing was ever done there. Without a
        snapshot, and with O(force), it takes the database as put back by its own means, and lets tokens leap.
      - V(recover) makes the ledger if it is not there, records the releases of O(found) of apps that it does
        not know, and lets tokens of leases leap above O(tokens). It fails if the ledger is damaged or one of
        O(backups) is of another ledger, unless O(force).
    type: str
    required: true
    choices:
      - prepare
      - read
      - events
      - nodes
      - images
      - mark
      - begin
      - renew
      - release
      - claim
      - settle
      - activate
      - fail
      - remove
      - dump
      - keep
      - restore
      - recover
  app:
    description: >-
      The app; required for all but V(prepare), V(nodes), V(images), V(mark), V(dump), V(keep), V(restore)
      and V(recover).
    type: str
  snapshot:
    description: What V(dump) returned. Environments of apps are in it, so it is never shown.
    type: str
  backup:
    description: The file that V(keep) keeps.
    type: path
    default: /var/lib/fairlead/backup/ledger.db
  force:
    description:
      - Whether V(restore) may replace a ledger that has releases, or that cannot be read.
      - Of a database, that it was put back.
      - Whether V(keep) may set aside a backup of another ledger, and V(recover) a ledger that cannot be read.
    type: bool
    default: false
  token:
    description:
      - What V(begin) gave. It is refused when another run has taken the lease since.
      - Checked by V(activate), V(fail) and V(remove) when it is given; required by the others that change
        anything.
    type: int
  limit:
    description:
      - How many releases V(read) and V(begin), or events V(events), return at most, newest first.
      - The active and the pending release are returned however old they are.
    type: int
    default: 20
  since_look:
    description: So many seconds ago, or fewer, the look began that the plan is made from.
    type: float
  seen:
    description: The newest claim that the plan knows, as V(begin) or the last V(claim) returned it.
    type: int
    default: 0
  wants:
    description: What the plan is about to start.
    type: list
    elements: dict
    default: []
    suboptions:
      slot:
        description: The instance, C(shop.web.1).
        type: str
        required: true
      node:
        description: Its node.
        type: str
        required: true
      port:
        description: The node's port that it is published on, if it has one.
        type: int
      memory:
        description: Bytes.
        type: int
        required: true
      cpu:
        description: Cores.
        type: float
        required: true
  room:
    description: >-
      What the plan leaves free on each node, C({n1: {memory: 536870912, cpu: 1.5}}), in bytes and cores. What
      others have claimed after O(seen) must fit in it.
    type: dict
    default: {}
  secrets:
    description: Values of secrets, sealed, that the release of a V(claim) is the first to have.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The secret's name.
        type: str
        required: true
      hash:
        description: The keyed hash of its value, as configurations have it.
        type: str
        required: true
      sealed:
        description: The value, encrypted.
        type: str
        required: true
  retain:
    description: >-
      Values of secrets that none of so many newest releases had are forgotten by V(claim); so many newest
      releases of each app are returned by V(images), and as many of those that have served.
    type: int
    default: 10
  node:
    description: The node to V(mark).
    type: str
  state:
    description:
      - What the node is. One that is V(cordoned) takes no new instances; one that is V(draining) loses those
        that it has with the next plan of their apps.
    type: str
    choices: [active, cordoned, draining]
    default: active
  found:
    description: Releases that machines still show.
    type: list
    elements: dict
    default: []
    suboptions:
      app:
        description: The app.
        type: str
        required: true
      number:
        description: The number that the release gets.
        type: int
        required: true
      image:
        description: The image by digest.
        type: str
        required: true
      configuration:
        description: The release's configuration; empty if it is not known, then only the number is kept.
        type: dict
        required: true
      configuration_hash:
        description: The hash of the configuration.
        type: str
        required: true
      source:
        description: From what it is rebuilt, in words.
        type: str
        required: true
  tokens:
    description: The highest tokens that machines have seen, app → token.
    type: dict
    default: {}
  backups:
    description: What other managers keep, manager → C(backup) as M(fairlead.paas.remains) returns it.
    type: dict
    default: {}
  number:
    description: The release to V(activate) or to V(fail).
    type: int
  outcome:
    description: How the rollout ended, in words.
    type: str
    default: ""
  configuration:
    description: The release's configuration, with secrets as keyed hashes only.
    type: dict
  configuration_hash:
    description: The hash of the configuration.
    type: str
  image:
    description: The image by digest.
    type: str
  kind:
    description: Why there is a new release.
    type: str
    choices: [deploy, rollback, scale, restart, recover]
    default: deploy
  irreversible:
    description: Whether nothing may be rolled back across this release.
    type: bool
    default: false
  who:
    description: The person who begins the run, or opens the release.
    type: str
    default: ""
  host:
    description: The machine that the run is started on.
    type: str
    default: ""
  what:
    description: What the run is about to do, for those who wait; C(deploy shop).
    type: str
    default: ""
  git_commit:
    description: The commit the release is made of.
    type: str
    default: ""
  git_dirty:
    description: Whether there were changes that are not in the commit.
    type: bool
    default: false
  ref:
    description: The git branch the release is made of.
    type: str
    default: ""
  message:
    description: What is said about the release, or about the node.
    type: str
    default: ""
attributes:
  check_mode:
    description: Predicts exactly, changes nothing.
    support: full
  diff_mode:
    description: Shows the states that move, and the number of changes in a backup.
    support: full
author:
  - The Fairlead maintainers
"""

EXAMPLES = r"""
- name: Make the ledger
  fairlead.paas.ledger:
    do: prepare

- name: Read what was released
  fairlead.paas.ledger:
    do: read
    app: shop
    limit: 5

- name: Take the lease
  fairlead.paas.ledger:
    do: begin
    app: shop
    who: ada
    host: laptop
    what: deploy shop
    since_look: 1.5
  register: begun

- name: Claim what the plan starts, and open its release
  fairlead.paas.ledger:
    do: claim
    app: shop
    token: "{{ begun.token }}"
    since_look: 2.5
    seen: "{{ begun.seen }}"
    wants:
      - {slot: shop.web.1, node: n1, port: 25701, memory: 268435456, cpu: 0.5}
    room:
      n1: {memory: 536870912, cpu: 1.5}
    configuration: "{{ planned.configuration }}"
    configuration_hash: "{{ planned.configuration_hash }}"
    image: "{{ planned.image }}"
  register: claimed

- name: Record the release as active
  fairlead.paas.ledger:
    do: activate
    app: shop
    token: "{{ begun.token }}"
    number: "{{ claimed.number }}"

- name: Let a node take nothing new
  fairlead.paas.ledger:
    do: mark
    node: n2
    state: cordoned
    message: its disk is to be changed

- name: Release the lease
  fairlead.paas.ledger:
    do: release
    app: shop
    token: "{{ begun.token }}"

- name: Read it from PostgreSQL
  fairlead.paas.ledger:
    do: read
    url: "{{ ledger_url }}"
    app: shop

- name: Take a snapshot
  fairlead.paas.ledger:
    do: dump
  register: dumped
  no_log: true

- name: Keep it on another manager
  fairlead.paas.ledger:
    do: keep
    snapshot: "{{ dumped.snapshot }}"
  delegate_to: m2
"""

RETURN = r"""
token:
  description: The lease's token, greater than every one before it.
  returned: begin
  type: int
ttl:
  description: Seconds that the lease lives without being renewed.
  returned: begin
  type: float
stale:
  description: >-
    Whether the look may miss what the run before did: then look again, now under the lease. A run that finds
    nothing to do after that settles, so that the next one need not look twice.
  returned: begin
  type: bool
held:
  description: Who holds the lease (C(who), C(host), C(what)), C(since) when, for how many seconds (C(left)).
  returned: begin, when it fails because somebody else has the lease
  type: dict
lost:
  description: That the lease of O(token) was released, or that another run has taken it over.
  returned: when it fails because of that
  type: bool
releases:
  description: The newest releases, newest first; see the columns in module_utils/ledger/records.py.
  returned: read, begin
  type: list
  elements: dict
lines:
  description: The releases as a table for people, a line each.
  returned: read
  type: list
  elements: str
events:
  description: >-
    The newest events (C(id), C(at), C(app), C(kind), C(number), C(who), C(host), C(text)), newest first. The
    kinds are opened, activated, failed, removed, takeover.
  returned: events
  type: list
  elements: dict
kept:
  description: >-
    The releases whose images are kept (C(app), C(number), C(state), C(image)): what is open, the newest
    O(retain), and the newest O(retain) that have served.
  returned: images
  type: list
  elements: dict
busy:
  description: The apps that somebody changes just now, and who.
  returned: images
  type: dict
nodes:
  description: >-
    The nodes that are not as usual (C(node), C(state), C(who), C(host), C(since), C(why)), by their names.
  returned: begin, nodes
  type: list
  elements: dict
bonds:
  description: >-
    Placement rules of other apps' active releases that bind this one too (C(app), C(process), C(rules)).
  returned: begin
  type: list
  elements: dict
secrets:
  description: The values that secrets have had (C(name), C(hash), C(sealed)).
  returned: begin
  type: list
  elements: dict
claims:
  description: >-
    What other apps have claimed and a look may miss (C(app), C(slot), C(node), C(port), C(memory), C(cpu)).
  returned: begin, claim
  type: list
  elements: dict
seen:
  description: The newest claim, for O(seen) of the next V(claim).
  returned: begin, claim
  type: int
conflicts:
  description: Why the wants cannot be granted, in words; empty when they were.
  returned: claim
  type: list
  elements: str
number:
  description: The number of the pending release; null where none was opened.
  returned: claim
  type: int
resumed:
  description: Whether the pending release was there before.
  returned: claim
  type: bool
moves:
  description: The releases that change state (number, before, after, outcome).
  returned: claim, activate, fail, remove; with their C(app) also recover
  type: list
  elements: dict
snapshot:
  description: The ledger's file, compressed, as text.
  returned: dump
  type: str
change:
  description: >-
    How many changes are in the ledger, or in the backup that is kept. It grows with every transaction, leases
    too, so that of two copies the newer is known.
  returned: dump, keep, restore
  type: int
aside:
  description: The names under which files of a ledger that was lost are kept.
  returned: recover
  type: list
  elements: str
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fairlead.paas.plugins.module_utils.fleet import ACTIVE, CORDONED, DRAINING
from ansible_collections.fairlead.paas.plugins.module_utils.ledger import backup, moving, recovery
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.claims import Bid, Room, Want
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.history import Move, retained
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.lease import TTL, Held, Holder
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.ledger import Ledger
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.listing import lines_of
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.place import place_of
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.records import (
    KINDS,
    Draft,
    Keep,
    Sealed,
)
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.session import LedgerError, Lost
from ansible_collections.fairlead.paas.plugins.module_utils.options import LEDGER, TEXT

Params = Mapping[str, Any]
Result = dict[str, Any]

WANT = {
    "slot": {"type": "str", "required": True},
    "node": {"type": "str", "required": True},
    "port": {"type": "int"},
    "memory": {"type": "int", "required": True},
    "cpu": {"type": "float", "required": True},
}
FOUND = {
    "app": TEXT,
    "number": {"type": "int", "required": True},
    "image": TEXT,
    "configuration": {"type": "dict", "required": True},
    "configuration_hash": TEXT,
    "source": TEXT,
}


def _read(ledger: Ledger, params: Params) -> Result:
    releases = ledger.releases(params["app"], params["limit"])
    return {"changed": False, "releases": _plain(releases), "lines": lines_of(releases)}


def _events(ledger: Ledger, params: Params) -> Result:
    return {"changed": False, "events": _plain(ledger.events(params["app"], params["limit"]))}


def _begin(ledger: Ledger, params: Params) -> Result:
    holder = _given(Holder, params)
    if not (holder.who and holder.host):
        raise LedgerError("begin: who and host are empty; expected whose run it is and where it was started.")
    begun = ledger.begin(params["app"], holder, params["since_look"], params["limit"])
    return {"changed": False, "ttl": TTL, **begun.as_dict()}


def _nodes(ledger: Ledger, _params: Params) -> Result:
    return {"changed": False, "nodes": _plain(ledger.nodes())}


def _images(ledger: Ledger, params: Params) -> Result:
    if params["retain"] < 1:
        raise LedgerError(f"retain: is {params['retain']}; expected a whole number from 1.")
    kept = list(retained(ledger.images(), params["retain"]))
    return {"changed": False, "kept": kept, "busy": ledger.held()}


def _mark(ledger: Ledger, params: Params) -> Result:
    node, state = params["node"], params["state"]
    before = ledger.mark(node, state, _given(Holder, params), params["message"])
    diff = {"before": f"{node} {before}\n", "after": f"{node} {state}\n"}
    return {"changed": before != state, "diff": diff}


def _renew(ledger: Ledger, params: Params) -> Result:
    ledger.renew(params["app"], params["token"])
    return {"changed": False}


def _release(ledger: Ledger, params: Params) -> Result:
    ledger.release(params["app"], params["token"])
    return {"changed": False}


def _settle(ledger: Ledger, params: Params) -> Result:
    ledger.settle(params["app"], params["token"])
    return {"changed": False}


def _claim(ledger: Ledger, params: Params) -> Result:
    bid = Bid(
        wants=[Want(**want) for want in params["wants"]],
        room={node: _room(node, left) for node, left in params["room"].items()},
        seen=params["seen"],
        since_look=params["since_look"],
    )
    draft = _given(Draft, params) if params["configuration"] is not None else None
    keep = Keep([Sealed(**secret) for secret in params["secrets"]], params["retain"]) if draft else None
    claimed = ledger.claim(params["app"], params["token"], bid, draft, keep)
    return _moved(claimed.moves) | {
        "conflicts": list(claimed.conflicts),
        "claims": _plain(claimed.claims),
        "seen": claimed.seen,
        "number": claimed.number,
        "resumed": claimed.number is not None and not claimed.moves,
    }


def _activate(ledger: Ledger, params: Params) -> Result:
    return _moved(ledger.activate(params["app"], params["number"], params["outcome"], params["token"]))


def _fail(ledger: Ledger, params: Params) -> Result:
    return _moved(ledger.fail(params["app"], params["number"], params["outcome"], params["token"]))


def _remove(ledger: Ledger, params: Params) -> Result:
    return _moved(ledger.remove(params["app"], params["token"]))


ASKS: dict[str, Callable[[Ledger, Params], Result]] = {
    "read": _read,
    "events": _events,
    "nodes": _nodes,
    "images": _images,
    "mark": _mark,
    "begin": _begin,
    "renew": _renew,
    "release": _release,
    "claim": _claim,
    "settle": _settle,
    "activate": _activate,
    "fail": _fail,
    "remove": _remove,
}


def _prepare(params: Params, *, check: bool) -> Result:
    todo = place_of(params["path"], params["url"]).prepare(check=check)
    return {"changed": bool(todo), "diff": {"before": "", "after": "".join(f"{it}\n" for it in todo)}}


def _dump(params: Params, **_: bool) -> Result:
    edition, snapshot = backup.dump(Path(params["path"]))
    return {"changed": False, "snapshot": snapshot, "change": edition.change}


def _keep(params: Params, *, check: bool) -> Result:
    before, after = backup.keep(
        Path(params["backup"]), params["snapshot"], force=params["force"], check=check
    )
    diff = {"before": f"change {before.change}\n" if before else "", "after": f"change {after.change}\n"}
    return {"changed": before != after, "change": after.change, "diff": diff}


def _restore(params: Params, *, check: bool) -> Result:
    if params["url"]:
        edition = moving.move(
            place_of("", params["url"]), params["snapshot"], force=params["force"], check=check
        )
    else:
        edition = backup.restore(Path(params["path"]), params["snapshot"], force=params["force"], check=check)
    return {"changed": True, "change": edition.change}


def _recover(params: Params, *, check: bool) -> Result:
    evidence = recovery.Evidence(
        [recovery.Found(**found) for found in params["found"]],
        params["tokens"],
        {name: recovery.Survey(**kept) for name, kept in params["backups"].items()},
    )
    outcome = recovery.recover(
        place_of(params["path"], params["url"]),
        evidence,
        _given(Holder, params),
        force=params["force"],
        check=check,
    )
    moved = _moved(tuple(outcome.moves.values()))
    return moved | {
        "changed": outcome.changed,
        "moves": [{"app": app, **asdict(move)} for app, move in outcome.moves.items()],
        "aside": outcome.aside,
    }


FILES: dict[str, Callable[..., Result]] = {
    "prepare": _prepare,
    "dump": _dump,
    "keep": _keep,
    "restore": _restore,
    "recover": _recover,
}
ARGUMENTS: dict[str, Any] = {
    **LEDGER,
    "do": {"type": "str", "required": True, "choices": [*FILES, *ASKS]},
    "app": {"type": "str"},
    "snapshot": {"type": "str", "no_log": True},
    "backup": {"type": "path", "default": "/var/lib/fairlead/backup/ledger.db"},
    "force": {"type": "bool", "default": False},
    "token": {"type": "int", "no_log": False},
    "limit": {"type": "int", "default": 20},
    "since_look": {"type": "float"},
    "seen": {"type": "int", "default": 0},
    "wants": {"type": "list", "elements": "dict", "default": [], "options": WANT},
    "room": {"type": "dict", "default": {}},
    "secrets": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {name: {"type": "str", "required": True} for name in ("name", "hash", "sealed")},
    },
    "retain": {"type": "int", "default": 10},
    "found": {"type": "list", "elements": "dict", "default": [], "options": FOUND},
    "tokens": {"type": "dict", "default": {}, "no_log": False},
    "backups": {"type": "dict", "default": {}},
    "node": {"type": "str"},
    "state": {"type": "str", "choices": [ACTIVE, CORDONED, DRAINING], "default": ACTIVE},
    "number": {"type": "int"},
    "outcome": {"type": "str", "default": ""},
    "configuration": {"type": "dict"},
    "configuration_hash": {"type": "str"},
    "image": {"type": "str"},
    "kind": {"type": "str", "choices": list(KINDS), "default": "deploy"},
    "irreversible": {"type": "bool", "default": False},
    "who": {"type": "str", "default": ""},
    "host": {"type": "str", "default": ""},
    "what": {"type": "str", "default": ""},
    "git_commit": {"type": "str", "default": ""},
    "git_dirty": {"type": "bool", "default": False},
    "ref": {"type": "str", "default": ""},
    "message": {"type": "str", "default": ""},
}
REQUIRED = [
    *(("do", do, ["app"]) for do in ASKS if do not in ("nodes", "images", "mark")),
    ("do", "mark", ["node"]),
    *(("do", do, ["token"]) for do in ("renew", "release", "claim", "settle")),
    ("do", "begin", ["since_look"]),
    ("do", "claim", ["since_look"]),
    ("do", "activate", ["number"]),
    ("do", "fail", ["number"]),
    ("do", "keep", ["snapshot"]),
    ("do", "restore", ["snapshot", "url"], True),
]
TOGETHER = [["configuration", "configuration_hash", "image"]]


def run(params: Params, *, check: bool) -> Result:
    """Do what is asked and return what the module returns. Raises LedgerError, Lost too, and Held."""
    if params["do"] in FILES:
        return FILES[params["do"]](params, check=check)
    with Ledger(place_of(params["path"], params["url"]), readonly=check) as ledger:
        return ASKS[params["do"]](ledger, params)


def _given(kind: Any, params: Params) -> Any:
    return kind(**{field.name: params[field.name] for field in fields(kind)})


def _plain(rows: Any) -> list[dict[str, Any]]:
    return [row.as_dict() for row in rows]


def _room(node: str, left: Any) -> Room:
    try:
        return Room(int(left["memory"]), float(left["cpu"]))
    except (KeyError, TypeError, ValueError):
        raise LedgerError(
            f'room: {node}: got {left!r}; expected {{"memory": bytes, "cpu": cores}}.'
        ) from None


def _moved(moves: tuple[Move, ...]) -> Result:
    before = "".join(f"v{move.number} {move.before}\n" for move in moves if move.before)
    after = "".join(f"v{move.number} {move.after}\n" for move in moves)
    return {
        "changed": bool(moves),
        "moves": [asdict(move) for move in moves],
        "diff": {"before": before, "after": after},
    }


def main() -> None:
    """Arguments, one call, exit."""
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        required_if=REQUIRED,
        required_together=TOGETHER,
        supports_check_mode=True,
    )
    try:
        result = run(module.params, check=module.check_mode)
    except Held as held:
        module.fail_json(msg=str(held), held=held.by)
    except Lost as lost:
        module.fail_json(msg=str(lost), lost=True)
    except LedgerError as error:
        module.fail_json(msg=str(error))
    else:
        module.exit_json(**result)


if __name__ == "__main__":
    main()
