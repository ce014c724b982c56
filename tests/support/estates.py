"""Estates for tests: Applications as text become a compiled estate, without files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kong_oam.access.compile.estate import Compiled, compile_estate
from kong_oam.access.model import Component, Estate, Stack
from kong_oam.access.providers import ClaimMapping, Listing, Provider, TokenType
from kong_oam.oam.application import join_readings, read_bytes
from kong_oam.traits.key import Key, Traits

SPELLING = ClaimMapping(
    client="cid",
    user="uid",
    scopes=Listing("scp"),
    service_scopes=Listing("scp"),
    groups="groups",
    marks=(TokenType("jti", "AT.", prefix=True),),
    overage=("more",),
)
ENTRA_SPELLING = ClaimMapping(
    client="azp",
    user="scp",
    scopes=Listing("scp", "words"),
    service_scopes=Listing("roles", prefix="scope="),
    groups="roles",
    marks=(TokenType("ver", "2.0"),),
    subject="oid",
    own="idtyp",
    own_value="app",
)
"""The claims of Entra's tokens, except the claim for too many groups; they differ from the claims
above in everything."""
ISSUER = "https://issuer.example.com"
PROVIDER = Provider("main", "api://tests", SPELLING, issuer=ISSUER)
STACK = Stack(
    "tests", {"main": PROVIDER}, domain="apps.example.com", scheme="https"
)


def compiled(*texts: str, stack: Stack = STACK) -> Compiled:
    """Applications, one text a file, compiled on `stack`."""
    readings = [
        read_bytes(f"app{number}.yaml", text.encode())
        for number, text in enumerate(texts, start=1)
    ]
    return compile_estate(join_readings(readings), stack)


def estate(*texts: str, stack: Stack = STACK) -> Estate:
    """Return the estate of valid Applications."""
    result = compiled(*texts, stack=stack)
    assert result.estate is not None, "\n".join(
        str(diagnostic) for diagnostic in result.diagnostics
    )
    return result.estate


def with_traits(
    estate: Estate, key: str, values: Mapping[Key[Any], Any]
) -> Estate:
    """Return the estate with these additional values of traits at component `key`."""

    def extended(component: Component) -> Component:
        if component.key != key:
            return component
        return replace(
            component, traits=Traits({**component.traits.values, **values})
        )

    applications = (
        replace(
            application, components=tuple(map(extended, application.components))
        )
        for application in estate.applications
    )
    return replace(estate, applications=tuple(applications))


def api(
    name: str = "orders",
    *,
    domain: str = "orders.example.com",
    http: str = "{/orders: 8080}",
    access: str = "",
) -> str:
    """Return an Application with one exposed component `api`; `access` is the body of its access
    trait, or empty."""
    trait = (
        f"        - type: access\n          properties: {access}\n"
        if access
        else ""
    )
    return (
        f"apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {{name: {name}, namespace: {name}}}\nspec:\n"
        "  components:\n    - name: api\n      type: webservice\n      properties: {image: x}\n      traits:\n"
        f'        - type: gateway\n          properties: {{domain: "{domain}", http: {http}}}\n{trait}'
    )


def exposing(*endpoints: tuple[str, str], stack: str = "tests") -> Estate:
    """Return an estate with a component that is exposed at these hosts and paths."""
    traits = "".join(
        f"        - {{type: gateway, properties: {{name: g{number}, domain: '{host}', http: {{'{path}': 80}}}}}}\n"
        for number, (host, path) in enumerate(sorted(endpoints))
    )
    text = f"""\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: shop}}
spec:
  components:
    - name: api
      type: webservice
      properties: {{image: x, ports: [{{port: 80}}]}}
      traits:
{traits}"""
    return estate(text, stack=Stack(stack, {"main": PROVIDER}))


def external(name: str = "crm", http: str = "{/: 8080}", more: str = "") -> str:
    """Return the Application `legacy` with an external component behind a route; `more` are further
    traits or components."""
    properties = f"{{domain: {name}.example.com, http: {http}}}"
    return (
        "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: legacy}\nspec:\n"
        f"  components:\n    - name: {name}\n      type: external\n      traits:\n"
        f"        - {{type: gateway, properties: {properties}}}\n{more}"
    )
