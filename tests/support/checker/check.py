"""Find requests that a run allowed although the models before and after it deny them.

Requests of every class go to the real proxy of the stand-in with the emitted Lua. Models tell hosts
and paths apart; methods and tokens vary too. `tests.support.oracle.meaning`, which shares no code
with the program, gives the expected answers. A request counts as allowed if it reaches its
workload, in a version that these rules were made for.

- **Mixtures**: each entity that decides about a request is in any of its versions,
  or absent, in every combination. They cover every order of steps, lag, flag,
  unfinished run, second run and node of the gateway. If both models deny a caller,
  no mixture may allow it.

- Mixtures leave open which image answers. This depends on the order of the run.
  If a reader sees a version of an entity, it sees all operations before it.

- **Views**: routes, plugins and credentials that are visible at one moment, by that
  order. If both models allow a caller, no view denies it.

- **Moments**: the state of all entities at once. The rules of a model call only
  images that the model has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product

from kong_oam.access.model import Estate
from kong_oam.access.paths import written
from kong_oam.access.sites import SitesByHost, path_classes_by_site
from kong_rules.entities import Entity
from sandbox.kong import uri
from sandbox.kong.precedence import ORDER
from tests.support.checker.data_plane import (
    FORGED,
    Address,
    Chosen,
    Plane,
    Seen,
    takes,
    winners,
)
from tests.support.checker.history import Replay
from tests.support.checker.order import members
from tests.support.oracle import meaning
from tests.support.oracle.meaning import Answer, Document, Request, Token

METHODS = ("GET", "POST", "DELETE")
UNREADABLE = "/..%2fx"
"""Two servers could read a path with this ending differently: nobody may read it."""
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
"""The place of a service during the check whether a request reaches it."""
_STAMPS = ("created_at", "updated_at")

Target = tuple[str, str]
"""Host and path in a client's spelling."""
SourcePosition = tuple[str, int]
"""A component and one of its ports."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller and the facts about its token. `token` is empty for a caller without a token.

    `kid` is the key that the token names and `issuer` its signer ("": no signer). `client` is the
    provider's id of the client that got the token.
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
    """One model of a stack: its documents and the ids at the provider. `estate` only tells which
    requests differ; `clients` are components by the ids of their clients."""

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
    """A request that was allowed or denied wrongly. It has its caller, its end (a component's port,
    or a status), and the state of the run at that moment."""

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
    """`opened` are violations; `closed` are outages: both models allow the call, but it was denied.
    `asked` counts requests, `reached` requests that reached a workload, `mixtures` combinations
    of versions."""

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
    """Check a run, or several runs in a row, against the models before, between and after them.

    `workloads` are the components by address. `ordered`: the engine promises the order of the
    replay. Only then views and moments are checked too.
    """
    run = CheckedRun(replay, models, callers, workloads)
    check_all(run, ordered=ordered)
    return run.report


def check_all(run: CheckedRun, *, ordered: bool) -> None:
    """Check all targets; the findings are in the report."""
    for target in targets(run.models):
        scene = run.scene(target)
        scene.ask_mixtures()
        if ordered:
            scene.ask_views()
            scene.ask_moments()


def targets(models: Sequence[Meaning]) -> Iterator[Target]:
    """Yield a request for every class of hosts and paths that some model tells apart, and a request
    that nobody may read."""
    sites = [SitesByHost(model.estate) for model in models]
    for name, path_classes in path_classes_by_site(*sites):
        for path_class in path_classes:
            hosts = (site.host(name, path_class.path) for site in sites)
            host = next(found for found in hosts if found)
            yield host, written(path_class.path)
        yield host, written(path_classes[0].path).rstrip("/") + UNREADABLE


class CheckedRun:
    """A replay with its callers, its models and its findings."""

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
        """The operations that wrote versions."""
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
        """Return the operations that write these entities of a kind."""
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
        """Return these entities after the operations of `done`."""
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
        """Return the component's image after the operations of `done`."""
        over = [
            number for number in self.rollouts(component) if done >> number & 1
        ]
        return (
            self.replay.operations[over[-1]].images[component]
            if over
            else self.replay.start.images.get(component)
        )

    def images(self, component: str, seen: Seen) -> set[str | None]:
        """Return the component's images that may run while these versions are visible. Each started
        before them or starts later."""
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
        """Return whether the request is sent in clear text, or to an unverified workload, although
        every model that allows it verifies the workload."""
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

    def out_of_date(
        self,
        position: SourcePosition,
        image: str | None,
        answers: Sequence[Answer],
    ) -> bool:
        """Return whether no model with the image allows the request there, although a model with
        the image has the place."""
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
        """Describe the visible versions."""
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
    """The entities that may decide about a target in a run: routes that may take it, and the
    services behind them."""

    run: CheckedRun
    target: Target
    path: str
    routes: frozenset[str]
    services: frozenset[str]

    def ask_mixtures(self) -> None:
        """Check every request with all entities, and a request of each kind with missing entities."""
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
        """Return a method and caller for every kind of request: by signer, kind of token and
        answers of the models. If no model allows a kind, the reason is not a single method or
        scope."""
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
        """Yield the versions of routes that may take the request, each with the versions of its
        service."""
        for route in self.run.different["routes"]:
            if takes(route, self.target[0], self.path):
                for service in self.run.different["services"]:
                    if service["id"] == route["service"]["id"]:
                        yield route, service

    def _levels(
        self, route: Entity, service: Entity, kid: str, *, some: bool
    ) -> list[list[tuple[Chosen, ...]]]:
        """Return combinations of the entities that a request meets in turn: plugins by their order
        with their lookups, then the address of the service. `some`: also combinations in which
        parts are missing."""
        run = self.run
        plugins = [
            ("plugins", plugin)
            for plugin in run.different["plugins"]
            if _on(plugin, route, service)
        ]
        balanced = [
            (kind, entity)
            for kind in ("upstreams", "targets")
            for entity in run.different[kind]
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
        """Yield these plugins with the credential and the consumers that they look up."""
        run = self.run
        secrets = [
            ("jwt_secrets", jwt_secret)
            for jwt_secret in run.different["jwt_secrets"]
            if jwt and jwt_secret["key"] == kid
        ]
        anonymous = {plugin["config"]["anonymous"] for _, plugin in jwt}
        for found in _choices(secrets, some=some):
            wanted = anonymous | {
                secret["consumer"]["id"] for _, secret in found
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
        """Continue with the next entities only where the entities before them let the request pass."""
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
        """Check images by the order. Where no image changes, the mixtures suffice."""
        run = self.run
        if not any(operation.images for operation in run.replay.operations):
            return
        for kid, callers in run.callers.items():
            for seen, done in self._moments(kid):
                for method, caller, ended in self.asked(
                    seen, product(METHODS, callers)
                ):
                    if not isinstance(ended, int) and run.out_of_date(
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
        """Return whether all models allow the request at the same component and port. A component
        whose protocol changes moves to another service of the gateway, and a changed port moves
        too: both are away for a moment."""
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
        """Add a finding, once for each request and end."""
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
        """Yield each combination of versions that is visible at the same time, once."""
        met: set[tuple[int, ...]] = set()
        for routed, plugged, known in self.run.order.views(*self.masks(kid)):
            for seen in self.seen(kid, routed, plugged, known):
                if seen.versions not in met:
                    met.add(seen.versions)
                    yield seen

    def _moments(self, kid: str) -> Iterator[tuple[Seen, int]]:
        """Yield each state of the entities that decide, with the operations before it."""
        rollouts = sum(
            1 << number
            for number, operation in enumerate(self.run.replay.operations)
            if operation.images
        )
        routed, plugged, known = self.masks(kid)
        for done in self.run.order.states(routed | plugged | known | rollouts):
            for seen in self.seen(kid, done, done, done):
                yield seen, done

    def ask_everybody(self, *, thorough: bool) -> None:
        """Check each moment at which such an entity changes. This finds less than the mixtures, but
        fast. Without `thorough`, only one request stands for requests of a client with equal
        answers."""
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
                chosen += [(kind, entity) for entity in state[kind].values()]
            yield Seen(tuple(chosen))

    def _ids(self, kid: str) -> Mapping[str, frozenset[str]]:
        """The entities of each kind that may decide."""
        found = {
            kind: frozenset(entity["id"] for entity in self.run.versions[kind])
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
    """Return the combinations with a version of each entity, or of each group of entities that
    replace each other. With `some`, entities may be absent."""
    slots: dict[tuple[object, ...], list[Chosen | None]] = {}
    for kind, entity in versions:
        slot = (
            (kind, entity["name"], *_scope(entity))
            if kind == "plugins"
            else (kind, entity["id"])
        )
        slots.setdefault(slot, [None] if some else []).append((kind, entity))
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
