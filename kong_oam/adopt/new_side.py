"""The side of the Applications: the routes that take a request, the decision, and the workload.

Our routes and the old routes are in one Kong. Kong's router chooses between all of them, so a
request that no route of ours takes keeps its old answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kong_oam.access.data import Names, Networks
from kong_oam.access.decide import Decision, Request, decide
from kong_oam.access.endpoint import Endpoint
from kong_oam.access.model import METHODS, Component, Estate
from kong_oam.access.paths import AmbiguousPathError, read, written
from kong_oam.access.tokens import Refusal, bearer
from kong_oam.adopt.entities import OldKong, OldRoute, OldService
from kong_oam.adopt.path_text import escaped
from kong_oam.adopt.requests import OldCaller, OldRequest
from kong_oam.adopt.router import Matched, OldRouter
from kong_oam.kong.routes import FIXED, routes
from kong_oam.oam.position import NO_POSITION
from kong_oam.traits.kong_plugin.value import KONG_PLUGIN


@dataclass(frozen=True, slots=True)
class NewDestination:
    """The workload of a request.

    `targets`: for each target, its host:port in small letters; a Service in the cluster has several
    names. `host_header` is None if it depends on the workload.
    """

    component: str
    protocol: str
    targets: tuple[frozenset[str], ...]
    path: str
    host_header: str | None


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
        return self.status == 200


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
        rule_path = decision.rule.path
        return NewAnswer(
            decision.status,
            decision.code,
            decision.position or "",
            self._destination(component, request),
            component.networks(rule_path, request.method),
            _plugins(component),
        )

    def _decision(self, request: Request, caller: OldCaller) -> Decision:
        # Our issuers did not sign the tokens that an old Kong knows, so nobody proves anything.
        decision = decide(self._estate, request, None)
        if caller.is_keyless and decision.status not in (400, 404):
            # Admission denies such a header before any rule.
            refusal = bearer(["Bearer x"])
            assert isinstance(refusal, Refusal)
            return Decision(
                401, refusal.code, refusal.reason, decision.component
            )
        return decision

    def _destination(
        self, component: Component, request: OldRequest
    ) -> NewDestination | None:
        try:
            path = read(request.path.encode("latin-1"))
        except AmbiguousPathError:
            return None
        reached = self._estate.reached(request.host or "", path)
        if reached is None:
            return None
        endpoint, _ = reached
        return NewDestination(
            component.key,
            _protocol(component, endpoint),
            tuple(_targets(component, endpoint)),
            _sent_path(request),
            _host_header(component, endpoint, request),
        )

    def declared(self) -> Iterator[tuple[str, str]]:
        """Yield host patterns with the path texts at which decisions may change."""
        for component in self._estate.exposed:
            paths = [rule.path for rule in component.exposure.rules]
            for endpoint in component.exposure.endpoints:
                yield endpoint.host, written(endpoint.path)
                for path in paths:
                    yield endpoint.host, written(path)


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
            methods=METHODS,
            hosts=plan.hosts,
            paths=tuple(plan.kong_paths),
            regex_priority=plan.priority,
            strip_path=FIXED["strip_path"],
            preserve_host=FIXED["preserve_host"],
        )


def _sent_path(request: OldRequest) -> str:
    """Return the path at the workload: the path of the decision, byte by byte."""
    return request.path


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
    """Return the Host header at the workload: the caller's with http, else the name in its
    certificate."""
    if _protocol(component, endpoint) == "http":
        return request.host
    upstream = component.exposure.upstream
    return upstream.server_name if upstream else None


def _plugins(component: Component) -> Names:
    return tuple(
        plugin.name for plugin in component.traits.get(KONG_PLUGIN) or ()
    )


def same_path(old: str | None, new: str) -> bool:
    """Return whether the workload gets the same path on both sides."""
    return old is not None and old == escaped(new)
