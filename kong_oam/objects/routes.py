"""Ingresses among a component's rendered objects, read as routes. Pure functions.

An Ingress is not deployed: the gateway is configured directly, and every path is judged by the
component's rules. So it may say which hosts and paths lead to which of the component's own
Services. What it says beyond that is refused where it would change who may call or what is reached,
and has no effect where it would not.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from kong_oam.diagnostics import Diagnostic, Findings, some
from kong_oam.oam.model import Application, ComponentSpec, Trait
from kong_oam.oam.plain import EXACT, INGRESS_HINT
from kong_oam.oam.position import Fields, SourcePosition, Texts
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.fenced import fenced_pods
from kong_oam.objects.known_keys import opens_nothing
from kong_oam.objects.known_kinds import INGRESSES
from kong_oam.objects.named import ELSEWHERE, named_service
from kong_oam.objects.object_schemas import misshapen_ingress
from kong_oam.objects.pods import mapping, mappings
from kong_oam.objects.ports import GRPC, Port, Service, Services
from kong_oam.objects.selection import NamedService

_PREFIXES = (None, "Prefix", "ImplementationSpecific")

_OF_ACCESS = re.compile(
    r"\b(acl|actions|alias|allow|allowlist|auth|authentication|authorization|backend|blacklist|canary|cidrs?|"
    r"conditions|deny|denylist|jwt|middlewares|mirror|modsecurity|oauth2?|oidc|passthrough|permanent|plugins|regex|"
    r"rewrite|root|satisfy|snippets?|source|strip|temporal|vhost|waf|wafv2|whitelist)\b"
)
"""Words in the names of annotations by which ingress controllers change who may call or what is
reached."""
_CHOOSING = ("kubernetes.io/ingress.class", "ingress.controller/host")
"""Annotations that only say which controller is meant."""


@dataclass(frozen=True, slots=True)
class Route:
    """A way in as an Application says it: `host` and `path` as they are written there, None where
    no host is.

    `service` and `port` are of the component's own, or of what is made for the Service that it
    names. `certificate` is the name of the host's TLS Secret.
    """

    host: str | None
    path: str
    service: str
    port: int
    certificate: str | None
    position: SourcePosition
    host_place: SourcePosition
    apart: str = ""
    """That Service again where another route leads to the same port of another Service."""


Routes = Iterator[Route | Diagnostic]
"""Routes, and what is wrong with others."""
_Backend = tuple[str, int] | Diagnostic
"""A Service and its port, or why a backend is none."""


def ingress_routes(
    application: Application,
    part: ComponentSpec,
    services: Services,
    harmless: Collection[str] = (),
) -> Routes:
    """Yield the routes of a rendered component's Ingresses, and what is wrong with them. `services`
    are those that it renders, by name. `harmless`: keys and domains of annotations that the stack
    says open nothing."""
    found = [*_ingress_routes(application, part, services, harmless)]
    routes = [route for route in found if isinstance(route, Route)]
    # Of Services with one port the first by name goes by the port alone, as that of a single
    # gateway trait does.
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
    """Return the code and the message for an annotation that may have an ingress controller change
    who may call or what is reached; None for one that chooses the controller, or is known to open
    nothing."""
    if name in _CHOOSING:
        return None
    if refused := _known_annotation(name, value):
        return refused
    # A domain says nothing of each of its keys.
    if opens_nothing(name, {name.lower()}.intersection(harmless)):
        return None
    message = (
        f"'{name}' may say who may call, or what is reached, and nobody here knows it; take it "
        f"out, or have the stack say that it does not: cluster.metadata, {name}"
    )
    return "OAM108", message


def _known_annotation(name: str, value: Any) -> tuple[str, str] | None:
    """Return what is said of an annotation whose name says what it changes."""
    last = name.rpartition("/")[2].lower()
    if last == "backend-protocol":
        if str(value).upper() in ("GRPC", "GRPCS"):
            return "ACC218", f"'{name}: {value}' {GRPC}"
        return None
    if "cors" in last or not _OF_ACCESS.search(last.replace("_", "-")):
        return None
    message = (
        f"'{name}' changes who may call, or what is reached; the access trait says who may "
        "call; take it out"
    )
    return "OAM108", message


@dataclass(frozen=True, slots=True)
class _Ingress:
    """An Ingress of a component, and the trait that made it. Findings are at the trait's fields, as
    far as it is seen from which one something comes, else at its type."""

    part: ComponentSpec
    object: RenderedObject
    trait: Trait | None
    services: Services
    named: NamedService | None = None

    def annotations(
        self, of_application: Texts, harmless: Collection[str]
    ) -> Findings:
        """Yield what is refused of the annotations, and what has no effect. KubeVela adds the
        Application's own."""
        found = mapping(
            mapping(self.object.object.get("metadata")).get("annotations")
        )
        written = mapping(self._said("annotations"))
        for name, value in found.items():
            position = self._key("annotations", name)
            is_own = name in written or name not in of_application
            if refused := refused_annotation(name, value, harmless):
                yield Diagnostic(*refused, position)
            elif is_own and name not in _CHOOSING:
                yield Diagnostic(
                    "OAM109", f"'{name}' {INGRESS_HINT}", position, "warning"
                )

    def routes(self) -> Routes:
        """Yield what leads where, and what is wrong with that."""
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
            yield Diagnostic("OAM108", EXACT, self._field("pathType", kind))
        elif kind not in _PREFIXES:
            message = f"pathType of '{path}' has to be Prefix or ImplementationSpecific"
            yield Diagnostic("OAM103", f"{self._name}: {message}", self._type)
        else:
            yield from self._route(
                host, path, entry.get("backend"), f"'{path}'"
            )

    def _route(
        self, host: str | None, path: str, backend: Any, what: str
    ) -> Routes:
        position = self._key("http", path)
        found = self._backend(backend, what)
        if isinstance(found, Diagnostic):
            yield replace(found, position=position)
            # Nothing is made of it, and its path is one that rules may be about.
            found = ("", 0)
        elif message := self._unlisted(*found):
            yield Diagnostic("ACC223", message, position, "warning")
        host_place = self._field("domain", host)
        yield Route(
            host, path, *found, self._certificate(host), position, host_place
        )

    def _backend(self, backend: Any, what: str) -> _Backend:
        """Return the Service and its port that a backend is, as v1 writes it and as v1beta1
        does."""
        given = mapping(backend)
        service = mapping(given.get("service"))
        name = service.get("name", given.get("serviceName"))
        port = mapping(service.get("port"))
        wanted = (
            port.get("number") or port.get("name") or given.get("servicePort")
        )
        if not isinstance(name, str) or not isinstance(
            wanted, str | int | float
        ):
            return Diagnostic(
                "OAM103",
                f"{self._name}: {what} leads to no Service and port; write both",
            )
        if self.named and name == self.named.name:
            return self._named(self.named, wanted, what)
        if name not in self.services:
            message = (
                f"{what} leads to Service '{name}', which '{self.part.name}' does not make: that "
                "could expose another component past its own rules; lead to a Service of its own"
            )
            return Diagnostic("OAM108", f"{self._name}: {message}")
        return self._port(self.services[name], wanted, what)

    def _named(self, named: NamedService, wanted: Any, what: str) -> _Backend:
        if wanted == named.port:
            return named.ours, named.port
        message = (
            f"{what} leads to port {wanted} of Service '{named.name}', and access.service "
            f"says {named.port}"
        )
        return Diagnostic(
            "ACC223", f"{self._name}: {message}; write the same port at both"
        )

    def _port(
        self, service: Service, wanted: str | float, what: str
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
                f"{what} leads to Service '{service.name}', which selects no pods of "
                f"'{self.part.name}'"
            )
            return Diagnostic(
                "ACC223",
                f"{self._name}: {message}; nothing would answer{self._hint}",
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
        """Say so where a Service leads to a number that containers, which list others, do not
        list: one may listen there all the same. Empty where it is listed, or where one lists no
        ports."""
        service = self.services.get(name)
        port = service.port(number) if service else None
        if not service or not port or service.is_listed(port):
            return ""
        return f"{self._leads_to(service, port)}; it may listen there, else nothing answers"

    def _leads_to(self, service: Service, port: Port) -> str:
        target = (
            f"port {port.number} of Service '{service.name}' leads to port {port.target} of "
            "the pods"
        )
        return f"{target}, which no container of '{self.part.name}' lists"

    @property
    def _hint(self) -> str:
        if any(fenced_pods(rendered) for rendered in self.part.rendered or ()):
            return ""
        return f"; {ELSEWHERE}"

    def _certificate(self, host: str | None) -> str | None:
        """Return the Secret with the certificate of a host: that of the entry that names it, or
        stands for it, or for all."""
        own = (host or "").lower()
        wildcard = f"*.{own.partition('.')[2]}"
        first: dict[str | None, str] = {}
        for entry in mappings(
            mapping(self.object.object.get("spec")).get("tls")
        ):
            secret = entry.get("secretName")
            for name in _hosts(entry) if secret else ():
                first.setdefault(name, str(secret))
        for name in (own, wildcard, None):
            if name in first:
                return first[name]
        return None

    def _said(self, field: str) -> Any:
        """Return what the trait's own properties say."""
        return mapping(self.trait.properties if self.trait else None).get(field)

    def _field(self, field: str, value: str | None) -> SourcePosition:
        """Return the place of a field of the trait's properties that says the value; else of the
        type."""
        if self.trait and value and self._said(field) == value:
            return self.trait.position.at("properties", field)
        return self._type

    def _key(self, field: str, key: str) -> SourcePosition:
        """Return the place of a key in a field of the trait's properties; without it, of the type."""
        if self.trait and key in mapping(self._said(field)):
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
    """Return the hosts of an entry; None stands for all, where it names none."""
    hosts = entry.get("hosts")
    if not hosts or not isinstance(hosts, list | tuple):
        return [None]
    return [str(host).lower() for host in hosts]
