"""A verdict on every call: the route that it reaches, the plugins on the way, the gate, and where it would go.

Plugins that this reading does not know, and scripts that are not ours, may let in anybody: calls that meet one count as
allowed. With the entities that are meant, the same reading has to give the model's decisions (access.verify).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from access.decide import host_patterns
from access.model import Elements, Estate, Provider
from access.paths import written
from access.stack import Settings
from access.verify import Call, Caller, Forged, Speech, Verdict
from components.gateway import names, plugins
from components.gateway.live import gate
from components.gateway.live.effects import Effect, effect_of
from components.gateway.live.entities import Deployed, Entities, Entity, labels, reference
from components.gateway.live.gate import Identity, Table
from components.gateway.live.router import Reached, Router

_HTTP = frozenset({"http", "https", "grpc", "grpcs"})
_SIGNATURES = frozenset({"RS256", "ES256"})


@dataclass(frozen=True, slots=True)
class Terms:
    """What a gateway is read against: the estate, what its deployment knows, and the admission script as it is meant.

    `workloads`: component by where its workload is, as "host:port".
    """

    estate: Estate
    deployed: Deployed
    admission: Mapping[str, list[str]]
    workloads: Mapping[str, str]

    @staticmethod
    def of(settings: Settings, estate: Estate, deployed: Deployed) -> Terms:
        where = {
            deployed.upstreams[names.service(settings.stack.name, component, port)]: component.key
            for component in estate.exposed
            for port in component.ports
        }
        return Terms(estate, deployed, gate.code(plugins.admission(settings.gateway.hsts_seconds)), where)

    def genuine(self, credential: Entity, owner: str) -> bool:
        """Whether the credential of the consumer `owner` is one of an issuer's own: a key, or what fills a slot."""
        for provider, slots in self.deployed.slots.items():
            if owner == names.ring(self.estate.stack.name, provider):
                pems = {slot.key.kid: slot.key.pem.strip() for slot in slots if slot.key}
                unused = {names.unused_key(self.estate.stack.name, provider, index) for index in range(len(slots))}
                pem = (credential.get("rsa_public_key") or "").strip()
                own = pems.get(credential["key"]) == pem
                return own or (credential["key"] in unused and pem in pems.values())
        return False

    def keys(self, provider: str) -> Mapping[str, str]:
        """Key id to PEM of the keys with which the provider signs now."""
        held = (slot.key for slot in self.deployed.slots.get(provider, ()) if slot.key and not slot.retired)
        return {key.kid: key.pem.strip() for key in held}


@dataclass(frozen=True, slots=True)
class _Token:
    """A token whose signature fits a credential of the gateway, with that credential's consumer."""

    credential: Entity
    consumer: Entity


