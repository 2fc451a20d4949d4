# SPDX-License-Identifier: GPL-3.0-or-later
"""The model of one app file: all that may be written in it, and what is meant where nothing is written.

Durations are seconds, sizes bytes, cpu cores. The JSON Schema for editors comes from these classes.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ansible_collections.fairlead.paas.plugins.module_utils import configuration
from ansible_collections.fairlead.paas.plugins.module_utils.constraints import CONSTRAINT_HELP
from ansible_collections.fairlead.paas.plugins.module_utils.image.recipe import DOCKERFILE

from .fields import (
    AfterFailure,
    Capability,
    Command,
    Constraint,
    Context,
    Cores,
    Deadline,
    Domain,
    EnvName,
    Export,
    Factor,
    Flag,
    Folder,
    GitRef,
    GitUrl,
    Grace,
    HealthKind,
    HttpPath,
    Image,
    Inside,
    Interval,
    Label,
    Memory,
    Mode,
    Most,
    Name,
    Order,
    Others,
    Package,
    Parallelism,
    Peer,
    Percentage,
    Port,
    Preferred,
    Published,
    Runtime,
    Sha256,
    Skew,
    Stage,
    Strategy,
    Unavailable,
    Version,
    Weight,
    Word,
)
from .grammar import (
    EXPORT_HELP,
    GIT_REF_HELP,
    GIT_URL_HELP,
    IMAGE_HELP,
    OTHERS_HELP,
    PACKAGE_HELP,
    PEER_HELP,
)
from .kinds import LIST, MAPPING, TEXT, several, whole

_PREFERENCE_HELP = f"{CONSTRAINT_HELP}, or {{rule: EXPRESSION, weight: 80}}"
_APART_HELP = 'a list such as [billing, "*"], or {apps: [billing], per: zone}'


SOURCES = ("context", "image", "package", "git")  # of which build names one


class Part(BaseModel):
    """What all parts of an app file share: nothing unknown in them, nothing changes afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Git(Part):
    """A commit of a git repository, or a directory in it."""

    url: GitUrl = Field(description=f"where it is: {GIT_URL_HELP}")
    ref: GitRef = Field("HEAD", description=f"{GIT_REF_HELP}; what the repository itself has as its HEAD")
    path: Inside | None = Field(None, description="a directory in it; all of it unless given")


class Build(Part):
    """Where the image comes from: built from a directory, a package or a commit, or taken as it is."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [name]} for name in SOURCES]})

    context: Context | None = Field(None, description="a directory beside the app file")
    package: Package | None = Field(None, description=f"an archive of finished artefacts: {PACKAGE_HELP}")
    git: Git | None = Field(None, description="a commit of a git repository: {url: …, ref: …, path: …}")
    image: Image | None = Field(None, description=f"an image that exists: {IMAGE_HELP}")
    runtime: Runtime | None = Field(
        None,
        description="what it runs on, NAME or NAME:TAG; a package needs it, code says it by what is in it",
    )
    sha256: Sha256 | None = Field(None, description="of the package; needed where that is a URL")
    dockerfile: Inside = Field(DOCKERFILE, description="the Dockerfile's path inside the context")
    target: Stage | None = Field(None, description="the stage to end with; the last one unless given")
    args: dict[EnvName, Word] = Field({}, description="build arguments, which are no secrets")
    secrets: tuple[EnvName, ...] = Field(
        (), description="names of the inventory's fairlead_secrets, mounted while it is built and not kept"
    )


class Env(Part):
    """What instances get in their environment, beside what the platform itself gives them."""

    clear: dict[EnvName, Word] = Field({}, description="names and values, as text or whole numbers")
    secret: tuple[EnvName, ...] = Field(
        (), description="names; the values are the inventory's fairlead_secrets"
    )


class Health(Part):
    """How an instance is asked whether it is healthy: by HTTP, an answer of 200 to 399 within the timeout.

    By TCP, a connection that it accepts within the timeout, and does not close at once.
    """

    kind: HealthKind = Field(configuration.Health.kind, description="whether it is asked by HTTP or by TCP")
    path: HttpPath = Field(configuration.Health.path, description="what to GET")
    interval: Interval = Field(configuration.Health.interval, description="from one question to the next")
    timeout: Interval = Field(configuration.Health.timeout, description="how long an answer may take")
    retries: Annotated[int, whole(1, 20)] = Field(
        configuration.Health.retries, description="failures in a row that make an instance unhealthy"
    )
    start_period: Grace = Field(
        configuration.Health.start_period, description="after its start, in which failures do not count"
    )


class Volume(Part):
    """What an instance finds at a path and what outlives it: kept by the node's engine, or from elsewhere."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["node", "nfs"]}})

    name: Name = Field(description="what it is called, unique in its process")
    path: Folder = Field(description="where the container finds it")
    node: Folder | None = Field(
        None, description="this directory of the node; below one of the inventory's fairlead_volume_roots"
    )
    nfs: Export | None = Field(None, description=f"this directory of an NFS server: {EXPORT_HELP}")
    read_only: Flag = Field(default=False, description="whether the container may only read it")


class Preference(Part):
    """A constraint that a node should meet, and how much that counts."""

    rule: Constraint = Field(description=CONSTRAINT_HELP)
    weight: Preferred = Field(
        configuration.Preference.weight, description="how much it counts beside the others"
    )


class Apart(Part):
    """What instances never share more than a node with."""

    apps: tuple[Others, ...] = Field(min_length=1, description=f"a list of: {OTHERS_HELP}")
    per: Label = Field(
        description="a label, of which no two nodes with the same value hold one and the other"
    )


