"""The entities in Kong that an estate needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kong_oam.access.data import JsonObject, Texts
from kong_oam.access.model import Component, Estate
from kong_oam.access.settings.values import Settings
from kong_oam.access.upstream import Upstream
from kong_oam.kong import names, plugins
from kong_oam.kong.entities import Config, Entities, Entity
from kong_oam.kong.key_slots import Slot
from kong_oam.kong.routes import FIXED, RoutePlan, routes
from kong_oam.kong.table import address, table
from kong_oam.kong.trait_plugins import USUAL, trait_plugins
from kong_oam.kong.upstreams import (
    WEIGHT,
    addresses,
    balanced,
    name_of,
)
from kong_oam.traits.upstream_tls.at_kong import (
    certified_name,
    host_header,
    service_fields,
)

# A function from a plugin's name and configuration to the configuration with all fields of the
# gateway's schema.
Complete = Callable[[str, Config], Config]


@dataclass(frozen=True, slots=True)
class Deployed:
    """The facts of a deployment, from the stack's outputs.

    `issuers` and `slots` (its key slots): by provider. `clients`: client ids by provider, then by
    component. `audiences`: audiences that a provider made up, by component. `upstreams`: the
    workload's "host:port", by Kong service. `client_certificate`: the id of the certificate that
    the gateway presents to workloads. `authorities`: ids of CA certificates in Kong, by
    fingerprint; these come from Kong, not from the outputs.
    """

    issuers: Texts
    slots: Mapping[str, tuple[Slot, ...]]
    upstreams: Texts
    audiences: Texts = field(default_factory=dict)
    clients: Mapping[str, Texts] = field(default_factory=dict)
    client_certificate: str | None = None
    authorities: Texts = field(default_factory=dict)

    @staticmethod
    def from_outputs(outputs: JsonObject) -> Deployed:
        """Read the outputs of a stack. Raises KeyError with the name of a missing output."""
        slots = {}
        for name, ring in outputs["keySlots"].items():
            slots[name] = tuple(map(Slot.from_output, ring))
        return Deployed(
            outputs["issuers"],
            slots,
            outputs["upstreams"],
            outputs["audiences"],
            outputs["clients"],
            outputs.get("clientCertificate"),
        )


def intended(
    settings: Settings,
    estate: Estate,
    deployed: Deployed,
    complete: Complete = lambda _, config: config,
) -> Entities:
    """Return the entities that the program creates for the estate."""
    builder = _EntityBuilder(settings, estate, deployed, complete)
    stack = settings.stack.name
    tags = names.tags(stack)
    services = []
    upstreams = [_named("name", names.nowhere(stack), tags=tags)]
    targets: list[Entity] = []
    guards: list[Entity] = []
    leading = []
    for component in estate.exposed:
        for backend in component.backends:
            services.append(builder.service(component, backend))
            guards += builder.guards(component, backend)
            guards += builder.further(component, backend)
        leading += [
            builder.route(component, plan) for plan in routes(component)
        ]
        if upstream := balanced(component):
            made, leads_to = builder.upstream(component, upstream)
            upstreams.append(made)
            targets += leads_to
    consumers = [_named("username", names.anonymous(stack), tags=tags)]
    credentials: list[Entity] = []
    for provider, issuer in deployed.issuers.items():
        ring = names.ring(stack, provider)
        consumers.append(_named("username", ring, custom_id=issuer, tags=tags))
        credentials += _credentials(
            stack, provider, deployed.slots.get(provider, ())
        )
    return Entities(
        tuple(services),
        tuple(leading),
        tuple(guards),
        tuple(consumers),
        tuple(credentials),
        tuple(upstreams),
        tuple(targets),
    )


@dataclass(frozen=True, slots=True)
class _EntityBuilder:
    """A builder of the entities of an estate's components."""

    settings: Settings
    estate: Estate
    deployed: Deployed
    complete: Complete

    @property
    def stack(self) -> str:
        return self.settings.stack.name

    def guards(self, component: Component, backend: str) -> Iterator[Entity]:
        """Yield the guards of a backend, in the order in which they run."""
        gateway = self.settings.gateway
        deployed = self.deployed
        service = names.service(self.stack, component, backend)
        authentication = plugins.AUTHENTICATION[gateway.edition]
        decided_by = table(
            self.estate,
            component,
            backend,
            names.ring(self.stack, component.identity.provider),
            authentication,
            deployed.audiences,
            deployed.clients.get(component.identity.provider, {}),
            deployed.issuers.get(component.identity.provider),
        )
        anonymous = names.anonymous_for(self.stack, component)
        verifying = plugins.jwt(anonymous)
        if authentication == "openid-connect":
            issuer = deployed.issuers[component.identity.provider]
            verifying = plugins.openid_connect(issuer, anonymous)
        host, _, port = deployed.upstreams[service].rpartition(":")
        upstream = address(
            host,
            int(port),
            certified_name(component, backend),
            host_header(component),
        )
        configs = {
            "pre-function": plugins.admission(
                decided_by, gateway.hsts_seconds, gateway.strip_headers
            ),
            authentication: verifying,
            "post-function": plugins.gate(decided_by, upstream),
        }
        tags = names.tags(self.stack, component)
        for name, config in configs.items():
            yield _plugin(name, self.complete(name, config), service, tags)

    def further(self, component: Component, backend: str) -> Iterator[Entity]:
        """Yield the plugins that the component's traits and the stack add to the guards."""
        callers = {
            "ring": names.ring(self.stack, component.identity.provider),
            "nobody": names.anonymous(self.stack),
        }
        service = names.service(self.stack, component, backend)
        tags = names.tags(self.stack, component)
        for extra in trait_plugins(self.settings, component).plugins:
            caller = callers[extra.caller] if extra.caller else None
            config = self.complete(extra.kind, extra.config)
            yield _plugin(extra.kind, config, service, tags, caller)

    def service(self, component: Component, backend: str) -> Entity:
        """Return the Kong service of a backend. It points to the empty Upstream."""
        over_tls = service_fields(
            self.settings.gateway.upstream_tls,
            component,
            backend,
            self.deployed.authorities,
            self.deployed.client_certificate,
        )
        fields = {
            **USUAL,
            **trait_plugins(self.settings, component).service,
            **over_tls,
        }
        return _named(
            "name",
            names.service(self.stack, component, backend),
            host=names.nowhere(self.stack),
            **fields,
            enabled=True,
            tags=names.tags(self.stack, component),
        )

    def upstream(
        self, component: Component, upstream: Upstream
    ) -> tuple[Entity, list[Entity]]:
        """Return the Upstream of an external component, and its Targets."""
        name = name_of(self.stack, component, upstream)
        tags = names.tags(self.stack, component)
        made = _named(
            "name",
            name,
            tags=tags,
        )
        targets: list[Entity] = [
            {
                "id": f"{target} of {name}",
                "target": target,
                "upstream": {"id": name},
                "weight": WEIGHT,
                "tags": tags,
            }
            for target in addresses(upstream)
        ]
        return made, targets

    def route(self, component: Component, plan: RoutePlan) -> Entity:
        """Return the route of a plan."""
        return _named(
            "name",
            names.route(self.stack, component, plan.backend, plan.role),
            service={"id": names.service(self.stack, component, plan.backend)},
            protocols=[self.settings.stack.scheme],
            hosts=list(plan.hosts),
            paths=plan.kong_paths,
            methods=list(plan.methods),
            headers=None,
            snis=None,
            sources=None,
            destinations=None,
            regex_priority=plan.priority,
            **FIXED,
            https_redirect_status_code=308
            if self.settings.gateway.redirect
            else 426,
            tags=names.tags(self.stack, component),
        )


