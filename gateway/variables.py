"""The typed variables of a host: what an inventory may say.

Default values live in `roles/<role>/role.yml`, each with its reason beside it; a field that has a
default here is one that has no sensible value to document (an optional address, an empty list).
Unknown keys are errors everywhere.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from gateway.backup_variables import Backup
from gateway.edge_variables import Edge, GatewayProxy, Provider, Recorder
from gateway.guard_variables import Firewall, Hardening
from gateway.variable_types import Days, Limits, Port, ProviderName, RoleName, Section, Service, Text


class Connection(Section):
    """How the controller reaches the host."""

    transport: Literal["ssh", "local"]
    address: Text | None = None
    port: Port
    user: Text
    become: bool
    identity_file: Text | None = None
    jump: Text | None = None
    timeout: Annotated[int, Field(gt=0, le=600)]


class Upstream(Section):
    """Where Helicone's own compose file comes from, and which hard stops of an upgrade were seen to by hand."""

    repo: Text
    ref: Text
    compose_path: Text
    passed_stops: list[str]


class Images(Section):
    """The images, each `name:tag`, or `name:tag@sha256:...`; digests of the first form come from the lock."""

    postgres: Text
    clickhouse: Text
    object_store: Text
    migrations: Text
    jawn: Text
    web: Text
    caddy: Text
    envoy: Text
    python: Text
    busybox: Text
    restic: Text


class Ports(Section):
    """The ports that are published, on the addresses named by `publish_address` and `private_address`."""

    gateway: Port
    ui: Port
    acme: Port
    jawn: Port
    web: Port
    postgres: Port
    clickhouse: Port
    object_store: Port


class Urls(Section):
    """The addresses that people and clients use; empty means: made from the host's address and ports."""

    gateway: str
    ui: str


class Postgres(Service):
    """PostgreSQL: bundled on the data host, or somebody else's."""

    mode: Literal["bundled", "external"]
    host: str
    port: Port
    database: Text
    user: Text


class Clickhouse(Service):
    """ClickHouse: bundled on the data host, or somebody else's."""

    mode: Literal["bundled", "external"]
    url: str
    user: Text
    open_files: Annotated[int, Field(ge=1024)]


class Buckets(Section):
    """The three buckets that Helicone needs."""

    requests: Text
    prompts: Text
    hql: Text


class ObjectStore(Service):
    """The S3 store: `rclone serve s3` on the data host, or any other."""

    mode: Literal["bundled", "external"]
    endpoint: str
    public_endpoint: str
    region: Text
    buckets: Buckets


class Retention(Section):
    """After how many days what is kept goes away; 0: never."""

    bodies_days: Days
    requests_days: Days
    api_logs_days: Days
    system_logs_days: Days
    objects_days: Days


class Migrations(Limits):
    """The one-shot migration run, which files its ledgers must show, and which of them may be missing.

    `built_from` maps an image (without digest) to the git ref it was built from, for images that do
    not hold the migrations of `upstream.ref`. `compatible` names those that an older Helicone lives with.
    `backup` tells whether an upgrade takes a backup before any other, and restores it when it fails.
    """

    allowed_absent: list[str]
    compatible: list[str]
    backup: bool
    built_from: dict[str, Text]


class Admin(Section):
    """The first account."""

    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")]
    name: Text


class SecretsSettings(Section):
    """How `secrets.yml.age` is opened: the age identity of this operator, and all who may read it."""

    identity: Text
    recipients: list[Annotated[str, StringConstraints(pattern=r"^age1[0-9a-z]+$")]]


class Logging(Section):
    """Rotation of the containers' logs."""

    max_size: Annotated[str, StringConstraints(pattern=r"^[0-9]+[kmg]$")]
    max_files: Annotated[int, Field(ge=1)]


class Docker(Section):
    """What the docker role sees to on a host."""

    install: bool
    minimum_engine: Text
    minimum_compose: Text
    registry_certificates: dict[str, str]


class Preflight(Section):
    """What a host must offer before anything on it is touched."""

    disk_free_gb: Annotated[float, Field(ge=0)]
    memory_mb: Annotated[int, Field(ge=0)]
    clock_skew_seconds: Annotated[int, Field(gt=0)]


class Deploy(Section):
    """How a release goes out."""

    batch: Annotated[int, Field(ge=1)]
    health_timeout: Annotated[int, Field(gt=0)]
    settle_seconds: Annotated[int, Field(ge=0)]
    lease_seconds: Annotated[int, Field(ge=5)]
    keep_releases: Annotated[int, Field(ge=2)]


class Verify(Section):
    """The traced request that proves a deploy."""

    traced_request: bool
    model: Text
    timeout: Annotated[int, Field(gt=0)]


class HostVariables(Section):
    """Everything that is known about one host after the merge of all layers."""

    connection: Connection
    roles: list[RoleName]
    publish_address: str
    private_address: str
    directory: Annotated[str, StringConstraints(pattern=r"^/[^\s]*[^\s/]$")]
    upstream: Upstream
    images: Images
    ports: Ports
    urls: Urls
    postgres: Postgres
    clickhouse: Clickhouse
    object_store: ObjectStore
    backup: Backup
    retention: Retention
    migrations: Migrations
    jawn: Service
    web: Service
    egress: Limits
    edge: Edge
    gateway: GatewayProxy
    recorder: Recorder
    keys: Limits
    door: Limits
    providers: dict[ProviderName, Provider]
    admin: Admin
    secrets: SecretsSettings
    logging: Logging
    docker: Docker
    firewall: Firewall
    hardening: Hardening
    preflight: Preflight
    deploy: Deploy
    verify: Verify
