"""The side of the Applications: the routes that take a request, the decision, and the workload.

Our routes and the old routes are in one Kong. Kong's router chooses between all of them, so a
request that no route of ours takes keeps its old answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from kong_oam.access.before import OldCredential
from kong_oam.access.data import Names, Networks, PathSegments
from kong_oam.access.decide import Decision, Request, decide
from kong_oam.access.decide import answer as answer_of
from kong_oam.access.discovery import DISCOVERY, document_path
from kong_oam.access.endpoint import Endpoint
from kong_oam.access.model import Component, Estate
from kong_oam.access.paths import (
    AmbiguousPathError,
    read_text,
    within,
    written,
)
from kong_oam.adopt.entities import OldKong, OldRoute, OldService
from kong_oam.adopt.path_text import escaped
from kong_oam.adopt.requests import OldCaller, OldRequest
from kong_oam.adopt.router import Matched, OldRouter
from kong_oam.kong.routes import FIXED, routes
from kong_oam.oam.position import NO_POSITION
from kong_oam.traits.kong_plugin.value import KONG_PLUGIN

# The Authorization header of a caller whose token is not our provider's.
_KEYLESS = "Bearer x"


@dataclass(frozen=True, slots=True)
class NewDestination:
    """The workload of a request. `takes_credential`: Kong takes the old credential from the
    request, and adds headers about its consumer.

    `targets`: for each target, its host:port in small letters; a Service in the cluster has several
    names. `host_header` is None if it depends on the workload.
    """

    component: str
    protocol: str
    targets: tuple[frozenset[str], ...]
    path: str
    host_header: str | None
    takes_credential: bool = False


@dataclass(frozen=True, slots=True)
class NewAnswer:
    """The decision of our gate: status 200 with a destination, or a refusal.

    `networks`: the only networks of callers; empty for all. `plugins`: the component's own Kong
    plugins, by name.
    """

    status: int
    code: str
    position: str
    destination: NewDestination | None = None
    networks: Networks = ()
    plugins: Names = ()

    @property
    def passes(self) -> bool:
        return self.status == 200 and self.code != DISCOVERY


class NewSide:
    """The estate's routes beside the routes of an old Kong, and its decisions.

    `is_alone`: the old routes are gone.
    """

    def __init__(
        self, estate: Estate, old: OldKong, *, is_alone: bool = False
    ) -> None:
        self._estate = estate
        self._components: dict[OldRoute, Component] = {}
        for component in estate.exposed:
            for route in _routes(estate, component):
                self._components[route] = component
        others = () if is_alone else old.routes
        self._router = OldRouter(OldKong(routes=(*others, *self._components)))

    @property
    def scheme(self) -> str:
        """The scheme of calls to the gateway."""
        return self._estate.stack.scheme

    @property
    def consumers(self) -> frozenset[str]:
        """The consumers whose old credentials clients keep."""
        names: set[str] = set()
        for component in self._estate.exposed:
            names.update(
                caller.consumer for caller in component.identity.old_callers
            )
        return frozenset(names)

    def match(self, request: OldRequest) -> tuple[Matched, ...]:
        """Return the routes of both sides that may take the requests of a class."""
        return self._router.match(request, whole_class=True)

    def component(self, match: Matched) -> Component | None:
        """Return the component of our route, or None for an old route."""
        return self._components.get(match.route)

    def answer(self, request: OldRequest, caller: OldCaller) -> NewAnswer:
        """Decide a request that a route of ours takes."""
        target = request.path.encode("latin-1")
        asked = Request(request.method, request.host or "", target)
        decision = self._decision(asked, caller)
        component = decision.component
        answer = NewAnswer(
            decision.status, decision.code, decision.position or ""
        )
        if not decision.allowed or component is None or decision.rule is None:
            return answer
        return replace(
            answer,
            destination=self._destination(component, request, caller),
            networks=component.networks(decision.rule.path, request.method),
            plugins=_plugins(component),
        )

    def _decision(self, request: Request, caller: OldCaller) -> Decision:
        decision = decide(self._estate, request, None)
        credential = _credential(decision.component, caller)
        if credential:
            decision = decide(self._estate, request, credential)
        if caller.is_keyless:
            return answer_of(self._estate, request, [_KEYLESS], {}, now=0)
        return decision

    def _destination(
        self, component: Component, request: OldRequest, caller: OldCaller
    ) -> NewDestination | None:
        try:
            path = read_text(request.path.encode("latin-1"))
        except AmbiguousPathError:
            return None
        reached = self._estate.reached(request.host or "", path)
        if reached is None:
            return None
        endpoint, _ = reached
        forward = component.forward(endpoint, path)
        # Without `forward`, the workload gets the bytes of the caller.
        sent = forward.sent(path) if forward else request.path
        return NewDestination(
            component.key,
            _protocol(component, endpoint),
            tuple(_targets(component, endpoint)),
            sent,
            _host_header(component, endpoint, request),
            _credential(component, caller) is not None,
        )

    def declared(self) -> Iterator[tuple[str, str]]:
        """Yield host patterns with the path texts at which decisions may change."""
        for component in self._estate.exposed:
            texts = [written(each.path) for each in component.exposure.forwards]
            for rule in component.exposure.rules:
                texts += written(rule.path), *rule.refusals.exactly
                texts += rule.refusals.begins
            capitals = [*map(_in_capitals, component.owned)]
            for endpoint in component.exposure.endpoints:
                yield endpoint.host, written(endpoint.path)
                for path in component.mcp_endpoints:
                    yield endpoint.host, written(document_path(path))
                for text in texts:
                    yield endpoint.host, text
                for path in capitals:
                    if within(path, endpoint.path):
                        yield endpoint.host, written(path)


def _in_capitals(path: PathSegments) -> PathSegments:
    """Return a rule's path with its last element in capitals. No route has this path, but the gate
    denies it: a workload may read it as the rule's path."""
    return (*path[:-1], *(element.upper() for element in path[-1:]))


