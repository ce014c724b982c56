"""A gateway with an estate on it, manual changes at its Admin API, and the report of `verify` about
them."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import pairwise
from typing import Any, Self

import httpx

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.model import Component, Estate
from kong_oam.access.settings.stack import read_file
from kong_oam.access.settings.values import Settings
from kong_oam.access.tokens import Claims
from kong_oam.cli.verify import methods
from kong_oam.identity.common.discovery import SigningKey
from kong_oam.identity.kinds import describe
from kong_oam.kong import names, preflight
from kong_oam.kong.account import Account
from kong_oam.kong.admin import AdminApi, read
from kong_oam.kong.entities import Entities
from kong_oam.kong.intended import Deployed, intended
from kong_oam.kong.key_slots import Slot
from kong_oam.kong.trait_plugins import plugins_of
from kong_oam.oam.application import read_files
from kong_oam.traits.upstream_tls.at_kong import authorities
from kong_oam.verify.live_gateway import LiveGateway
from kong_oam.verify.questions import Caller
from kong_oam.verify.scripts import script_of
from kong_oam.verify.stack import Result, _complete, judge
from kong_oam.verify.terms import Terms
from sandbox.kong import Kong
from tests.support import kong_deployment
from tests.support.gateway_tokens import Issuer
from tests.support.json_object import JsonObject
from tests.support.repository import ROOT

ISSUER = "https://issuer.example.com"


def sample(scheme: str = "http") -> tuple[Settings, Estate]:
    """Return the sample Applications on the stack `local`, with a fixed issuer."""
    settings = read_file(
        ROOT / "stacks/Pulumi.local.yaml",
        lambda location: replace(describe(location), issuer=ISSUER),
    )
    settings = replace(settings, stack=replace(settings.stack, scheme=scheme))  # type: ignore[arg-type]
    estate = compile_estate(
        read_files([ROOT / "applications"]), settings.stack
    ).estate
    assert estate is not None
    return settings, estate


@dataclass(frozen=True)
class Deployment:
    """An estate on a gateway: `deployed` are its stack's outputs. Workloads are at
    `<name>.<application>.test`, or below another `domain`."""

    settings: Settings
    estate: Estate
    issuer: Issuer
    domain: str = "test"

    @staticmethod
    def of(settings: Settings, estate: Estate) -> Deployment:
        return Deployment(
            settings,
            estate,
            Issuer(now=time.time(), provider=settings.stack.default_provider),
        )

    def workload(self, component: Component) -> str:
        return f"{component.name}.{component.application}.{self.domain}"

    @cached_property
    def deployed(self) -> Deployed:
        upstreams = {
            names.service(
                self.settings.stack.name, component, name
            ): f"{self.workload(component)}:{backend.port}"
            for component in self.estate.exposed
            for name, backend in component.backends.items()
        }
        provider = self.issuer.provider.name
        return Deployed(
            {provider: self.issuer.provider.issuer or ISSUER},
            {
                provider: (
                    Slot(
                        SigningKey(
                            self.issuer.kid,
                            self.issuer.algorithm,
                            self.issuer.pem,
                        )
                    ),
                )
            },
            upstreams,
            clients={
                provider: {
                    client.component: f"id of {client.component}"
                    for client in self.estate.clients
                }
            },
        )

    @cached_property
    def meant(self) -> Entities:
        """Return the planned entities, without the fields that only a gateway's schema names."""
        return intended(self.settings, self.estate, self.deployed)

    def judged(self, live: Entities) -> Result:
        return judge(
            self.settings,
            self.estate,
            self.deployed,
            live,
            lambda _, config: config,
        )

    def tokens(self, caller: Caller, live: Entities) -> Iterator[str | None]:
        """Yield the strongest tokens that the caller can have: strangers claim everything. They
        have the issuer's `stray` key, unless the stray key is the issuer's own key under a wrong
        id.

        A client outside the estate stands for each client that a live table lists, and for a client
        that no table lists.
        """
        token, issuer = caller.token, self.issuer
        if token is None:
            yield None
            return
        ids = self.deployed.clients[issuer.provider.name]
        listed = _clients(live)
        if isinstance(token, Claims):
            named = (
                [ids[token.client]]
                if token.client
                else ["unknown", *sorted(listed - set(ids.values()))]
            )
            for client in named:
                if token.user:
                    yield issuer.user(token.scopes, token.groups, client=client)
                else:
                    yield issuer.service(token.scopes, client)
            return
        groups = {
            issuer.provider.listed(g)
            for c in self.estate.exposed
            for role in c.identity.roles
            for g in role.groups
        }
        scopes = sorted(
            {
                scope
                for component in self.estate.exposed
                for scope in component.identity.scopes
            }
        )
        for client in ("unknown", *sorted(listed)):
            for user in (False, True):
                changes = issuer.of_user(groups) if user else {}
                if token.credential:
                    found = next(
                        credential
                        for credential in live.credentials
                        if credential["id"] == token.credential
                    )
                    own = (
                        found.get("rsa_public_key") or ""
                    ).strip() == issuer.pem.strip()
                    payload = issuer.payload(scopes, client=client, **changes)
                    yield issuer.signed(
                        payload,
                        issuer.key if own else issuer.stray,
                        kid=found["key"],
                    )
                else:
                    yield issuer.token(
                        scopes, client=client, jti="ID.1", **changes
                    )
                    yield issuer.token(
                        scopes, client=client, aud="api://else", **changes
                    )


