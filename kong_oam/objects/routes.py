"""Read the Ingresses among a component's rendered objects as routes. Pure functions.

An Ingress is not deployed: the gateway is configured directly, and the component's rules apply to
every path. An Ingress selects which hosts and paths lead to the component's own Services. Other
fields are rejected if they change who may call, and have no effect otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from kong_oam.diagnostics import Diagnostic, Findings, some
from kong_oam.oam.model import Application, ComponentSpec, Trait
from kong_oam.oam.plain import EXACT_HINT, INGRESS_HINT
from kong_oam.oam.position import Fields, SourcePosition, Texts
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.component_pods import component_pods
from kong_oam.objects.known_keys import is_harmless_key
from kong_oam.objects.known_kinds import INGRESSES
from kong_oam.objects.named_services import NAMED_SERVICE_HINT, named_service
from kong_oam.objects.object_schemas import misshapen_ingress
from kong_oam.objects.pods import mapping, mappings
from kong_oam.objects.ports import GRPC, Port, Service, Services
from kong_oam.objects.selection import NamedService

_PREFIXES = (None, "Prefix", "ImplementationSpecific")

# Words in annotation names with which ingress controllers change access or targets.
_OF_ACCESS = re.compile(
    r"\b(acl|actions|alias|allow|allowlist|auth|authentication|authorization|backend|blacklist|"
    r"canary|cidrs?|conditions|deny|denylist|jwt|middlewares|mirror|modsecurity|oauth2?|oidc|"
    r"passthrough|permanent|plugins|regex|rewrite|root|satisfy|snippets?|source|"
    r"strip|temporal|vhost|waf|wafv2|whitelist)\b"
)
# Annotations that only select a controller.
_CHOOSING = ("kubernetes.io/ingress.class", "ingress.controller/host")


@dataclass(frozen=True, slots=True)
class Route:
    """A route of an Application: `host` and `path` as written; `host` None without a host.

    `service` and `port` belong to the component, or to the Service made for `access.service`.
    `certificate` is the name of the host's TLS Secret.
    """

    host: str | None
    path: str
    service: str
    port: int
    certificate: str | None
    position: SourcePosition
    host_place: SourcePosition
    # Equals `service` if another route uses the same port of another Service.
    apart: str = ""


# Routes, and findings about invalid routes.
Routes = Iterator[Route | Diagnostic]
# A Service and its port, or the finding about an invalid backend.
_Backend = tuple[str, int] | Diagnostic


def ingress_routes(
    application: Application,
    part: ComponentSpec,
    services: Services,
    harmless: Collection[str] = (),
) -> Routes:
    """Yield the routes of a rendered component's Ingresses, and findings.

    `services` are the component's Services by name. `harmless`: annotation keys and domains that
    the stack declares harmless.
    """
    found = [*_ingress_routes(application, part, services, harmless)]
    routes = [route for route in found if isinstance(route, Route)]
    # The first of several Services with one port needs only the port, as with a single
    # gateway trait.
    first = {
        route.port: route.service
        for route in sorted(
            routes, key=lambda route: route.service, reverse=True
        )
    }
    for route in found:
        if isinstance(route, Route) and route.service != first[route.port]:
            yield replace(route, apart=route.service)
        else:
            yield route


def _ingress_routes(
    application: Application,
    part: ComponentSpec,
    services: Services,
    harmless: Collection[str],
) -> Routes:
    named = named_service(part)
    for rendered in part.rendered or ():
        if rendered.group_kind in INGRESSES:
            ingress = _Ingress(
                part,
                rendered,
                part.traits[rendered.trait]
                if rendered.trait is not None
                else None,
                services,
                named,
            )
            yield from ingress.annotations(application.annotations, harmless)
            yield from ingress.routes()


def refused_annotation(
    name: str, value: Any, harmless: Collection[str]
) -> tuple[str, str] | None:
    """Return the code and message for an annotation that may change access or targets.

    None for annotations that select the controller, or are harmless.
    """
    if name in _CHOOSING:
        return None
    if refused := _known_annotation(name, value):
        return refused
    # The stack must list the key itself; its domain is not enough.
    if is_harmless_key(name, {name.lower()}.intersection(harmless)):
        return None
    message = (
        f"'{name}' is unknown and may change who may call; remove it, or "
        f"declare it harmless in the stack: cluster.metadata, {name}"
    )
    return "OAM108", message


def _known_annotation(name: str, value: Any) -> tuple[str, str] | None:
    """Return the code and message for an annotation with a known effect, or None."""
    last = name.rpartition("/")[2].lower()
    if last == "backend-protocol":
        if str(value).upper() in ("GRPC", "GRPCS"):
            return "ACC218", f"'{name}: {value}' {GRPC}"
        return None
    if "cors" in last or not _OF_ACCESS.search(last.replace("_", "-")):
        return None
    message = (
        f"'{name}' changes who may call, or which workload answers; remove it, "
        "and use the access trait"
    )
    return "OAM108", message


@dataclass(frozen=True, slots=True)
class _Ingress:
    """An Ingress of a component, with its trait. Findings point to the trait's field if it is
    known, else to its type."""

    part: ComponentSpec
    object: RenderedObject
    trait: Trait | None
    services: Services
    named: NamedService | None = None

    def annotations(
        self, of_application: Texts, harmless: Collection[str]
    ) -> Findings:
        """Yield findings about annotations. KubeVela adds the Application's own."""
        found = mapping(self.object.metadata.get("annotations"))
        own_annotations = mapping(self._property("annotations"))
        for name, value in found.items():
            position = self._key("annotations", name)
            is_own = name in own_annotations or name not in of_application
            if refused := refused_annotation(name, value, harmless):
                yield Diagnostic(*refused, position)
            elif is_own and name not in _CHOOSING:
                yield Diagnostic(
                    "OAM109", f"'{name}' {INGRESS_HINT}", position, "warning"
                )

    def routes(self) -> Routes:
        """Yield the routes and the findings about them."""
        misshapen = list(misshapen_ingress(self.object))
        for message in misshapen:
            yield Diagnostic("OAM103", f"{self._name}: {message}", self._type)
        if misshapen:
            return
        spec = self.object.object["spec"]
        default = spec.get("defaultBackend", spec.get("backend"))
        for rule in spec.get("rules") or ():
            host = rule.get("host") or None
            http = rule.get("http")
            if http is not None:
                for path in http["paths"]:
                    yield from self._path(host, path)
            elif default is not None:
                yield from self._route(
                    host, "/", default, "the default backend"
                )
        if default is not None:
            yield from self._route(None, "/", default, "the default backend")

    def _path(self, host: str | None, entry: Fields) -> Routes:
        path = entry.get("path") or "/"
        kind = entry.get("pathType")
        if kind == "Exact":
            yield Diagnostic(
                "OAM108", EXACT_HINT, self._field("pathType", kind)
            )
        elif kind not in _PREFIXES:
            message = (
                f"pathType of '{path}' must be Prefix or ImplementationSpecific"
            )
            yield Diagnostic("OAM103", f"{self._name}: {message}", self._type)
        else:
            yield from self._route(
                host, path, entry.get("backend"), f"'{path}'"
            )

    def _route(
        self, host: str | None, path: str, backend: Any, source: str
    ) -> Routes:
        position = self._key("http", path)
        found = self._backend(backend, source)
        if isinstance(found, Diagnostic):
            yield replace(found, position=position)
            # Keep the route without a target, because rules may name its path.
            found = ("", 0)
        elif message := self._unlisted(*found):
            yield Diagnostic("ACC223", message, position, "warning")
        host_place = self._field("domain", host)
        yield Route(
            host, path, *found, self._certificate(host), position, host_place
        )

    def _backend(self, backend: Any, source: str) -> _Backend:
        """Return the Service and port of a backend, in v1 or v1beta1 format."""
        fields = mapping(backend)
        service = mapping(fields.get("service"))
        name = service.get("name", fields.get("serviceName"))
        port = mapping(service.get("port"))
        wanted = (
            port.get("number") or port.get("name") or fields.get("servicePort")
        )
        if not isinstance(name, str) or not isinstance(
            wanted, str | int | float
        ):
            return Diagnostic(
                "OAM103",
                f"{self._name}: {source} has no Service and port; write both",
            )
        if self.named and name == self.named.name:
            return self._named(self.named, wanted, source)
        if name not in self.services:
            message = (
                f"{source} leads to Service '{name}', which '{self.part.name}' "
                "does not create and which could expose another component"
                f"{self._hint or '; use a Service of this component'}"
            )
            return Diagnostic("OAM108", f"{self._name}: {message}")
        return self._port(self.services[name], wanted, source)

    def _named(self, named: NamedService, wanted: Any, source: str) -> _Backend:
        if wanted == named.port:
            return named.ours, named.port
        message = (
            f"{source} leads to port {wanted} of Service '{named.name}', but "
            f"access.service has {named.port}"
        )
        return Diagnostic(
            "ACC223", f"{self._name}: {message}; write the same port in both"
        )

    def _port(
        self, service: Service, wanted: str | float, source: str
    ) -> _Backend:
        port = service.port(wanted)
        if port is None:
            numbers = some(str(listed.number) for listed in service.ports)
            has = (
                f"its ports are {numbers}"
                if numbers
                else "none of its ports is TCP"
            )
            return Diagnostic(
                "ACC223",
                f"Service '{service.name}' has no port {wanted}; {has}",
            )
        if not service.pods:
            message = (
                f"{source} leads to Service '{service.name}', which selects no "
                f"pods of '{self.part.name}'"
            )
            return Diagnostic(
                "ACC223",
                f"{self._name}: {message}; correct its selector{self._hint}",
            )
        if service.speaks_grpc(port):
            return Diagnostic(
                "ACC218",
                f"port {port.number} of Service '{service.name}' {GRPC}",
            )
        if isinstance(port.target, str) and not service.is_listed(port):
            return Diagnostic("ACC223", self._leads_to(service, port))
        return service.name, port.number

    def _unlisted(self, name: str, number: int) -> str:
        """Return a message if a Service leads to an unlisted container port, which may still
        answer. Empty if a container lists it, or lists no ports."""
        service = self.services.get(name)
        port = service.port(number) if service else None
        if not service or not port or service.is_listed(port):
            return ""
        return (
            f"{self._leads_to(service, port)}; add the port to the container, "
            "if it listens there"
        )

    def _leads_to(self, service: Service, port: Port) -> str:
        target = (
            f"port {port.number} of Service '{service.name}' leads to port "
            f"{port.target} of the pods"
        )
        return f"{target}, which no container of '{self.part.name}' lists"

    @property
    def _hint(self) -> str:
        if any(
            component_pods(rendered) for rendered in self.part.rendered or ()
        ):
            return ""
        return f"; {NAMED_SERVICE_HINT}"

    def _certificate(self, host: str | None) -> str | None:
        """Return the Secret with the certificate of a host: from the entry with that host, a
        wildcard, or no hosts."""
        own = (host or "").lower()
        wildcard = f"*.{own.partition('.')[2]}"
        first: dict[str | None, str] = {}
        for entry in mappings(self.object.spec.get("tls")):
            secret = entry.get("secretName")
            for name in _hosts(entry) if secret else ():
                first.setdefault(name, str(secret))
        for name in (own, wildcard, None):
            if name in first:
                return first[name]
        return None

    def _property(self, field: str) -> Any:
        """Return a field of the trait's properties."""
        return mapping(self.trait.properties if self.trait else None).get(field)

    def _field(self, field: str, value: str | None) -> SourcePosition:
        """Return the position of a field in the trait's properties with this value, else of the
        type."""
        if self.trait and value and self._property(field) == value:
            return self.trait.position.at("properties", field)
        return self._type

    def _key(self, field: str, key: str) -> SourcePosition:
        """Return the position of a key in a field of the trait's properties, else of the type."""
        if self.trait and key in mapping(self._property(field)):
            return self.trait.position.at("properties", field).key(key)
        return self._type

    @property
    def _type(self) -> SourcePosition:
        return (self.trait.position if self.trait else self.part.position).at(
            "type"
        )

    @property
    def _name(self) -> str:
        return f"Ingress '{self.object.name}'"


def _hosts(entry: Fields) -> list[str | None]:
    """Return the hosts of an entry; None stands for all hosts."""
    hosts = entry.get("hosts")
    if not hosts or not isinstance(hosts, list | tuple):
        return [None]
    return [str(host).lower() for host in hosts]
