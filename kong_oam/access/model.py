"""The vocabulary of access: small frozen values from `compile`, for `issue`, `authenticate`,
`decide`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, product
from typing import Literal

from kong_oam.access.before import Acceptance, Before, OldCaller
from kong_oam.access.client import Call as Call
from kong_oam.access.client import Client as Client
from kong_oam.access.client import ClientKind as ClientKind
from kong_oam.access.client import has_key as has_key
from kong_oam.access.client import signs_in as signs_in
from kong_oam.access.data import (
    Names,
    NamesByName,
    NameSets,
    Networks,
    PathSegments,
    Texts,
)
from kong_oam.access.endpoint import Endpoint, Endpoints, Exposures, backends_of
from kong_oam.access.forward import Forward, Forwards, forward_of
from kong_oam.access.hosts import host_patterns, hosts_above
from kong_oam.access.internal import Connected, Connections
from kong_oam.access.methods import METHODS as METHODS
from kong_oam.access.methods import OTHER_TOOL, http_method, in_order, is_call
from kong_oam.access.paths import beginnings, folded, may_be_longer
from kong_oam.access.providers import Provider
from kong_oam.access.refusals import NO_REFUSALS, Refusals
from kong_oam.access.rotation import Schedule
from kong_oam.access.stack import Stack as Stack
from kong_oam.access.upstream import Upstream
from kong_oam.oam.position import NO_POSITION, Fields, SourcePosition
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.selection import NamedService
from kong_oam.traits.ip_allow.value import IP_ALLOW, AllowedFrom
from kong_oam.traits.key import Traits

# The scopes that user-facing clients request beside those for APIs, to learn who the user is.
SIGN_IN_SCOPES = ("openid",)

# Names with a fixed meaning at every OpenID provider. An API cannot declare them.
RESERVED_SCOPES = frozenset(
    {
        "openid",
        "profile",
        "email",
        "address",
        "phone",
        "offline_access",
        "device_sso",
        "groups",
    }
)

# The type of a component that runs elsewhere: it has no workload.
EXTERNAL = "external"


@dataclass(frozen=True, slots=True)
class Public:
    """The reason why a rule needs no token, and its last day (YYYY-MM-DD).

    `check` reminds of the day. The gate has no clock: the rule stays public until somebody changes
    it.
    """

    reason: str
    until: str | None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule on one path: `public`, or the scopes that a caller needs, all of them.

    `methods` are HTTP methods, or calls of MCP tools (`kong_oam.access.methods`).
    A protected rule without scopes needs only a valid token. Only `compile` makes such rules, for
    components without an access trait. The rule does not list requests that it refuses.
    """

    path: PathSegments
    methods: Names
    scopes: Names
    public: Public | None
    position: SourcePosition = field(compare=False)
    refusals: Refusals = NO_REFUSALS

    def lists(self, method: str) -> bool:
        return method in self.methods or (
            method == "HEAD" and "GET" in self.methods
        )

    @property
    def listed(self) -> Names:
        """All methods that the rule lists, in order."""
        methods = set(self.methods)
        if "GET" in methods:
            methods.add("HEAD")
        return in_order(methods)

    @property
    def calls(self) -> Names:
        """The calls of MCP tools that the rule lists."""
        return tuple(filter(is_call, self.methods))


# Rules of a component, in order.
Rules = tuple[Rule, ...]

# Methods by the path of rules.
_MethodsByPath = Mapping[PathSegments, Names]


@dataclass(frozen=True, slots=True)
class Role:
    """A bundle of scopes with its holders: logical groups, and client components
    (application/component)."""

    name: str
    scopes: Names
    groups: Names
    components: Names
    position: SourcePosition = field(compare=False)


@dataclass(frozen=True, slots=True)
class Waiver:
    """A lint finding that a component accepts until a last day (YYYY-MM-DD).

    `finding` is its code. A waiver changes the result of `check`, never the access of callers.
    """

    finding: str
    reason: str
    until: str
    position: SourcePosition = field(compare=False)


