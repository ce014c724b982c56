"""An org's objects with our names: relevant objects, their adoption, and ambiguous objects."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from kong_oam.access.model import Stack
from kong_oam.access.partitions import part_of
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.diagnostics import Diagnostic
from kong_oam.engine.state import RecordedNames
from kong_oam.identity.okta.api import Account, client
from kong_oam.identity.okta.conflicts import name_conflicts
from kong_oam.identity.okta.names import objects
from sandbox.okta import Okta
from tests.support.estates import PROVIDER, estate
from tests.support.json_object import JsonObject

WITH_SIGN_IN = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x, ports: [{port: 80}]}
      traits:
        - {type: gateway, properties: {domain: shop.example.com, http: {/: 80}}}
        - type: access
          properties:
            owner: shop
            scopes: {read: Read}
            rules: [{scopes: [read]}]
            roles:
              reader: {scopes: [read], groups: [sales], components: [shop/job, shop/web]}
    - name: job
      type: worker
      properties: {image: x}
      traits: [{type: client, properties: {kind: service, calls: [{component: shop/api, scopes: [read]}]}}]
    - name: web
      type: webservice
      properties: {image: x, ports: [{port: 80}]}
      traits:
        - {type: gateway, properties: {domain: web.example.com, http: {/: 80}}}
        - type: access
          properties: {owner: shop, rules: [{public: {reason: it signs users in}}]}
        - type: client
          properties: {kind: web, redirectPaths: [/callback], calls: [{component: shop/api, scopes: [read]}]}
"""
"""An API, and two clients of it: a service, and an application on a server that users sign in to."""

ESTATE = estate(WITH_SIGN_IN, stack=Stack("tests", {"main": PROVIDER}))
SETTINGS = ProviderSettings("main", "okta", "api://tests")
NOTHING: RecordedNames = frozenset()
ALL: RecordedNames = frozenset(
    (entity.type, entity.logical) for entity in objects(SETTINGS, ESTATE)
)


@pytest.fixture
def org() -> Iterator[httpx.Client]:
    """An org with the group `sales`."""
    with (
        Okta(api_token="secret", groups=("sales",)) as okta,
        client(Account("a", "okta.test", "secret", okta.url)) as connection,
    ):
        yield connection


def _make(org: httpx.Client, path: str, **body: Any) -> str:
    answer = org.post(path, json=body)
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["id"])


def _app(org: httpx.Client, label: str, **chosen: str) -> str:
    settings = {
        "application_type": "service",
        "grant_types": ["client_credentials"],
        "response_types": ["token"],
    }
    credentials = {
        "oauthClient": {
            "token_endpoint_auth_method": "client_secret_basic",
            **chosen,
        }
    }
    about = {
        "name": "oidc_client",
        "label": label,
        "signOnMode": "OPENID_CONNECT",
    }
    return _make(
        org,
        "/apps",
        **about,
        credentials=credentials,
        settings={"oauthClient": settings},
    )


def _server(org: httpx.Client, name: str = "kong-oam tests") -> str:
    return _make(
        org,
        "/authorizationServers",
        name=name,
        description=name,
        audiences=["api://x"],
    )


def _policy(org: httpx.Client, server: str, name: str) -> str:
    body = {
        "type": "OAUTH_AUTHORIZATION_POLICY",
        "name": name,
        "description": name,
        "priority": 1,
        "status": "ACTIVE",
    }
    conditions = {"clients": {"include": ["ALL_CLIENTS"]}}
    return _make(
        org,
        f"/authorizationServers/{server}/policies",
        **body,
        conditions=conditions,
    )


def _rule(org: httpx.Client, server: str, policy: str, name: str) -> str:
    conditions = {
        "people": {"groups": {"include": ["EVERYONE"]}},
        "grantTypes": {"include": ["client_credentials"]},
        "scopes": {"include": ["*"]},
    }
    return _make(
        org,
        f"/authorizationServers/{server}/policies/{policy}/rules",
        type="RESOURCE_ACCESS",
        name=name,
        priority=1,
        conditions=conditions,
        actions={"token": {"accessTokenLifetimeMinutes": 60}},
    )


def _conflicts(
    org: httpx.Client, held_names: RecordedNames = NOTHING
) -> list[Diagnostic]:
    return list(name_conflicts(org, SETTINGS, ESTATE, held_names, "kong-oam"))


def _imported(found: Diagnostic) -> JsonObject:
    """The file that the one command of the message hands to `pulumi import`."""
    (line,) = (
        line.strip()
        for line in str(found).splitlines()
        if line.strip().startswith("echo ")
    )
    echo, file, pipe, *command = shlex.split(line)
    assert (echo, pipe) == ("echo", "|")
    assert shlex.join(command).startswith(
        "pulumi import --stack tests --yes --protect=false"
    )
    parsed: JsonObject = json.loads(file)
    return parsed


def test_names_of_others_are_no_concern(org: httpx.Client) -> None:
    """An empty org, another stack's server and scopes, a label that only begins as ours."""
    assert _conflicts(org) == []
    other = _server(org, "kong-oam tests2")
    _make(org, f"/authorizationServers/{other}/scopes", name="read")
    _app(org, "kong-oam tests shop/job2")
    assert _conflicts(org) == []


def test_what_is_a_partitions_is_adopted_by_its_own_stack(
    org: httpx.Client,
) -> None:
    """The base's would delete it with its next run: no program of its has it."""
    stack = Stack("tests", {"main": PROVIDER}, partitions={"shops": ("*",)})
    _app(org, "kong-oam tests shop/job")
    part = part_of(estate(WITH_SIGN_IN, stack=stack), "shops")
    (found,) = name_conflicts(org, SETTINGS, part, NOTHING, "kong-oam")
    assert "pulumi import --stack tests-shops --yes" in str(found)
    assert "`python -m kong_oam recover -s tests-shops --remove`" in str(found)


