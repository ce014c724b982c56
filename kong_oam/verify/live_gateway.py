"""A Kong with given entities, judged: its verdict on every call.

That is by the route that a call reaches, the plugins on the way, the gate, and where it would go.

Plugins that this reading does not know, and scripts that are not ours, may let in anybody: calls
that meet one count as allowed. With the entities that are meant, the same reading has to give the
model's decisions (verify.deviations).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from kong_oam.access.hosts import host_patterns
from kong_oam.access.model import Client
from kong_oam.access.networks import Network
from kong_oam.access.paths import PathSegments, unwritten, written
from kong_oam.access.tokens import Claims
from kong_oam.kong.entities import Entities, Entity, reference
from kong_oam.verify.acting import Guards, Plugins
from kong_oam.verify.authentication import Authenticator
from kong_oam.verify.effects import Effect
from kong_oam.verify.gate import (
    Held,
    Requirement,
    Script,
    Table,
    met,
    networks_named,
    requirement,
    scopes_held,
)
from kong_oam.verify.questions import Call, Caller, Forged, Speech, Verdict
from kong_oam.verify.reading import Reader
from kong_oam.verify.router import Reached, Router
from kong_oam.verify.terms import Terms


@dataclass(frozen=True, slots=True)
class End:
    """The address that a call goes to, as "host:port"; None: nowhere. `through`: the balancer's
    entities on the way."""

    address: str | None
    through: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Way:
    """What lies behind a route, whoever calls: its service, and the guards there.

    `ends` of a call that gets past everything, and `ends_unjudged` of one on whose way something is
    not judged. `through`: the entities on the way to the guards.
    """

    route: Entity
    service: Entity
    guards: Guards
    ends: tuple[End, ...]
    ends_unjudged: tuple[End, ...]
    through: tuple[str, ...]
    foreign_admission: bool
    foreign_gate: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """A route as a call takes it. `way` None: it leads nowhere, through these entities. `path`:
    what goes upstream.

    `required`: what each table of the guards asks of who makes the call.
    """

    certain: bool
    through: tuple[str, ...]
    way: Way | None = None
    path: PathSegments = ()
    required: tuple[Requirement, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """What a caller is behind a route, whatever they call there.

    `passes` authentication; `anything`: nobody knows what meets the call on the way.
    `holdings`: for each identity that their tokens may name, what each table takes them to hold.
    """

    passes: bool
    anything: bool
    closed: bool
    holdings: tuple[tuple[Held | None, ...], ...]
    through: tuple[str, ...]
    limits: tuple[str, ...]


class LiveGateway:
    """A Kong with these entities: what it tells apart, and what it decides."""

    def __init__(self, entities: Entities, terms: Terms) -> None:
        self._terms = terms
        self._labels = entities.labels
        self._router = Router(entities.routes)
        self._services = {service["id"]: service for service in entities.services}
        self._authenticator = Authenticator(entities, terms)
        self._reader = Reader(terms)
        self._plugins = Plugins(entities, terms)
        self._upstreams = {
            upstream["name"]: upstream["id"] for upstream in entities.upstreams
        }
        self._targets: dict[str | None, list[Entity]] = {}
        for target in entities.targets:
            if target["weight"] > 0:
                self._targets.setdefault(reference(target, "upstream"), []).append(
                    target
                )
        self._tables = self._plugins.tables
        self._speaking: dict[str, list[int]] = {}
        for index, table in enumerate(self._tables):
            for pattern in table["hosts"]:
                self._speaking.setdefault(pattern, []).append(index)
        # The consumers whose keys count at some gate, or are meant to.
        self._rings = terms.rings() | {table["ring"] for table in self._tables}
        self._ways: dict[str, Way | None] = {}
        self._standings: dict[tuple[str, bool, Claims | Forged | None], Standing] = {}
        self._asked: tuple[Call, tuple[Taken, ...]] | None = None

    # What it tells apart
    # ----------------------------------------------------------------------------------------------

    def hosts(self) -> Iterable[str]:
        """Hosts as its routes and rules write them: exact, `*.suffix` or `prefix.*`."""
        return {
            *self._router.hosts(),
            *(host for table in self._tables for host in table["hosts"]),
        }

    def methods(self) -> frozenset[str]:
        """Methods that its routes name."""
        return self._router.methods()

    def paths(self, host: str) -> Iterator[PathSegments]:
        """Paths that it tells apart on a host."""
        yield from self._router.paths(host)
        for table in self._speaking_of(host):
            for path in (
                *table["rules"],
                *(path for paths in table["hosts"].values() for path in paths),
            ):
                yield unwritten(path)

    def networks(self, host: str) -> Iterator[Network]:
        """Networks that it tells apart on a host."""
        for table in self._speaking_of(host):
            yield from networks_named(table)

    def speech(self, host: str) -> Speech:
        """The scopes, groups and clients that it tells apart on a host."""
        scopes: set[str] = set()
        groups: set[str] = set()
        widest = 1
        for table in self._speaking_of(host):
            groups |= set(table["groups"])
            scopes |= {
                scope for of_group in table["groups"].values() for scope in of_group
            }
            for needed in _needed(table):
                scopes |= set(needed)
                widest = max(widest, len(needed))
        granted = self._granted(host, scopes)
        return Speech(frozenset(scopes), frozenset(groups), widest, granted)

    def _granted(self, host: str, scopes: set[str]) -> Mapping[str, Hashable]:
        """What each client holds of the scopes by each table that speaks of the host; only those
        that hold some."""
        granted: dict[str, set[Hashable]] = {}
        for index, table in enumerate(self._speaking_of(host)):
            for identifier in {*table["services"], *table["on_behalf"]}:
                held = tuple(
                    frozenset(scopes.intersection(of_kind))
                    for of_kind in scopes_held(table, identifier)
                )
                for client in self._clients.get(identifier, ()) if any(held) else ():
                    granted.setdefault(client.component, set()).add(
                        (client.provider, index, held)
                    )
        return {component: frozenset(held) for component, held in granted.items()}

    @cached_property
    def _clients(self) -> Mapping[str, list[Client]]:
        """The estate's clients by their id in tokens."""
        clients: dict[str, list[Client]] = {}
        for client in self._terms.estate.clients:
            clients.setdefault(
                self._reader.client_id(client.provider, client.component), []
            ).append(client)
        return clients

    def strangers(self) -> Iterator[Caller]:
        """Holders of keys that no provider of the estate has."""
        return self._authenticator.strangers(self._rings)

    def _speaking_of(self, host: str) -> list[Table]:
        indexes = {
            index
            for pattern in host_patterns(host)
            for index in self._speaking.get(pattern, ())
        }
        return [self._tables[index] for index in sorted(indexes)]

    # What it decides
    # --------------------------------------------------------------------------------------------------

    def verdicts(self, call: Call, caller: Caller) -> tuple[Verdict, ...]:
        """Judges the call: one verdict, or several where the answer depends on what is not
        known."""
        # Whatever is the same for all callers of a call is found out for the first of them.
        if self._asked is None or self._asked[0] != call:
            self._asked = (
                call,
                tuple(
                    self._take(reached, call) for reached in self._router.reached(call)
                ),
            )
        verdicts = [
            verdict
            for taken in self._asked[1]
            for verdict in self._verdicts(taken, call, caller)
        ]
        if not any(taken.certain for taken in self._asked[1]):
            verdicts.append(Verdict(False, None))
        return tuple(verdicts)

    def _take(self, reached: Reached, call: Call) -> Taken:
        identifier = reached.route["id"]
        if identifier not in self._ways:
            self._ways[identifier] = self._way(reached.route)
        way = self._ways[identifier]
        if way is None:
            return Taken(reached.certain, (self._labels["route", identifier],))
        path = _upstream_path(way.service, reached, call)
        sent = call if path == call.path else replace(call, path=path)
        required = tuple(requirement(table, sent) for table in way.guards.tables)
        return Taken(reached.certain, way.through, way, path, required)

    def _way(self, route: Entity) -> Way | None:
        """The way behind a route; None where it leads to no service that is there."""
        service = self._services.get(reference(route, "service") or "")
        if service is None or not service.get("enabled", True):
            return None
        guards = self._plugins.guards(route, service)
        judged, unjudged = (
            tuple(self._ends(service, guards.decided, judged=judged))
            for judged in (True, False)
        )
        through = (
            self._labels["route", route["id"]],
            self._labels["service", service["id"]],
        )
        admission, gate = (
            self._plugins.is_foreign(plugin)
            for plugin in (guards.admission, guards.gate)
        )
        return Way(
            route,
            service,
            guards,
            judged,
            unjudged,
            through,
            admission or self._plugins.runs_foreign,
            gate,
        )

    def _verdicts(self, taken: Taken, call: Call, caller: Caller) -> Iterator[Verdict]:
        """Yields a verdict by one route for each way that the call may go."""
        way = taken.way
        if way is None:
            yield Verdict(False, None, through=taken.through)
            return
        verdict = self._guarded(way, taken.required, call, caller)
        protocols = set(way.route["protocols"])
        needs_tls = call.scheme == "http" and protocols.isdisjoint(("http", "grpc"))
        for end in way.ends if verdict.judged else way.ends_unjudged:
            through = (*taken.through, *end.through, *verdict.through)
            open_ = verdict.allowed and end.address is not None and not needs_tls
            component, leads = None, ""
            if end.address is not None:
                component, leads = (
                    self._terms.workloads.get(end.address),
                    _leads(way, end.address, taken.path, call),
                )
            yield Verdict(
                open_,
                component,
                leads,
                verdict.verified,
                verdict.judged,
                through,
                verdict.limits,
            )
        if protocols.isdisjoint(("http", "https")):
            # Only a gRPC call passes such a route. Kong answers any other call with 415.
            yield Verdict(False, None, through=taken.through)

    def _ends(self, service: Entity, gate: Script | None, *, judged: bool) -> list[End]:
        """The ends of a call that gets past everything: where a gate of ours says, whatever the
        service does."""
        if gate and gate.verified and not verifies(service):
            return [End(None)]
        if gate:
            return self._balanced(*gate.upstream) if gate.upstream else [End(None)]
        ends = self._balanced(service["host"], service["port"])
        workload = self._terms.deployed.upstreams.get(service["name"] or "")
        if judged or workload is None:
            return ends
        # What is not judged may lead anywhere, and so to the workload.
        return [
            End(workload),
            *(end for end in ends if end.address not in (None, workload)),
        ]

    def _balanced(self, host: str, port: int) -> list[End]:
        """The ends behind a host: the Targets of an Upstream of its name, which comes before what
        DNS says."""
        if host not in self._upstreams:
            return [End(f"{host}:{port}")]
        identifier = self._upstreams[host]
        upstream = self._labels["upstream", identifier]
        targets = self._targets.get(identifier, ())
        ends = [
            End(target["target"], (upstream, self._labels["target", target["id"]]))
            for target in targets
        ]
        return ends or [End(None, (upstream,))]

    def _guarded(
        self, way: Way, required: tuple[Requirement, ...], call: Call, caller: Caller
    ) -> Verdict:
        """The verdict of the plugins on the call, wherever it goes."""
        preflight = call.method == "OPTIONS"
        asked = way.route["id"], preflight, caller.token
        if asked not in self._standings:
            self._standings[asked] = self._standing(way, caller, preflight=preflight)
        standing = self._standings[asked]
        guards = way.guards
        verified = guards.admitted is not None
        if standing.closed:
            return Verdict(False, None, verified=verified, through=standing.through)
        # Without a gate nothing is judged by one, and a gate refuses what was not admitted.
        together, spelling_known = guards.decided is None, True
        for holdings in standing.holdings:
            passing = all(met(*pair) for pair in zip(required, holdings, strict=True))
            together = together or (verified and passing)
            spelling_known = spelling_known and not any(
                held and held.scopes is None for held in holdings
            )
        foreign = way.foreign_gate  # it runs once authentication has let the call pass
        return Verdict(
            standing.anything or (standing.passes and (foreign or together)),
            None,
            verified=verified,
            judged=spelling_known and not standing.anything and not foreign,
            through=standing.through,
            limits=standing.limits,
        )

    def _standing(self, way: Way, caller: Caller, *, preflight: bool) -> Standing:
        guards, labels = way.guards, self._labels
        passage = self._authenticator.passage(
            guards.authentication, caller, preflight=preflight
        )
        consumer = passage.consumer
        others = self._plugins.others(way.route, way.service, consumer)
        effects = {effect for _, effect in others}
        acting = [
            plugin
            for plugin, effect in others
            if effect not in (Effect.NONE, Effect.LIMITS)
        ]
        through = tuple(
            labels["plugin", plugin["id"]] for plugin in (*acting, *guards) if plugin
        )
        through += tuple(f"credential '{key}'" for key in passage.through)
        through += (labels["consumer", consumer["id"]],) if consumer else ()
        anything = passage.unknown or Effect.UNKNOWN in effects or way.foreign_admission
        return Standing(
            passage.passes,
            anything,
            closed=Effect.CLOSES in effects,
            holdings=tuple(
                dict.fromkeys(self._reader.holdings(guards.tables, caller, passage))
            ),
            through=through,
            limits=tuple(
                labels["plugin", plugin["id"]]
                for plugin, effect in others
                if effect is Effect.LIMITS
            ),
        )


def verifies(service: Entity) -> bool:
    """Whether Kong verifies the certificate of what a service leads to, which its gate asks for by
    the same fields."""
    return bool(service["protocol"] == "https" and service.get("tls_verify") is True)


def _needed(table: Table) -> Iterator[list[str]]:
    for methods in table["rules"].values():
        for alternatives in methods.values():
            yield from () if alternatives == "public" else alternatives


def _leads(way: Way, address: str, path: PathSegments, call: Call) -> str:
    """Where a call comes out, in words."""
    leads = f"{way.service['protocol']}://{address}"
    leads += f" as {written(path)}" if path != call.path else ""
    return leads + (
        ""
        if way.guards.decided or way.route["preserve_host"]
        else " under the service's own host name"
    )


def _upstream_path(service: Entity, reached: Reached, call: Call) -> PathSegments:
    """The path that is sent upstream, by which the gate decides: the service's own, and what the
    route leaves."""
    path = written(call.path)
    rest = path[len(reached.matched) :] if reached.route["strip_path"] else path
    return tuple(filter(None, f"{service.get('path') or ''}/{rest}".split("/")))
