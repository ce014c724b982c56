"""A small estate for tests of invariants, and the answers of the judge about it."""

from __future__ import annotations

from datetime import date

from kong_oam.access.model import Estate, Stack
from kong_oam.invariants.file import read
from kong_oam.invariants.judge import Broken, Judgement, judge
from kong_oam.invariants.model import Invariants
from tests.support.estates import STACK, api, estate

TODAY = date(2026, 12, 2)

ORDERS = api(
    http="{/: 8080}",
    access="""
            owner: team-orders
            scopes: {read: Read, write: Write}
            rules:
              - {paths: [/orders], methods: [GET], scopes: [read]}
              - {paths: [/orders], methods: [POST, PUT], scopes: [write]}
              - {paths: [/orders/health], methods: [GET], public: {reason: probes}}
            roles:
              viewer: {scopes: [read], groups: [sales, audit], components: [shop/checkout, shop/web]}
              editor: {scopes: [read, write], groups: [desk], components: [shop/web]}
""",
)
SHOP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec:
  components:
    - name: checkout
      type: worker
      properties: {image: x}
      traits:
        - {type: client, properties: {kind: service, calls: [{component: orders/api, scopes: [read]}]}}
    - name: web
      type: worker
      properties: {image: x}
      traits:
        - type: client
          properties: {kind: native, redirectUris: ["http://127.0.0.1/callback"], calls: [{component: orders/api, scopes: [read, write]}]}
"""


def shop_estate(*more: str, stack: Stack = STACK) -> Estate:
    """Return an estate in which a service and a native application call an API."""
    return estate(ORDERS, SHOP, *more, stack=stack)


def invariants(*entries: str) -> Invariants:
    """Return invariants. An entry is a kind with its fields, without the reason."""
    lines = []
    for entry in entries:
        kind, _, fields = entry.partition(" ")
        lines.append(f"- {kind}: {{reason: a reason, {fields}}}\n")
    content = read("invariants.yaml", "".join(lines).encode())
    assert content.problems == ()
    return content.invariants


def judged(of: Estate, *entries: str) -> Judgement:
    """Return the judgement of these invariants."""
    return judge(invariants(*entries), of, TODAY)


def calls(of: Estate, *entries: str) -> list[str]:
    """Return the call of each broken invariant in words."""
    return [*map(in_words, judged(of, *entries).broken)]


def in_words(broken: Broken) -> str:
    """Return a broken invariant as text: `GET orders.example.com/orders by shop/web for sales`."""
    caller = broken.caller
    groups = f" for {' and '.join(caller.groups)}" if caller.groups else ""
    if broken.request is None:
        roles = " and ".join(map(str, broken.roles))
        return f"{caller.client or 'group'}{groups} holds {roles}"
    request = broken.request
    call = f"{request.method} {request.host}{request.target.decode()}"
    return f"{call} by {caller.client or 'anybody'}{groups}"