def _named(by: str, name: str, **fields: Any) -> Entity:
    return {"id": name, by: name, **fields}


def _plugin(
    name: str,
    config: Config,
    service: str,
    tags: list[str],
    consumer: str | None = None,
) -> Entity:
    identifier = f"{name} of {service}"
    if consumer:
        identifier += f" and {consumer}"
    return {
        "id": identifier,
        "name": name,
        "enabled": True,
        "protocols": ["http", "https", "grpc", "grpcs"],
        "service": {"id": service},
        "route": None,
        "consumer": {"id": consumer} if consumer else None,
        "config": config,
        "tags": tags,
    }


def _credentials(
    stack: str, provider: str, slots: Iterable[Slot]
) -> Iterator[Entity]:
    """Yield a credential for each slot. An empty slot gets a key of the issuer under an unused key
    id."""
    slots = list(slots)
    filler = next(
        (slot.key for slot in slots if slot.key and not slot.retired), None
    )
    for index, slot in enumerate(slots):
        key = slot.key or filler
        if key is None:
            continue
        unused = names.unused_key(stack, provider, index)
        yield {
            "id": f"{provider} slot {index}",
            "key": slot.key.kid if slot.key else unused,
            "algorithm": key.algorithm,
            "rsa_public_key": key.pem,
            "consumer": {"id": names.ring(stack, provider)},
            "tags": names.tags(stack),
        }