class Placement(Part):
    """Where instances may stand, and which of these nodes comes first."""

    strategy: Strategy | None = Field(
        None, description="which of the nodes that could take an instance does; else the inventory says"
    )
    constraints: tuple[Constraint, ...] = Field((), description=f"what a node must meet: {CONSTRAINT_HELP}")
    preferences: tuple[
        Annotated[
            Annotated[Constraint, TEXT] | Annotated[Preference, MAPPING],
            several("is no preference", _PREFERENCE_HELP),
        ],
        ...,
    ] = Field((), description=f"what a node should meet: {_PREFERENCE_HELP}")
    spread: Label | None = Field(None, description="a label over whose values instances are spread evenly")
    max_skew: Skew | None = Field(
        None, description="the most that one value of it may have more than another; needs spread"
    )
    max_per_node: Most | None = Field(None, description="the most instances of this process on one node")
    max_per: dict[Label, Most] = Field(
        {}, description="by label: the most instances of this process on all nodes with one value of it"
    )
    together: tuple[Peer, ...] = Field(
        (), alias="with", description=f"what must stand on the same node: {PEER_HELP}"
    )
    apart: Annotated[
        Annotated[tuple[Others, ...], LIST] | Annotated[Apart, MAPPING],
        several("is no list and no mapping", _APART_HELP),
    ] = Field((), description=f"what must never stand on the same node: {_APART_HELP}")
    mode: Mode = Field(
        configuration.Rules.mode, description="as many as scale says, or one on every node that may hold it"
    )


class Process(Part):
    """A command of the app, scaled on its own."""

    command: Command = Field((), description="program and arguments; without it, the image's own command")
    scale: Annotated[int, whole(0, 1000)] = Field(1, description="how many instances run")
    memory: Memory = Field(
        configuration.Spec.memory, description="reserved for each instance, and its hard limit"
    )
    cpu: Cores = Field(
        configuration.Spec.cpu,
        description="cores reserved for each instance, and its weight under contention",
    )
    port: Port | None = Field(None, description="what the container listens on, also given to it as PORT")
    publish: Published | None = Field(
        None, description="the port of the node's private address that leads to it, instead of a chosen one"
    )
    health: Health | None = Field(None, description="needs a port; with a port and no health, GET / is asked")
    stop_timeout: Grace = Field(configuration.Spec.stop_timeout, description="from SIGTERM to SIGKILL")
    volumes: tuple[Volume, ...] = Field((), description="what outlives its containers, for each instance")
    placement: Placement = Field(Placement(), description="where instances may stand")
    capabilities: tuple[Capability, ...] = Field(
        (), description="kernel capabilities; all others are dropped"
    )


class Route(Part):
    """One more host name that leads to a process."""

    domain: Domain = Field(description="a host name; NAME.<platform domain> always leads to web")
    process: Name = Field(description="a process of this app that has a port")


class Canary(Part):
    """How a new release is tried with a share of the requests, before it replaces the old one."""

    weight: Weight = Field(
        configuration.Canary.weight, description="percent of a process's requests that go to the new release"
    )
    hold: Deadline = Field(configuration.Canary.hold, alias="for", description="how long it is tried")
    max_5xx: Percentage = Field(
        configuration.Canary.max_5xx,
        description="how many more of its requests may fail than of the old release's at the same time",
    )
    max_p95: Factor = Field(
        configuration.Canary.max_p95,
        description="how many times as long as the old release it may take for 95 % of its answers",
    )


class Update(Part):
    """How a deploy goes from the old instances to the new."""

    order: Order = Field(
        configuration.Update.order, description="whether new ones start before old ones stop"
    )
    parallelism: Parallelism = Field(
        configuration.Update.parallelism,
        description="instances of each process that a step replaces: a number, a share such as 25%, or all",
    )
    max_unavailable: Unavailable | None = Field(
        None,
        description="instances of each process that may be missing at a time: a number or a share",
    )
    drain: Grace = Field(
        configuration.Update.drain,
        description="the longest wait for requests that an old instance still serves",
    )
    deadline: Deadline = Field(
        configuration.Update.deadline, description="for a new instance to become healthy"
    )
    monitor: Grace = Field(
        configuration.Update.monitor,
        description="how long new instances must stay healthy until a step counts",
    )
    on_failure: AfterFailure = Field(
        configuration.Update.on_failure, description="whether a failed deploy returns to what was, or stops"
    )
    canary: Canary | None = Field(
        None, description="tries a new release with a share of the requests first; aborted by itself"
    )


class Release(Part):
    """What comes before anything is switched to a new release."""

    command: Command = Field(description="program and arguments, run once in the new image")
    deadline: Deadline = Field(
        configuration.ReleaseCommand.deadline, description="how long the command may take"
    )


class App(Part):
    """One app file."""

    app: Name = Field(description="the app's name, which is also the file's")
    version: Version | None = Field(None, description="one more tag of the image, REGISTRY/NAME:VERSION")
    build: Build = Field(
        description=(
            "where the image comes from: {context: DIRECTORY}, {image: NAME},"
            " {package: FILE, runtime: NAME} or {git: {url: URL}}"
        )
    )
    env: Env = Field(Env(), description="the environment of every instance")
    processes: dict[Name, Process] = Field(
        min_length=1,
        description="the app's processes by their names; web is the one that NAME.<platform domain> leads to",
    )
    routes: tuple[Route, ...] = Field((), description="further host names")
    update: Update = Field(Update(), description="how a deploy goes")
    release: Release | None = Field(None, description="what runs before anything is switched")
    irreversible: Flag = Field(
        default=False,
        description="whether no rollback may go behind this release, as after a destructive migration",
    )
    require_signed: Flag = Field(
        default=False,
        description="whether nodes run only images of it that a builder of this platform has signed",
    )
