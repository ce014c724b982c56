"""Check whether a run ever allowed a request that the models before and after it both deny.

Every class of requests (hosts and paths that some model distinguishes, methods, tokens) is sent.
The real proxy of the stand-in answers with the emitted Lua. `tests.support.oracle.meaning`, which imports
nothing of the program, has the expected answer. A request is allowed if it reaches its intended
workload, in a version that these rules are for.

* **Mixtures**: of each entity that decides about a request any version that ever existed, or none, in every combination.
  No order of steps, lag, flag, half-finished run, second run or node of the gateway shows anything else. No mixture may
  allow such a caller.
* Mixtures do not decide which image answers. For that the run's order counts: a reader that sees a version of an entity
  sees it after all operations that must precede it.
* **Views**: the states of routes, plugins and credentials that are possible at one moment, by that order. A caller that
  both models allow is never denied.
* **Moments**: the state of all parts at once. An image is called by the rules of a model that has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product

from kong_oam.access.model import Estate
from kong_oam.access.paths import written
from kong_oam.access.sites import SitesByHost, path_classes_by_site
from sandbox.kong import uri
from sandbox.kong.entities import Entity
from sandbox.kong.precedence import ORDER
from tests.support.checker.history import Replay
from tests.support.checker.order import members
from tests.support.checker.plane import (
    FORGED,
    Address,
    Chosen,
    Plane,
    Seen,
    takes,
    winners,
)
from tests.support.oracle import meaning
from tests.support.oracle.meaning import Answer, Document, Request, Token

METHODS = ("GET", "POST", "DELETE")
UNREADABLE = "/..%2fx"
"""Appended to a path, it makes the path ambiguous: no caller may have it."""
PROVIDER = "okta"
DECIDING = (
    "routes",
    "services",
    "upstreams",
    "targets",
    "plugins",
    "consumers",
    "jwt_secrets",
)
PASSED: Address = ("passed", 1)
_PASSING = {"host": PASSED[0], "port": PASSED[1]}
"""The address of every service while the checker tests whether a request gets that far."""
_STAMPS = ("created_at", "updated_at")

Target = tuple[str, str]
"""Host and path as a client writes them."""
SourcePosition = tuple[str, int]
"""A component and one of its ports."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller with a token, or without (`token` is then empty), and facts about the token.

    `kid` is the key that it names, `issuer` its signer ("": none), and `client` the provider's id
    of its client.
    """

    name: str
    token: str = ""
    kid: str = ""
    issuer: str = ""
    client: str = ""
    user: bool = False
    scopes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @property
    def authorization(self) -> tuple[str, ...]:
        return (f"Bearer {self.token}",) if self.token else ()


@dataclass(frozen=True)
class Meaning:
    """One model of a stack: its documents, and names of objects at the provider. `estate` only
    shows which requests differ; `clients` are components by the ids of their clients."""

    documents: tuple[Document, ...]
    stack: Document
    estate: Estate
    issuer: str
    clients: Mapping[str, str]

    @cached_property
    def _answers(self) -> dict[tuple[Target, str, Token | None], Answer]:
        return {}

    def answer(self, target: Target, method: str, caller: Caller) -> Answer:
        token = self._token(caller)
        key = target, method, token
        if key not in self._answers:
            request = Request(method, target[0], target[1].encode(), token)
            self._answers[key] = meaning.answer(
                list(self.documents), self.stack, request
            )
        return self._answers[key]

    def over_tls(self, component: str) -> bool:
        return meaning.over_tls(list(self.documents), component)

    def image(self, component: str) -> str | None:
        return meaning.image(list(self.documents), component)

    @cached_property
    def places(self) -> frozenset[SourcePosition]:
        return frozenset(
            (endpoint.component, endpoint.port)
            for endpoint in meaning.endpoints(list(self.documents), self.stack)
        )

    def _token(self, caller: Caller) -> Token | None:
        if not caller.token:
            return None
        counts = caller.issuer != "" and caller.issuer == self.issuer
        client = self.clients.get(caller.client)
        return Token(
            PROVIDER, counts, client, caller.user, caller.scopes, caller.groups
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """A request with a wrong answer: its caller and target, its end (a component's port, or a
    status), and the visible state of the run."""

    target: Target
    method: str
    caller: str
    ended: SourcePosition | int
    seen: str

    def __str__(self) -> str:
        ended = (
            self.ended
            if isinstance(self.ended, int)
            else ":".join(map(str, self.ended))
        )
        return f"{self.method} {''.join(self.target)} by {self.caller} ended at {ended}, where {self.seen}"


@dataclass(slots=True)
class Report:
    """`opened` are wrongly allowed requests; `closed` are outages: both models allow the call, and
    it was denied.

    `asked` are requests, `reached` are requests that reached a workload, `mixtures` combinations of
    versions.
    """

    opened: list[Finding] = field(default_factory=list)
    closed: list[Finding] = field(default_factory=list)
    asked: int = 0
    reached: int = 0
    mixtures: int = 0

    def add(self, other: Report) -> None:
        self.opened += other.opened
        self.closed += other.closed
        self.asked, self.reached = (
            self.asked + other.asked,
            self.reached + other.reached,
        )
        self.mixtures += other.mixtures

    def __str__(self) -> str:
        return "\n".join(map(str, [*self.opened[:10], *self.closed[:10]]))


def check(
    replay: Replay,
    models: Sequence[Meaning],
    callers: Sequence[Caller],
    workloads: Mapping[Address, SourcePosition],
    *,
    ordered: bool,
) -> Report:
    """Compare a run with the models before and after it (or between: several runs in a row).

    `workloads` are the addresses of components. `ordered`: the engine guarantees the order of the
    replay, so views and moments are checked, too.
    """
    run = ReplayCheck(replay, models, callers, workloads)
    check_all(run, ordered=ordered)
    return run.report


def check_all(run: ReplayCheck, *, ordered: bool) -> None:
    """Check all targets; the report has the findings."""
    for target in targets(run.models):
        scene = run.scene(target)
        scene.ask_mixtures()
        if ordered:
            scene.ask_views()
            scene.ask_moments()


def targets(models: Sequence[Meaning]) -> Iterator[Target]:
    """Yield a request for every class of hosts and paths that some model distinguishes, and an
    ambiguous request."""
    sites = [SitesByHost(model.estate) for model in models]
    for name, path_classes in path_classes_by_site(*sites):
        for path_class in path_classes:
            hosts = (site.host(name, path_class.path) for site in sites)
            host = next(found for found in hosts if found)
            yield host, written(path_class.path)
        yield host, written(path_classes[0].path).rstrip("/") + UNREADABLE


class ReplayCheck:
    """A replay with callers, models and findings."""

    def __init__(
        self,
        replay: Replay,
        models: Sequence[Meaning],
        callers: Sequence[Caller],
        workloads: Mapping[Address, SourcePosition],
    ) -> None:
        self.replay, self.order, self.models, self.workloads = (
            replay,
            replay.order,
            models,
            workloads,
        )
        self.callers = {
            kid: [caller for caller in callers if caller.kid == kid]
            for kid in sorted({c.kid for c in callers})
        }
        self.plane = Plane({*workloads, PASSED})
        self.report = Report()
        self.versions: dict[str, list[Entity]] = {}
        self.writers: dict[int, int] = {}
        """The operations that made versions."""
        for kind in DECIDING:
            self.versions[kind] = list(
                replay.start.entities.tables[kind].values()
            )
        for number, operation in enumerate(replay.operations):
            for write in operation.writes:
                if write.after is not None and write.kind in DECIDING:
                    self.versions[write.kind].append(write.after)
                    self.writers[id(write.after)] = number
        self.different = {
            kind: list(_by_content(versions))
            for kind, versions in self.versions.items()
        }
        self.found: set[tuple[object, ...]] = set()

    def scene(self, target: Target) -> Scene:
        path = uri.normalized(target[1])
        routes = frozenset(
            route["id"]
            for route in self.versions["routes"]
            if takes(route, target[0], path)
        )
        services = {
            route["service"]["id"]
            for route in self.versions["routes"]
            if route["id"] in routes
        }
        return Scene(self, target, path, routes, frozenset(services))

    def mask(self, kind: str, ids: frozenset[str]) -> int:
        """Return the operations that write entities of a kind, of these ids."""
        return sum(
            1 << number
            for number, operation in enumerate(self.replay.operations)
            if any(
                write.kind == kind and write.entity["id"] in ids
                for write in operation.writes
            )
        )

    def state(
        self, kind: str, ids: frozenset[str], done: int
    ) -> dict[str, Entity]:
        """Return the entities of these ids after the operations of `done`."""
        table = {
            item: entity
            for item, entity in self.replay.start.entities.tables[kind].items()
            if item in ids
        }
        for number in members(done):
            for write in self.replay.operations[number].writes:
                if write.kind == kind and write.entity["id"] in ids:
                    if write.after is None:
                        table.pop(write.entity["id"], None)
                    else:
                        table[write.entity["id"]] = write.after
        return table

    def rollouts(self, component: str) -> list[int]:
        return [
            number
            for number, operation in enumerate(self.replay.operations)
            if component in operation.images
        ]

    def image(self, component: str, done: int) -> str | None:
        """Return the image that runs after the operations of `done`."""
        over = [
            number for number in self.rollouts(component) if done >> number & 1
        ]
        return (
            self.replay.operations[over[-1]].images[component]
            if over
            else self.replay.start.images.get(component)
        )

    def images(self, component: str, seen: Seen) -> set[str | None]:
        """Return the images that may run while these versions are visible: they precede the
        versions, or come later."""
        written = sum(
            {
                1 << self.writers[id(entity)]
                for _, entity in seen.entities
                if id(entity) in self.writers
            }
        )
        done = self.order.closed(written)
        later = [
            number
            for number in self.rollouts(component)
            if not done >> number & 1
        ]
        return {
            self.image(component, done),
            *(
                self.replay.operations[number].images[component]
                for number in later
            ),
        }

    def misled(
        self,
        position: SourcePosition,
        image: str | None,
        answers: Sequence[Answer],
    ) -> bool:
        """Return whether no model allows the request there. Rules may be older than the image that
        answers, never newer."""
        if image is None:
            return False  # nothing answers
        having = [
            number
            for number, model in enumerate(self.models)
            if model.image(position[0]) == image
        ]
        last = having[-1] if having else 0
        return not any(
            _leads(answer, position) for answer in answers[: last + 1]
        )

    def in_clear(
        self,
        position: SourcePosition,
        service: Entity,
        answers: Sequence[Answer],
    ) -> bool:
        """Return whether it is sent unverified although every model that allows it has the workload
        verified."""
        verified = (
            service["protocol"] == "https" and service["tls_verify"] is True
        )
        allowing = [
            model
            for model, answer in zip(self.models, answers, strict=True)
            if _leads(answer, position)
        ]
        return (
            not verified
            and bool(allowing)
            and all(model.over_tls(position[0]) for model in allowing)
        )

    def shows_outdated_image(
        self,
        position: SourcePosition,
        image: str | None,
        answers: Sequence[Answer],
    ) -> bool:
        """Return whether no model that has the image allows the request there, and one of them has
        the place."""
        having = [
            number
            for number, model in enumerate(self.models)
            if model.image(position[0]) == image
        ]
        known = any(position in self.models[number].places for number in having)
        return known and not any(
            _leads(answers[number], position) for number in having
        )

    def words(self, seen: Seen) -> str:
        """Which versions are seen."""
        parts = []
        for kind, entity in seen.entities:
            number = self.writers.get(id(entity))
            by = (
                "of before"
                if number is None
                else f"by '{self.replay.operations[number].name}'"
            )
            named = (
                entity.get("name")
                or entity.get("username")
                or entity.get("key")
                or entity.get("target")
            )
            parts.append(f"{kind.removesuffix('s')} {named} is {by}")
        return ", ".join(parts) or "nothing is there"


def _leads(answer: Answer, position: SourcePosition) -> bool:
    return answer.allowed and (answer.component, answer.port) == position


def _by_content(versions: Iterable[Entity]) -> Iterator[Entity]:
    met: set[str] = set()
    for version in versions:
        content = repr(
            {key: value for key, value in version.items() if key not in _STAMPS}
        )
        if content not in met:
            met.add(content)
            yield version


@dataclass(frozen=True)
class Scene:
    """The entities that may decide about a target in a run: its possible routes, and their
    services."""

    run: ReplayCheck
    target: Target
    path: str
    routes: frozenset[str]
    services: frozenset[str]

    def ask_mixtures(self) -> None:
        """Every request with all that there is; with parts missing, one of each kind of requests."""
        for some, requests in (
            (False, product(METHODS, self._callers())),
            (True, self._kinds()),
        ):
            for method, caller in requests:
                for route, service in self._ways():
                    levels = self._levels(route, service, caller.kid, some=some)
                    self._explore(
                        method,
                        caller,
                        (("routes", route), ("services", service)),
                        levels,
                    )

    def _callers(self) -> list[Caller]:
        return [
            caller
            for callers in self.run.callers.values()
            for caller in callers
        ]

    def _kinds(self) -> list[tuple[str, Caller]]:
        """Return a request of every kind: the caller, its claims, the signer, and the models'
        answers. Absence does not depend on one method or scope."""
        kinds: dict[tuple[object, ...], tuple[str, Caller]] = {}
        for method, caller in product(METHODS, self._callers()):
            answers = tuple(
                answer.allowed for answer in self._meant(method, caller)
            )
            kinds.setdefault(
                (
                    bool(caller.token),
                    caller.issuer,
                    caller.user,
                    caller.kid,
                    answers,
                ),
                (method, caller),
            )
        return list(kinds.values())

    def _ways(self) -> Iterator[tuple[Entity, Entity]]:
        """Return the versions of routes that may take the request, each with the versions of its
        service."""
        for route in self.run.different["routes"]:
            if takes(route, self.target[0], self.path):
                for service in self.run.different["services"]:
                    if service["id"] == route["service"]["id"]:
                        yield route, service

    def _levels(
        self, route: Entity, service: Entity, kid: str, *, some: bool
    ) -> list[list[tuple[Chosen, ...]]]:
        """Return combinations of the entities that a request meets: plugins by their order, with
        their look-ups, and last the service's address. `some`: also with parts missing."""
        run = self.run
        plugins = [
            ("plugins", plugin)
            for plugin in run.different["plugins"]
            if _on(plugin, route, service)
        ]
        balanced = [
            (kind, item)
            for kind in ("upstreams", "targets")
            for item in run.different[kind]
        ]
        levels = [
            _choices(
                [plugin for plugin in plugins if plugin[1]["name"] == name],
                some=some,
            )
            for name in ORDER
        ]
        levels[ORDER.index("jwt")] = [
            more
            for chosen in levels[ORDER.index("jwt")]
            for more in self._with_lookups(chosen, kid, some=some)
        ]
        return [*levels, _choices(balanced, some=some)]

    def _with_lookups(
        self, jwt: tuple[Chosen, ...], kid: str, *, some: bool
    ) -> Iterator[tuple[Chosen, ...]]:
        """These plugins with the credential and the consumers that they look up."""
        run = self.run
        secrets = [
            ("jwt_secrets", jwt_secret)
            for jwt_secret in run.different["jwt_secrets"]
            if jwt and jwt_secret["key"] == kid
        ]
        anonymous = {item["config"]["anonymous"] for _, item in jwt}
        for found in _choices(secrets, some=some):
            wanted = anonymous | {
                finding["consumer"]["id"] for _, finding in found
            }
            consumers = [
                ("consumers", consumer)
                for consumer in run.different["consumers"]
                if wanted & {consumer["id"], consumer["username"]}
            ]
            for known in _choices(consumers, some=some):
                yield (*jwt, *found, *known)

    def _explore(
        self,
        method: str,
        caller: Caller,
        chosen: tuple[Chosen, ...],
        levels: Sequence[list[tuple[Chosen, ...]]],
    ) -> None:
        """Explore the next entity only if the earlier entities let the request pass."""
        run = self.run
        for more in levels[0]:
            entities = (*chosen, *more)
            last = len(levels) == 1
            seen = Seen(
                entities
                if last
                else (
                    entities[0],
                    ("services", entities[1][1] | _PASSING),
                    *entities[2:],
                )
            )
            run.report.mixtures += 1
            ((_, _, ended),) = self.asked(seen, [(method, caller)])
            if isinstance(ended, int):
                continue
            if not last:
                self._explore(method, caller, entities, levels[1:])
            elif (
                run.plane.forged
                or any(
                    run.misled(ended, image, self._meant(method, caller))
                    for image in run.images(ended[0], seen)
                )
                or run.in_clear(
                    ended, entities[1][1], self._meant(method, caller)
                )
            ):
                self.add(run.report.opened, method, caller, ended, seen)

    def ask_views(self) -> None:
        run = self.run
        for kid, callers in run.callers.items():
            wanted = [
                pair
                for pair in product(METHODS, callers)
                if self._must_pass(*pair)
            ]
            if wanted:
                for seen in self._views(kid):
                    for method, caller, ended in self.asked(seen, wanted):
                        if isinstance(ended, int):
                            self.add(
                                run.report.closed, method, caller, ended, seen
                            )

    def ask_moments(self) -> None:
        """If no image changes, the mixtures cover the moments."""
        run = self.run
        if not any(operation.images for operation in run.replay.operations):
            return
        for kid, callers in run.callers.items():
            for seen, done in self._moments(kid):
                for method, caller, ended in self.asked(
                    seen, product(METHODS, callers)
                ):
                    if not isinstance(ended, int) and run.shows_outdated_image(
                        ended,
                        run.image(ended[0], done),
                        self._meant(method, caller),
                    ):
                        self.add(run.report.opened, method, caller, ended, seen)

    def asked(
        self, seen: Seen, requests: Iterable[tuple[str, Caller]]
    ) -> Iterator[tuple[str, Caller, SourcePosition | int]]:
        run = self.run
        run.plane.show(seen)
        for method, caller in requests:
            lines = [
                f"{method} {self.target[1]} HTTP/1.1",
                f"Host: {self.target[0]}",
                f"{FORGED}: /",
            ]
            lines += [
                f"Authorization: {value}" for value in caller.authorization
            ]
            ended = run.plane.ask("\r\n".join([*lines, "", ""]).encode())
            run.report.asked += 1
            run.report.reached += ended in run.workloads
            yield (
                method,
                caller,
                ended
                if isinstance(ended, int)
                else run.workloads.get(ended, ended),
            )

    def _meant(self, method: str, caller: Caller) -> list[Answer]:
        return [
            model.answer(self.target, method, caller)
            for model in self.run.models
        ]

    def _must_pass(self, method: str, caller: Caller) -> bool:
        """Return whether all models allow the request at one place. A component that changes its
        protocol or port gets another service at the gateway, and is unavailable for a moment."""
        first, *others = answers = self._meant(method, caller)
        spoken = {
            model.over_tls(answer.component or "")
            for model, answer in zip(self.run.models, answers, strict=True)
        }
        return len(spoken) == 1 and all(
            meaning.must_allow(first, other) for other in others
        )

    def add(
        self,
        findings: list[Finding],
        method: str,
        caller: Caller,
        ended: SourcePosition | int,
        seen: Seen,
    ) -> None:
        """One finding for each request and end."""
        key = id(findings), self.target, method, caller.name, ended
        if key not in self.run.found:
            self.run.found.add(key)
            findings.append(
                Finding(
                    self.target,
                    method,
                    caller.name,
                    ended,
                    self.run.words(seen),
                )
            )

    def _views(self, kid: str) -> Iterator[Seen]:
        """Yield each combination of versions that can be seen together, once."""
        met: set[tuple[int, ...]] = set()
        for routed, plugged, known in self.run.order.views(*self.masks(kid)):
            for seen in self.seen(kid, routed, plugged, known):
                if seen.versions not in met:
                    met.add(seen.versions)
                    yield seen

    def _moments(self, kid: str) -> Iterator[tuple[Seen, int]]:
        """Yield each state of the deciding entities, with the operations that led to it."""
        rollouts = sum(
            1 << number
            for number, operation in enumerate(self.run.replay.operations)
            if operation.images
        )
        routed, plugged, known = self.masks(kid)
        for done in self.run.order.states(routed | plugged | known | rollouts):
            for seen in self.seen(kid, done, done, done):
                yield seen, done

    def check_all_callers(self, *, thorough: bool) -> None:
        """Check each moment at which a deciding entity changes. This finds less than the mixtures,
        and is faster. Unless `thorough`, each client sends one of the requests that the models
        answer alike."""
        run = self.run
        for kid, callers in (
            run.callers.items()
            if any(map(any, map(self.masks, run.callers)))
            else ()
        ):
            asked: dict[object, tuple[str, Caller]] = {}
            for method, caller in product(METHODS, callers):
                answers = tuple(
                    answer.allowed for answer in self._meant(method, caller)
                )
                key = (
                    (method, caller.token)
                    if thorough
                    else (caller.client, caller.issuer, caller.user, answers)
                )
                asked.setdefault(key, (method, caller))
            for seen, _ in self._moments(kid):
                for method, caller, ended in self.asked(seen, asked.values()):
                    if not isinstance(ended, int) and not any(
                        _leads(answer, ended)
                        for answer in self._meant(method, caller)
                    ):
                        self.add(run.report.opened, method, caller, ended, seen)

    def masks(self, kid: str) -> tuple[int, int, int]:
        """Return the operations that may show in routes, plugins and credentials."""
        run, ids = self.run, self._ids(kid)
        masks = {kind: run.mask(kind, ids[kind]) for kind in DECIDING}
        credentials = masks["jwt_secrets"] | (
            masks["consumers"] if ids["jwt_secrets"] else 0
        )
        return (
            masks["routes"]
            | masks["services"]
            | masks["upstreams"]
            | masks["targets"],
            masks["plugins"],
            credentials,
        )

    def seen(
        self, kid: str, routed: int, plugged: int, known: int
    ) -> Iterator[Seen]:
        run, ids = self.run, self._ids(kid)
        shown = {"plugins": plugged, "consumers": known, "jwt_secrets": known}
        state = {
            kind: run.state(kind, ids[kind], shown.get(kind, routed))
            for kind in DECIDING
        }
        for route in winners(
            state["routes"].values(),
            state["services"],
            self.target[0],
            self.path,
        ):
            service = state["services"][route["service"]["id"]]
            plugins = [
                plugin
                for plugin in state["plugins"].values()
                if _on(plugin, route, service)
            ]
            chosen: list[Chosen] = [
                ("routes", route),
                ("services", service),
                *(("plugins", plugin) for plugin in plugins),
            ]
            for kind in ("upstreams", "targets", "consumers", "jwt_secrets"):
                chosen += [
                    (kind, resource) for resource in state[kind].values()
                ]
            yield Seen(tuple(chosen))

    def _ids(self, kid: str) -> Mapping[str, frozenset[str]]:
        """Return the entities of each kind that may decide."""
        found = {
            kind: frozenset(
                version["id"] for version in self.run.versions[kind]
            )
            for kind in DECIDING
        }
        plugins = frozenset(
            plugin["id"]
            for plugin in self.run.versions["plugins"]
            if self._concerns(plugin)
        )
        credentials = frozenset(
            jwt_secret["id"]
            for jwt_secret in self.run.versions["jwt_secrets"]
            if jwt_secret["key"] == kid
        )
        return {
            **found,
            "routes": self.routes,
            "services": self.services,
            "plugins": plugins,
            "jwt_secrets": credentials,
        }

    def _concerns(self, plugin: Entity) -> bool:
        route, service = plugin["route"], plugin["service"]
        if not route and not service:
            return True
        return bool(route and route["id"] in self.routes) or bool(
            service and service["id"] in self.services
        )


def _choices(
    versions: Iterable[Chosen], *, some: bool
) -> list[tuple[Chosen, ...]]:
    """Yield a version for each entity, or for entities that replace each other; with `some`, also
    none."""
    slots: dict[tuple[object, ...], list[Chosen | None]] = {}
    for kind, item in versions:
        slot = (
            (kind, item["name"], *_scope(item))
            if kind == "plugins"
            else (kind, item["id"])
        )
        slots.setdefault(slot, [None] if some else []).append((kind, item))
    return [tuple(filter(None, chosen)) for chosen in product(*slots.values())]


def _scope(plugin: Entity) -> tuple[object, ...]:
    return tuple(
        (plugin[kind] or {}).get("id")
        for kind in ("route", "service", "consumer")
    )


def _on(plugin: Entity, route: Entity, service: Entity) -> bool:
    """Return whether the plugin may run for requests on the route."""
    on_route = plugin["route"] is None or plugin["route"]["id"] == route["id"]
    on_service = (
        plugin["service"] is None or plugin["service"]["id"] == service["id"]
    )
    return on_route and on_service
