"""The vocabulary of access: small frozen values that `compile` makes and `issue`, `authenticate`,
`decide` read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import Literal

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
from kong_oam.access.hosts import host_patterns, hosts_above
from kong_oam.access.methods import METHODS as METHODS
from kong_oam.access.paths import beginnings, folded, may_be_longer
from kong_oam.access.providers import Provider
from kong_oam.access.rotation import Schedule
from kong_oam.access.stack import Stack as Stack
from kong_oam.oam.position import NO_POSITION, SourcePosition
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.selection import NamedService
from kong_oam.traits.ip_allow.value import IP_ALLOW, AllowedFrom
from kong_oam.traits.key import Traits

# The scopes that user-facing clients ask for besides those of APIs, so that the provider also says
# who the user is.
SIGN_IN_SCOPES = ("openid",)

# Names with a meaning of their own at every OpenID provider; an API cannot declare them.
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

# The type of a component that runs elsewhere: it is an identity and has no workload.
EXTERNAL = "external"


@dataclass(frozen=True, slots=True)
class Public:
    """The reason why a rule asks for no token, and the last day (YYYY-MM-DD) for which that is
    meant.

    The day is for `check` to remind of: the gate has no clock, and the rule stays public until
    somebody changes it.
    """

    reason: str
    until: str | None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule on one path: either `public`, or the scopes that a caller needs, all of them.

    A rule without scopes that is not public asks for nothing but a token that counts; only
    `compile` makes such rules, for components that have no access trait.
    """

    path: PathSegments
    methods: Names
    scopes: Names
    public: Public | None
    position: SourcePosition = field(compare=False)

    def lists(self, method: str) -> bool:
        return method in self.methods or (
            method == "HEAD" and "GET" in self.methods
        )


# Rules of a component, in order.
Rules = tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Role:
    """A bundle of scopes and who holds it: logical groups, and client components as
    application/component."""

    name: str
    scopes: Names
    groups: Names
    components: Names
    position: SourcePosition = field(compare=False)


@dataclass(frozen=True, slots=True)
class Waiver:
    """A lint finding that a component accepts: which, why, and the last day (YYYY-MM-DD) on which
    it is accepted.

    `finding` is its code. A waiver changes what `check` says, never what a caller may do.
    """

    finding: str
    reason: str
    until: str
    position: SourcePosition = field(compare=False)


@dataclass(frozen=True, slots=True)
class Exposure:
    """What the gateway reaches of a component, and the rules of who may call it."""

    endpoints: Endpoints = ()
    # The Kubernetes Services that the gateway reaches, each with its ports.
    services: Exposures = ()
    rules: Rules = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """What a component is at its identity provider: an API, clients, or both."""

    # It guards the component. Components that guard nothing have one, too.
    provider: str
    scopes: Texts = field(default_factory=dict)
    roles: tuple[Role, ...] = ()
    clients: tuple[Client, ...] = ()
    # Whether its workload gets the bearer tokens that it is called with, and could call others
    # with them.
    forward_token: bool = False


