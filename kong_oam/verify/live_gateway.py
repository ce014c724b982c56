"""The verdicts of a Kong with given entities.

A verdict follows the route of a call, the plugins on the way, the gate, and the destination.

Unknown plugins and foreign scripts may allow any caller, so calls through them count as allowed.
For the intended entities, the same reading has to give the model's decisions (verify.deviations).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from kong_oam.access.before import OldCredential
from kong_oam.access.data import Names, Network, PathSegments
from kong_oam.access.hosts import host_patterns
from kong_oam.access.methods import is_call
from kong_oam.access.model import Client
from kong_oam.access.paths import unwritten, written
from kong_oam.access.tokens import Claims
from kong_oam.kong.effects import Effect
from kong_oam.kong.entities import Entities, Entity, reference
from kong_oam.kong.script import RefusingAlternative, Table
from kong_oam.verify.acting import Guards, Plugins
from kong_oam.verify.authentication import Authenticator
from kong_oam.verify.balancer import Balancer, End
from kong_oam.verify.gate import Requirement, is_met, requirement
from kong_oam.verify.identities import Held, scopes_held
from kong_oam.verify.old_credentials import Pair, pairs_in
from kong_oam.verify.questions import (
    Call,
    Caller,
    Forged,
    HostRules,
    Labels,
    Verdict,
)
from kong_oam.verify.reading import Reader
from kong_oam.verify.router import Reached, Router
from kong_oam.verify.scripts import Script, networks_named
from kong_oam.verify.terms import Terms


@dataclass(frozen=True, slots=True)
class Way:
    """The service behind a route, and its guards, for all callers.

    `ends`: the destinations of a call that passes every guard. `ends_unjudged`: its destinations if
    something on the way cannot be judged. `through`: the entities on the way to the guards.
    """

    route: Entity
    service: Entity
    guards: Guards
    ends: tuple[End, ...]
    ends_unjudged: tuple[End, ...]
    through: Labels
    foreign_admission: bool
    foreign_gate: bool


@dataclass(frozen=True, slots=True)
class TakenRoute:
    """A route that a call takes. `path`: sent upstream. `required`: each table's requirement.

    `way` None: the route has no service. `through`: the entities on the way.
    """

    certain: bool
    through: Labels
    way: Way | None = None
    path: PathSegments = ()
    required: tuple[Requirement, ...] = ()


@dataclass(frozen=True, slots=True)
class CallerStanding:
    """The properties of a caller behind a route, for all calls there.

    `passes`: authentication accepts the caller. `anything`: an unknown plugin or script acts on the
    call. `judged`: nothing unknown may allow the caller, and the provider's names of claims are
    known. `holdings`: the scopes at each table, for each identity that the caller's tokens may
    name.
    """

    passes: bool
    anything: bool
    closed: bool
    judged: bool
    holdings: tuple[tuple[Held | None, ...], ...]
    through: Labels
    limits: Labels


class LiveGateway:
    """A Kong with these entities: the differences that it makes, and its decisions."""

    def __init__(self, entities: Entities, terms: Terms) -> None:
        self._terms = terms
        self._labels = entities.labels
        self._router = Router(entities.routes)
        self._services = {
            service["id"]: service for service in entities.services
        }
        self._authenticator = Authenticator(entities, terms)
        self._reader = Reader(terms)
        self._plugins = Plugins(entities, terms)
        self._balancer = Balancer(entities)
        self._tables = self._plugins.tables
        self._tables_by_host: dict[str, list[int]] = {}
        for index, table in enumerate(self._tables):
            for pattern in table["hosts"]:
                self._tables_by_host.setdefault(pattern, []).append(index)
        # The consumers whose keys some gate accepts, or should accept.
        self._rings = terms.rings() | {table["ring"] for table in self._tables}
        self._ways: dict[str, Way | None] = {}
        self._standings: dict[
            tuple[str, bool, Claims | Forged | OldCredential | None],
            CallerStanding,
        ] = {}
        self._last: tuple[Call | None, tuple[TakenRoute, ...]] = None, ()

    # Differences that the gateway makes

    def hosts(self) -> Iterable[str]:
        """Return the hosts as routes and rules write them: exact, `*.suffix` or `prefix.*`."""
        return self._router.hosts().union(self._tables_by_host)

    def methods(self) -> frozenset[str]:
        """Return the methods that its routes name."""
        return self._router.methods()

    def paths(self, host: str) -> Iterator[PathSegments]:
        """Yield the paths of routes and rules on a host."""
        yield from self._router.paths(host)
        for table in self._tables_of(host):
            yield from map(unwritten, table["rules"])
            for paths in table["hosts"].values():
                yield from map(unwritten, paths)
            yield from map(unwritten, table.get("forward", {}))

    def tools(self, host: str) -> Iterator[tuple[PathSegments, Names]]:
        """Yield the MCP endpoints of tables on a host, each with the calls of its tools."""
        for table in self._tables_of(host):
            for path in table.get("tools", {}):
                listed = {
                    *table["rules"].get(path, {}),
                    *table.get("refusing", {}).get(path, {}),
                }
                yield unwritten(path), tuple(filter(is_call, listed))

    def refused_texts(self, host: str) -> Iterator[str]:
        """Yield the texts that rules on a host refuse."""
        for table in self._tables_of(host):
            for _, refused in _refusing(table):
                for texts in refused.values():
                    yield from texts

    def networks(self, host: str) -> Iterator[Network]:
        """Yield the networks of rules on a host."""
        for table in self._tables_of(host):
            yield from networks_named(table)

    def host_rules(self, host: str) -> HostRules:
        """Return the scopes, groups and clients of rules on a host."""
        scopes: set[str] = set()
        groups: set[str] = set()
        widest = 1
        for table in self._tables_of(host):
            groups.update(table["groups"])
            scopes.update(*table["groups"].values())
            for needed in _needed(table):
                scopes.update(needed)
                widest = max(widest, len(needed))
        granted = self._granted(host, scopes)
        return HostRules(frozenset(scopes), frozenset(groups), widest, granted)

    def _granted(self, host: str, scopes: set[str]) -> Mapping[str, Hashable]:
        """Return each client's part of the scopes at each table of the host. Clients without any
        are left out."""
        granted = defaultdict(set)
        for index, table in enumerate(self._tables_of(host)):
            for identifier in {*table["services"], *table["on_behalf"]}:
                as_itself, for_users = scopes_held(table, identifier)
                held = as_itself & scopes, for_users & scopes
                if not any(held):
                    continue
                for client in self._clients.get(identifier, ()):
                    by_table = client.provider, index, held
                    granted[client.component].add(by_table)
        return {
            component: frozenset(held) for component, held in granted.items()
        }

    @cached_property
    def _clients(self) -> Mapping[str, list[Client]]:
        """The estate's clients by their id in tokens."""
        clients = defaultdict(list)
        for client in self._terms.estate.clients:
            identifier = self._terms.client_id(
                client.provider, client.component
            )
            clients[identifier].append(client)
        return clients

    def strangers(self) -> Iterator[Caller]:
        """Yield the holders of keys that no provider of the estate has."""
        return self._authenticator.strangers(self._rings)

    def old_credentials(self, host: str) -> Iterator[Pair]:
        """Yield the consumers that tables of a host name, with the kind of their credentials."""
        return pairs_in(self._tables_of(host))

    def _tables_of(self, host: str) -> list[Table]:
        indexes: set[int] = set()
        for pattern in host_patterns(host):
            indexes.update(self._tables_by_host.get(pattern, ()))
        return [self._tables[index] for index in sorted(indexes)]

    # Decisions

    def verdicts(self, call: Call, caller: Caller) -> tuple[Verdict, ...]:
        """Return a verdict on the call, or several if the answer depends on unknown facts."""
        taken = self._taken(call)
        verdicts: list[Verdict] = []
        for route in taken:
            verdicts += self._verdicts(route, call, caller)
        if not any(route.certain for route in taken):
            verdicts.append(Verdict(False))
        return tuple(verdicts)

    def _taken(self, call: Call) -> tuple[TakenRoute, ...]:
        # All callers of a call come in a row, and its routes are the same for each.
        if self._last[0] != call:
            reached = self._router.reached(call)
            self._last = (
                call,
                tuple(self._take(route, call) for route in reached),
            )
        return self._last[1]

    def _take(self, reached: Reached, call: Call) -> TakenRoute:
        identifier = reached.route["id"]
        if identifier not in self._ways:
            self._ways[identifier] = self._way(reached.route)
        way = self._ways[identifier]
        if way is None:
            return TakenRoute(
                reached.certain, (self._labels["route", identifier],)
            )
        path = _upstream_path(way.service, reached, call)
        sent = call if path == call.path else replace(call, path=path)
        required = tuple(
            requirement(table, sent) for table in way.guards.tables
        )
        return TakenRoute(reached.certain, way.through, way, path, required)

    def _way(self, route: Entity) -> Way | None:
        """Return the way behind a route, or None if the route has no enabled service."""
        service = self._services.get(reference(route, "service"))
        if service is None or not service.get("enabled", True):
            return None
        plugins = self._plugins
        guards = plugins.guards(route, service)
        return Way(
            route,
            service,
            guards,
            tuple(self._ends(service, guards.decided)),
            tuple(self._ends_unjudged(service, guards.decided)),
            (
                self._labels["route", route["id"]],
                self._labels["service", service["id"]],
            ),
            plugins.runs_foreign or plugins.is_foreign(guards.admission),
            plugins.is_foreign(guards.gate),
        )

    def _ends(self, service: Entity, gate: Script | None) -> list[End]:
        """Return the destinations of a call that passes all guards. Our gate sets them, else the
        service."""
        if gate is None:
            return self._balancer.ends(service["host"], service["port"])
        is_unverified = gate.verified and not verifies(service)
        if gate.upstream is None or is_unverified:
            return [End(None)]
        return self._balancer.ends(*gate.upstream)

    def _ends_unjudged(self, service: Entity, gate: Script | None) -> list[End]:
        """Return the destinations of a call that cannot be judged. Without our gate, the service's
        workload comes first."""
        ends = self._ends(service, gate)
        workload = self._terms.deployed.upstreams.get(service["name"] or "")
        if gate or workload is None:
            return ends
        others = [end for end in ends if end.address not in (None, workload)]
        return [End(workload), *others]

    def _verdicts(
        self, taken: TakenRoute, call: Call, caller: Caller
    ) -> Iterator[Verdict]:
        """Yield a verdict for each way that the call may go by a route."""
        way = taken.way
        nowhere = Verdict(False, through=taken.through)
        if way is None:
            yield nowhere
            return
        verdict = self._guarded(way, taken.required, call, caller)
        protocols = set(way.route["protocols"])
        if call.scheme == "http" and protocols.isdisjoint(("http", "grpc")):
            # Kong redirects such a call, or demands an upgrade to TLS.
            verdict = replace(verdict, allowed=False)
        for end in way.ends if verdict.judged else way.ends_unjudged:
            yield self._at_end(way, end, verdict, taken, call)
        if protocols.isdisjoint(("http", "https")):
            # Only a gRPC call passes such a route. Kong answers any other call with 415.
            yield nowhere

    def _at_end(
        self,
        way: Way,
        end: End,
        guarded: Verdict,
        taken: TakenRoute,
        call: Call,
    ) -> Verdict:
        """Return the verdict of the plugins with the destination of the call."""
        through = (*taken.through, *end.through, *guarded.through)
        if end.address is None:
            return replace(guarded, allowed=False, through=through)
        address = self._terms.targets.get(end.address, end.address)
        return replace(
            guarded,
            component=self._terms.workloads.get(address),
            leads=_leads(way, address, taken.path, call),
            through=through,
        )

    def _guarded(
        self,
        way: Way,
        required: tuple[Requirement, ...],
        call: Call,
        caller: Caller,
    ) -> Verdict:
        """Return the verdict of the plugins on the call, for any destination."""
        preflight = call.method == "OPTIONS"
        asked = way.route["id"], preflight, caller.token
        if asked not in self._standings:
            self._standings[asked] = self._standing(
                way, caller, preflight=preflight
            )
        standing = self._standings[asked]
        verified = way.guards.admitted is not None
        if standing.closed:
            return Verdict(False, verified=verified, through=standing.through)
        # A foreign script in the gate's place runs after authentication accepts the call.
        passes_gate = way.foreign_gate or way.guards.decided is None
        if not passes_gate and verified:
            # Each table judges by its own reading of the caller.
            passes_gate = any(
                all(map(is_met, required, held)) for held in standing.holdings
            )
        return Verdict(
            standing.anything or (standing.passes and passes_gate),
            verified=verified,
            judged=standing.judged and not way.foreign_gate,
            through=standing.through,
            limits=standing.limits,
        )

    def _standing(
        self, way: Way, caller: Caller, *, preflight: bool
    ) -> CallerStanding:
        guards = way.guards
        labels = self._labels
        passage = self._authenticator.passage(
            guards.authentication, caller, preflight=preflight
        )
        acting: list[Entity | None] = []
        if isinstance(caller.token, OldCredential):
            credential = caller.token
            plugin = self._plugins.effective(
                credential.by, way.route, way.service
            )
            passage = self._authenticator.by_old_credential(
                plugin, credential, passage
            )
            acting.append(plugin)
        consumer = passage.consumer
        limits = []
        effects = set()
        others = self._plugins.others(way.route, way.service, consumer)
        for plugin, effect in others:
            effects.add(effect)
            if effect is Effect.LIMITS:
                limits.append(labels["plugin", plugin["id"]])
            elif effect is not Effect.NONE:
                acting.append(plugin)
        through = [
            labels["plugin", plugin["id"]]
            for plugin in (*acting, *guards)
            if plugin
        ]
        through += [f"credential '{key}'" for key in passage.through]
        if consumer:
            through.append(labels["consumer", consumer["id"]])
        anything = (
            passage.unknown
            or Effect.UNKNOWN in effects
            or way.foreign_admission
        )
        holdings = dict.fromkeys(
            self._reader.holdings(guards.tables, caller, passage)
        )
        return CallerStanding(
            passage.passes,
            anything,
            Effect.CLOSES in effects,
            not anything and all(map(_are_known, holdings)),
            tuple(holdings),
            tuple(through),
            tuple(limits),
        )


