"""Components as if definitions had rendered them, without an evaluator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import yaml

from kong_oam.access.compile.estate import Compiled, compile_estate
from kong_oam.access.model import Stack
from kong_oam.oam.application import Reading, read_bytes
from kong_oam.oam.model import Application, ComponentSpec, Trait
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.manifests import service_name
from kong_oam.objects.plain import plain_objects
from tests.support.estates import STACK

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: orders}
spec:
  selector: {matchLabels: {app.oam.dev/component: api}}
  template:
    metadata: {labels: {app.oam.dev/component: api}}
    spec: {containers: [{name: api, image: i, ports: [{containerPort: 8080, name: web}, {containerPort: 9090, name: grpc}]}]}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: api, namespace: orders}
spec: {selector: {app.oam.dev/component: api}, ports: [{port: 80, targetPort: 8080, name: http}]}
"""


def application(
    objects: str, traits: str = "[]", component: str = "type: own"
) -> str:
    """Return an Application `orders` with one component `api` of a type that needs a definition,
    followed by its objects."""
    return (
        "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: orders, namespace: orders}\nspec:\n"
        f"  components:\n    - name: api\n      {component}\n      traits: {traits}\n\x00{objects}"
    )


def ingress(
    spec: str, *, api: str = "networking.k8s.io/v1", annotations: str = "{}"
) -> str:
    """Return an Ingress in YAML."""
    return (
        f"apiVersion: {api}\nkind: Ingress\nmetadata: {{name: way, namespace: orders, annotations: {annotations}}}\n"
        f"spec: {spec}\n"
    )


def compiled(
    *texts: str, stack: Stack = STACK, trait: int | None = None, pods: str = ""
) -> Compiled:
    """Return the Applications of `application`, compiled with their objects; `trait` makes the
    Ingresses, `pods` is the workloads' `podSpecPath`."""
    return compile_estate(read(*texts, trait=trait, pods=pods), stack)


def read(*texts: str, trait: int | None = None, pods: str = "") -> Reading:
    """Return the Applications of `application` with their objects, before they are compiled."""
    applications: list[Application] = []
    for number, text in enumerate(texts, start=1):
        written, _, objects = text.partition("\x00")
        reading = read_bytes(f"app{number}.yaml", written.encode())
        assert not reading.diagnostics, reading.diagnostics
        for application in reading.applications:
            parts = tuple(
                with_objects(part, objects, trait, pods)
                for part in application.components
            )
            applications.append(replace(application, components=parts))
    return Reading(tuple(applications), ())


def with_objects(
    part: ComponentSpec, objects: str, trait: int | None = None, pods: str = ""
) -> ComponentSpec:
    """Return the component with objects in YAML, in each of its places. Without a definition the
    object is the component itself."""
    if part.plain:
        return part
    found = [manifest for manifest in yaml.safe_load_all(objects) if manifest]
    rendered = tuple(
        RenderedObject(
            manifest,
            trait if manifest["kind"] == "Ingress" else None,
            str(number or ""),
            part.position.at("type"),
            "" if number else pods,
        )
        for number, manifest in enumerate(found)
    )
    targets = [replace(target, rendered=rendered) for target in part.targets]
    return replace(part, rendered=rendered, targets=tuple(targets))


def as_rendered(reading: Reading, api: str = "networking.k8s.io/v1") -> Reading:
    """Return the reading with each webservice and worker as KubeVela's definitions render it, for a
    cluster with Ingresses of that version."""
    return replace(
        reading,
        applications=tuple(
            replace(
                manifest,
                components=tuple(
                    _as_rendered(manifest, part, api)
                    for part in manifest.components
                ),
            )
            for manifest in reading.applications
        ),
    )


def _as_rendered(
    application: Application, part: ComponentSpec, api: str
) -> ComponentSpec:
    if part.type == "external":
        return part
    gateways = [
        (index, trait)
        for index, trait in enumerate(part.traits)
        if trait.type == "gateway"
    ]
    position = part.position.at("type")
    rendered = [
        RenderedObject(
            plain.object,
            None,
            "service" if plain.key else "",
            position,
        )
        for plain in plain_objects(application, part)
    ]
    rendered += [
        RenderedObject(
            _ingress(application, part, trait, api), index, "i", position
        )
        for index, trait in gateways
    ]
    return replace(part, rendered=tuple(rendered), plain=False)


def _ingress(
    application: Application, part: ComponentSpec, trait: Trait, api: str
) -> Mapping[str, Any]:
    """Return the Ingress of KubeVela's gateway trait, which also makes a Service."""
    properties, name = (
        trait.properties,
        service_name(part.name, trait.properties.get("name")),
    )
    host = {"host": properties["domain"]} if "domain" in properties else {}
    tls = (
        [{"hosts": [*host.values()], "secretName": properties["secretName"]}]
        if "secretName" in properties
        else []
    )
    return {
        "apiVersion": api,
        "kind": "Ingress",
        "metadata": {
            "name": name,
            "namespace": application.namespace,
            "annotations": {
                "kubernetes.io/ingress.class": "nginx",
                **properties.get("annotations", {}),
            },
        },
        "spec": {
            **({"tls": tls} if tls else {}),
            "rules": [
                {
                    **host,
                    "http": {"paths": [*_paths(properties["http"], name, api)]},
                }
            ],
        },
    }


def _paths(
    http: Mapping[str, int], service: str, api: str
) -> Iterator[Mapping[str, Any]]:
    for path, port in http.items():
        if api.endswith("/v1"):
            backend: Mapping[str, Any] = {
                "service": {"name": service, "port": {"number": port}}
            }
        else:
            backend = {"serviceName": service, "servicePort": port}
        yield {
            "path": path,
            "pathType": "ImplementationSpecific",
            "backend": backend,
        }
