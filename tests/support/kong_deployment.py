"""Deploy an estate's gateway entities to any Kong through its Admin API, in order and without the
engine.

For tests of the entities' behaviour; tests on the real engine cover their creation.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from kong_oam.access.model import Component, Estate
from kong_oam.access.settings.assumed import assumed
from kong_oam.access.settings.logs import LogSettings
from kong_oam.access.settings.upstream_tls import UpstreamTlsSettings
from kong_oam.kong import names, plugins
from kong_oam.kong.account import Account
from kong_oam.kong.at_kong import TraitPlugin
from kong_oam.kong.preflight import GatewayFacts, inspect
from kong_oam.kong.routes import routes
from kong_oam.kong.table import Authentication, address, table
from kong_oam.kong.trait_plugins import trait_plugins
from kong_oam.traits.at_kong import traits_at_kong
from kong_oam.traits.upstream_tls.at_kong import (
    certified_name,
    host_header,
    service_fields,
)
from tests.support.gateway_tokens import CLIENTS
from tests.support.json_object import JsonObject

Entity = JsonObject
Pems = Mapping[str, Mapping[str, str]]
"""Provider to key id to PEM."""


def deploy(
    admin_url: str,
    estate: Estate,
    pems: Pems,
    upstream: str = "upstream.test",
    authentication: Authentication = "jwt",
    audiences: Mapping[str, str] | None = None,
    logs: LogSettings | None = None,
    metrics: bool = False,
) -> None:
    """Deploy the whole estate permanently, without pauses. Every gate leads to `upstream`, whatever
    its port.

    `authentication` configures the gates; the plugin itself is always `jwt`. `audiences` are the
    audiences that the provider made up, by component key; `logs` is the address for records of
    calls, `metrics` whether calls are counted.
    """
    with Entities(admin_url, keep=True, logs=logs, metrics=metrics) as entities:
        entities.authentication = authentication
        entities.audiences = audiences or {}
        entities.estate(estate, pems, upstream)


class Entities:
    """The entities that one test made in a Kong, by path, in order of creation. The end of the test
    deletes them all.

    `made` maps a path to the body that was sent there. `facts` are the Admin API's facts about
    itself. `settings` decide which plugins stand beside the guards. Entities have the stack's name
    in names and tags, so that stacks with different names do not touch each other.
    """

    def __init__(
        self,
        admin_url: str,
        token: str | None = None,
        *,
        keep: bool = False,
        logs: LogSettings | None = None,
        metrics: bool = False,
    ) -> None:
        self.facts: GatewayFacts = inspect(Account(admin_url, token))
        self.made: dict[str, Entity] = {}
        self._schemas = dict(self.facts.schemas)
        self.authentication: Authentication = "jwt"
        self.audiences: Mapping[str, str] = {}
        self.clients: Mapping[str, str] = {
            key: name for name, key in CLIENTS.items()
        }
        settings = assumed("tests", datetime.date(2026, 1, 31))
        self.settings = replace(
            settings,
            gateway=replace(settings.gateway, logs=logs, metrics=metrics),
        )
        self.over_tls: UpstreamTlsSettings | None = None
        self.authorities: dict[str, str] = {}
        self._keep = keep
        headers = {"Kong-Admin-Token": token} if token else {}
        self._admin = httpx.Client(
            base_url=admin_url.rstrip("/"), headers=headers, timeout=30
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, *_: type[BaseException] | BaseException | TracebackType | None
    ) -> None:
        try:
            if not self._keep:
                self.clean()
        finally:
            self._admin.close()

    def estate(
        self, estate: Estate, pems: Pems, upstream: str, port: int | None = None
    ) -> None:
        """Create rings, guards and routes of the whole estate, without pauses."""
        self.rings(estate, pems)
        self.nowhere(estate)
        for component in estate.exposed:
            self.guard(estate, component, upstream, port)
        for component in estate.exposed:
            self.lead(estate, component)

    def rings(self, estate: Estate, pems: Pems) -> None:
        """Create the consumer for anonymous callers, and the key ring of each issuer."""
        stack = estate.stack.name
        tags = names.tags(stack)
        self.make(
            "/consumers", {"username": names.anonymous(stack), "tags": tags}
        )
        for provider, keys in pems.items():
            issuer = estate.stack.providers[provider].issuer
            ring = self.make(
                "/consumers",
                {
                    "username": names.ring(stack, provider),
                    "custom_id": issuer,
                    "tags": tags,
                },
            )
            for kid, pem in keys.items():
                public = load_pem_public_key(pem.encode())
                algorithm = (
                    "RS256" if isinstance(public, RSAPublicKey) else "ES256"
                )
                credential = {
                    "key": kid,
                    "algorithm": algorithm,
                    "rsa_public_key": pem,
                    "secret": "unused",
                    "tags": tags,
                }
                self.make(f"/consumers/{ring['id']}/jwt", credential)

    def nowhere(self, estate: Estate) -> None:
        """Create the Upstream without Targets that services lead to."""
        stack = estate.stack.name
        self.make(
            "/upstreams",
            {"name": names.nowhere(stack), "tags": names.tags(stack)},
        )

    def guard(
        self,
        estate: Estate,
        component: Component,
        upstream: str,
        port: int | None = None,
    ) -> None:
        """Create the component's gated services: gates lead to `upstream` and `port` (default: the
        component's)."""
        self.serve(estate, component)
        self.protect(estate, component, upstream, port)

    def serve(self, estate: Estate, component: Component) -> None:
        """Create the services before any gate guards them: they have no address."""
        stack = estate.stack.name
        for own in component.backends:
            where: Entity = {
                "host": names.nowhere(stack),
                "port": 1,
                "protocol": "http",
                "path": "/",
            }
            where |= service_fields(
                self.over_tls, component, own, self.authorities
            )
            name = names.service(stack, component, own)
            more: Entity = {
                "tags": names.tags(stack, component),
            }
            for trait, value in traits_at_kong(component):
                more |= trait.fields(value)
            self.make("/services", {"name": name, **where, **more})

    def protect(
        self,
        estate: Estate,
        component: Component,
        upstream: str,
        port: int | None = None,
        kinds: Collection[str] = plugins.guards("oss"),
    ) -> None:
        """Create the plugins of the component's services, or plugins of some `kinds`, with those
        that come with admission; gates lead to `upstream`."""
        for own in component.backends:
            name = names.service(estate.stack.name, component, own)
            (service,) = self.paths("/services", name=name)
            scope = {"service": {"id": service.rpartition("/")[2]}}
            for kind, config in self.configs(
                estate, component, own, upstream, port
            ).items():
                if kind in kinds:
                    self._plugin(
                        kind,
                        config,
                        names.tags(estate.stack.name, component),
                        scope,
                    )
            for extra in (
                trait_plugins(self.settings, component).plugins
                if "pre-function" in kinds
                else ()
            ):
                self._extra(extra, estate, component, scope)

    def _extra(
        self,
        extra: TraitPlugin,
        estate: Estate,
        component: Component,
        scope: Mapping[str, Any],
    ) -> None:
        stack = estate.stack.name
        callers = {
            "ring": names.ring(stack, component.identity.provider),
            "nobody": names.anonymous(stack),
        }
        if extra.caller:
            (consumer,) = self.paths(
                "/consumers", username=callers[extra.caller]
            )
            scope = {**scope, "consumer": {"id": consumer.rpartition("/")[2]}}
        if extra.kind not in self._schemas:
            self._schemas[extra.kind] = self.read(
                f"/schemas/plugins/{extra.kind}"
            )
        keeps_records = self.settings.gateway.logs is not None
        schema = self._schemas[extra.kind]
        text = plugins.config_json(
            schema, extra.kind, extra.config, keeps_records=keeps_records
        )
        config = json.loads(text)
        self._plugin(extra.kind, config, names.tags(stack, component), scope)

    def configs(
        self,
        estate: Estate,
        component: Component,
        own: str,
        upstream: str,
        port: int | None = None,
    ) -> dict[str, Entity]:
        """Return the full configurations of the plugins before a backend of the component, by
        plugin."""
        ring = names.ring(estate.stack.name, component.identity.provider)
        decided_by = table(
            estate,
            component,
            own,
            ring,
            self.authentication,
            self.audiences,
            self.clients,
        )
        leads = address(
            upstream,
            port or component.backends[own].port,
            certified_name(component, own),
            host_header(component),
        )
        anonymous = names.anonymous_for(estate.stack.name, component)
        admission = plugins.admission(decided_by)
        short = (
            admission,
            plugins.jwt(anonymous),
            plugins.gate(decided_by, leads),
        )
        return {
            kind: self._full(kind, config)
            for kind, config in zip(plugins.guards("oss"), short, strict=True)
        }

    def lead(self, estate: Estate, component: Component) -> None:
        """Create the component's routes."""
        stack = estate.stack.name
        tags = names.tags(stack, component)
        for plan in routes(component):
            service = names.service(stack, component, plan.backend)
            self.make(
                f"/services/{service}/routes",
                {
                    "name": names.route(
                        stack, component, plan.backend, plan.role
                    ),
                    "protocols": [estate.stack.scheme],
                    "hosts": list(plan.hosts),
                    "paths": plan.kong_paths,
                    "methods": list(plan.methods),
                    "regex_priority": plan.priority,
                    "strip_path": False,
                    "preserve_host": True,
                    "tags": tags,
                },
            )

    def make(self, path: str, body: Mapping[str, Any]) -> Entity:
        """Send POST; return the entity as Kong answers it. Fails at any status but 201."""
        answer = self._admin.post(path, json=body)
        assert answer.status_code == 201, (
            f"{path}: {answer.status_code} {answer.text}"
        )
        entity: Entity = answer.json()
        # Routes and services have their own paths, under any owner.
        collection = "/routes" if path.endswith("/routes") else path
        self.made[f"{collection}/{entity['id']}"] = dict(body)
        return entity

    def read(self, path: str) -> Entity:
        """Send GET; fails at any status but 200."""
        answer = self._admin.get(path)
        assert answer.status_code == 200, (
            f"{path}: {answer.status_code} {answer.text}"
        )
        entity: Entity = answer.json()
        return entity

    def change(self, path: str, body: Mapping[str, Any]) -> None:
        """Send PATCH; fails at any status but 200."""
        answer = self._admin.patch(path, json=body)
        assert answer.status_code == 200, (
            f"{path}: {answer.status_code} {answer.text}"
        )

    def paths(self, collection: str, **fields: Any) -> list[str]:
        """Return paths of entities in a collection (as "/plugins") with these fields, oldest first."""
        return [
            path
            for path, sent in self.made.items()
            if path.startswith(f"{collection}/")
            and all(sent.get(name) == value for name, value in fields.items())
        ]

    def remove(self, paths: Sequence[str]) -> None:
        """Send DELETE for each entity, newest first. An entity that is gone with its owner is no
        error."""
        for path in reversed(paths):
            answer = self._admin.delete(path)
            assert answer.status_code in (204, 404), (
                f"{path}: {answer.status_code} {answer.text}"
            )
            self.made.pop(path, None)

    def clean(self) -> None:
        """Delete all remaining entities, even if some deletions fail. Raises the last failure."""
        failure: Exception | None = None
        for path in reversed(list(self.made)):
            try:
                self.remove([path])
            except (AssertionError, httpx.HTTPError) as error:
                failure = error
        if failure:
            raise failure

    def _full(self, kind: str, config: Mapping[str, Any]) -> Entity:
        full: Entity = json.loads(
            plugins.config_json(self.facts.schemas[kind], kind, config)
        )
        return full

    def _plugin(
        self,
        kind: str,
        config: Mapping[str, Any],
        tags: Sequence[str],
        scope: Mapping[str, Any],
    ) -> None:
        self.make(
            "/plugins",
            {"name": kind, "config": config, "tags": list(tags), **scope},
        )
