"""A verdict on every call: the route that it reaches, the plugins on the way, the gate, and where it would go.

Plugins that this reading does not know, and scripts that are not ours, may let in anybody: calls that meet one count as
allowed. With the entities that are meant, the same reading has to give the model's decisions (access.verify).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

from access.decide import host_patterns
from access.model import Elements, Estate, Provider, Spelling
from access.paths import written
from access.stack import Settings
from access.tokens import Claims
from access.verify import Call, Caller, Forged, Speech, Verdict
from components.gateway import names, plugins
from components.gateway.live import gate
from components.gateway.live.authentication import Authenticator, Keys, Passage
from components.gateway.live.effects import Effect, effect_of
from components.gateway.live.entities import Complete, Deployed, Entities, Entity, labels, reference
from components.gateway.live.gate import Identity, Table
from components.gateway.live.router import Reached, Router

_SIGNATURES = frozenset({"RS256", "ES256"})
_HTTP = frozenset({"http", "https", "grpc", "grpcs"})


@dataclass(frozen=True, slots=True)
class Terms:
    """What a gateway is read against: who may sign, and the admission script as it is meant.

    `workloads`: component by where its workload is, as "host:port".
    """

    keys: Keys
    admission: Mapping[str, list[str]]
    workloads: Mapping[str, str]

    @staticmethod
    def of(settings: Settings, estate: Estate, deployed: Deployed, complete: Complete) -> Terms:
        where = {
            deployed.upstreams[names.service(settings.stack.name, component, port)]: component.key
            for component in estate.exposed
            for port in component.ports
        }
        admission = gate.code(plugins.admission(settings.gateway.hsts_seconds))
        plugin = plugins.AUTHENTICATION[settings.gateway.edition]
        verifying = {
            provider: complete(plugin, plugins.openid_connect(issuer))
            for provider, issuer in (deployed.issuers.items() if plugin == "openid-connect" else ())
        }
        lifetimes = {provider.name: 60.0 * provider.access_token_minutes for provider in settings.providers}
        return Terms(Keys(estate, deployed, plugin, verifying, lifetimes), admission, where)


class LiveGateway:
    """What a Kong with these entities decides; an access.verify.Gateway."""

    def __init__(self, entities: Entities, terms: Terms) -> None:
        self._terms = terms
        self._labels = labels(entities)
        self._router = Router(entities.routes)
        self._services = {one["id"]: one for one in entities.services}
        self._authenticator = Authenticator(entities, terms.keys)
        self._guards = ("pre-function", terms.keys.plugin, "post-function")
        self._balanced = {one["name"] for one in entities.upstreams}
        active = [one for one in entities.plugins if one["enabled"] and _HTTP.intersection(one["protocols"])]
        self._bound = [one for one in active if one.get("consumer") or one.get("consumer_group")]
        self._plugins = {
            (one["name"], reference(one, "route"), reference(one, "service")): one
            for one in active
            if one not in self._bound
        }
        self._others = sorted({name for name, _, _ in self._plugins} - set(self._guards))
        gates = (one for one in self._plugins.values() if one["name"] == "post-function")
        self._tables = {one["id"]: gate.table_of(one["config"]) for one in gates}

    # What it tells apart ----------------------------------------------------------------------------------------------

    def hosts(self) -> Iterable[str]:
        return {*self._router.hosts(), *(host for table in self._tables.values() if table for host in table["hosts"])}

    def paths(self, host: str) -> Iterator[Elements]:
        yield from self._router.paths(host)
        for table in self._speaking_of(host):
            for path in (*table["rules"], *(path for paths in table["hosts"].values() for path in paths)):
                yield tuple(filter(None, path.split("/")))

    def speech(self, host: str) -> Speech:
        scopes: set[str] = set()
        groups: set[str] = set()
        widest = 1
        for table in self._speaking_of(host):
            groups |= set(table["groups"])
            scopes |= {scope for held in table["groups"].values() for scope in held}
            for needed in _needed(table):
                scopes |= set(needed)
                widest = max(widest, len(needed))
        return Speech(frozenset(scopes), frozenset(groups), widest)

    def strangers(self) -> Iterator[Caller]:
        return self._authenticator.strangers(self._rings())

    def _rings(self) -> frozenset[str]:
        """The consumers whose keys count at some gate, or are meant to."""
        return self._terms.keys.rings() | {table["ring"] for table in self._tables.values() if table}

    def _speaking_of(self, host: str) -> Iterator[Table]:
        patterns = set(host_patterns(host))
        return (table for table in self._tables.values() if table and patterns.intersection(table["hosts"]))

    # What it decides --------------------------------------------------------------------------------------------------

    def verdicts(self, call: Call, caller: Caller) -> tuple[Verdict, ...]:
        reached = self._router.reached(call)
        found = [self._verdict(one, call, caller) for one in reached]
        if not any(one.certain for one in reached):
            found.append(Verdict(False, None))
        return tuple(found)

    def _verdict(self, reached: Reached, call: Call, caller: Caller) -> Verdict:
        route = reached.route
        service = self._services.get(reference(route, "service") or "")
        through: tuple[str, ...] = (self._labels["route", route["id"]],)
        if service is None or not service.get("enabled", True):
            return Verdict(False, None, through=through)
        through += (self._labels["service", service["id"]],)
        path = _upstream_path(service, reached, call)
        component, leads = self._leads(service, route, call, path)
        if call.scheme == "http" and "http" not in route["protocols"]:
            return Verdict(False, component, leads, through=through)
        verdict = Verdict(True, component, leads, through=through)
        return self._guarded(verdict, route, service, replace(call, path=path), caller)

    def _leads(self, service: Entity, route: Entity, call: Call, path: Elements) -> tuple[str | None, str]:
        """Whose workload it is, and where to and how it goes, in words."""
        where = f"{service['host']}:{service['port']}"
        leads = f"{service['protocol']}://{where}"
        balanced = service["host"] in self._balanced  # what its targets are is not judged
        leads += " (an upstream of this name)" if balanced else ""
        leads += f" as {written(path)}" if path != call.path else ""
        leads += "" if route["preserve_host"] else " under the service's own host name"
        return None if balanced else self._terms.workloads.get(where), leads

    def _guarded(self, verdict: Verdict, route: Entity, service: Entity, call: Call, caller: Caller) -> Verdict:
        """What is left of the verdict behind all plugins."""
        admission, authentication, last = own = [self._effective(name, route, service) for name in self._guards]
        passage = self._authenticator.passage(authentication, call, caller)
        consumer = passage.consumer
        others = [one for one in (self._effective(name, route, service) for name in self._others) if one]
        others += [one for one in self._bound if consumer and _is_for(one, consumer)]
        effects = {one["id"]: effect_of(one) for one in others}
        acting = [one for one in (*others, *own) if one and effects.get(one["id"]) is not Effect.NONE]
        through = (*verdict.through, *(self._labels["plugin", one["id"]] for one in acting))
        through += tuple(f"credential '{key}'" for key in passage.through)
        through += (self._labels["consumer", consumer["id"]],) if consumer else ()
        if Effect.CLOSES in effects.values():
            return replace(verdict, allowed=False, through=through)
        foreign, verified = self._admitted(admission)
        anything = foreign or passage.unknown or Effect.UNKNOWN in effects.values()
        ours = consumer is None or passage.algorithm is None or consumer.get("username") in self._rings()
        return replace(
            verdict,
            allowed=anything or (passage.passes and self._gated(last, call, caller, passage)),
            authenticated=anything or (passage.passes and ours),
            verified=verified,
            judged=not anything and (last is None or self._tables[last["id"]] is not None),
            through=through,
        )

    def _effective(self, name: str, route: Entity, service: Entity) -> Entity | None:
        """The plugin of this kind with the most specific scope; it alone acts."""
        for scope in ((route["id"], service["id"]), (route["id"], None), (None, service["id"]), (None, None)):
            if found := self._plugins.get((name, *scope)):
                return found
        return None

    def _admitted(self, plugin: Entity | None) -> tuple[bool, bool]:
        """(whether a script that is not ours runs, whether ours does). What only marks answers may be missing."""
        run = gate.code(plugin["config"]) if plugin else {}
        meant = self._terms.admission
        marks = run.pop("header_filter", meant.get("header_filter"))
        judging = {phase: scripts for phase, scripts in meant.items() if phase != "header_filter"}
        known = marks == meant.get("header_filter") and run in ({}, judging)
        return not known, run == judging

    def _gated(self, plugin: Entity | None, call: Call, caller: Caller, passage: Passage) -> bool:
        table = self._tables[plugin["id"]] if plugin else None
        if table is None:  # no gate, or a script that is not ours
            return True
        return gate.allows(table, call.method, call.host, call.path, self._identity(table, caller, passage))

    def _identity(self, table: Table, caller: Caller, passage: Passage) -> Identity | None:
        """Whom the gate takes the caller for: nobody, unless the token is one that its table asks for."""
        consumer, token = passage.consumer, caller.token
        if not table or passage.algorithm not in _SIGNATURES or consumer is None or token is None:
            return None
        if consumer.get("username") != table["ring"] or table["authentication"] != self._terms.keys.plugin:
            return None
        if isinstance(token, Forged) and token.credential:
            return Identity(None)
        provider = self._terms.keys.estate.stack.providers[token.provider or ""]
        if (table["issuer"] or consumer.get("custom_id")) != self._terms.keys.deployed.issuers[provider.name]:
            return None
        usual = table["spelling"] == _as_in_table(provider.spelling)
        if isinstance(token, Forged):
            # Read by other words, or for another audience, a token may say anything.
            return None if usual and set(table["audiences"]).issubset(self._audiences(provider)) else Identity(None)
        if self._audience(provider, token) not in table["audiences"]:
            return None
        return Identity(frozenset(token.scopes), token.groups if token.user else None) if usual else Identity(None)

    def _audiences(self, provider: Provider) -> Iterator[str]:
        """Everything that tokens of this API, or of the APIs, are for."""
        made = self._terms.keys.deployed.audiences
        return (made.get(key, provider.audience_of(key)) for key in self._terms.keys.estate.components)

    def _audience(self, provider: Provider, claims: Claims) -> str:
        """What the token is for, as its provider writes it: the model names an API's audience by the component."""
        named = {provider.audience_of(key): made for key, made in self._terms.keys.deployed.audiences.items()}
        meant = claims.audience or provider.audience
        return named.get(meant, meant)


def _is_for(plugin: Entity, consumer: Entity) -> bool:
    """Whether the plugin acts for the consumer; who is in a group is not looked at."""
    return bool(plugin.get("consumer_group")) or reference(plugin, "consumer") == consumer["id"]


def _needed(table: Table) -> Iterator[list[str]]:
    for methods in table["rules"].values():
        for alternatives in methods.values():
            yield from () if alternatives == "public" else alternatives


@cache
def _as_in_table(spelling: Spelling) -> Any:
    return json.loads(json.dumps(asdict(spelling)))


def _upstream_path(service: Entity, reached: Reached, call: Call) -> Elements:
    """The path that is sent upstream, by which the gate decides: the service's own, and what the route leaves."""
    own = written(call.path)
    rest = own[len(reached.matched) :] if reached.route["strip_path"] else own
    return tuple(filter(None, f"{service.get('path') or ''}/{rest}".split("/")))
