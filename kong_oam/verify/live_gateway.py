"""A Kong with given entities, judged: its verdict on every call.

That is by the route that a call reaches, the plugins on the way, the gate, and where it would go.

Plugins that this reading does not know, and scripts that are not ours, may let in anybody: calls that meet one count as
allowed. With the entities that are meant, the same reading has to give the model's decisions (verify.deviations).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache, cached_property
from typing import Any

from kong_oam.access.decide import host_patterns
from kong_oam.access.model import Estate
from kong_oam.access.networks import Network
from kong_oam.access.paths import PathSegments, unwritten, written
from kong_oam.access.providers import ClaimMapping, Provider
from kong_oam.access.settings.stack import Settings
from kong_oam.access.tokens import Claims
from kong_oam.kong import names, plugins
from kong_oam.kong.entities import Complete, Deployed, Entities, Entity, labels, reference
from kong_oam.verify.authentication import Authenticator, Keys, Passage
from kong_oam.verify.effects import Effect, effect_of
from kong_oam.verify.gate import (
    CallerIdentity,
    Script,
    Table,
    allows,
    code,
    forged_identities,
    networks_named,
    scopes_held,
    script_of,
)
from kong_oam.verify.questions import Call, Caller, Forged, Speech, Verdict
from kong_oam.verify.repair import HTTP
from kong_oam.verify.router import Reached, Router

_SIGNATURES = frozenset({"RS256", "ES256"})


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms that a gateway is read by: who may sign, and component by where its workload is, as "host:port".

    `accepted`: the kinds of plugins that stand before a Kong service as its Application asks, by a waiver where they
    could decide in the gate's place. What they do to calls is not judged.
    """

    keys: Keys
    workloads: Mapping[str, str]
    accepted: frozenset[tuple[str, str]] = frozenset()

    @staticmethod
    def of(settings: Settings, estate: Estate, deployed: Deployed, complete: Complete) -> Terms:
        """The terms of a stack that was deployed."""
        workloads = {
            deployed.upstreams[names.service(settings.stack.name, component, backend)]: component.key
            for component in estate.exposed
            for backend in component.backends
        }
        plugin = plugins.AUTHENTICATION[settings.gateway.edition]
        verifying = {
            provider: complete(plugin, plugins.openid_connect(issuer, None))
            for provider, issuer in (deployed.issuers.items() if plugin == "openid-connect" else ())
        }
        lifetimes = {provider.name: 60.0 * provider.access_token_minutes for provider in settings.providers}
        accepted = frozenset(
            (plugin.name, names.service(settings.stack.name, component, backend))
            for component in estate.exposed
            for backend in component.backends
            for plugin in component.edge.kong_plugins
        )
        return Terms(Keys(estate, deployed, plugin, verifying, lifetimes), workloads, accepted)


@dataclass(frozen=True, slots=True)
class End:
    """The address that a call goes to, as "host:port"; None: nowhere. `through`: the balancer's entities on the way."""

    address: str | None
    through: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """The decision of the tables of a call's scripts. `alone`: the locks whose table would let it pass by itself.

    `spelling_known`: each reads tokens by the words that its provider uses; what another makes of them is not known.
    """

    allowed: bool
    alone: frozenset[str] = frozenset()
    spelling_known: bool = True


