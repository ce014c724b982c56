"""The entities of a Kong that is in use, as values.

decK files (`deck.py`) and a running Kong (`running.py`) give the same values. No value holds a
credential: a credential is its kind and an id. A plugin keeps the settings that the model reads;
other settings are kept by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from kong_oam.access.data import Names, NamesByName
from kong_oam.diagnostics import Position
from kong_oam.kong.route_order import FLAVOR

# An edge: the settings of an entity or a plugin that the model reads. Kong's schemas give types.
Settings = Mapping[str, Any]

HTTP = frozenset({"http", "https"})
GRPC = frozenset({"grpc", "grpcs"})

# The kinds of credentials, by the plugin that reads them.
CredentialKind = Literal[
    "key-auth", "basic-auth", "jwt", "hmac-auth", "oauth2", "mtls-auth"
]

# The kinds of credentials in a request. Users of a directory are no consumers.
CallerKind = CredentialKind | Literal["ldap-auth"]


@dataclass(frozen=True, slots=True)
class AdminPlace:
    """The position of an entity in a running Kong: the Admin URL, without secrets, and a path."""

    url: str
    path: str

    @property
    def file(self) -> str:
        return f"{self.url}{self.path}"

    @property
    def line(self) -> int:
        return 0

    @property
    def column(self) -> int:
        return 0

    def excerpt(self) -> str:
        """Return an empty text: a running Kong has no source line."""
        return ""

    def __str__(self) -> str:
        return self.file


@dataclass(frozen=True, slots=True, eq=False)
class OldService:
    """A Kong service.

    `name` is unique and stable: the declared name, else the id, else a name made from its place.
    `id` is empty if the file has none. `port` is an integer, or a placeholder such as `${PORT}`.
    `path` is empty without a path. `settings`: timeouts, retries and TLS, as declared. `unknown`:
    names of fields that the program does not understand.
    """

    name: str
    id: str
    position: Position
    protocol: str
    host: str
    port: int | str
    path: str = ""
    enabled: bool = True
    settings: Settings = field(default_factory=dict)
    tags: Names = ()
    unknown: Names = ()


@dataclass(frozen=True, slots=True, eq=False)
class OldRoute:
    """A Kong route. `service` is None for a route without a service.

    `paths` are in the form of format 3.0: a regular expression begins with `~`. `declared_paths`
    are the same paths as written. `headers`, `snis`, `sources`, `destinations` are further
    conditions: headers by name in small letters, sources and destinations as text. `expression` is
    empty for a route without an expression.
    """

    name: str
    id: str
    position: Position
    service: OldService | None
    protocols: Names = ("http", "https")
    methods: Names = ()
    hosts: Names = ()
    paths: Names = ()
    declared_paths: Names = ()
    headers: NamesByName = field(default_factory=dict)
    snis: Names = ()
    sources: Names = ()
    destinations: Names = ()
    expression: str = ""
    regex_priority: int = 0
    strip_path: bool = True
    preserve_host: bool = False
    path_handling: str = "v0"
    redirect_status: int = 426
    settings: Settings = field(default_factory=dict)
    tags: Names = ()
    unknown: Names = ()

    @property
    def is_http(self) -> bool:
        return not HTTP.isdisjoint(self.protocols)

    @property
    def is_grpc(self) -> bool:
        return not GRPC.isdisjoint(self.protocols)

    @property
    def is_routed(self) -> bool:
        """Whether Kong's router for requests has the route."""
        is_enabled = self.service is None or self.service.enabled
        return is_enabled and (self.is_http or self.is_grpc)

    @property
    def conditions(self) -> Names:
        """The names of conditions beyond method, host and path that a request may or may not
        meet."""
        named = {
            "headers": self.headers,
            "snis": self.snis,
            "sources": self.sources,
            "destinations": self.destinations,
            "expression": self.expression,
        }
        return tuple(name for name, value in named.items() if value)


