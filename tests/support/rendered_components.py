"""Components whose objects a test writes, as if definitions had rendered them."""

from __future__ import annotations

from dataclasses import replace

import yaml

from kong_oam.access.endpoint import Endpoint
from kong_oam.access.model import Application, Component, Estate
from kong_oam.oam.rendered import RenderedObject
from tests.support.components import with_fields
from tests.support.estates import api, estate
from tests.support.json_object import JsonObject

ACCESS = """
            owner: team
            scopes: {orders.read: Read}
            rules: [{methods: [GET], scopes: [orders.read]}]
            roles: {viewer: {scopes: [orders.read], components: [orders/api]}}
        - type: client
          properties: {kind: service, calls: [{component: orders/api, scopes: [orders.read]}]}
"""
OBJECTS = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: api, namespace: orders}
spec:
  serviceName: api
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}, annotations: {note: kept}}
    spec:
      serviceAccount: default
      imagePullSecrets: [{name: mine}, {name: mine}]
      initContainers: [{name: first, image: registry.example.com/first:1}]
      containers:
        - name: api
          image: registry.example.com/api:1
          ports: [{name: web, containerPort: 8080}, {containerPort: 8080}, {name: admin, containerPort: 9000}]
          env: [{name: A, value: one}, {name: A, value: two}]
          envFrom: [{configMapRef: {name: api}}]
        - {name: sidecar, image: crccheck/hello-world}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: orders, annotations: {konghq.com/plugins: mine, note: kept}}
spec: {selector: {app: api}, ports: [{port: 80, targetPort: web}, {name: admin, port: 81, targetPort: 9000}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: api, namespace: orders}
spec: {}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: api, namespace: orders}
data: {KEY: value}
"""
"""A workload behind a Service and an Ingress, with a container of each kind."""


def objects(text: str) -> tuple[RenderedObject, ...]:
    """Return the objects of a YAML stream; the first is the workload."""
    return tuple(
        rendered_object(found, index)
        for index, found in enumerate(yaml.safe_load_all(text))
    )


def rendered_object(
    found: JsonObject, index: int = 0, pod_spec_path: str = ""
) -> RenderedObject:
    """Return one object; it is the workload if it is the first."""
    position = estate(api()).components["orders/api"].position
    return RenderedObject(
        found, None, f"made-{index}" if index else "", position, pod_spec_path
    )


def component(
    text: str = OBJECTS, *, client: bool = True, ports: tuple[int, ...] = (80,)
) -> tuple[Application, Component]:
    """Return the component `orders/api`, which renders these objects, with its Application. The
    gateway reaches these ports of its Service `api`."""
    (application,) = estate(api(access=ACCESS if client else "")).applications
    (plain,) = application.components
    endpoints = tuple(
        Endpoint(
            "orders.example.com",
            (str(port),),
            port,
            plain.position,
            service="api",
        )
        for port in ports
    )
    exposures = (("api", ports),) if ports else ()
    rendered = with_fields(
        plain, rendered=objects(text), endpoints=endpoints, services=exposures
    )
    return replace(application, components=(rendered,)), rendered


def estate_of(*applications: Application) -> Estate:
    """Return these applications as an estate."""
    return replace(estate(api()), applications=applications)
