"""Trusted origins that an org has already: whose they are, when they are adopted, and which stays for others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from kong_oam.access.model import Stack
from kong_oam.access.settings.values import ProviderSettings, StackError
from kong_oam.diagnostics import Diagnostic
from kong_oam.identity.okta.api import Account, client
from kong_oam.identity.okta.conflicts import name_conflicts
from kong_oam.identity.okta.names import ORIGIN, objects, origin_name
from kong_oam.identity.okta.origins import origin_owner
from sandbox.okta import Okta
from tests.support.estates import PROVIDER, estate
from tests.support.json_object import JsonObject
from tests.support.provider_settings import stack

WITH_CLIENTS = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x}
      traits:
        - type: gateway
          properties: {domain: shop.example.com, http: {/: 8080}}
        - type: access
          properties:
            owner: me
            scopes: {read: Read}
            rules: [{methods: [POST], scopes: [read]}, {methods: [GET], public: {reason: pages}}]
            roles: {all: {scopes: [read], groups: [g], components: [shop/job, shop/spa]}}
    - name: job
      type: worker
      properties: {image: x}
      traits:
        - type: client
          properties: {kind: service, calls: [{component: shop/api, scopes: [read]}]}
    - name: spa
      type: webservice
      properties: {image: x}
      traits:
        - type: gateway
          properties: {domain: spa.example.com, http: {/: 8080}}
        - type: access
          properties: {owner: me, rules: [{public: {reason: pages}}]}
        - type: client
          properties: {kind: browser, redirectPaths: [/cb], calls: [{component: shop/api, scopes: [read]}]}
"""
"""An API, and two clients of it: a service, and a page in the browser."""

PAGE = "https://spa.example.com"
TWO = (
    WITH_CLIENTS
    + """\
    - name: other
      type: webservice
      properties: {image: x}
      traits:
        - type: gateway
          properties: {domain: spa.example.com, http: {/other: 8080}}
        - type: access
          properties: {owner: me, rules: [{public: {reason: pages}}]}
        - {type: client, properties: {kind: browser, redirectPaths: [/other/cb]}}
"""
)
ESTATE = estate(TWO, stack=Stack("tests", {"main": PROVIDER}))
SETTINGS = ProviderSettings("main", "okta", "api://tests")
SHARED = replace(SETTINGS, shared_origins=(PAGE,))


@pytest.fixture
def org() -> Iterator[httpx.Client]:
    with (
        Okta(api_token="secret", groups=("g",)) as okta,
        client(Account("a", "okta.test", "secret", okta.url)) as connection,
    ):
        yield connection


def _trusted(
    org: httpx.Client, name: str, *scopes: str, origin: str = PAGE
) -> str:
    body = {
        "name": name,
        "origin": origin,
        "scopes": [{"type": scope} for scope in scopes],
    }
    answer = org.post("/trustedOrigins", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def _conflicts(
    org: httpx.Client,
    settings: ProviderSettings = SETTINGS,
    *held_names: tuple[str, str],
) -> list[Diagnostic]:
    return list(
        name_conflicts(org, settings, ESTATE, frozenset(held_names), "kong-oam")
    )


def _imports(found: list[Diagnostic]) -> bool:
    return any(
        "pulumi import" in line
        for conflict in found
        for line in conflict.details
    )


def test_an_origin_is_trusted_once_for_all_pages_that_it_has() -> None:
    """Only browser clients have origins: only their pages ask for tokens."""
    assert [client.origins for client in ESTATE.clients] == [
        (),
        (PAGE,),
        (PAGE,),
    ]
    assert [
        replace(ESTATE.clients[1], kind=kind).origins
        for kind in ("web", "native")
    ] == [(), ()]
    (only,) = (
        entity for entity in objects(SETTINGS, ESTATE) if entity.type == ORIGIN
    )
    assert (only.logical, only.name) == (f"main-origin-{PAGE}", PAGE)


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        (f"kong-oam tests {PAGE}", "tests"),
        (f"kong-oam {PAGE}", ""),
        ("the shop's pages", None),
        (f"kong-oam tests {PAGE}.evil", None),
        (PAGE, None),
    ],
)
def test_the_name_says_whose_it_is(name: str, owner: str | None) -> None:
    assert origin_owner(name, PAGE) == owner
    if owner is not None:
        assert origin_name(owner, PAGE, shared=not owner) == name


