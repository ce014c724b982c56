"""An API, and an application with one client of it, of any kind."""

from __future__ import annotations

from tests.support.estates import api, compiled

ORDERS = api(
    access=(
        "{owner: o, scopes: {read: r}, rules: [{scopes: [read]}], "
        "roles: {reader: {scopes: [read], groups: [sales], components: [shop/it]}}}"
    )
)
PATHS = "            redirectPaths: [/callback]\n"
PAGES = """\
        - type: gateway
          properties: {domain: shop.example.com, http: {/: 80}}
        - type: access
          properties: {owner: o, rules: [{public: {reason: pages}}]}
"""


def shop(
    kind: str,
    more: str = "",
    component: str = "webservice",
    traits: str = PAGES,
    properties: str = "image: x",
) -> str:
    """An application with one client of `orders/api`; `more` are further fields of its client trait."""
    has_properties = component != "external" or properties != "image: x"
    properties = (
        f"      properties: {{{properties}}}\n" if has_properties else ""
    )
    return (
        "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: shop, namespace: shop}\nspec:\n"
        f"  components:\n    - name: it\n      type: {component}\n{properties}      traits:\n{traits}"
        "        - type: client\n          properties:\n"
        f"            kind: {kind}\n            calls: [{{component: orders/api, scopes: [read]}}]\n{more}"
    )


def messages(text: str) -> list[str]:
    """Return the problems of the text beside `ORDERS`, without places."""
    return [
        str(diagnostic).splitlines()[0].partition(" error ")[2]
        for diagnostic in compiled(ORDERS, text).diagnostics
    ]
