"""The settings of a stack as values, apart from the code that reads them."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from kong_oam.access.data import Names, NamesByName, Texts
from kong_oam.access.providers import PLAIN, ClaimMapping, Provider
from kong_oam.access.settings import partitions as parts
from kong_oam.access.settings.adopted import AdoptedSettings
from kong_oam.access.settings.dbless import DblessSettings
from kong_oam.access.settings.logs import LogSettings
from kong_oam.access.settings.redis import RedisSettings
from kong_oam.access.settings.upstream_tls import UpstreamTlsSettings
from kong_oam.access.stack import Stack
from kong_oam.access.upstream import Upstreams
from kong_oam.errors import SettingsError

# The default folder of Applications.
APPLICATIONS = ("applications",)

Edition = Literal["oss", "enterprise"]


class StackError(SettingsError):
    """Raised if a stack's settings cannot be used. The message lists all problems by setting."""


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """Settings of the cluster for every workload. `images` maps prefixes of image names in
    Applications."""

    context: str | None = None
    # Contexts of further clusters, by their names in topology policies.
    contexts: Texts = field(default_factory=dict)
    images: Texts = field(default_factory=dict)
    pull_secrets: Names = ()
    account_annotations: Texts = field(default_factory=dict)
    create_namespaces: bool = False

    def context_of(self, cluster: str | None) -> str | None:
        """Return the kubeconfig context of a cluster; None for the current context.

        `cluster` None is the stack's own.
        """
        return self.contexts[cluster] if cluster else self.context


@dataclass(frozen=True, slots=True)
class KnownClient:
    """An existing client of a provider. `secret`: name and key of the Kubernetes Secret with its
    secret."""

    id: str
    secret: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """One identity provider in the stack's file. `access_token_minutes`: lifetime of access tokens.

    Only some kinds of providers have these fields:

    `issuer`: the address of an issuer that exists before the stack. `moved_from`: its old address.
    `spelling`: the names of claims in its tokens. `clients`: existing clients, by component key.
    `client_secrets`: clients use a shared secret instead of a key. `cluster_issuer`: clients use
    the ServiceAccount tokens of this issuer, the cluster's. `settle_seconds`: seconds until a new
    scope or role can be assigned. `certificates`: of partners' keys (PEM), by component key.
    """

    name: str
    type: str
    audience: str
    groups: Texts = field(default_factory=dict)
    access_token_minutes: int = 60
    issuer: str | None = None
    moved_from: str | None = None
    spelling: ClaimMapping | None = None
    clients: Mapping[str, KnownClient] = field(default_factory=dict)
    client_secrets: bool = False
    cluster_issuer: str | None = None
    shared_origins: Names = ()
    settle_seconds: float | None = None
    certificates: NamesByName = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Where the gateway is: in `namespace`, or at addresses in `cidrs`. How it reaches workloads.

    `redirect`: redirect plain http to https instead of rejecting it. `hsts_seconds` 0: no HSTS
    header. `strip_headers`: lower-case headers that admission removes beside its own list.
    `settle_seconds` None: the value from the Admin API's settings. `edition`: enterprise verifies
    tokens with openid-connect.
    """

    namespace: str | None = None
    pod_labels: Texts = field(default_factory=dict)
    cidrs: Names = ()
    reach: Literal["cluster", "loadBalancer", "nodePort"] = "cluster"
    service_annotations: Texts = field(default_factory=dict)
    node_address: str | None = None
    scheme: Literal["http", "https"] = "https"
    redirect: bool = False
    hsts_seconds: int = 365 * 24 * 3600
    strip_headers: Names = ()
    key_slots: int = 4
    admin_url: str | None = None
    workspace: str | None = None
    settle_seconds: float | None = None
    edition: Edition = "oss"
    redis: RedisSettings | None = None
    # None: no TLS to workloads. Components that ask for https get no calls.
    upstream_tls: UpstreamTlsSettings | None = None
    logs: LogSettings | None = None
    metrics: bool = False
    # Addresses of external components.
    upstreams: Upstreams = field(default_factory=dict)
    # None: routes of no stack that take or could take calls are findings.
    adopted: AdoptedSettings | None = None
    # None: Kong has a database.
    dbless: DblessSettings | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one stack. `stack` has the settings that change the meaning of Applications.

    `applications` names files, folders and globs of Applications in the project's folder.
    `definitions` names files of definitions, besides the folder DEFINITIONS. `partition` is None
    for a whole estate, and for the base of an estate with partitions. `evidence`: the folder for
    records of runs and openings, or None. `invariants`: the file of invariants in the project's
    folder; None for the default file, which may be absent.
    """

    stack: Stack
    cloud: str
    as_of: datetime.date
    cluster: ClusterSettings
    gateway: GatewaySettings
    providers: tuple[ProviderSettings, ...]
    applications: Names = APPLICATIONS
    definitions: Names = ()
    partition: str | None = None
    evidence: str | None = None
    invariants: str | None = None

    @property
    def engine_stack(self) -> str:
        """The name of the stack in the engine. `stack.name` is the estate's name."""
        return parts.stack_of(self.stack.name, self.partition)

    @property
    def adopts(self) -> bool:
        """Whether routes of no stack may stay in the gateway today."""
        adopted = self.gateway.adopted
        return adopted is not None and not adopted.is_over(self.as_of)


Describe = Callable[[ProviderSettings], Provider]


def plain(settings: ProviderSettings) -> Provider:
    """Return a provider from its settings, without asking its kind."""
    spelling = settings.spelling or PLAIN
    return Provider(
        settings.name,
        settings.audience,
        spelling,
        issuer=settings.issuer,
        groups=settings.groups,
    )
