"""Estates of any number of Applications with their groups, the products' objects for them, and the
part in the state. They serve to count the requests of a run."""

from __future__ import annotations

import re
from functools import cache

from benchmarks.requests import application, groups
from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.model import Estate
from kong_oam.engine.state import RecordedNames
from kong_oam.identity.okta.names import app_label, client_id, server_name
from kong_oam.oam.application import Reading, join_readings, read_bytes
from sandbox.entra import Entra
from sandbox.okta import Okta
from tests.support.entra_mocks import ISSUER
from tests.support.json_object import JsonObject
from tests.support.provider_settings import KEYCLOAK, stack

PROVIDERS: dict[str, JsonObject] = {
    "okta": {"name": "okta", "type": "okta", "audience": "api://tests"},
    "entra": {
        "name": "entra",
        "type": "entra",
        "issuer": ISSUER,
        "accessTokenMinutes": 90,
    },
    "keycloak": KEYCLOAK,
}
"""The settings of a provider, by kind."""


class AllBut(frozenset[tuple[str, str]]):
    """A state that holds all objects, except an Application's (its number) or its groups'."""

    def __new__(cls, number: int | None) -> AllBut:
        made = super().__new__(cls)
        made._without = (
            re.compile(rf"app{number}[/.]|(readers|writers)-{number}\Z")
            if number is not None
            else None
        )
        return made

    def __contains__(self, pair: object) -> bool:
        return not (
            isinstance(pair, tuple)
            and self._without
            and self._without.search(pair[1])
        )

    _without: re.Pattern[str] | None


ALL: RecordedNames = AllBut(None)
"""The state that a run without a change finds."""
WITHOUT_THE_FIRST: RecordedNames = AllBut(0)
"""The state that a run finds which adds the Application of number 0."""


@cache
def applications(count: int, kind: str, *, one_more: bool) -> Estate:
    """Return the estate of so many Applications, and of number 0 with `one_more`. A provider of the
    kind may have any address."""
    made = compile_estate(_read(count, one_more), stack(PROVIDERS[kind]).stack)
    assert made.estate is not None, made.diagnostics
    return made.estate


@cache
def _read(count: int, one_more: bool) -> Reading:
    numbers = range(0 if one_more else 1, count + 1)
    return join_readings(
        [
            read_bytes(f"app{number}.yaml", application(number).encode())
            for number in numbers
        ]
    )


def group_names(count: int) -> list[str]:
    """Return all groups that the Applications up to this number name, and the groups of number 0."""
    return [group for number in range(count + 1) for group in groups(number)]


def fill_org(okta: Okta, count: int) -> None:
    """Fill the org with the objects of so many Applications: server, scopes, apps, policies."""
    org = okta.save()
    org.put(
        "authorizationServers",
        {
            "id": "aus1",
            "name": server_name("tests"),
            "audiences": ["api://tests"],
        },
    )
    for number in range(1, count + 1):
        for name in (f"app{number}.read", f"app{number}.write"):
            org.put("scopes", {"id": f"scp-{name}", "name": name}, "aus1")
        for component in (f"app{number}/job", f"app{number}/web"):
            client = {
                "oauthClient": {"client_id": client_id("tests", component)}
            }
            about = {
                "id": f"0oa-{component}",
                "label": app_label("tests", component),
                "name": "oidc_client",
            }
            org.put(
                "apps", {**about, "credentials": client, "status": "ACTIVE"}
            )
            org.put(
                "policies",
                {"id": f"00p-{component}", "name": component, "priority": 1},
                "aus1",
            )
    okta.restore(org)


def fill_tenant(tenant: Entra, count: int) -> None:
    """Fill the tenant with the objects of so many Applications: applications and their service
    principals."""
    for number in range(1, count + 1):
        for name in (
            f"app{number}/api API",
            f"app{number}/job",
            f"app{number}/web",
        ):
            made = tenant.directory.create_application(
                {"displayName": f"kong-oam tests {name}"}
            )
            tenant.directory.create_principal({"appId": made["appId"]})