def test_one_that_somebody_else_made_is_taken_over_by_the_command(
    org: httpx.Client,
) -> None:
    """It is said what it is for besides; a slash at its end makes it no other, another port does."""
    _trusted(org, "elsewhere", "CORS", origin=f"{PAGE}:8443")
    assert _conflicts(org) == []
    made = _trusted(org, "pages", "CORS", "REDIRECT", origin=f"{PAGE}/")
    (found,) = _conflicts(org)
    assert (
        f"  trustedorigin.Origin '{PAGE}', {made} ('pages', CORS and REDIRECT, ACTIVE)"
        in found.details
    )
    (line,) = (line for line in found.details if "pulumi import" in line)
    assert (
        f'"type": "{ORIGIN}", "name": "main-origin-{PAGE}", "id": "{made}", "parent": "main"'
        in line
    )
    assert _conflicts(org, SETTINGS, (ORIGIN, f"main-origin-{PAGE}")) == []


def test_one_of_another_stack_is_not_taken_away_from_it(
    org: httpx.Client,
) -> None:
    """It would be in two states, and the first of the two that goes would remove it: both have to say that they share."""
    made = _trusted(org, f"kong-oam aws {PAGE}", "CORS")
    for settings in (SETTINGS, SHARED):
        (found,) = _conflicts(org, settings)
        assert found.message == (
            f"main has trusted origin '{PAGE}' ({made}) of stack 'aws', which would remove it together with its own pages; write "
            f"`sharedOrigins: [{PAGE}]` in stacks/Pulumi.tests.yaml and in the file of stack 'aws', run `pulumi up -s aws`, "
            "then run this again"
        )
        assert (found.code, found.position is not None) == ("ENV403", True)
        assert not _imports([found])


def test_one_that_is_shared_is_taken_over_by_a_stack_that_says_so(
    org: httpx.Client,
) -> None:
    """And by no other, which would remove it."""
    made = _trusted(org, f"kong-oam {PAGE}", "CORS")
    (found,) = _conflicts(org)
    assert found.message == (
        f"main has trusted origin '{PAGE}' ({made}), which stacks share; write `sharedOrigins: [{PAGE}]` in "
        "stacks/Pulumi.tests.yaml"
    )
    assert not _imports([found])
    assert _imports(_conflicts(org, SHARED))


@pytest.mark.parametrize(
    "change", [{"scopes": [{"type": "REDIRECT"}]}, {"status": "INACTIVE"}]
)
def test_what_others_have_is_changed_by_them(
    org: httpx.Client, change: JsonObject
) -> None:
    """A shared origin keeps its purposes. If pages get no tokens, its owner has to change it at
    Okta."""
    made = _trusted(org, "pages", "CORS")
    body = {
        "name": "pages",
        "origin": PAGE,
        "scopes": [{"type": "CORS"}],
        **change,
    }
    assert org.put(f"/trustedOrigins/{made}", json=body).status_code == 200
    (found,) = _conflicts(org, SHARED)
    assert (
        "which is shared but not allowed for CORS; allow CORS there"
        in found.message
    )
    assert _imports(_conflicts(org))


def test_only_okta_has_origins_to_share() -> None:
    assert stack(
        {"name": "okta", "type": "okta", "sharedOrigins": [PAGE]}
    ).providers[0].shared_origins == (PAGE,)
    for odd in (
        f"{PAGE}/",
        "spa.example.com",
        f"{PAGE}/cb",
        "https://SPA.example.com",
    ):
        with pytest.raises(StackError, match="sharedOrigins"):
            stack({"name": "okta", "type": "okta", "sharedOrigins": [odd]})
    origin = {
        "name": "k",
        "type": "keycloak",
        "issuer": "https://k.example.com/realms/a",
        "sharedOrigins": [PAGE],
    }
    with pytest.raises(StackError, match="ignores 'sharedOrigins'"):
        stack(origin)