def test_everything_of_our_names_is_listed_with_the_id_to_import_it_by(
    org: httpx.Client,
) -> None:
    """The server and all in it, apps, and the groups of an app that has some; the component that they belong to first."""
    server, job, web = (
        _server(org),
        _app(org, "kong-oam tests shop/job"),
        _app(org, "kong-oam tests shop/web"),
    )
    scope = _make(org, f"/authorizationServers/{server}/scopes", name="read")
    claim = {
        "claimType": "RESOURCE",
        "valueType": "GROUPS",
        "group_filter_type": "REGEX",
        "value": ".*",
    }
    groups = _make(
        org, f"/authorizationServers/{server}/claims", name="groups", **claim
    )
    _make(
        org,
        f"/authorizationServers/{server}/claims",
        name="groups",
        **claim | {"claimType": "IDENTITY"},
    )
    policy = _policy(org, server, "shop/job")
    rule = _rule(org, server, policy, "shop/job")
    _rule(org, server, policy, "another")
    (sales,) = (
        row["id"]
        for row in org.get("/groups").json()
        if row["profile"]["name"] == "sales"
    )
    org.put(f"/apps/{web}/groups/{sales}", json={}).raise_for_status()
    (found,) = _conflicts(org)
    assert found.code == "ENV403"
    assert f"\n  auth.ServerScope 'read', {server}/{scope}\n" in str(found)
    assert "`python -m kong_oam recover -s tests --remove` removes them" in str(
        found
    )
    first, *children = _imported(found)["resources"]
    assert first == {
        "type": "kong-oam:identity:Okta",
        "name": "main",
        "component": True,
    }
    assert {child["parent"] for child in children} == {"main"}
    assert {
        (child["type"], child["name"]): child["id"] for child in children
    } == {
        ("okta:auth/server:Server", "main-server"): server,
        (
            "okta:auth/serverScope:ServerScope",
            "main-scope-read",
        ): f"{server}/{scope}",
        (
            "okta:auth/serverClaim:ServerClaim",
            "main-groups",
        ): f"{server}/{groups}",
        (
            "okta:auth/serverPolicy:ServerPolicy",
            "main-policy-shop/job",
        ): f"{server}/{policy}",
        (
            "okta:auth/serverPolicyRule:ServerPolicyRule",
            "main-rule-shop/job",
        ): f"{server}/{policy}/{rule}",
        ("okta:app/oAuth:OAuth", "main-app-shop/job"): job,
        ("okta:app/oAuth:OAuth", "main-app-shop/web"): web,
        (
            "okta:index/appGroupAssignments:AppGroupAssignments",
            "main-groups-shop/web",
        ): web,
    }


def test_an_app_without_groups_has_no_assignments_to_take_over(
    org: httpx.Client,
) -> None:
    """They are made as usual then: there is nothing at Okta that they could be imported from."""
    _app(org, "kong-oam tests shop/web")
    (found,) = _conflicts(org)
    assert [resource["name"] for resource in _imported(found)["resources"]] == [
        "main",
        "main-app-shop/web",
    ]


def test_what_the_state_holds_is_ours_and_is_not_asked_about() -> None:
    """Not one request, whatever the org has."""

    def answer(request: httpx.Request) -> httpx.Response:
        raise AssertionError(request.url)

    assignments = (
        "okta:index/appGroupAssignments:AppGroupAssignments",
        "main-groups-shop/web",
    )
    with httpx.Client(
        base_url="https://a.okta.test/api/v1",
        transport=httpx.MockTransport(answer),
    ) as connection:
        assert _conflicts(connection, ALL | {assignments}) == []


def test_what_is_new_is_looked_for_in_the_server_that_the_state_holds(
    org: httpx.Client,
) -> None:
    """A scope made by hand in our own server: only the scope is adopted, below the existing
    component."""
    server = _server(org)
    scope = _make(org, f"/authorizationServers/{server}/scopes", name="read")
    new = ("okta:auth/serverScope:ServerScope", "main-scope-read")
    (found,) = _conflicts(
        org, (ALL | {("kong-oam:identity:Okta", "main")}) - {new}
    )
    file = _imported(found)
    assert file["resources"] == [
        dict(
            zip(("type", "name"), new, strict=True),
            id=f"{server}/{scope}",
            parent="main",
        )
    ]
    assert file["nameTable"]["main"].endswith("::kong-oam:identity:Okta::main")


def test_of_several_of_one_label_none_is_taken_over(org: httpx.Client) -> None:
    """Okta allows it; both are listed, and there is no command."""
    app_ids = [_app(org, "kong-oam tests shop/job") for _ in range(2)]
    (found,) = _conflicts(org)
    assert all(name in str(found) for name in app_ids)
    assert (
        "Several objects are named 'kong-oam tests shop/job': rename or remove all except this stack's"
        in str(found)
    )
    assert "pulumi import" not in str(found)


def test_policies_of_others_in_the_server_have_to_go_first(
    org: httpx.Client,
) -> None:
    """They would give tokens for this stack's APIs to clients that no role names."""
    server = _server(org)
    _policy(org, server, "shop/job")
    theirs = _policy(org, server, "theirs")
    app, policy = _conflicts(org)
    assert (app.code, policy.code) == ("ENV403", "ENV404")
    assert (
        f"policy 'theirs' ({theirs}) of authorization server {server} is not this stack's"
        in policy.message
    )
    assert "pulumi import" not in str(app)
