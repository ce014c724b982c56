"""A client that keeps its key until a date: deployed, called, changed, and over."""

from __future__ import annotations

import httpx

from sandbox.local import STACK, Local
from tests.support.engine.calls import call, service_token
from tests.support.engine.deployment import Empty
from tests.support.json_object import JsonObject

APPLICATIONS = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: "ghcr.io/example/orders:1", ports: [{port: 8080, expose: true}]}
      traits:
        - type: gateway
          properties: {domain: orders.example.com, http: {/orders: 8080}}
        - type: access
          properties:
            owner: team-orders
            scopes: {orders.read: Read}
            rules: [{paths: [/orders], methods: [GET], scopes: [orders.read]}]
            roles: {reader: {scopes: [orders.read], components: [orders/partner, orders/checkout]}}
            acceptBefore: {by: key-auth, until: "2999-12-31", reason: keys}
    - name: partner
      type: external
      traits:
        - type: client
          properties:
            kind: external
            before: {consumer: acme, by: key-auth, until: "2999-12-31", reason: keys}
            calls: [{component: orders/api, scopes: [orders.read]}]
    - name: checkout
      type: worker
      properties: {image: "ghcr.io/example/checkout:1"}
      traits:
        - {type: client, properties: {kind: service, calls: [{component: orders/api, scopes: [orders.read]}]}}
"""
HOST = "orders.example.com"


def post(local: Local, path: str, body: JsonObject) -> None:
    answer = httpx.post(
        f"{local.kong.admin_url}{path}",
        json=body,
        headers={"Kong-Admin-Token": local.env["KONG_ADMIN_TOKEN"]},
        trust_env=False,
    )
    assert answer.status_code == 201, answer.text


LAST_DAY = "2025-01-31"
BEFORE = (
    'before: {consumer: acme, by: key-auth, until: "2999-12-31", reason: keys}'
)
LAST = (BEFORE, BEFORE.replace("2999-12-31", LAST_DAY))
REMOVALS = (
    ("orders/partner, ", ""),
    (
        'acceptBefore: {by: key-auth, until: "2999-12-31", reason: keys}',
        "forwardToken: false",
    ),
    (f"            {LAST[1]}\n", ""),
    (
        "calls: [{component: orders/api, scopes: [orders.read]}]\n    - name: checkout",
        "calls: []\n    - name: checkout",
    ),
    (
        "    - name: partner\n      type: external\n",
        "    - name: partner\n      type: external\n"
        "      properties: {jwksUri: https://partner.example.com/keys.json}\n",
    ),
)


def status(local: Local, *headers: tuple[str, str]) -> int:
    return call(local, "GET", HOST, "/orders", headers=headers).status


KEY = ("apikey", "acme-key")


def test_a_key_counts_until_its_last_day(empty: Empty) -> None:
    """A preview needs the consumer, and no run changes it. Tokens work beside the key, and after
    it."""
    deployment = empty()
    local = deployment.local
    deployment.replace_applications(APPLICATIONS)
    with deployment.config() as config:
        config["kong-oam:asOf"] = LAST_DAY
    refused = deployment.run("up", check=False)
    assert "ENV423" in refused.stdout + refused.stderr
    assert local.kong.entities("services") == []
    post(local, "/consumers", {"username": "acme", "tags": ["theirs"]})
    post(local, "/consumers/acme/key-auth", {"key": KEY[1]})
    theirs = acme(local)

    made = deployment.changes("up")
    assert "okta-app-orders/checkout" in made
    assert "okta-app-orders/partner" not in made
    deployment.assert_unchanged("up", "--refresh")
    answer = call(local, "GET", HOST, "/orders", headers=(KEY,))
    assert answer.status == 200
    assert answer.header("X-Auth-Client") == ["orders/partner"]
    assert answer.header("apikey") == []
    token = service_token(local, "checkout")
    assert call(local, "GET", HOST, "/orders", token).status == 200
    assert call(local, "GET", HOST, "/orders", token, (KEY,)).status == 401
    assert status(local) == status(local, ("apikey", "no")) == 401
    state = deployment.pulumi("stack", "export", "-s", STACK).stdout
    assert KEY[1] not in state

    # The day is over by the gate's clock, and not by the stack's `asOf`.
    deployment.edit("applications/tiny.yaml", *LAST)
    assert deployment.changes("up") == {
        "orders/api-8080-admission": "update",
        "orders/api-8080-gate": "update",
    }
    assert status(local, KEY) == 401
    assert call(local, "GET", HOST, "/orders", token).status == 200
    deployment.assert_unchanged()
    with deployment.config() as config:
        config["kong-oam:asOf"] = "2025-02-01"
    assert "ACC282" in deployment.run("up", check=False).stdout

    # Both sides and the role are gone: so is the plugin, but never the consumer.
    for old, new in REMOVALS:
        deployment.edit("applications/tiny.yaml", old, new)
    assert deployment.changes("up")["orders/api-8080-key-auth"] == "delete"
    assert call(local, "GET", HOST, "/orders", token).status == 200
    assert acme(local) == theirs


def acme(local: Local) -> list[JsonObject]:
    return [
        row
        for kind in ("consumers", "keyauth_credentials")
        for row in local.kong.entities(kind)
        if row.get("username") == "acme" or "key" in row
    ]
