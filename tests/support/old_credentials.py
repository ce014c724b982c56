"""Applications with a partner that calls by an old key or password, and its consumers in a Kong."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product

import httpx

from kong_oam.access.before import By, OldCredential
from kong_oam.access.decide import Decision, Request, answer
from sandbox.kong import Kong
from tests.support.estates import estate
from tests.support.gateway_estates import Scene, issuers, stack
from tests.support.json_object import JsonObject
from tests.support.scenes import gateway_of

UNTIL = "2027-03-31"
LAST_SECOND = 1_806_537_599.0
"""23:59:59 (UTC) on the last day."""

ORDERS = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders, namespace: orders}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x}
      traits:
        - type: gateway
          properties: {domain: orders.example.com, http: {/orders: 8080}}
        - type: access
          properties:
            owner: team-orders
            scopes: {read: r, write: w}
            rules:
              - {paths: [/orders], methods: [GET], scopes: [read]}
              - {paths: [/orders], methods: [POST], scopes: [write]}
              - {paths: [/orders/health], methods: [GET], public: {reason: probes}}
            roles:
              partner: {scopes: [read], components: [acme/partner]}
            acceptBefore: {by: key-auth, until: 2027-06-30, reason: keys}
"""
ACME = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: acme, namespace: acme}
spec:
  components:
    - name: partner
      type: external
      traits:
        - type: client
          properties:
            kind: external
            before: {consumer: acme, by: key-auth, until: 2027-03-31, reason: keys}
            calls: [{component: orders/api, scopes: [read]}]
"""
BASIC = ("by: key-auth", "by: basic-auth")


def texts(by: By = "key-auth") -> tuple[str, str]:
    """Return both Applications, with credentials of one kind."""
    return ORDERS.replace("by: key-auth", f"by: {by}"), ACME.replace(
        "by: key-auth", f"by: {by}"
    )


def scene(*applications: str, now: float | None = None) -> Scene:
    """Return the scene of Applications; by default of both, before the last day."""
    at = LAST_SECOND if now is None else now
    tests = stack("tests")
    return Scene(
        estate(*(applications or texts()), stack=tests),
        issuers(tests, at, lifetime=400 * 86_400),
    )


@contextmanager
def gateway(at: Scene) -> Iterator[Kong]:
    """Deploy a scene to a gateway with the consumers."""
    with gateway_of(at) as kong:
        add_consumers(kong.admin_url)
        yield kong


def add_consumers(admin_url: str) -> None:
    """Create the consumers `acme` and `other`, each with a key and a password."""
    for path, body in consumers():
        httpx.post(f"{admin_url}{path}", json=body).raise_for_status()


def consumers(prefix: str = "") -> Iterator[tuple[str, JsonObject]]:
    """Yield path and body of the consumers `acme` and `other`, and of a key and a password of
    each."""
    for name in (f"{prefix}acme", f"{prefix}other"):
        yield "/consumers", {"username": name}
        yield f"/consumers/{name}/key-auth", {"key": f"{name}-key"}
        yield (
            f"/consumers/{name}/basic-auth",
            {"username": f"{name}-user", "password": "pw"},
        )


def password(name: str) -> str:
    """Return the value of the header Authorization with a consumer's password."""
    return f"Basic {b64encode(f'{name}-user:pw'.encode()).decode()}"


# The lines of a request, and the consumer whose credential the plugin finds.
Proof = tuple[tuple[str, ...], str | None]


def mixes(at: Scene, by: By, prefix: str = "") -> Iterator[tuple[str, Proof]]:
    """Yield every mix of a key with a password or a token, of every kind."""
    acme = f"{prefix}acme"
    other = f"{prefix}other"
    keys: dict[str, Proof] = {
        "no key": ((), None),
        "key": ((f"apikey: {acme}-key",), acme),
        "other's key": ((f"apikey: {other}-key",), other),
        "wrong key": (("apikey: nobodys",), None),
        "empty key": (("apikey: ",), None),
        "two keys": ((f"apikey: {acme}-key", f"apikey: {acme}-key"), None),
        "key elsewhere": ((f"x-api-key: {acme}-key",), None),
    }
    proofs: dict[str, Proof] = {
        "nothing": ((), None),
        "password": ((f"Authorization: {password(acme)}",), acme),
        "other's password": ((f"Authorization: {password(other)}",), other),
        "wrong password": (("Authorization: Basic YWNtZTpubw==",), None),
        "proxy": ((f"Proxy-Authorization: {password(acme)}",), None),
        **_tokens(at, acme),
    }
    for key, proof in product(keys, proofs):
        lines = keys[key][0] + proofs[proof][0]
        found = keys[key] if by == "key-auth" else proofs[proof]
        yield f"{key}, {proof}", (lines, found[1])


def _tokens(at: Scene, acme: str) -> dict[str, Proof]:
    main = at.issuers["main"]
    valid = main.service(["read", "write"])
    forged = main.signed(main.payload(["read"]), main.stray)
    # The plugin basic-auth finds a password anywhere in the header.
    hidden = password(acme).removeprefix("Basic ").rstrip("=")
    within = f"{forged.rpartition('.')[0]}.basic{hidden}"
    return {
        "valid token": ((f"Authorization: Bearer {valid}",), None),
        "forged token": ((f"Authorization: Bearer {forged}",), None),
        "half a token": (("Authorization: Bearer a.b",), None),
        "password in a token": ((f"Authorization: Bearer {within}",), acme),
    }


def sent(
    kong: Kong, *headers: str, target: str = "/orders", method: str = "GET"
) -> JsonObject:
    """Send a request. Return its status, and the headers that the workload gets, if any."""
    lines = [f"{method} {target} HTTP/1.1", "Host: orders.example.com"]
    raw = "\r\n".join([*lines, *headers, "", ""]).encode()
    answered = kong.handle(raw, "https")
    got = answered.upstream.headers if answered.upstream else ()
    return {
        "status": answered.status,
        "body": answered.body.decode(),
        "headers": {name.lower(): value for name, value in got},
        "target": answered.upstream.target if answered.upstream else None,
    }


def meant(
    at: Scene,
    *headers: str,
    target: str = "/orders",
    method: str = "GET",
    credential: tuple[str, By] | None = None,
    host: str = "orders.example.com",
) -> Decision:
    """Return the model's decision. `credential`: the consumer that a plugin finds, and its kind."""
    pairs = [tuple(header.split(": ", 1)) for header in headers]
    authorization = [v for name, v in pairs if name == "Authorization"]
    others = tuple(
        (name.lower(), v) for name, v in pairs if name != "Authorization"
    )
    return answer(
        at.estate,
        Request(method, host, target.encode(), None, others),
        authorization,
        at.rings,
        at.now,
        OldCredential(*credential) if credential else None,
    )
