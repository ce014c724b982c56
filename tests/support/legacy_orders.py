"""A project whose component `legacy/orders` runs outside any cluster."""

from __future__ import annotations

from pathlib import Path

ORDERS = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: legacy}
spec:
  components:
    - name: orders
      type: external
      traits:
        - type: gateway
          properties: {domain: api.example.com, http: {/orders: 8080}}
        - type: access
          properties:
            owner: sales
            scopes: {orders.read: Read}
            rules: [{paths: [/orders], methods: [GET], scopes: [orders.read]}]
"""
STACK = """\
config:
  kong-oam:cloud: bare-metal
  kong-oam:asOf: "2026-12-01"
  kong-oam:gateway:
    upstreams:
      legacy/orders: {host: orders.example.net, port: 8080, scheme: http}
  kong-oam:identityProviders:
    - {name: main, type: oidc, issuer: "https://issuer.example.com", audience: api://shop}
"""


def write_project(application: str) -> None:
    """Write the Application and the stack `local` into the working directory."""
    for name, text in {
        "stacks/Pulumi.local.yaml": STACK,
        "applications/legacy.yaml": application,
    }.items():
        file = Path(name)
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
