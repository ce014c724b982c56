"""Generate records of calls: each is decided by `decide`, as a gate would record it.

This is the brute force beside the aggregation: it uses no class and no SQL.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from kong_oam.access.decide import Decision, Request, decide
from kong_oam.access.model import Estate
from kong_oam.access.paths import written
from kong_oam.access.tokens import Claims
from tests.support.estates import api, estate
from tests.support.json_object import JsonObject

CLIENTS = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec:
  components:
    - name: job
      type: worker
      properties: {image: x}
      traits:
        - {type: client, properties: {kind: service, calls: [{component: orders/api, scopes: [orders.read]}]}}
    - name: web
      type: external
      traits:
        - {type: client, properties: {kind: native, redirectUris: ["com.example.app:/callback"], calls: [{component: orders/api, scopes: [orders.read, orders.write]}]}}
"""
ACCESS = """\
{owner: team-orders, scopes: {orders.read: Read, orders.write: Write}, rules: [
  {paths: [/orders], methods: [GET], scopes: [orders.read]},
  {paths: [/orders], methods: [POST], scopes: [orders.write]},
  {paths: [/orders/health], methods: [GET], public: {reason: probes}},
  {paths: [/orders/Items/secret], methods: [GET], scopes: [orders.write]}],
  roles: {
    viewer: {scopes: [orders.read], groups: [sales], components: [shop/job, shop/web]},
    editor: {scopes: [orders.read, orders.write], groups: [desk], components: [shop/web]}}}"""
IP_ALLOW = "        - {type: ip-allow, properties: {rules: [{paths: [/orders], methods: [POST], from: [192.0.2.0/24]}]}}\n"
BEHIND = api(
    "behind",
    http="{/orders/other: 80}",
    access="{owner: b, rules: [{paths: [/orders/other], public: {reason: all}}]}",
)
PATHS = (
    "/orders",
    "/orders/",
    "/orders/{id}",
    "/orders/{id}/lines",
    "/orders/health",
    "/orders/health/{id}",
    "/orders/Items/{id}",
    "/orders/items/secret",
    "/orders/Items/secret",
    "/orders/Items/secret/{id}",
    "/orders/Items%20x",
    "/orders/%49tems/secret",
    "/orders/items/secret.",
    "/orders/{id}%20{id}",
    "/orders/{id}%40x",
    "/orders//health",
    "/orders/./health",
    "/orders/he%C3%A4lth",
    "/orders/other/{id}",
    "/orders/OTHER",
    "/other",
)
REVISION = "0123456789ab"
WORKERS = 3


def orders(access: str = ACCESS, more: str = IP_ALLOW) -> Estate:
    """Return an estate with an API, two clients, and a component behind the API's path."""
    return estate(api(access=access) + more, BEHIND, CLIENTS)


@dataclass(frozen=True, slots=True)
class Call:
    """A call to orders/api, before its decision."""

    method: str
    path: str
    address: str
    caller: str | None
    user: bool
    scopes: tuple[str, ...]
    groups: tuple[str, ...]


def call(random: Random) -> Call:
    """Return a random call."""
    caller = random.choice((None, "shop/job", "shop/web", ""))
    user = caller == "shop/web"
    scopes = random.choice(
        ((), ("orders.read",), ("orders.read", "orders.write"))
    )
    groups = (
        random.choice(((), ("sales",), ("desk",), ("sales", "desk")))
        if user
        else ()
    )
    path = random.choice(PATHS).replace("{id}", str(random.randrange(10**6)))
    address = random.choice(("192.0.2.7", "198.51.100.9"))
    return Call(
        random.choice(("GET", "POST", "HEAD", "PUT")),
        path,
        address,
        caller,
        user,
        scopes,
        groups,
    )


def decision(model: Estate, made: Call) -> Decision:
    """Decide a call as the gate does."""
    provider = model.components["orders/api"].identity.provider
    claims = Claims(
        provider,
        made.caller or "",
        "someone",
        made.user,
        made.scopes,
        made.groups,
    )
    token = None if made.caller is None else claims
    request = Request(
        made.method, "orders.example.com", made.path.encode(), made.address
    )
    return decide(model, request, token)


def record(made: Call, decided: Decision, number: int) -> JsonObject:
    """Return the record of a decided call. `number` makes time, id, worker and sequence."""
    fields = {
        "version": 1,
        "time": f"2026-11-{1 + number // 50_000 % 28:02}T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}.000Z",
        "requestId": f"{number:032x}",
        "stack": "local",
        "component": decided.component.key
        if decided.component
        else "orders/api",
        "port": "8080",
        "method": made.method,
        "host": "orders.example.com",
        "path": made.path,
        "decision": "allowed" if decided.allowed else "refused",
        "code": decided.code,
        "status": decided.status,
        "revision": REVISION,
        "address": made.address,
        "node": "node-1",
        "worker": f"worker-{number % WORKERS}",
        "sequence": 1 + number // WORKERS,
    }
    if decided.rule:
        fields["rulePath"] = written(decided.rule.path)
    if made.caller is not None:
        fields |= {
            "client": f"id of {made.caller}",
            "user": made.user,
            "subject": "someone",
        }
        optional = {
            "caller": made.caller,
            "scopes": [*made.scopes],
            "groups": [*made.groups],
        }
        fields |= {name: value for name, value in optional.items() if value}
    return fields


def records(model: Estate, count: int, seed: int = 1) -> list[JsonObject]:
    """Return the records of random calls, decided by a model."""
    random = Random(seed)
    made = (call(random) for _ in range(count))
    listed = [
        record(each, decision(model, each), number)
        for number, each in enumerate(made)
    ]
    numbers: Counter[tuple[str, str]] = Counter()
    for fields in listed:
        counter = fields["component"], fields["worker"]
        numbers[counter] += 1
        fields["sequence"] = numbers[counter]
    return listed


def write_log(file: Path, listed: Iterable[Mapping[str, object]]) -> Path:
    """Write records as lines of JSON."""
    text = "".join(f"{json.dumps(each)}\n" for each in listed)
    if file.suffix == ".gz":
        file.write_bytes(gzip.compress(text.encode()))
    else:
        file.write_text(text)
    return file
