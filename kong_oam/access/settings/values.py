"""The settings of a stack as values: who only needs what they say needs not know how they are read."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from kong_oam.access.data import Names, NamesByName, Texts
from kong_oam.access.providers import PLAIN, ClaimMapping, Provider
from kong_oam.access.settings import partitions as parts
from kong_oam.access.settings.logs import LogSettings
from kong_oam.access.settings.redis import RedisSettings
from kong_oam.access.settings.upstream_tls import UpstreamTlsSettings
from kong_oam.access.stack import Stack
from kong_oam.errors import SettingsError

# Where Applications are, where the stack does not say.
APPLICATIONS = ("applications",)

Edition = Literal["oss", "enterprise"]


class StackError(SettingsError):
    """The stack's settings cannot be used. The message lists every problem and the setting that it
    is about."""


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """What the cluster adds to every workload. `images` maps prefixes of image names, as
    Applications write them."""

    context: str | None = None
    # Contexts of further clusters, by their names as topologies write them.
    contexts: Texts = field(default_factory=dict)
    images: Texts = field(default_factory=dict)
    pull_secrets: Names = ()
    account_annotations: Texts = field(default_factory=dict)
    create_namespaces: bool = False

    def context_of(self, cluster: str | None) -> str | None:
        """The kubeconfig context of a cluster; None for the current one. `cluster` None: the
        stack's own."""
        return self.contexts[cluster] if cluster else self.context


@dataclass(frozen=True, slots=True)
class KnownClient:
    """A client that the provider has already. `secret`: name and key of the Kubernetes Secret that
    holds its secret."""

    id: str
    secret: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """One identity provider as the stack's file describes it. `access_token_minutes`: lifetime of
    its access tokens.

    What only some kinds take: `issuer`, where it exists before the stack, and `moved_from`, the one
    until now; `spelling`, how its tokens spell things; `clients`, those that it has already, by
    component key; `client_secrets`: clients share a secret with it where they would prove
    themselves with a key of their own; `cluster_issuer`: they do so with the tokens that this
    issuer, the cluster's own, gives their ServiceAccounts; `settle_seconds`: how long what is new
    there takes until it can be assigned; `certificates` (PEM): of partners' keys, by component key.
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
    """Where the gateway is, and how it reaches workloads. It runs in `namespace`, or connects from
    `cidrs`.

    `redirect`: plain http is sent on to https, not refused. `hsts_seconds` 0: browsers are not
    told. `strip_headers`: in lower case, what admission takes away beside its own list.
    `settle_seconds` None: what the Admin API's settings amount to. `edition`: enterprise verifies
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
    # None: to workloads it speaks in clear text, and to none that ask for https.
    upstream_tls: UpstreamTlsSettings | None = None
    logs: LogSettings | None = None
    metrics: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one stack; `stack` holds those that change the meaning of Applications.

    `applications` names the files, folders and globs that these are in, from the project's folder;
    `definitions` those of definitions, besides the folder DEFINITIONS where that is there.
    `partition`: the one of its estate's, whose settings these are, that the stack is; None where it
    is the whole estate, or the base of one with partitions.
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

    @property
    def engine_stack(self) -> str:
        """The name of the stack as the engine knows it; `stack.name` is that of the estate."""
        return parts.stack_of(self.stack.name, self.partition)


Describe = Callable[[ProviderSettings], Provider]


def plain(settings: ProviderSettings) -> Provider:
    """A provider as far as the settings describe it, without asking its kind."""
    spelling = settings.spelling or PLAIN
    return Provider(
        settings.name,
        settings.audience,
        spelling,
        issuer=settings.issuer,
        groups=settings.groups,
    )
