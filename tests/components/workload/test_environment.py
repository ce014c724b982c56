"""The environment of a client's workload: settings to call its APIs."""

from typing import Any

from components.identity.issuer import Credential, Issuer
from components.workload.environment import settings_of
from tests.support.estates import api, estate
from tests.support.json_object import JsonObject

ACCESS = """
            owner: team
            scopes: {a.read: r, a.list: l, a.write: w}
            rules: [{methods: [GET], scopes: [a.read, a.list]}, {methods: [POST], scopes: [a.write]}]
            roles: {all: {scopes: [a.read, a.list, a.write], components: [shop/job]}}
"""
SHOP = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec:
  components:
    - name: job
      type: worker
      properties: {image: x}
      traits:
        - type: client
          properties:
            kind: service
            calls:
              - {component: a/api, scopes: [a.write, a.read]}
              - {component: a/api, scopes: [a.read, a.list]}
"""


def test_scopes_of_one_api_are_all_told_whatever_entry_asks_for_them() -> None:
    """Each once, in the order in which they stand."""
    known: JsonObject = {
        "issuer": "i",
        "token_endpoint": "t",
        "authorization_endpoint": "a",
        "keys": (),
    }
    client: Any = Credential("id")  # type: ignore[arg-type] - known already, as after an `up`
    shop = estate(
        api("a", domain="a.example.com", http="{/: 80}", access=ACCESS), SHOP
    )
    variables = settings_of(
        shop.components["shop/job"],
        shop,
        {"main": Issuer(**known, clients={"shop/job": client})},
    )
    assert variables["API_SCOPES_A__API"] == "a.write a.read a.list"
    assert variables["OAUTH_SCOPES"] == "a.list a.read a.write"