def _clients(live: Entities) -> set[str]:
    """Return the ids of clients in all tables."""
    scripts = (
        script_of(plugin)
        for plugin in live.plugins
        if plugin["name"] in ("pre-function", "post-function")
    )
    tables = (script.table for script in scripts if script and script.table)
    return {
        client
        for table in tables
        for client in (*table["services"], *table["on_behalf"])
    }


class Hands:
    """Manual changes at an Admin API, as a context manager: at its end they are reverted."""

    def __init__(self, admin_url: str, token: str | None = None) -> None:
        self._admin = httpx.Client(
            base_url=admin_url,
            headers={"Kong-Admin-Token": token} if token else {},
            timeout=30,
        )
        self._undo: list[partial[httpx.Response]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with closing(self._admin):
            for undo in reversed(self._undo):
                answer = undo()
                if (
                    answer.request.method != "DELETE"
                    or answer.status_code != 404
                ):  # already deleted
                    answer.raise_for_status()

    def find(self, kind: str, **fields: Any) -> JsonObject:
        """Return the only entity of a kind (as "plugins") with these fields; `service` and `route`
        by name."""
        for field in ("service", "route", "consumer"):
            if fields.get(field) is not None:
                name = fields[field]
                fields[field] = {
                    "id": self._admin.get(f"/{field}s/{name}")
                    .raise_for_status()
                    .json()["id"]
                }
        (found,) = (
            entity
            for entity in self.list(kind)
            if all(entity[name] == value for name, value in fields.items())
        )
        return dict(found)

    def list(self, path: str) -> list[JsonObject]:
        """Return all entities of a collection."""
        return list(
            self._admin.get(f"/{path}?size=1000")
            .raise_for_status()
            .json()["data"]
        )

    def change(
        self, kind: str, entity: Mapping[str, Any], **fields: Any
    ) -> None:
        """Send PATCH."""
        path = f"/{kind}/{entity['id']}"
        self._undo.append(partial(self._admin.put, path, json=dict(entity)))
        self._admin.patch(path, json=fields).raise_for_status()

    def move(
        self, credential: Mapping[str, Any], consumer: Mapping[str, Any]
    ) -> None:
        """Move a credential to another consumer."""
        path = (
            f"/consumers/{credential['consumer']['id']}/jwt/{credential['id']}"
        )
        self._undo.append(partial(self._admin.put, path, json=dict(credential)))
        self._admin.patch(
            path, json={"consumer": {"id": consumer["id"]}}
        ).raise_for_status()

    def make(self, path: str, **fields: Any) -> JsonObject:
        """Send POST."""
        made = self._admin.post(path, json=fields).raise_for_status().json()
        # Paths of these lie below their owner; all other entities have their own path, under any
        # owner.
        collection = (
            path
            if path.endswith(("/jwt", "/targets"))
            else f"/{path.rsplit('/', 1)[1]}"
        )
        self._undo.append(
            partial(self._admin.delete, f"{collection}/{made['id']}")
        )
        return dict(made)

    def remove(self, kind: str, entity: Mapping[str, Any]) -> None:
        """Send DELETE."""
        self._undo.append(
            partial(
                self._admin.put, f"/{kind}/{entity['id']}", json=dict(entity)
            )
        )
        self._admin.delete(f"/{kind}/{entity['id']}").raise_for_status()

    def run(self, command: str) -> None:
        """Send the request of a `curl` that `verify` prints. Fails where its target is missing, and
        where Kong rejects it."""
        _curl, *words = shlex.split(command)
        (url,) = (word for word in words if word.startswith("$KONG_ADMIN_ADDR"))
        options = dict(pairwise(words))
        assert options["-H"] in (
            "Kong-Admin-Token: $KONG_ADMIN_TOKEN",
            "Content-Type: application/json",
        )
        path, body = (
            url.removeprefix("$KONG_ADMIN_ADDR"),
            json.loads(options.get("-d", "null")),
        )
        there = self._admin.get(path).raise_for_status().json()
        if "/jwt/" in path:  # messages about our own keys
            self._undo.append(partial(self._admin.put, path, json=there))
        self._admin.request(options["-X"], path, json=body).raise_for_status()

    def keep(self) -> None:
        """Keep all changes until now; the end does not undo them."""
        self._undo.clear()


def deploy(
    admin_url: str, deployment: Deployment, ca: str | None = None
) -> None:
    """Deploy permanently, without pauses. `ca`: the CA certificate (PEM) of the workloads."""
    with kong_deployment.Entities(admin_url, keep=True) as entities:
        entities.settings = deployment.settings
        entities.clients = deployment.deployed.clients[
            deployment.issuer.provider.name
        ]
        if ca:
            known = entities.make("/ca_certificates", {"cert": ca})
            entities.over_tls = deployment.settings.gateway.upstream_tls
            entities.authorities = authorities([known])
        entities.rings(
            deployment.estate,
            {
                deployment.issuer.provider.name: {
                    deployment.issuer.kid: deployment.issuer.pem
                }
            },
        )
        entities.nowhere(deployment.estate)
        for component in deployment.estate.exposed:
            entities.guard(
                deployment.estate, component, deployment.workload(component)
            )
        for component in deployment.estate.exposed:
            entities.lead(deployment.estate, component)


class Running:
    """A deployment in the sandbox's Kong (a stand-in), which has the CA certificate `ca` (PEM) of
    its workloads. A context manager. `beside`: another deployment, whose Kong this deployment
    shares."""

    def __init__(
        self,
        deployment: Deployment,
        ca: str | None = None,
        beside: Running | None = None,
    ) -> None:
        self.deployment, self._ca, self._beside = deployment, ca, beside
        self.kong = (
            beside.kong if beside else Kong(now=lambda: deployment.issuer.now)
        )

    def __enter__(self) -> Self:
        if self._beside is None:
            self.kong.start()
        deploy(self.kong.admin_url, self.deployment, self._ca)
        return self

    def __exit__(self, *_: object) -> None:
        if self._beside is None:
            self.kong.stop()

    @cached_property
    def _complete(self) -> Any:
        settings = self.deployment.settings
        more = plugins_of(settings, self.deployment.estate)
        schemas = preflight.inspect(
            Account(self.kong.admin_url), more=more
        ).schemas
        return partial(_complete, schemas, settings.gateway.logs is not None)

    def entities(self) -> Entities:
        with AdminApi(Account(self.kong.admin_url)) as admin:
            return read(admin)

    def gateway(self) -> LiveGateway:
        deployment = self.deployment
        return LiveGateway(
            self.entities(),
            Terms.of(
                deployment.settings,
                deployment.estate,
                deployment.deployed,
                self._complete,
            ),
        )

    def meant(self) -> LiveGateway:
        deployment = self.deployment
        terms = Terms.of(
            deployment.settings,
            deployment.estate,
            deployment.deployed,
            self._complete,
        )
        return LiveGateway(
            intended(
                deployment.settings,
                deployment.estate,
                deployment.deployed,
                self._complete,
            ),
            terms,
        )

    def judged(self, live: Entities | None = None) -> Result:
        """Judge the actual entities, or these planned entities."""
        deployment = self.deployment
        return judge(
            deployment.settings,
            deployment.estate,
            deployment.deployed,
            live or self.entities(),
            self._complete,
        )

    def lines(self) -> list[str]:
        """Return the lines of findings about the actual entities."""
        return report_lines(self.judged())


def report_lines(result: Result) -> list[str]:
    """Return the lines of findings: `kind: reasons`, then a line per exposure: `callers | methods |
    URLs`."""
    lines = []
    for finding, reasons in result.findings:
        lines.append(
            f"{finding.kind}: {'; '.join(reason.text for reason in reasons)}"
        )
        lines += [
            f"  {', '.join(e.callers)} | {methods(e)} | {' '.join(e.urls)}"
            for e in finding.exposures
        ]
    return lines