def _routes(estate: Estate, component: Component) -> Iterator[OldRoute]:
    """Yield our routes as the router compares them."""
    service = OldService(component.key, "", NO_POSITION, "http", "", 0)
    for plan in routes(component):
        yield OldRoute(
            f"{component.key} {plan.role} {plan.backend}",
            "",
            NO_POSITION,
            service,
            protocols=(estate.stack.scheme,),
            methods=plan.methods,
            hosts=plan.hosts,
            paths=tuple(plan.kong_paths),
            regex_priority=plan.priority,
            strip_path=FIXED["strip_path"],
            preserve_host=FIXED["preserve_host"],
        )


def _credential(
    component: Component | None, caller: OldCaller
) -> OldCredential | None:
    """Return the old credential of a request that the component's gate reads, or None.

    Our issuers did not sign the tokens that an old Kong knows. A bearer token ends the use of other
    credentials.
    """
    accepted = component.identity.accept_before if component else None
    kinds = (caller.by, *caller.also)
    if accepted is None or not caller.consumer or "jwt" in kinds:
        return None
    if accepted.by not in kinds:
        return None
    return OldCredential(caller.consumer, accepted.by)


def _protocol(component: Component, endpoint: Endpoint) -> str:
    upstream = component.exposure.upstream
    if upstream is not None:
        return upstream.scheme
    return "https" if endpoint.tls else "http"


def _targets(
    component: Component, endpoint: Endpoint
) -> Iterator[frozenset[str]]:
    """Yield the names of each target, as host:port."""
    upstream = component.exposure.upstream
    if upstream is not None:
        for target in upstream.at(endpoint.port).targets:
            yield frozenset({target.address.lower()})
        return
    name = endpoint.service
    namespace = component.workload.namespace
    full = f"{name}.{namespace}.svc.cluster.local"
    names = (name, f"{name}.{namespace}", f"{name}.{namespace}.svc", full)
    yield frozenset(f"{each}:{endpoint.port}" for each in names)


def _host_header(
    component: Component, endpoint: Endpoint, request: OldRequest
) -> str | None:
    """Return the Host header at the workload: the stack's, else with http the caller's, and with
    https the name in its certificate."""
    upstream = component.exposure.upstream
    if upstream and upstream.host_header:
        return upstream.host_header
    if _protocol(component, endpoint) == "http":
        return request.host
    return upstream.server_name if upstream else None


def _plugins(component: Component) -> Names:
    return tuple(
        plugin.name for plugin in component.traits.get(KONG_PLUGIN) or ()
    )


def same_path(old: str | None, new: str) -> bool:
    """Return whether the workload gets the same path on both sides."""
    return old is not None and old == escaped(new)
