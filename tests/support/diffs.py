"""Two Applications, the settings of a stack, and the comparison after either changes."""

from __future__ import annotations

from collections.abc import Iterable

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.diff.change import Change, Difference
from kong_oam.access.diff.facts import model_of
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.settings.stack import parse
from kong_oam.access.settings.values import Settings
from kong_oam.oam.application import join_readings, read_bytes

API = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: orders}
      traits:
        - type: gateway
          properties: {domain: orders.example.com, http: {/orders: 8080}}
        - type: access
          properties:
            owner: team-orders
            scopes: {read: Read, write: Write}
            rules:
              - {paths: [/orders], methods: [GET], scopes: [read]}
              - {paths: [/orders], methods: [POST], scopes: [read, write]}
              - {paths: [/orders/health], methods: [GET], public: {reason: probes}}
            roles:
              viewer: {scopes: [read], groups: [sales], components: [shop/checkout, shop/web]}
              editor: {scopes: [write], groups: [desk], components: [shop/web]}
"""
SHOP = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec:
  components:
    - name: checkout
      type: worker
      properties: {image: checkout}
      traits:
        - {type: client, properties: {kind: service, calls: [{component: orders/api, scopes: [read]}]}}
    - name: web
      type: webservice
      properties: {image: web}
      traits:
        - type: gateway
          properties: {http: {/: 3000}}
        - type: access
          properties: {owner: team-shop, rules: [{public: {reason: pages}}]}
        - type: client
          properties: {kind: web, redirectPaths: [/callback], calls: [{component: orders/api, scopes: [read, write]}]}
"""


def settings(
    name: str = "prod",
    providers: Iterable[object] = ({"name": "okta", "type": "okta"},),
    **more: object,
) -> Settings:
    """Return the settings of a stack in production, with `more` settings."""
    plain = {
        "cloud": "aws",
        "asOf": "2026-11-25",
        "gateway": {"cidrs": ["192.0.2.0/24"], "reach": "loadBalancer"},
        "domains": {"default": "apps.example.com"},
    }
    return parse(name, {**plain, "identityProviders": list(providers), **more})


def model(*texts: str, on: Settings | None = None) -> AccessModel:
    """Return the access model of valid Applications, as comparisons read it."""
    on = on or settings()
    compiled = compile_estate(
        join_readings(
            read_bytes(f"app{n}.yaml", text.encode())
            for n, text in enumerate(texts)
        ),
        on.stack,
    )
    assert compiled.estate is not None, compiled.diagnostics
    return model_of(compiled.estate, on)


def edited(text: str, *edits: tuple[str, str]) -> str:
    """Return the text with each of these replaced; the text must have them."""
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return text


BEFORE = model(API, SHOP)


def requests(changes: Iterable[Difference]) -> list[Change]:
    """Return the changes for requests, without changes of settings."""
    return [change for change in changes if isinstance(change, Change)]