class LiveGateway:
    """What a Kong with these entities decides; an access.verify.Gateway."""

    def __init__(self, entities: Entities, terms: Terms) -> None:
        self._terms = terms
        self._labels = labels(entities)
        self._router = Router(entities.routes)
        self._services = {one["id"]: one for one in entities.services}
        self._consumers = {one["id"]: one for one in entities.consumers}
        self._credentials = {one["key"]: one for one in entities.credentials}
        self._balanced = {one["name"] for one in entities.upstreams}
        active = [one for one in entities.plugins if one["enabled"] and _HTTP.intersection(one["protocols"])]
        self._bound = [one for one in active if one.get("consumer") or one.get("consumer_group")]
        self._plugins = {
            (one["name"], reference(one, "route"), reference(one, "service")): one
            for one in active
            if one not in self._bound
        }
        self._others = sorted({name for name, _, _ in self._plugins} - set(plugins.NAMES))
        gates = (one for one in self._plugins.values() if one["name"] == "post-function")
        self._tables = {one["id"]: gate.table_of(one["config"]) for one in gates}

    # What it tells apart ----------------------------------------------------------------------------------------------

    def hosts(self) -> Iterable[str]:
        return {*self._router.hosts(), *(host for table in self._tables.values() for host in (table or {})["hosts"])}

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
        """Who holds a key in a ring that is not the issuer's, one by one; and who holds one of any other consumer."""
        elsewhere: list[str] = []
        for key, credential in self._credentials.items():
            owner = self._consumers[credential["consumer"]["id"]].get("username") or ""
            if not self._is_ring(owner):
                elsewhere.append(key)
            elif not self._terms.genuine(credential, owner):
                yield Caller((f"whoever holds the private key of credential '{key}'",), Forged(credential=key))
        if elsewhere:
            yield Caller(("whoever holds a credential of another consumer",), Forged(credential=elsewhere[0]))

    def _is_ring(self, username: str) -> bool:
        rings = {names.ring(self._terms.estate.stack.name, provider) for provider in self._terms.deployed.slots}
        return username in rings | {table["ring"] for table in self._tables.values() if table}

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
        admission, jwt, last = own = [self._effective(name, route, service) for name in plugins.NAMES]
        signed, keys = self._signed(caller)
        passes, token, consumer = self._authenticated(jwt, call, signed)
        others = [one for one in (self._effective(name, route, service) for name in self._others) if one]
        others += [one for one in self._bound if consumer and _is_for(one, consumer)]
        effects = {one["id"]: effect_of(one) for one in others}
        acting = [one for one in (*others, *own) if one and effects.get(one["id"]) is not Effect.NONE]
        through = (*verdict.through, *(self._labels["plugin", one["id"]] for one in acting), *keys)
        through += (self._labels["consumer", consumer["id"]],) if consumer else ()
        if Effect.CLOSES in effects.values():
            return replace(verdict, allowed=False, through=through)
        foreign, verified = self._admitted(admission)
        anything = foreign or Effect.UNKNOWN in effects.values()
        return replace(
            verdict,
            allowed=anything or (passes and self._gated(last, call, caller, token)),
            authenticated=anything or (passes and (token is None or self._is_ring(token.consumer["username"]))),
            verified=verified,
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

    def _signed(self, caller: Caller) -> tuple[_Token | None, tuple[str, ...]]:
        """The credential that the caller's token fits, and those that had a say in it.

        A provider signs with any of its current keys: where one of them is missing, its tokens do not count on.
        """
        if caller.token is None:
            return None, ()
        if isinstance(caller.token, Forged) and caller.token.credential:
            found = self._credentials.get(caller.token.credential)
            return self._token(found) if found else None, (f"credential '{caller.token.credential}'",)
        keys = self._terms.keys(caller.token.provider or "")
        tokens = [self._token(self._credentials[kid]) for kid, pem in keys.items() if self._holds(kid, pem)]
        through = tuple(f"credential '{kid}'" for kid in keys)
        sound = len(tokens) == len(keys) > 0 and len({token.consumer["id"] for token in tokens}) == 1
        return tokens[0] if sound else None, through

    def _holds(self, kid: str, pem: str) -> bool:
        found = self._credentials.get(kid, {})
        return found.get("algorithm") == "RS256" and (found.get("rsa_public_key") or "").strip() == pem

    def _token(self, credential: Entity) -> _Token:
        return _Token(credential, self._consumers[credential["consumer"]["id"]])

    def _authenticated(
        self, jwt: Entity | None, call: Call, token: _Token | None
    ) -> tuple[bool, _Token | None, Entity | None]:
        """Whether `jwt` lets the call pass; the token, if it verified one; the consumer that it takes the call for."""
        if jwt is None:
            return True, None, None
        config = jwt["config"]
        if call.method == "OPTIONS" and config.get("run_on_preflight") is False:
            return True, None, None
        found = config["key_claim_name"] == "kid" and "authorization" in config.get("header_names", ("authorization",))
        if token and found:
            return True, token, token.consumer
        anonymous = config.get("anonymous")
        named = (one for one in self._consumers.values() if anonymous in (one["id"], one.get("username")))
        consumer = next(named, None) if anonymous else None
        return consumer is not None, None, consumer

    def _gated(self, plugin: Entity | None, call: Call, caller: Caller, token: _Token | None) -> bool:
        table = self._tables[plugin["id"]] if plugin else None
        if table is None:  # no gate, or a script that is not ours
            return True
        return gate.allows(table, call.method, call.host, call.path, self._identity(table, caller, token))

    def _identity(self, table: Table, caller: Caller, token: _Token | None) -> Identity | None:
        """Whom the gate takes the caller for: nobody, unless the token is one that its table asks for."""
        if not table or token is None or caller.token is None or token.consumer.get("username") != table["ring"]:
            return None
        if token.credential["algorithm"] not in _SIGNATURES:
            return None
        if isinstance(caller.token, Forged) and caller.token.credential:
            return Identity(None)
        provider = self._terms.estate.stack.providers[caller.token.provider or ""]
        if (table["issuer"] or token.consumer.get("custom_id")) != self._terms.deployed.issuers[provider.name]:
            return None
        usual = table["spelling"] == _spelling(provider)
        for_us = table["audience"] == provider.audience
        if isinstance(caller.token, Forged) or not usual:
            # Read by other words, or for another audience, a token may say anything.
            return None if usual and for_us else Identity(None)
        groups = caller.token.groups if caller.token.user else None
        return Identity(frozenset(caller.token.scopes), groups) if for_us else None


def _is_for(plugin: Entity, consumer: Entity) -> bool:
    """Whether the plugin acts for the consumer; who is in a group is not looked at."""
    return bool(plugin.get("consumer_group")) or reference(plugin, "consumer") == consumer["id"]


def _needed(table: Table) -> Iterator[list[str]]:
    for methods in table["rules"].values():
        for alternatives in methods.values():
            yield from () if alternatives == "public" else alternatives


def _spelling(provider: Provider) -> Any:
    return json.loads(json.dumps(asdict(provider.spelling)))


def _upstream_path(service: Entity, reached: Reached, call: Call) -> Elements:
    """The path that is sent upstream, by which the gate decides: the service's own, and what the route leaves."""
    own = written(call.path)
    rest = own[len(reached.matched) :] if reached.route["strip_path"] else own
    return tuple(filter(None, f"{service.get('path') or ''}/{rest}".split("/")))
