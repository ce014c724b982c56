"""The entities that an estate means there to be in Kong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kong_oam.access.model import METHODS, Component, Estate
from kong_oam.access.settings.stack import Settings
from kong_oam.kong import names, plugins
from kong_oam.kong.entities import Config, Entities, Entity
from kong_oam.kong.extras import USUAL, Extras, extras
from kong_oam.kong.key_slots import Slot
from kong_oam.kong.routes import FIXED, RoutePlan, routes
from kong_oam.kong.table import address, table
from kong_oam.kong.upstream_tls import certified_name, service_fields

Complete = Callable[[str, Config], Config]
"""(a plugin's name, its configuration) to the configuration with every field that the gateway has
for it."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """The facts of a deployment: the stack's outputs `issuers`, `keySlots`, `audiences`, `clients`
    and `upstreams`.

    By provider its issuer, its key slots and, by component, the ids of its clients; by component
    the audience that its provider made up for it; by Kong service where its workload is, as
    "host:port". `client_certificate`: the id of what the gateway shows to workloads. `authorities`,
    not from there: ids of CA certificates that Kong has, by fingerprint.
    """

    issuers: Mapping[str, str]
    slots: Mapping[str, tuple[Slot, ...]]
    upstreams: Mapping[str, str]
    audiences: Mapping[str, str] = field(default_factory=dict)
    clients: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    client_certificate: str | None = None
    authorities: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def from_outputs(outputs: Mapping[str, Any]) -> Deployed:
        """Reads the outputs of a stack. Raises KeyError for one that is missing, named by its first
        argument."""
        slots = {
            name: tuple(map(Slot.from_output, ring))
            for name, ring in outputs["keySlots"].items()
        }
        shown = outputs.get("clientCertificate")
        known = outputs["audiences"], outputs["clients"]
        return Deployed(
            outputs["issuers"],
            slots,
            outputs["upstreams"],
            *known,
            client_certificate=shown,
        )


def intended(
    settings: Settings,
    estate: Estate,
    deployed: Deployed,
    complete: Complete = lambda _, config: config,
) -> Entities:
    """The entities that the program makes for the estate."""
    stack = settings.stack.name
    tags = names.tags(stack)
    consumers: list[Entity] = [_named("username", names.anonymous(stack), tags=tags)]
    credentials: list[Entity] = []
    for provider, issuer in deployed.issuers.items():
        consumers.append(
            _named("username", names.ring(stack, provider), custom_id=issuer, tags=tags)
        )
        credentials += _credentials(stack, provider, deployed.slots.get(provider, ()))
    services: list[Entity] = []
    guards: list[Entity] = []
    leading: list[Entity] = []
    for component in estate.exposed:
        asked_for = extras(settings, component)
        for backend in component.backends:
            services.append(_service(settings, component, backend, deployed, asked_for))
            guards += _guards(settings, estate, component, backend, deployed, complete)
            guards += _further(settings, component, backend, complete, asked_for)
        leading += [_route(settings, component, plan) for plan in routes(component)]
    nowhere = (_named("name", names.nowhere(stack), tags=tags),)
    return Entities(
        tuple(services),
        tuple(leading),
        tuple(guards),
        tuple(consumers),
        tuple(credentials),
        nowhere,
    )


def _guards(
    settings: Settings,
    estate: Estate,
    component: Component,
    backend: str,
    deployed: Deployed,
    complete: Complete,
) -> Iterator[Entity]:
    service = names.service(settings.stack.name, component, backend)
    authentication = plugins.AUTHENTICATION[settings.gateway.edition]
    ring = names.ring(settings.stack.name, component.provider)
    clients = deployed.clients.get(component.provider, {})
    decided_by = table(
        estate, component, backend, ring, authentication, deployed.audiences, clients
    )
    host, _, number = deployed.upstreams[service].rpartition(":")
    headers = settings.gateway.hsts_seconds, settings.gateway.strip_headers
    for name, config in (
        ("pre-function", plugins.admission(decided_by, *headers)),
        _verifying(settings, component, deployed),
        (
            "post-function",
            plugins.gate(
                decided_by,
                address(host, int(number), certified_name(component, backend)),
            ),
        ),
    ):
        tags = names.tags(settings.stack.name, component)
        yield _plugin(name, complete(name, config), service, tags)


def _further(
    settings: Settings,
    component: Component,
    backend: str,
    complete: Complete,
    asked_for: Extras,
) -> Iterator[Entity]:
    """What the component and the stack ask for beside the guards."""
    stack = settings.stack.name
    callers = {
        "ring": names.ring(stack, component.provider),
        "nobody": names.anonymous(stack),
    }
    service = names.service(stack, component, backend)
    for extra in asked_for.plugins:
        caller = callers[extra.caller] if extra.caller else None
        config = complete(extra.kind, extra.config)
        yield _plugin(extra.kind, config, service, names.tags(stack, component), caller)


def _verifying(
    settings: Settings, component: Component, deployed: Deployed
) -> tuple[str, Mapping[str, Any]]:
    """The plugin that verifies tokens before the component, and its configuration."""
    name, nobody = (
        plugins.AUTHENTICATION[settings.gateway.edition],
        names.nobody(settings.stack.name, component),
    )
    if name == "openid-connect":
        return name, plugins.openid_connect(
            deployed.issuers[component.provider], nobody
        )
    return name, plugins.jwt(nobody)


def _named(by: str, name: str, **fields: Any) -> Entity:
    return {"id": name, by: name, **fields}


def _service(
    settings: Settings,
    component: Component,
    backend: str,
    deployed: Deployed,
    asked_for: Extras,
) -> Entity:
    stack, over_tls = settings.stack.name, settings.gateway.upstream_tls
    fields = {**USUAL, **asked_for.service}
    fields |= service_fields(
        over_tls, component, backend, deployed.authorities, deployed.client_certificate
    )
    return _named(
        "name",
        names.service(stack, component, backend),
        host=names.nowhere(stack),
        **fields,
        enabled=True,
        tags=names.tags(stack, component),
    )


def _route(settings: Settings, component: Component, plan: RoutePlan) -> Entity:
    stack = settings.stack.name
    return _named(
        "name",
        names.route(stack, component, plan.backend, plan.role),
        service={"id": names.service(stack, component, plan.backend)},
        protocols=[settings.stack.scheme],
        hosts=list(plan.hosts),
        paths=plan.kong_paths,
        methods=list(METHODS),
        headers=None,
        snis=None,
        sources=None,
        destinations=None,
        regex_priority=plan.priority,
        **FIXED,
        https_redirect_status_code=308 if settings.gateway.redirect else 426,
        tags=names.tags(stack, component),
    )


def _plugin(
    name: str,
    config: Mapping[str, Any],
    service: str,
    tags: list[str],
    consumer: str | None = None,
) -> Entity:
    return {
        "id": f"{name} of {service}" + (f" and {consumer}" if consumer else ""),
        "name": name,
        "enabled": True,
        "protocols": ["http", "https", "grpc", "grpcs"],
        "service": {"id": service},
        "route": None,
        "consumer": {"id": consumer} if consumer else None,
        "config": config,
        "tags": tags,
    }


def _credentials(stack: str, provider: str, slots: Iterable[Slot]) -> Iterator[Entity]:
    """A credential per slot. An empty one holds a key of the issuer's under a key id that nobody
    uses."""
    slots = list(slots)
    filler = next((slot.key for slot in slots if slot.key and not slot.retired), None)
    for index, slot in enumerate(slots):
        if key := slot.key or filler:
            yield {
                "id": f"{provider} slot {index}",
                "key": key.kid
                if slot.key
                else names.unused_key(stack, provider, index),
                "algorithm": key.algorithm,
                "rsa_public_key": key.pem,
                "consumer": {"id": names.ring(stack, provider)},
                "tags": names.tags(stack),
            }