@dataclass(frozen=True, slots=True, eq=False)
class OldPlugin:
    """An instance of a plugin. Its scope is the set of `route`, `service`, `consumer` and
    `consumer_group` (names; empty: not limited); a global plugin has none.

    `config`: settings that the model reads, with current field names (`allow` for `whitelist`).
    `other_config`: names of the other settings that are set, sorted; their values may be secrets
    and are not kept. `anonymous` in `config` is the consumer's username or id, as declared.
    """

    name: str
    id: str
    position: Position
    route: str = ""
    service: str = ""
    consumer: str = ""
    consumer_group: str = ""
    enabled: bool = True
    protocols: Names = ()
    config: Settings = field(default_factory=dict)
    other_config: Names = ()
    tags: Names = ()
    unknown: Names = ()

    @property
    def is_http(self) -> bool:
        """Whether it acts on HTTP requests. Kong does not compare protocols further."""
        protocols = self.protocols or ("http",)
        return not (HTTP | GRPC).isdisjoint(protocols)

    @property
    def is_global(self) -> bool:
        return not (
            self.route or self.service or self.consumer or self.consumer_group
        )

    @property
    def label(self) -> str:
        """The plugin and its scope in words."""
        scopes = []
        for kind in ("route", "service", "consumer", "consumer_group"):
            name = getattr(self, kind)
            if name:
                scopes.append(f"{kind.replace('_', ' ')} '{name}'")
        scope = " and ".join(scopes) or "everything (global)"
        return f"plugin {self.name} of {scope}"


@dataclass(frozen=True, slots=True, eq=False)
class OldCredential:
    """A credential of a consumer, without its value.

    `id` is empty if the file has none. `algorithm`: of a `jwt` credential (`HS256` by default).
    """

    kind: CredentialKind
    position: Position
    id: str = ""
    algorithm: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class OldConsumer:
    """A consumer. `name` is its username, else its custom id, else its id. `groups`: its ACL
    groups, sorted. `consumer_groups`: names of Kong's consumer groups, another concept."""

    name: str
    id: str
    position: Position
    username: str = ""
    custom_id: str = ""
    groups: Names = ()
    consumer_groups: Names = ()
    credentials: tuple[OldCredential, ...] = ()
    tags: Names = ()
    unknown: Names = ()

    @property
    def kinds(self) -> tuple[CredentialKind, ...]:
        """The kinds of its credentials, each once, sorted."""
        kinds = {credential.kind for credential in self.credentials}
        return tuple(sorted(kinds))


@dataclass(frozen=True, slots=True, eq=False)
class OldTarget:
    """A target of an upstream: `host:port` and a weight."""

    target: str
    weight: int
    position: Position


@dataclass(frozen=True, slots=True, eq=False)
class OldUpstream:
    """A Kong upstream: its name is the host of services. `settings` are as declared."""

    name: str
    id: str
    position: Position
    targets: tuple[OldTarget, ...] = ()
    settings: Settings = field(default_factory=dict)
    tags: Names = ()
    unknown: Names = ()

    @property
    def active_targets(self) -> tuple[OldTarget, ...]:
        """The targets that get requests."""
        return tuple(target for target in self.targets if target.weight > 0)


@dataclass(frozen=True, slots=True, eq=False)
class OldName:
    """An entity that is kept by name only: a consumer group, a certificate, an SNI, a vault."""

    kind: str
    name: str
    position: Position


@dataclass(frozen=True)
class OldKong:
    """All entities of a Kong that is in use, in the order of their source.

    `sources`: the files, or the Admin URL. `router_flavor`: of a running Kong; decK files do not
    say it, and the default of Kong 3 is assumed. `select_tags` and `workspace`: of decK files.
    `others`: entities that are kept by name, such as consumer groups, certificates and vaults.
    """

    sources: Names = ()
    services: tuple[OldService, ...] = ()
    routes: tuple[OldRoute, ...] = ()
    plugins: tuple[OldPlugin, ...] = ()
    consumers: tuple[OldConsumer, ...] = ()
    upstreams: tuple[OldUpstream, ...] = ()
    others: tuple[OldName, ...] = ()
    format_version: str = ""
    select_tags: Names = ()
    workspace: str = ""
    router_flavor: str = FLAVOR
    is_running: bool = False

    @cached_property
    def service(self) -> Mapping[str, OldService]:
        """The services by name."""
        return {service.name: service for service in self.services}

    @cached_property
    def route(self) -> Mapping[str, OldRoute]:
        """The routes by name."""
        return {route.name: route for route in self.routes}

    @cached_property
    def consumer(self) -> Mapping[str, OldConsumer]:
        """The consumers by name."""
        return {consumer.name: consumer for consumer in self.consumers}

    @cached_property
    def upstream(self) -> Mapping[str, OldUpstream]:
        """The upstreams by name."""
        return {upstream.name: upstream for upstream in self.upstreams}

    @cached_property
    def left_alone(self) -> tuple[OldRoute, ...]:
        """The routes that take no HTTP requests: stream and gRPC."""
        return tuple(route for route in self.routes if not route.is_http)