def verifies(service: Entity) -> bool:
    """Return whether Kong verifies the certificate behind a service. The gate requires the same
    fields."""
    return bool(
        service["protocol"] == "https" and service.get("tls_verify") is True
    )


def _are_known(holdings: tuple[Held | None, ...]) -> bool:
    """Return whether every table knows the caller's scopes."""
    return all(held is None or held.scopes is not None for held in holdings)


def _needed(table: Table) -> Iterator[list[str]]:
    for methods in table["rules"].values():
        for alternatives in methods.values():
            if alternatives != "public":
                yield from alternatives
    for needed, _ in _refusing(table):
        if needed != "public":
            yield needed


def _refusing(table: Table) -> Iterator[RefusingAlternative]:
    for methods in table.get("refusing", {}).values():
        for entries in methods.values():
            yield from entries


def _leads(way: Way, address: str, path: PathSegments, call: Call) -> str:
    """Return the destination of a call in words."""
    leads = f"{way.service['protocol']}://{address}"
    if path != call.path:
        leads += f" as {written(path)}"
    gate = way.guards.decided
    if gate and gate.host_header:
        return f"{leads} with Host {gate.host_header}"
    if gate or way.route["preserve_host"]:
        return leads
    return f"{leads} under the service's own host name"


def _upstream_path(
    service: Entity, reached: Reached, call: Call
) -> PathSegments:
    """Return the path that goes upstream, by which the gate decides: the service's own path, then
    the rest behind the route's path."""
    path = written(call.path)
    if reached.route["strip_path"]:
        path = path[len(reached.matched) :]
    return tuple(filter(None, f"{service.get('path') or ''}/{path}".split("/")))