@dataclass(frozen=True, slots=True)
class Exposure:
    """The endpoints of a component at the gateway, and its access rules."""

    endpoints: Endpoints = ()
    # The Kubernetes Services that the gateway reaches, each with its ports.
    services: Exposures = ()
    rules: Rules = ()
    # The address of an external component, if the stack has one.
    upstream: Upstream | None = None
    # The paths at the workload for exposed paths.
    forwards: Forwards = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """A component at its identity provider: an API, clients, or both."""

    # The provider whose tokens the component accepts. Components without APIs have a provider, too.
    provider: str
    scopes: Texts = field(default_factory=dict)
    roles: tuple[Role, ...] = ()
    clients: tuple[Client, ...] = ()
    # Whether the workload gets the bearer tokens of its calls, and so could call others with them.
    forward_token: bool = False
    # The component's own old credential, and the old credentials that it accepts.
    before: Before | None = None
    accept_before: Acceptance | None = None
    # The clients that both sides let call by an old credential.
    old_callers: tuple[OldCaller, ...] = ()
    # The URLs of the MCP endpoints, in the base: there the component has no rules.
    resources: Names = ()


@dataclass(frozen=True, slots=True)
class FurtherTarget:
    """A further target that a component is deployed to. `cluster` None: the stack's own.

    `suffix` marks the namespace in names in the state, if it is not the first in its cluster.
    """

    cluster: str | None
    namespace: str
    suffix: str = ""
    # The objects of the component at this target.
    rendered: tuple[RenderedObject, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class WorkloadSpec:
    """The workload of a component, and its targets."""

    namespace: str = ""
    # The cluster's name in topology policies; None: the stack's own.
    cluster: str | None = None
    depends_on: Names = ()
    # The Kubernetes objects; empty for a component that runs elsewhere.
    rendered: tuple[RenderedObject, ...] = field(default=(), compare=False)
    # The existing Service that the access trait names, if any.
    named_service: NamedService | None = None
    # The other targets. The gateway sends no calls to them.
    further_targets: tuple[FurtherTarget, ...] = ()
    # The target that this value describes; None: the first target, which gets the gateway's calls.
    further_target: FurtherTarget | None = None
    # The properties of the component; empty for a component of another partition.
    properties: Fields = field(default_factory=dict, compare=False)
    # The label that identifies the workload of another partition; None: its label follows from the
    # workload itself (kong_oam.access.workloads).
    label: str | None = field(default=None, compare=False)

    @property
    def at(self) -> str:
        """Its place as text: the namespace, after the name of a further cluster: `shop`,
        `west/shop`."""
        return (
            f"{self.cluster}/{self.namespace}"
            if self.cluster
            else self.namespace
        )


@dataclass(frozen=True)
class Component:
    """One component with everything that access and provisioning need."""

    application: str
    name: str
    type: str
    owner: str | None
    exposure: Exposure
    identity: Identity
    workload: WorkloadSpec
    position: SourcePosition = field(compare=False)
    # The gateway's behavior beside access rules.
    traits: Traits = field(default_factory=Traits)
    waivers: tuple[Waiver, ...] = field(default=(), compare=False)
    # The partition of the component; None if the estate is one stack.
    partition: str | None = None
    # The connections to its pods that bypass the gate.
    connections: Connections = ()

    @property
    def key(self) -> str:
        """The component's key, `application/component`: unique in a stack."""
        return f"{self.application}/{self.name}"

    def with_clients(self, clients: Iterable[Client]) -> Component:
        """Return the component with these clients instead."""
        return replace(
            self, identity=replace(self.identity, clients=tuple(clients))
        )

    @cached_property
    def instances(self) -> Components:
        """The component at each of its targets, in order."""
        instances = [self]
        for target in self.workload.further_targets:
            workload = replace(
                self.workload,
                cluster=target.cluster,
                namespace=target.namespace,
                rendered=target.rendered,
                further_targets=(),
                further_target=target,
            )
            instances.append(replace(self, workload=workload))
        return tuple(instances)

    @property
    def state_name(self) -> str:
        """The prefix of its objects' names in the state: its key, after the place if that is not
        the default.

        For example `west:shop/web`, `/blue:shop/web`, `west/blue:shop/web`. The default place is
        the first namespace in the stack's own cluster.
        """
        prefix = self.workload.cluster or ""
        if self.workload.further_target:
            prefix += self.workload.further_target.suffix
        return f"{prefix}:{self.key}" if prefix else self.key

    @property
    def at(self) -> str:
        """Its place as text; see `WorkloadSpec.at`."""
        return self.workload.at

    @property
    def where(self) -> str:
        """All its places, as text."""
        return ", ".join(site.at for site in self.instances)

    @property
    def is_named_service_routed(self) -> bool:
        """Whether a route leads to the Service that the access trait names."""
        named = self.workload.named_service
        return named is not None and any(
            service == named.ours for service, _ in self.exposure.services
        )

    @property
    def hosts(self) -> list[str]:
        """The hosts that expose it, each once, in order."""
        return [
            *dict.fromkeys(
                endpoint.host for endpoint in self.exposure.endpoints
            )
        ]

    @property
    def any_token(self) -> bool:
        """Whether any valid token is enough. Such a component has no scopes, so no token is only
        for it."""
        protected = [rule for rule in self.exposure.rules if not rule.public]
        return bool(protected) and not any(rule.scopes for rule in protected)

    @property
    def groups(self) -> Names:
        """The logical groups in its roles, sorted."""
        groups = {
            *chain.from_iterable(role.groups for role in self.identity.roles)
        }
        return tuple(sorted(groups))

    @property
    def public(self) -> bool:
        """Whether any of its rules is public."""
        return any(rule.public for rule in self.exposure.rules)

    @property
    def outside(self) -> bool:
        """Whether it runs elsewhere: it has no objects. Its endpoints lead to its upstream."""
        return self.type == EXTERNAL

    @cached_property
    def backends(self) -> Mapping[str, Endpoint]:
        """Its backends by name, in order."""
        return backends_of(self.exposure.endpoints)

    @cached_property
    def owned(self) -> Mapping[PathSegments, Rules]:
        """Rules by the path that they own."""
        return by_path(self.exposure.rules)

    @cached_property
    def _folded(self) -> frozenset[PathSegments]:
        return frozenset(map(folded, self.owned))

    @cached_property
    def _calls(self) -> _MethodsByPath:
        calls = {}
        for path, rules in self.owned.items():
            listed = chain.from_iterable(rule.calls for rule in rules)
            if named := in_order(listed):
                calls[path] = named
        return calls

    @property
    def mcp_endpoints(self) -> tuple[PathSegments, ...]:
        """The paths of rules at which the gate reads messages: a rule there names tools."""
        return tuple(self._calls)

    def methods_on(self, path: PathSegments) -> Names:
        """Return the methods by which rules on exactly this path can differ: all HTTP methods. At
        an MCP endpoint, also the calls of its tools, and of other tools."""
        calls = self._calls.get(path, ())
        return (*METHODS, *calls, OTHER_TOOL) if calls else METHODS

    def methods_at(self, path: PathSegments) -> Names:
        """Return the methods of the rule path that owns `path`, as `methods_on` does."""
        rules = self.owning(path)
        return self.methods_on(rules[0].path) if rules else METHODS

    def method_at(self, path: PathSegments, method: str) -> str:
        """Return the method by which the gate decides: away from MCP endpoints it reads no message,
        so the call of a tool is a POST."""
        rules = self.owning(path)
        has_calls = bool(rules) and rules[0].path in self._calls
        return method if has_calls else http_method(method)

    def roles_of(self, client: str) -> list[Role]:
        """Return the roles that name a client (`application/component`)."""
        return [
            role for role in self.identity.roles if client in role.components
        ]

    def may_match_another_rule(self, path: PathSegments) -> bool:
        """Return whether another server may read the path as the path of a longer rule."""
        rules = self.owning(path)
        return may_be_longer(
            path, len(rules[0].path) if rules else -1, self._folded
        )

    @cached_property
    def allowed_from(self) -> AllowedFrom:
        """The networks that its rules allow, by path and method."""
        return self.traits.get(IP_ALLOW) or {}

    def networks(self, path: PathSegments, method: str) -> Networks:
        """Return the networks that the path's own rules allow for the method; empty for all
        networks."""
        return self.allowed_from.get(path, {}).get(method, ())

    def forward(self, endpoint: Endpoint, path: PathSegments) -> Forward | None:
        """Return the forward of a request that reaches the endpoint, or None."""
        return forward_of(self.exposure.forwards, endpoint.port_name, path)

    def owning(self, path: PathSegments) -> Rules:
        """Return the rules of the longest rule path that owns `path`. Rules of shorter paths never
        apply."""
        for beginning in beginnings(path):
            if rules := self.owned.get(beginning):
                return rules
        return ()


# Components, in order.
Components = tuple[Component, ...]

# An endpoint and its component.
Exposed = tuple[Endpoint, Component]

# Endpoints with their components, by host and path.
_ByPlace = dict[tuple[str, PathSegments], list[Exposed]]


def by_path(rules: Iterable[Rule]) -> Mapping[PathSegments, Rules]:
    """Return the rules by their path, in order."""
    result: dict[PathSegments, Rules] = {}
    for rule in rules:
        result[rule.path] = (*result.get(rule.path, ()), rule)
    return result


def listing(rules: Iterable[Rule], method: str) -> Rules:
    """Return the rules that list the method."""
    return tuple(rule for rule in rules if rule.lists(method))


def applying(rules: Iterable[Rule], path: PathSegments) -> Rules:
    """Return the rules that do not refuse the path, by its text (`read_text`)."""
    return tuple(rule for rule in rules if not rule.refusals.refuse(path))


def but_not(rule: Rule) -> str:
    """Return the paths that a rule refuses: ` but not /admin*`; empty without refusals."""
    return f" but not {rule.refusals.words()}" if rule.refusals else ""


def bare_component(key: str, provider: str) -> Component:
    """Return a component with only a key (`application/component`) and a provider."""
    application, _, name = key.partition("/")
    return Component(
        application=application,
        name=name,
        type="",
        owner=None,
        exposure=Exposure(),
        identity=Identity(provider),
        workload=WorkloadSpec(),
        position=NO_POSITION,
    )


@dataclass(frozen=True, slots=True)
class Application:
    """One application: its components, and the metadata of all its objects."""

    name: str
    namespace: str
    labels: Texts
    annotations: Texts
    components: Components


@dataclass(frozen=True)
class Estate:
    """All applications of one estate: the model from which everything is derived.

    `role` is the part of a run if the estate has partitions (kong_oam.access.partitions). The base
    deploys shared resources. A partition deploys its `applications`; `foreign` components are their
    callers and callees.
    """

    stack: Stack
    applications: tuple[Application, ...]
    # Missing Applications whose components others name: only if the stack is `partial`.
    unjudged: Names = ()
    role: Literal["whole", "base", "partition"] = "whole"
    foreign: Components = ()

    @cached_property
    def _declared(self) -> Components:
        """The components of all applications."""
        return tuple(
            chain.from_iterable(app.components for app in self.applications)
        )

    @cached_property
    def components(self) -> Mapping[str, Component]:
        """All components by `application/component`, in order, foreign components last."""
        components: dict[str, Component] = {}
        for component in (*self._declared, *self.foreign):
            components.setdefault(component.key, component)
        return components

    @cached_property
    def own(self) -> Mapping[str, Component]:
        """The components that this run deploys, by key."""
        if self.role == "base":
            return {}
        return {component.key: component for component in self._declared}

    @cached_property
    def offering(self) -> Components:
        """The components whose scopes, groups and certificates this run provides.

        A component at two providers is in it twice.
        """
        return (
            () if self.role == "partition" else (*self._declared, *self.foreign)
        )

    @cached_property
    def exposed(self) -> Components:
        """The components that the gateway serves."""
        return tuple(
            component
            for component in self.own.values()
            if component.exposure.endpoints
        )

    @cached_property
    def clients(self) -> tuple[Client, ...]:
        return _clients_of(self.components.values())

    @cached_property
    def connections(self) -> tuple[Connected, ...]:
        """The connections inside the cluster, each with the component that allows it, sorted."""
        return tuple(
            chain.from_iterable(
                product([key], component.connections)
                for key, component in sorted(self.components.items())
            )
        )

    @cached_property
    def own_clients(self) -> tuple[Client, ...]:
        """The clients that this run creates."""
        return _clients_of(self.own.values())

    @cached_property
    def by_host(self) -> Mapping[str, Sequence[Exposed]]:
        """Endpoints with their components, by host in the endpoint's spelling."""
        by_host = defaultdict(list)
        for component in self.exposed:
            for endpoint in component.exposure.endpoints:
                by_host[endpoint.host].append((endpoint, component))
        return by_host

    @cached_property
    def _by_path(self) -> Mapping[str, Mapping[PathSegments, Exposed]]:
        by_path = {}
        for host, pairs in self.by_host.items():
            by_path[host] = {pair[0].path: pair for pair in pairs}
        return by_path

    def endpoint_on(self, host: str, path: PathSegments) -> Exposed | None:
        """Return the endpoint with the longest path that owns `path`, and its component.

        Only endpoints with exactly this host count.
        """
        paths = self._by_path.get(host, {})
        for beginning in beginnings(path):
            if pair := paths.get(beginning):
                return pair
        return None

    def reached(self, host: str, path: PathSegments) -> Exposed | None:
        """Return the endpoint that host and path lead to, and its component.

        An exact host wins over a wildcard, then the longest path wins.
        """
        for pattern in host_patterns(host):
            if pair := self.endpoint_on(pattern, path):
                return pair
        return None

    @cached_property
    def below(self) -> _ByPlace:
        """By host and path, the endpoints of exactly this host at or below the path, with their
        components."""
        below: _ByPlace = {}
        for host, pairs in self.by_host.items():
            for pair in pairs:
                for path in beginnings(pair[0].path):
                    below.setdefault((host, path), []).append(pair)
        return below

    @cached_property
    def below_wildcard(self) -> _ByPlace:
        """By wildcard host and path, the endpoints of hosts below the wildcard: at, below or above
        the path."""
        found: _ByPlace = {}
        for host, pairs in self.by_host.items():
            _, *wildcards = hosts_above(host)
            for wildcard in filter(self.by_host.get, wildcards):
                for pair in pairs:
                    path = pair[0].path
                    places = [
                        (wildcard, path[:length]) for length in range(len(path))
                    ]
                    for endpoint, _ in self.below.get((wildcard, path), ()):
                        places.append((wildcard, endpoint.path))
                    for position in places:
                        found.setdefault(position, []).append(pair)
        return found

    def schedule_of(self, client: Client) -> Schedule:
        """Return how often the client gets new keys."""
        usual = self.stack.rotation
        return Schedule(client.rotate_every or usual.every, usual.overlap)

    def provider_of(self, component: Component) -> Provider:
        return self.stack.providers[component.identity.provider]

    @cached_property
    def _called(self) -> NamesByName:
        """By provider, the components that its tokens may be for."""
        called: NameSets = {}
        for client in self.clients:
            called.setdefault(client.provider, set()).update(
                self._apis_of(client)
            )
        return {
            provider: tuple(sorted(keys)) for provider, keys in called.items()
        }

    def apis_at(self, component: Component) -> Names:
        """Return the components whose tokens this component accepts, if a token is for one API.

        A component accepts its own tokens. If any valid token is enough, it accepts the tokens of
        all its provider's APIs.
        """
        if component.any_token and self.provider_of(component).per_api:
            return self._called.get(component.identity.provider, ())
        return (component.key,)

    @cached_property
    def _granted(self) -> Mapping[tuple[str, bool], NamesByName]:
        """Granted scopes by component and whether the call is for users, then by client."""
        granted: dict[tuple[str, bool], NameSets] = {}
        for client in self.clients:
            for call in client.calls:
                called = self.components.get(call.component)
                if (
                    called is not None
                    and called.identity.provider == client.provider
                ):
                    key = call.component, client.user_facing
                    by_client = granted.setdefault(key, {})
                    by_client.setdefault(client.component, set()).update(
                        call.scopes
                    )
        held = {}
        for key, by_client in granted.items():
            held[key] = {
                client: tuple(sorted(scopes))
                for client, scopes in sorted(by_client.items())
            }
        return held

    def granted_at(self, component: Component, *, users: bool) -> NamesByName:
        """Return the scopes that each client (`application/component`) was granted at a component,
        sorted.

        `users`: grants of clients that sign users in, or of clients that call as themselves. A
        token counts for no more here, even if it lists more: since its issue, a scope may belong to
        another component.
        """
        return self._granted.get((component.key, users), {})

    def token_api_at(
        self, component: Component | None, client: Client
    ) -> Component | None:
        """Return the API whose token the client sends to a component.

        It is the component itself if the client calls it, otherwise the client's first API.
        """
        called = self._apis_of(client)
        if not called or (component is not None and component.key in called):
            return component
        return self.components[called[0]]

    def _apis_of(self, client: Client) -> list[str]:
        return [
            call.component
            for call in client.calls
            if call.component in self.components
        ]


def _clients_of(components: Iterable[Component]) -> tuple[Client, ...]:
    return tuple(
        chain.from_iterable(
            component.identity.clients for component in components
        )
    )
