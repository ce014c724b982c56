"""Clients of missing Applications count with all scopes of their roles, if the stack is only
assumed."""

from __future__ import annotations

from dataclasses import replace

from kong_oam.access.absent import with_absent_clients
from kong_oam.access.callers import Callers
from kong_oam.access.principals import Principal
from tests.support.estates import STACK, estate

ORDERS = """
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
            scopes: {read: Read, write: Write}
            rules: [{methods: [GET], scopes: [read]}, {methods: [POST], scopes: [read, write]}]
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
      properties: {image: x}
      traits:
        - {type: client, properties: {kind: service, calls: [{component: orders/api, scopes: [read]}]}}
    - name: web
      type: worker
      properties: {image: x}
      traits:
        - {type: client, properties: {kind: service, calls: [{component: orders/api, scopes: [read]}]}}
"""
ASSUMED = replace(STACK, partial=True)
"""A stack that may lack some Applications."""
CHECKOUT = Principal("shop/checkout", "main")
CHECKOUT_USERS = Principal("shop/checkout", "main", users=True)
WEB = Principal("shop/web", "main")
WEB_USERS = Principal("shop/web", "main", users=True)
ITSELF = frozenset([frozenset[str]()])


def test_absent_clients_may_use_all_scopes_of_their_roles() -> None:
    """They call as themselves, and for users in a group of a role with the scope."""
    orders = with_absent_clients(estate(ORDERS, stack=ASSUMED))
    api = orders.components["orders/api"]
    callers = Callers(orders)
    assert callers.principals_with(api, frozenset({"read"})).principals == {
        CHECKOUT: ITSELF,
        WEB: ITSELF,
        CHECKOUT_USERS: {frozenset({"sales"})},
        WEB_USERS: {frozenset({"sales"})},
    }
    both_scopes = frozenset({"read", "write"})
    assert callers.principals_with(api, both_scopes).principals == {
        WEB: ITSELF,
        WEB_USERS: {frozenset({"sales", "desk"})},
    }


def test_nothing_is_assumed_of_clients_that_are_here() -> None:
    complete = estate(ORDERS, SHOP, stack=ASSUMED)
    assert with_absent_clients(complete) == complete


def test_on_a_real_stack_no_client_is_assumed() -> None:
    complete = replace(estate(ORDERS, stack=ASSUMED), stack=STACK)
    assert with_absent_clients(complete) is complete
