"""Which objects at Okta are certain to be what an interrupted creation left, and which are only of the same name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from kong_oam.access.settings.values import ProviderSettings
from kong_oam.engine.configuration import Configuration
from kong_oam.engine.pending import ExportedState, PendingCreation
from kong_oam.identity.common.orphans import Orphan
from kong_oam.identity.okta import api
from kong_oam.identity.okta import orphans as okta
from sandbox.okta import Okta, User
from tests.support.json_object import JsonObject

LABEL, CHOSEN = "kong-oam local shop/checkout", "kong-oam.local.shop.checkout"
APP, SERVER, POLICY = (
    "okta:app/oAuth:OAuth",
    "okta:auth/server:Server",
    "okta:auth/serverPolicy:ServerPolicy",
)


@pytest.fixture
def org() -> Iterator[httpx.Client]:
    """An org with the group `sales`, reached as the official plugin reaches it."""
    running = Okta(
        port=0,
        api_token="secret",
        groups=("sales",),
        users=(User("user", groups=("sales",)),),
    )
    running.start()
    with api.client(
        api.Account("sandbox", "okta.invalid", "secret", running.url)
    ) as client:
        yield client
    running.stop()


def _make(org: httpx.Client, path: str, body: JsonObject) -> str:
    answer = org.post(path, json=body)
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["id"])


def _app(org: httpx.Client, label: str = LABEL, **chosen: str) -> str:
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
    app = {
        "name": "oidc_client",
        "label": label,
        "signOnMode": "OPENID_CONNECT",
    }
    return _make(
        org,
        "/apps",
        {
            **app,
            "credentials": credentials,
            "settings": {"oauthClient": settings},
        },
    )


def _server(org: httpx.Client, name: str = "kong-oam local") -> str:
    return _make(
        org,
        "/authorizationServers",
        {"name": name, "description": name, "audiences": ["api://x"]},
    )


def _policy(org: httpx.Client, server: str, name: str, client: str) -> str:
    body = {
        "type": "OAUTH_AUTHORIZATION_POLICY",
        "name": name,
        "description": name,
        "priority": 1,
        "status": "ACTIVE",
    }
    conditions = {"clients": {"include": [client]}}
    return _make(
        org,
        f"/authorizationServers/{server}/policies",
        {**body, "conditions": conditions},
    )


def _interrupted(
    kind: str,
    identifier: str | None = None,
    known: tuple[str, ...] = (),
    **inputs: str,
) -> ExportedState:
    return ExportedState(
        frozenset(known), (PendingCreation(kind, inputs, identifier),), None
    )


def _doubts(org: httpx.Client, state: ExportedState) -> list[str | None]:
    return [doubt for _, doubt in okta.orphans(org, state)]


def test_the_one_unused_app_of_that_label_is_lost_and_is_removed(
    org: httpx.Client,
) -> None:
    """Not an app in the state, nor an app whose label only begins alike."""
    known, other, made = _app(org), _app(org, f"{LABEL}2"), _app(org)
    found = okta.orphans(org, _interrupted(APP, known=(known,), label=LABEL))
    assert [(orphan.id, doubt) for orphan, doubt in found] == [(made, None)]
    assert str(found[0][0]) == f"OAuth {LABEL} ({made})"
    okta.remove(org, [orphan for orphan, _ in found])
    assert sorted(row["id"] for row in org.get("/apps").json()) == sorted(
        [known, other]
    )


def test_of_two_of_a_name_none_is_certain(org: httpx.Client) -> None:
    """Unless the answer, and so the id, had been heard."""
    first, second = _app(org), _app(org)
    several = "several objects have this name"
    assert _doubts(org, _interrupted(APP, label=LABEL)) == [several, several]
    assert [
        orphan.id
        for orphan, _ in okta.orphans(
            org, _interrupted(APP, second, label=LABEL)
        )
    ] == [second]
    assert [
        orphan.id
        for orphan, _ in okta.orphans(
            org, _interrupted(APP, first, label=LABEL)
        )
    ] == [first]


def test_of_two_of_a_label_the_one_of_the_chosen_client_id_is_lost(
    org: httpx.Client,
) -> None:
    """One of another client id was not made by that creation, and an app of another label was not either."""
    _app(org)
    made = _app(org, client_id=CHOSEN)
    state = _interrupted(APP, label=LABEL, clientId=CHOSEN)
    assert [
        (orphan.id, doubt) for orphan, doubt in okta.orphans(org, state)
    ] == [(made, None)]
    assert (
        _doubts(org, _interrupted(APP, label="another", clientId=CHOSEN)) == []
    )


def test_an_app_that_the_stacks_own_policy_lists_from_before_is_lost(
    org: httpx.Client,
) -> None:
    """It replaced an app with the same client id. That app's policy is in the state, and a foreign
    policy is not."""
    _app(org, client_id=CHOSEN)
    server = _server(org)
    own = _policy(org, server, "shop/checkout", CHOSEN)
    known = _interrupted(APP, known=(own,), label=LABEL, clientId=CHOSEN)
    assert _doubts(org, known) == [None]
    _policy(org, server, "theirs", CHOSEN)
    assert _doubts(org, known) == ["a policy of kong-oam local lists it"]


def test_an_app_that_is_used_is_somebodys(org: httpx.Client) -> None:
    """A policy of any server lists it, or a group is assigned: nobody could have, without the lost answer."""
    app = _app(org)
    client = org.get(f"/apps/{app}").json()["credentials"]["oauthClient"][
        "client_id"
    ]
    _policy(org, _server(org, "theirs"), "theirs", client)
    assert _doubts(org, _interrupted(APP, label=LABEL)) == [
        "a policy of theirs lists it"
    ]
    group = next(
        row["id"]
        for row in org.get("/groups").json()
        if row["profile"]["name"] == "sales"
    )
    org.put(f"/apps/{app}/groups/{group}", json={})
    assert _doubts(org, _interrupted(APP, label=LABEL)) == [
        "groups are assigned to it"
    ]


def test_a_server_with_policies_and_a_policy_with_rules_are_somebodys(
    org: httpx.Client,
) -> None:
    """An interrupted creation leaves an empty object."""
    server = _server(org)
    state = _interrupted(SERVER, name="kong-oam local")
    assert _doubts(org, state) == [None]
    policy = _policy(org, server, "shop/checkout", "ALL_CLIENTS")
    assert _doubts(org, state) == ["it has policies"]
    of_policy = _interrupted(POLICY, authServerId=server, name="shop/checkout")
    assert _doubts(org, of_policy) == [None]
    rule = {
        "type": "RESOURCE_ACCESS",
        "name": "r",
        "priority": 1,
        "conditions": {
            "people": {"groups": {"include": ["EVERYONE"]}},
            "grantTypes": {"include": ["client_credentials"]},
            "scopes": {"include": ["*"]},
        },
        "actions": {"token": {"accessTokenLifetimeMinutes": 60}},
    }
    _make(org, f"/authorizationServers/{server}/policies/{policy}/rules", rule)
    assert _doubts(org, of_policy) == ["it has rules"]


def test_what_is_in_a_server_is_looked_for_in_that_server(
    org: httpx.Client,
) -> None:
    """A scope of that name in another server is not looked at; the rest of the server stays."""
    ours, theirs = _server(org), _server(org, "theirs")
    made = [
        _make(
            org,
            f"/authorizationServers/{server}/scopes",
            {"name": "orders.read"},
        )
        for server in (ours, theirs)
    ]
    state = _interrupted(
        "okta:auth/serverScope:ServerScope",
        authServerId=ours,
        name="orders.read",
    )
    okta.remove(org, [orphan for orphan, _ in okta.orphans(org, state)])
    scopes = [
        [
            row["id"]
            for row in org.get(f"/authorizationServers/{server}/scopes").json()
            if not row["system"]
        ]
        for server in (ours, theirs)
    ]
    assert scopes == [[], [made[1]]]


def test_every_page_is_read() -> None:
    """Okta links the next page in a header."""

    def answer(request: httpx.Request) -> httpx.Response:
        if "after" in request.url.params:
            return httpx.Response(200, json=[{"id": "0oa2", "label": LABEL}])
        link = f'<{request.url.copy_with(path="/api/v1/apps", query=b"after=0oa1&limit=200")}>; rel="next"'
        return httpx.Response(
            200,
            json=[{"id": "0oa1", "label": "another"}],
            headers={"Link": link},
        )

    with httpx.Client(
        base_url="https://acme.okta.com/api/v1",
        transport=httpx.MockTransport(answer),
    ) as paged:
        assert [row["id"] for row in api.rows(paged, "/apps")] == [
            "0oa1",
            "0oa2",
        ]


def test_nothing_interrupted_at_okta_is_no_reason_to_ask_okta() -> None:
    """Kong's and Kubernetes' own creations are not its concern."""
    state = _interrupted("kong:index/route:Route", name="way")
    settings = ProviderSettings("main", "okta", "api://x")
    with ExitStack() as opened:
        assert (
            okta.find(settings, state, opened, Configuration(lambda _: None))
            is None
        )


def test_an_origin_that_stacks_share_is_kept(org: httpx.Client) -> None:
    """Another stack may have made it meanwhile. One with this stack's name is nobody else's."""
    kind, page = "okta:trustedorigin/origin:Origin", "https://shop.example.com"

    def orphans_named(name: str) -> list[tuple[Orphan, str | None]]:
        return okta.orphans(org, _interrupted(kind, name=name, origin=page))

    body = {"origin": page, "scopes": [{"type": "CORS"}]}
    shared = _make(org, "/trustedOrigins", {**body, "name": f"kong-oam {page}"})
    assert [doubt for _, doubt in orphans_named(f"kong-oam {page}")] == [
        "stacks share it"
    ]
    org.delete(f"/trustedOrigins/{shared}").raise_for_status()
    _make(org, "/trustedOrigins", {**body, "name": f"kong-oam local {page}"})
    ((lost, doubt),) = orphans_named(f"kong-oam local {page}")
    assert doubt is None
    okta.remove(org, [lost])
    assert org.get("/trustedOrigins").json() == []