class LiveGateway:
    """A Kong with these entities, and what it decides; a kong_oam.verify.questions.JudgedGateway."""

    def __init__(self, entities: Entities, terms: Terms) -> None:
        self._terms = terms
        self._labels = labels(entities)
        self._router = Router(route for route in entities.routes if HTTP.intersection(route["protocols"]))
        self._services = {service["id"]: service for service in entities.services}
        self._authenticator = Authenticator(entities, terms.keys)
        self._guards = ("pre-function", terms.keys.plugin, "post-function")
        self._upstreams = {upstream["name"]: upstream["id"] for upstream in entities.upstreams}
        self._targets = [target for target in entities.targets if target["weight"] > 0]
        active = [plugin for plugin in entities.plugins if plugin["enabled"] and HTTP.intersection(plugin["protocols"])]
        self._bound = [plugin for plugin in active if plugin.get("consumer") or plugin.get("consumer_group")]
        self._plugins = {
            (plugin["name"], reference(plugin, "route"), reference(plugin, "service")): plugin
            for plugin in active
            if plugin not in self._bound
        }
        self._others = sorted({name for name, _, _ in self._plugins} - set(self._guards))
        scripted = (plugin for plugin in self._plugins.values() if plugin["name"] in ("pre-function", "post-function"))
        self._scripts = {plugin["id"]: script_of(plugin) for plugin in scripted}
        tables = (script.table for script in self._scripts.values() if script and script.table)
        self._tables = tuple({id(table): table for table in tables}.values())

    # What it tells apart ----------------------------------------------------------------------------------------------

    def hosts(self) -> Iterable[str]:
        return {*self._router.hosts(), *(host for table in self._tables for host in table["hosts"])}

    def paths(self, host: str) -> Iterator[PathSegments]:
        yield from self._router.paths(host)
        for table in self._speaking_of(host):
            for path in (*table["rules"], *(path for paths in table["hosts"].values() for path in paths)):
                yield unwritten(path)

    def networks(self, host: str) -> Iterator[Network]:
        for table in self._speaking_of(host):
            yield from networks_named(table)

    def speech(self, host: str) -> Speech:
        scopes: set[str] = set()
        groups: set[str] = set()
        widest = 1
        for table in self._speaking_of(host):
            groups |= set(table["groups"])
            scopes |= {scope for of_group in table["groups"].values() for scope in of_group}
            for needed in _needed(table):
                scopes |= set(needed)
                widest = max(widest, len(needed))
        granted = {
            client.component: tuple(
                frozenset(scopes.intersection(held))
                for table in self._speaking_of(host)
                for held in scopes_held(table, self._client_id(client.provider, client.component))
            )
            for client in self._terms.keys.estate.clients
        }
        return Speech(frozenset(scopes), frozenset(groups), widest, granted)

    def strangers(self) -> Iterator[Caller]:
        return self._authenticator.strangers(self._rings())

    def _rings(self) -> frozenset[str]:
        """The consumers whose keys count at some gate, or are meant to."""
        return self._terms.keys.rings() | {table["ring"] for table in self._tables}

    def _speaking_of(self, host: str) -> Iterator[Table]:
        patterns = set(host_patterns(host))
        return (table for table in self._tables if patterns.intersection(table["hosts"]))

    # What it decides --------------------------------------------------------------------------------------------------

    def verdicts(self, call: Call, caller: Caller) -> tuple[Verdict, ...]:
        routes = self._router.reached(call)
        verdicts = [verdict for route in routes for verdict in self._verdicts(route, call, caller)]
        if not any(route.certain for route in routes):
            verdicts.append(Verdict(False, None))
        return tuple(verdicts)

    def _verdicts(self, reached: Reached, call: Call, caller: Caller) -> Iterator[Verdict]:
        """Yields a verdict by one route for each way that the call may go."""
        route = reached.route
        service = self._services.get(reference(route, "service") or "")
        through: tuple[str, ...] = (self._labels["route", route["id"]],)
        if service is None or not service.get("enabled", True):
            yield Verdict(False, None, through=through)
            return
        through += (self._labels["service", service["id"]],)
        path = _upstream_path(service, reached, call)
        verdict = self._guarded(route, service, replace(call, path=path), caller)
        gate = self._script(self._effective("post-function", route, service))
        for end in self._ends(service, gate, judged=verdict.judged):
            led = replace(verdict, through=(*through, *end.through, *verdict.through))
            if end.address is None:
                yield replace(led, allowed=False, passes=frozenset())
                continue
            leads = f"{service['protocol']}://{end.address}"
            leads += f" as {written(path)}" if path != call.path else ""
            leads += "" if gate or route["preserve_host"] else " under the service's own host name"
            led = replace(led, component=self._terms.workloads.get(end.address), leads=leads)
            in_clear = call.scheme == "http" and "http" not in route["protocols"]
            yield replace(led, allowed=False, passes=frozenset()) if in_clear else led

    def _ends(self, service: Entity, gate: Script | None, *, judged: bool) -> list[End]:
        """The ends of a call that gets past everything: where a gate of ours says, whatever the service does."""
        if gate and gate.verified and not verifies(service):
            return [End(None)]
        if gate:
            return self._balanced(*gate.upstream) if gate.upstream else [End(None)]
        ends = self._balanced(service["host"], service["port"])
        workload = self._terms.keys.deployed.upstreams.get(service["name"] or "")
        if judged or workload is None:
            return ends
        # What is not judged may lead anywhere, and so to the workload.
        return [End(workload), *(end for end in ends if end.address not in (None, workload))]

    def _balanced(self, host: str, port: int) -> list[End]:
        """The ends behind a host: the Targets of an Upstream of its name, which comes before what DNS says."""
        if host not in self._upstreams:
            return [End(f"{host}:{port}")]
        identifier = self._upstreams[host]
        upstream = self._labels["upstream", identifier]
        targets = (target for target in self._targets if reference(target, "upstream") == identifier)
        ends = [End(target["target"], (upstream, self._labels["target", target["id"]])) for target in targets]
        return ends or [End(None, (upstream,))]

    def _guarded(self, route: Entity, service: Entity, call: Call, caller: Caller) -> Verdict:
        """The verdict of the plugins on the call, wherever it goes."""
        admission, authentication, last = guards = [self._effective(name, route, service) for name in self._guards]
        passage = self._authenticator.passage(authentication, call, caller)
        consumer = passage.consumer
        others = [plugin for name in self._others if (plugin := self._effective(name, route, service))]
        others += [plugin for plugin in self._bound if consumer and _is_for(plugin, consumer)]
        effects = {plugin["id"]: self._effect(plugin) for plugin in others}
        aside = (Effect.NONE, Effect.LIMITS)
        acting = [plugin for plugin in (*others, *guards) if plugin and effects.get(plugin["id"]) not in aside]
        limiting = (plugin for plugin in others if effects[plugin["id"]] is Effect.LIMITS)
        limits = tuple(self._labels["plugin", plugin["id"]] for plugin in limiting)
        through = tuple(self._labels["plugin", plugin["id"]] for plugin in acting)
        through += tuple(f"credential '{key}'" for key in passage.through)
        through += (self._labels["consumer", consumer["id"]],) if consumer else ()
        verified = self._script(admission) is not None
        if Effect.CLOSES in effects.values():
            return Verdict(False, None, verified=verified, through=through)
        judged = self._judged(self._script(admission), self._script(last), call, caller, passage)
        anything = passage.unknown or Effect.UNKNOWN in effects.values() or self._is_foreign(admission)
        foreign = self._is_foreign(last)  # it runs once authentication has let the call pass
        ours = consumer is None or passage.algorithm is None or consumer.get("username") in self._rings()
        authenticated = anything or (passage.passes and ours)
        return Verdict(
            anything or (passage.passes and (foreign or judged.allowed)),
            None,
            passes=judged.alone | {"authentication"} if authenticated else judged.alone,
            verified=verified,
            judged=judged.spelling_known and not anything and not foreign,
            through=through,
            limits=limits,
        )

    def _effect(self, plugin: Entity) -> Effect:
        effect = effect_of(plugin)
        service = self._services.get(reference(plugin, "service") or "", {}).get("name", "")
        accepted = (plugin["name"], service) in self._terms.accepted and not reference(plugin, "route")
        return Effect.NONE if accepted and effect is not Effect.LIMITS else effect

    def _effective(self, name: str, route: Entity, service: Entity) -> Entity | None:
        """The plugin of this kind with the most specific scope; it alone acts."""
        for scope in ((route["id"], service["id"]), (route["id"], None), (None, service["id"]), (None, None)):
            if plugin := self._plugins.get((name, *scope)):
                return plugin
        return None

    def _script(self, plugin: Entity | None) -> Script | None:
        """The script of ours that the plugin runs; None where it runs none, or one that is not ours."""
        return self._scripts[plugin["id"]] if plugin else None

    def _is_foreign(self, plugin: Entity | None) -> bool:
        return plugin is not None and self._script(plugin) is None and bool(code(plugin["config"]))

    def _judged(
        self, admission: Script | None, gate: Script | None, call: Call, caller: Caller, passage: Passage
    ) -> Judgement:
        """The tables' decision. Without a gate nothing is judged by one, and a gate refuses what was not admitted."""
        if gate is None:
            return Judgement(True)
        tables = {"gate": gate.table} | ({"admission": admission.table} if admission else {})
        alone: set[str] = set()
        together, spelling_known = False, True
        for claimed in self._claimed(tuple(tables.values()), caller):
            read = {name: self._read_by(table, claimed, caller, passage) for name, table in tables.items()}
            passing = {name for name, table in tables.items() if allows(table, call, read[name])}
            unknown = any(identity and identity.scopes is None for identity in read.values())
            spelling_known = spelling_known and not unknown
            together = together or len(passing) == len(tables)
            alone |= passing
        return Judgement(together and admission is not None, frozenset(alone), spelling_known)

    def _claimed(self, tables: Iterable[Table], caller: Caller) -> Iterable[CallerIdentity | None]:
        """The identities that the caller's tokens name.

        That is the most there is, of those who write into them what they like; and where the client is none of the
        estate's, every id that a table has and the estate does not.
        """
        token = caller.token
        if token is None:
            return (None,)
        if isinstance(token, Forged):
            return forged_identities(tables)
        scopes, groups = frozenset(token.scopes), frozenset(token.groups) if token.user else None
        if token.client:
            return (CallerIdentity(self._client_id(token.provider, token.client), scopes, groups),)
        listed = {client for table in tables if table for client in (*table["services"], *table["on_behalf"])}
        others = sorted(client for client in listed if (token.provider, client) not in self._declared)
        return [CallerIdentity(client, scopes, groups) for client in ("", *others)]

    def _client_id(self, provider: str, component: str) -> str:
        """The id of the client in tokens."""
        return self._terms.keys.deployed.clients.get(provider, {}).get(component, component)

    def _read_by(
        self, table: Table, claimed: CallerIdentity | None, caller: Caller, passage: Passage
    ) -> CallerIdentity | None:
        """The identity that a table takes the caller for: none, unless the token is one that it asks for."""
        consumer, token = passage.consumer, caller.token
        if not table or passage.algorithm not in _SIGNATURES or consumer is None or token is None:
            return None
        if consumer.get("username") != table["ring"] or table["authentication"] != self._terms.keys.plugin:
            return None
        if isinstance(token, Forged) and token.credential:
            return claimed
        provider = self._terms.keys.estate.stack.providers[token.provider or ""]
        if (table["issuer"] or consumer.get("custom_id")) != self._terms.keys.deployed.issuers[provider.name]:
            return None
        usual = table["spelling"] == _as_in_table(provider.spelling)
        if isinstance(token, Forged):
            # Read by other words, or for another audience, a token may say anything.
            counts = not usual or not set(table["audiences"]).issubset(self._audiences[provider.name])
        else:
            counts = self._audience(provider, token) in table["audiences"]
        if not counts:
            return None
        return claimed if usual else CallerIdentity("", None)

    @cached_property
    def _declared(self) -> frozenset[tuple[str, str]]:
        """The estate's clients: the provider of each, and its id there."""
        clients = self._terms.keys.estate.clients
        return frozenset((one.provider, self._client_id(one.provider, one.component)) for one in clients)

    @cached_property
    def _audiences(self) -> Mapping[str, frozenset[str]]:
        """By provider, every audience that tokens of this API, or of the APIs, are for."""
        estate, deployed = self._terms.keys.estate, self._terms.keys.deployed.audiences
        return {
            name: frozenset(deployed.get(key, provider.audience_of(key)) for key in estate.components)
            for name, provider in estate.stack.providers.items()
        }

    @cached_property
    def _made_up(self) -> Mapping[str, Mapping[str, str]]:
        """By provider, its audiences as it writes them, by what the model calls them."""
        deployed = self._terms.keys.deployed.audiences
        return {
            name: {provider.audience_of(key): audience for key, audience in deployed.items()}
            for name, provider in self._terms.keys.estate.stack.providers.items()
        }

    def _audience(self, provider: Provider, claims: Claims) -> str:
        """The audience of the token, as its provider writes it: the model names an API's audience by the component."""
        name = claims.audience or provider.audience
        return self._made_up[provider.name].get(name, name)


def verifies(service: Entity) -> bool:
    """Whether Kong verifies the certificate of what a service leads to, which its gate asks for by the same fields."""
    return bool(service["protocol"] == "https" and service.get("tls_verify") is True)


def _is_for(plugin: Entity, consumer: Entity) -> bool:
    """Whether the plugin acts for the consumer; who is in a group is not looked at."""
    return bool(plugin.get("consumer_group")) or reference(plugin, "consumer") == consumer["id"]


def _needed(table: Table) -> Iterator[list[str]]:
    for methods in table["rules"].values():
        for alternatives in methods.values():
            yield from () if alternatives == "public" else alternatives


@cache
def _as_in_table(spelling: ClaimMapping) -> Any:
    return json.loads(json.dumps(asdict(spelling)))


def _upstream_path(service: Entity, reached: Reached, call: Call) -> PathSegments:
    """The path that is sent upstream, by which the gate decides: the service's own, and what the route leaves."""
    path = written(call.path)
    rest = path[len(reached.matched) :] if reached.route["strip_path"] else path
    return tuple(filter(None, f"{service.get('path') or ''}/{rest}".split("/")))