@dataclass(frozen=True, slots=True)
class FurtherTarget:
    """Another target that a component is deployed to. `cluster` None: the stack's own; `suffix`
    tells the namespace, in names in the state, from the first one in that cluster."""

    cluster: str | None
    namespace: str
    suffix: str = ""
    # The objects of the component there.
    rendered: tuple[RenderedObject, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class WorkloadSpec:
    """What runs of a component, and where."""

    namespace: str = ""
    # The cluster, as topologies write it; None: the stack's own.
    cluster: str | None = None
    depends_on: Names = ()
    # The Kubernetes objects; none of a component that runs elsewhere.
    rendered: tuple[RenderedObject, ...] = field(default=(), compare=False)
    # The Service that it names, of pods that something else makes.
    named_service: NamedService | None = None
    # Where else it is deployed. The gateway leads to none of these.
    further_targets: tuple[FurtherTarget, ...] = ()
    # The target that this is the component at; None: the first one, to which the gateway leads.
    further_target: FurtherTarget | None = None
    # What tells it from other workloads (kong_oam.access.workloads); None: the component's name.
    label: str | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Component:
    """One component with all that access and provisioning need to know of it."""

    application: str
    name: str
    type: str
    owner: str | None
    exposure: Exposure
    identity: Identity
    workload: WorkloadSpec
    position: SourcePosition = field(compare=False)
    # What the gateway does before it, beside asking who calls.
    traits: Traits = field(default_factory=Traits)
    waivers: tuple[Waiver, ...] = field(default=(), compare=False)
    # The partition of the estate that it is in; None where the estate is one stack.
    partition: str | None = None

    @property
    def key(self) -> str:
        """The component's key, `application/component`: unique in a stack."""
        return f"{self.application}/{self.name}"

    def with_clients(self, clients: Iterable[Client]) -> Component:
        """The component with these clients in place of its own."""
        return replace(
            self, identity=replace(self.identity, clients=tuple(clients))
        )

    @cached_property
    def instances(self) -> Components:
        """The component at each target that it is deployed to, the first one first."""
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
        """What the names of its objects begin with in the state: its key, behind the place where
        that is not the first namespace of the stack's own cluster: `west:shop/web`,
        `/blue:shop/web`, `west/blue:shop/web`."""
        prefix = self.workload.cluster or ""
        if self.workload.further_target:
            prefix += self.workload.further_target.suffix
        return f"{prefix}:{self.key}" if prefix else self.key

    @property
    def at(self) -> str:
        """Its place, as a text: the namespace, behind the name of a further cluster: `shop`,
        `west/shop`."""
        return (
            f"{self.workload.cluster}/{self.workload.namespace}"
            if self.workload.cluster
            else self.workload.namespace
        )

    @property
    def where(self) -> str:
        """All its places, as a text."""
        return ", ".join(site.at for site in self.instances)

    @property
    def hosts(self) -> list[str]:
        """The hosts that it is exposed on, each once, in order."""
        return [
            *dict.fromkeys(
                endpoint.host for endpoint in self.exposure.endpoints
            )
        ]

    @property
    def any_token(self) -> bool:
        """Whether any token that counts is enough for it. It has no scopes, so no token is for it
        alone."""
        protected = [rule for rule in self.exposure.rules if not rule.public]
        return bool(protected) and not any(rule.scopes for rule in protected)

    @property
    def groups(self) -> Names:
        """The logical groups that its roles name, sorted."""
        groups = {
            *chain.from_iterable(role.groups for role in self.identity.roles)
        }
        return tuple(sorted(groups))

    @property
    def public(self) -> bool:
        """Whether something of it may be called without a token."""
        return any(rule.public for rule in self.exposure.rules)

    @property
    def outside(self) -> bool:
        """Whether it runs elsewhere: nothing of it is deployed, and nothing leads to it."""
        return self.type == EXTERNAL

    @cached_property
    def backends(self) -> Mapping[str, Endpoint]:
        """What the gateway reaches of it, by name, in order."""
        return backends_of(self.exposure.endpoints)

    @cached_property
    def owned(self) -> Mapping[PathSegments, Rules]:
        """Rules by the path that they own."""
        return by_path(self.exposure.rules)

    @cached_property
    def _folded(self) -> frozenset[PathSegments]:
        return frozenset(map(folded, self.owned))

    def roles_of(self, client: str) -> list[Role]:
        """The roles that name a client (`application/component`)."""
        return [
            role for role in self.identity.roles if client in role.components
        ]

    def may_be_of_another_rule(self, path: PathSegments) -> bool:
        """Whether another server may read in the path one that a longer rule owns than the one that
        owns it here."""
        rules = self.owning(path)
        return may_be_longer(
            path, len(rules[0].path) if rules else -1, self._folded
        )

    @cached_property
    def allowed_from(self) -> AllowedFrom:
        """The networks from which alone its rules let somebody in."""
        return self.traits.get(IP_ALLOW) or {}

    def networks(self, path: PathSegments, method: str) -> Networks:
        """The networks from which alone the rules of a path, their own, let somebody in with the
        method."""
        return self.allowed_from.get(path, {}).get(method, ())

    def owning(self, path: PathSegments) -> Rules:
        """The rules of the longest rule path that owns `path`; a shorter one is never a
        fallback."""
        for beginning in beginnings(path):
            if rules := self.owned.get(beginning):
                return rules
        return ()


# Components, in order.
Components = tuple[Component, ...]

# An endpoint, and the component whose it is.
Exposed = tuple[Endpoint, Component]

# What is exposed, by host and path.
_ByPlace = dict[tuple[str, PathSegments], list[Exposed]]


def by_path(rules: Iterable[Rule]) -> Mapping[PathSegments, Rules]:
    """The rules by their path, in order."""
    result: dict[PathSegments, Rules] = {}
    for rule in rules:
        result[rule.path] = (*result.get(rule.path, ()), rule)
    return result


def listing(rules: Iterable[Rule], method: str) -> Rules:
    """The rules that list the method."""
    return tuple(rule for rule in rules if rule.lists(method))


def bare_component(key: str, provider: str) -> Component:
    """A component (`application/component`) with nothing but its key and the provider that guards
    it."""
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
    """One application: its components, and the metadata that every object of it carries."""

    name: str
    namespace: str
    labels: Texts
    annotations: Texts
    components: Components


@dataclass(frozen=True)
class Estate:
    """All applications of one estate: the model that everything is derived from.

    `role` says what a run has to make of it where the estate is several stacks
    (kong_oam.access.partitions): what is everybody's (base), or its own `applications` alone, of
    which `foreign` components are callers and callees.
    """

    stack: Stack
    applications: tuple[Application, ...]
    # Applications of which these name components, and that are not here: only where the stack is
    # `partial`.
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
        """All components by `application/component`, in order, foreign ones last."""
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
        """The components whose scopes, groups and certificates this run provides: one at two
        providers stands twice."""
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
    def own_clients(self) -> tuple[Client, ...]:
        """The clients that this run makes."""
        return _clients_of(self.own.values())

    @cached_property
    def by_host(self) -> Mapping[str, Sequence[Exposed]]:
        """Endpoints with their components, by host as the endpoint writes it."""
        by_host: dict[str, list[Exposed]] = {}
        for component in self.exposed:
            for endpoint in component.exposure.endpoints:
                by_host.setdefault(endpoint.host, []).append(
                    (endpoint, component)
                )
        return by_host

    @cached_property
    def _by_path(self) -> Mapping[str, Mapping[PathSegments, Exposed]]:
        by_path = {}
        for host, pairs in self.by_host.items():
            by_path[host] = {pair[0].path: pair for pair in pairs}
        return by_path

    def leading(self, host: str, path: PathSegments) -> Exposed | None:
        """The endpoint that owns `path` by the longest path, of those that write their host so, and
        its component."""
        paths = self._by_path.get(host, {})
        for beginning in beginnings(path):
            if pair := paths.get(beginning):
                return pair
        return None

    def reached(self, host: str, path: PathSegments) -> Exposed | None:
        """The endpoint that host and path lead to, and its component: an exact host before a
        wildcard, then the longest path."""
        for pattern in host_patterns(host):
            if pair := self.leading(pattern, path):
                return pair
        return None

    @cached_property
    def below(self) -> _ByPlace:
        """By host and path, the endpoints of that very host at or below the path, with their
        components."""
        below: _ByPlace = {}
        for host, pairs in self.by_host.items():
            for pair in pairs:
                for path in beginnings(pair[0].path):
                    below.setdefault((host, path), []).append(pair)
        return below

    @cached_property
    def narrower(self) -> _ByPlace:
        """By wildcard host and path of an endpoint, the endpoints of hosts below the wildcard, at,
        below or above the path."""
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
        """When the client gets new keys."""
        usual = self.stack.rotation
        return Schedule(client.rotate_every or usual.every, usual.overlap)

    def provider_of(self, component: Component) -> Provider:
        return self.stack.providers[component.identity.provider]

    @cached_property
    def _called(self) -> NamesByName:
        """By provider, the components for which it gives somebody a token."""
        called: NameSets = {}
        for client in self.clients:
            called.setdefault(client.provider, set()).update(
                self._apis_of(client)
            )
        return {
            provider: tuple(sorted(keys)) for provider, keys in called.items()
        }

    def apis_at(self, component: Component) -> Names:
        """The components whose tokens count at this one, where a token is for one API.

        Its own tokens; where any token will do, those of every API of its provider.
        """
        if component.any_token and self.provider_of(component).per_api:
            return self._called.get(component.identity.provider, ())
        return (component.key,)

    @cached_property
    def _granted(self) -> Mapping[tuple[str, bool], NamesByName]:
        """Granted scopes by (component, whether it is called on behalf of users), then by
        client."""
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

    def held_at(self, component: Component, *, users: bool) -> NamesByName:
        """By client (`application/component`), the scopes that it was granted at a component,
        sorted.

        `users`: of clients that users sign in through, or of those that call as themselves. No
        token is worth more there, whatever it lists: since it was issued, a scope may have come to
        belong to another component.
        """
        return self._granted.get((component.key, users), {})

    def shown_at(
        self, component: Component | None, client: Client
    ) -> Component | None:
        """The API whose token the client shows at a component: that one's, or the first for which
        it can have one."""
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
