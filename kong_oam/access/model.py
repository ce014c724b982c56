"""The vocabulary of access: small frozen values that `compile` makes and `issue`, `authenticate`, `decide` read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal
from urllib.parse import urlsplit

from kong_oam.access.paths import PathSegments, folded, may_be_longer
from kong_oam.access.providers import Provider
from kong_oam.access.rotation import Schedule
from kong_oam.oam.document import Place

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""The methods that a gateway listens to; with any other a request reaches nothing."""

SIGN_IN_SCOPES = ("openid",)
"""The scopes that user-facing clients ask for besides those of APIs, so that the provider also says who the user is."""

RESERVED_SCOPES = frozenset(
    {"openid", "profile", "email", "address", "phone", "offline_access", "device_sso", "groups"}
)
"""Names with a meaning of their own at every OpenID provider; an API cannot declare them."""

ClientKind = Literal["service", "web", "browser", "native", "external"]
"""A service; an application whose users sign in, on a server, in a browser or on their devices; a partner's service."""

EXTERNAL = "external"
"""The type of a component that runs elsewhere: it is an identity and has no workload."""

Exposures = tuple[tuple[str | None, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Stack:
    """The settings of a stack that change the meaning of Applications."""

    name: str
    providers: Mapping[str, Provider]
    domain: str | None = None
    """The domain of gateway traits without one: `<component>-<application>.<domain>`."""
    suffixes: Mapping[str, str] = field(default_factory=dict)
    """Domain suffixes as Applications write them, to those of this environment."""
    scheme: Literal["http", "https"] = "https"
    rotation: Schedule = field(default_factory=Schedule)
    """When clients get new keys, where they do not say it themselves."""
    gateway_namespace: str | None = None
    """Where the gateway's pods are, if in the cluster. No application may live there: its pods could pass for them."""
    known_secrets: frozenset[tuple[str, str]] = frozenset()
    """Key of a component whose client has a credential already, and name of the Secret with it, in its namespace."""
    known_groups: frozenset[str] | None = None
    """The logical groups that there are, those that a provider maps among them; None where nobody listed them."""
    partial: bool = False
    """Whether Applications may lie elsewhere that those here name: nothing is deployed from such an estate."""

    @property
    def default_provider(self) -> Provider:
        """The first provider that the stack names."""
        return next(iter(self.providers.values()))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a component is exposed. `host` is in lower case; a leading `*.` stands for one or more labels."""

    host: str
    path: PathSegments
    port: int
    place: Place = field(compare=False)
    certificate: str | None = None
    """The name of the TLS certificate of `host`, as the gateway trait's `secretName` says."""


@dataclass(frozen=True, slots=True)
class Public:
    """The reason why a rule asks for no token, and the last day (YYYY-MM-DD) for which that is meant.

    The day is for `check` to remind of: the gate has no clock, and the rule stays public until somebody changes it.
    """

    reason: str
    until: str | None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule on one path: either `public`, or the scopes that a caller needs, all of them.

    A rule without scopes that is not public asks for nothing but a token that counts; only `compile` makes such rules,
    for components that have no access trait.
    """

    path: PathSegments
    methods: tuple[str, ...]
    scopes: tuple[str, ...]
    public: Public | None
    place: Place = field(compare=False)

    def lists(self, method: str) -> bool:
        return method in self.methods or (method == "HEAD" and "GET" in self.methods)


@dataclass(frozen=True, slots=True)
class Role:
    """A bundle of scopes and who holds it: logical groups, and client components as application/component."""

    name: str
    scopes: tuple[str, ...]
    groups: tuple[str, ...]
    components: tuple[str, ...]
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class Waiver:
    """A lint finding that a component accepts: which, why, and the last day (YYYY-MM-DD) on which it is accepted.

    `finding` is its code. A waiver changes what `check` says, never what a caller may do.
    """

    finding: str
    reason: str
    until: str
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A granted call: the called component, the scopes asked for, and the roles that grant them."""

    component: str
    scopes: tuple[str, ...]
    roles: tuple[str, ...]
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class Client:
    """A component as a client of one identity provider: what it may be issued, and on behalf of whom.

    `groups` are the logical groups whose members may sign in through it (user-facing kinds only).
    """

    component: str
    kind: ClientKind
    provider: str
    calls: tuple[Call, ...]
    groups: tuple[str, ...]
    redirect_uris: tuple[str, ...]
    refresh: bool
    place: Place = field(compare=False)
    rotate_every: int | None = field(default=None, compare=False)
    """Days after which it gets a new key; by default the stack's."""
    jwks_uri: str | None = field(default=None, compare=False)
    """Where a partner publishes the keys that it proves itself with."""

    @property
    def name(self) -> str:
        """The client's name, `shop/checkout at okta`: a component may be a client of several providers."""
        return f"{self.component} at {self.provider}"

    @property
    def scopes(self) -> tuple[str, ...]:
        """Every scope granted, sorted."""
        return tuple(sorted({scope for call in self.calls for scope in call.scopes}))

    @property
    def user_facing(self) -> bool:
        return signs_in(self.kind)

    @property
    def keyed(self) -> bool:
        """Whether it proves who it is with a credential that is made for it."""
        return has_key(self.kind)

    @property
    def public(self) -> bool:
        """Whether it is a public client, which has no secret: it runs where its users could read one (RFC 6749,
        2.1)."""
        return self.kind in ("browser", "native")

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins of its pages, which call the provider's token endpoint themselves: `https://shop.example.com`,
        sorted.

        Users come back to the page that exchanges the code, so it is where the redirects lead (RFC 6454).
        """
        if self.kind != "browser":
            return ()
        return tuple(sorted({f"{uri.scheme}://{uri.netloc}" for uri in map(urlsplit, self.redirect_uris)}))


@dataclass(frozen=True)
class Component:
    """One component with all that access and provisioning need to know of it."""

    application: str
    name: str
    namespace: str
    type: str
    properties: Mapping[str, Any] = field(compare=False)
    depends_on: tuple[str, ...]
    owner: str | None
    provider: str
    """The identity provider that guards it; also of components that guard nothing."""
    endpoints: tuple[Endpoint, ...]
    exposures: Exposures
    """Per gateway trait its `name` and its ports: each is a Kubernetes Service."""
    scopes: Mapping[str, str]
    rules: tuple[Rule, ...]
    roles: tuple[Role, ...]
    clients: tuple[Client, ...]
    place: Place = field(compare=False)
    waivers: tuple[Waiver, ...] = field(default=(), compare=False)
    forward_token: bool = False
    """Whether its workload gets the bearer tokens that it is called with, and could call others with them."""

    @property
    def key(self) -> str:
        """The component's key, `application/component`: unique in a stack."""
        return f"{self.application}/{self.name}"

    @property
    def any_token(self) -> bool:
        """Whether any token that counts is enough for it. It has no scopes, so no token is for it alone."""
        return any(not rule.public for rule in self.rules) and not any(rule.scopes for rule in self.rules)

    @property
    def public(self) -> bool:
        """Whether something of it may be called without a token."""
        return any(rule.public for rule in self.rules)

    @property
    def outside(self) -> bool:
        """Whether it runs elsewhere: nothing of it is deployed, and nothing leads to it."""
        return self.type == EXTERNAL

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports that the gateway reaches, each once, in order."""
        return tuple(sorted({endpoint.port for endpoint in self.endpoints}))

    @cached_property
    def owned(self) -> Mapping[PathSegments, tuple[Rule, ...]]:
        """Rules by the path that they own."""
        result: dict[PathSegments, list[Rule]] = {}
        for rule in self.rules:
            result.setdefault(rule.path, []).append(rule)
        return {path: tuple(rules) for path, rules in result.items()}

    @cached_property
    def _folded(self) -> frozenset[PathSegments]:
        return frozenset(map(folded, self.owned))

    def may_be_of_another_rule(self, path: PathSegments) -> bool:
        """Whether another server may read in the path one that a longer rule owns than the one that owns it here."""
        rules = self.owning(path)
        return may_be_longer(path, len(rules[0].path) if rules else -1, self._folded)

    def owning(self, path: PathSegments) -> tuple[Rule, ...]:
        """The rules of the longest rule path that owns `path`; a shorter one is never a fallback."""
        for length in range(len(path), -1, -1):
            if rules := self.owned.get(path[:length]):
                return rules
        return ()


def signs_in(kind: ClientKind) -> bool:
    """Whether users sign in through a client of this kind; any other calls as itself."""
    return kind in ("web", "browser", "native")


def has_key(kind: ClientKind) -> bool:
    """Whether a key, or a secret, is made for a client of this kind."""
    return kind in ("service", "web")


def service_name(component: str, trait: str | None) -> str:
    """The Kubernetes Service of a gateway trait, by the trait's `name` (KubeVela's rule)."""
    return component if trait is None else f"{component}-{trait}"


def client_secret_name(component: str) -> str:
    """The Kubernetes Secret with all that a component's client needs to call."""
    return f"{component}-client"


@dataclass(frozen=True, slots=True)
class Application:
    """One application: its components, and the metadata that every object of it carries."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    components: tuple[Component, ...]


@dataclass(frozen=True)
class Estate:
    """All applications of one stack: the model that everything is derived from."""

    stack: Stack
    applications: tuple[Application, ...]
    unjudged: tuple[str, ...] = ()
    """Applications of which these name components, and that are not here: only where the stack is `partial`."""

    @cached_property
    def components(self) -> Mapping[str, Component]:
        """All components by `application/component`, in order."""
        return {component.key: component for app in self.applications for component in app.components}

    @cached_property
    def exposed(self) -> tuple[Component, ...]:
        """The components that the gateway serves."""
        return tuple(component for component in self.components.values() if component.endpoints)

    @cached_property
    def clients(self) -> tuple[Client, ...]:
        return tuple(client for component in self.components.values() for client in component.clients)

    @cached_property
    def by_host(self) -> Mapping[str, tuple[tuple[Endpoint, Component], ...]]:
        """Endpoints with their components, by host as the endpoint writes it."""
        result: dict[str, list[tuple[Endpoint, Component]]] = {}
        for component in self.exposed:
            for endpoint in component.endpoints:
                result.setdefault(endpoint.host, []).append((endpoint, component))
        return {host: tuple(pairs) for host, pairs in result.items()}

    @cached_property
    def _by_path(self) -> Mapping[str, Mapping[PathSegments, tuple[Endpoint, Component]]]:
        return {
            host: {endpoint.path: (endpoint, component) for endpoint, component in pairs}
            for host, pairs in self.by_host.items()
        }

    def leading(self, host: str, path: PathSegments) -> tuple[Endpoint, Component] | None:
        """The endpoint that owns `path` by the longest path, of those that write their host so, and its component."""
        paths = self._by_path.get(host, {})
        return next(filter(None, (paths.get(path[:length]) for length in range(len(path), -1, -1))), None)

    def schedule_of(self, client: Client) -> Schedule:
        """When the client gets new keys."""
        return Schedule(client.rotate_every or self.stack.rotation.every, self.stack.rotation.overlap)

    def provider_of(self, component: Component) -> Provider:
        return self.stack.providers[component.provider]

    @cached_property
    def _called(self) -> Mapping[str, tuple[str, ...]]:
        """By provider, the components for which it gives somebody a token."""
        called: dict[str, set[str]] = {name: set() for name in self.stack.providers}
        for client in self.clients:
            called[client.provider].update(self._apis_of(client))
        return {provider: tuple(sorted(keys)) for provider, keys in called.items()}

    def apis_at(self, component: Component) -> tuple[str, ...]:
        """The components whose tokens count at this one, where a token is for one API.

        Its own tokens; where any token will do, those of every API of its provider.
        """
        per_api = self.provider_of(component).per_api
        return self._called[component.provider] if per_api and component.any_token else (component.key,)

    @cached_property
    def _granted(self) -> Mapping[tuple[str, bool], Mapping[str, tuple[str, ...]]]:
        """Granted scopes by (component, whether it is called on behalf of users), then by client."""
        granted: dict[tuple[str, bool], dict[str, set[str]]] = {}
        for client in self.clients:
            for call in client.calls:
                called = self.components.get(call.component)
                if called is not None and called.provider == client.provider:
                    by_client = granted.setdefault((call.component, client.user_facing), {})
                    by_client.setdefault(client.component, set()).update(call.scopes)
        return {
            where: {client: tuple(sorted(scopes)) for client, scopes in sorted(clients.items())}
            for where, clients in granted.items()
        }

    def held_at(self, component: Component, *, users: bool) -> Mapping[str, tuple[str, ...]]:
        """By client (`application/component`), the scopes that it was granted at a component, sorted.

        `users`: of clients that users sign in through, or of those that call as themselves. No token is worth more
        there, whatever it lists: since it was issued, a scope may have come to belong to another component.
        """
        return self._granted.get((component.key, users), {})

    def shown_at(self, component: Component | None, client: Client) -> Component | None:
        """The API whose token the client shows at a component: that one's, or the first for which it can have one."""
        called = self._apis_of(client)
        if component is not None and component.key in called:
            return component
        return next((self.components[key] for key in called), component)

    def _apis_of(self, client: Client) -> list[str]:
        return [call.component for call in client.calls if call.component in self.components]
