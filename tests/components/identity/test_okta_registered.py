"""Okta: what the program registers for the sample estate: who may be issued what, and how clients prove who they are."""

from __future__ import annotations

import re

import pytest

from kong_oam.identity.okta.names import app_label, client_id
from tests.support.json_object import JsonObject
from tests.support.mocks import Registered, all_of, clear, program

SHARED = {
    "name": "okta",
    "type": "okta",
    "clientSecrets": True,
    "accessTokenMinutes": 15,
    "groups": {"sales": "order-desk", "order-desk": "sales"},
}
CLIENTS = (
    "desk/bot",
    "reports/console",
    "reports/renderer",
    "shop/checkout",
    "shop/web",
)


@pytest.fixture(scope="module")
def registered() -> list[Registered]:
    return program()


def inputs(registered: list[Registered], kind: str) -> dict[str, JsonObject]:
    """By logical name, without the provider's prefix."""
    return {
        name.removeprefix("okta-"): resource.inputs
        for name, resource in all_of(registered, f"okta:{kind}").items()
    }


def test_one_server_for_the_stack_that_changes_its_keys_by_itself(
    registered: list[Registered],
) -> None:
    """Its tokens are for the stack's audience, and its issuer is an address of the org."""
    assert inputs(registered, "auth/server:Server") == {
        "server": {
            "name": "kong-oam local",
            "description": "Kong-OAM, stack local",
            "audiences": ["api://kong-oam/local"],
            "credentialsRotationMode": "AUTO",
            "issuerMode": "ORG_URL",
            "status": "ACTIVE",
        }
    }


def test_scopes_are_those_that_components_declare(
    registered: list[Registered],
) -> None:
    """None is given unasked, and nobody is asked for consent."""
    scopes = inputs(registered, "auth/serverScope:ServerScope")
    assert {
        scope["name"]: scope["description"] for scope in scopes.values()
    } == {
        "orders.read": "Read orders",
        "orders.write": "Place and change orders",
        "reports.audit": "Read who read what",
        "reports.publish": "Publish and withdraw reports",
        "reports.read": "Read reports",
        "tickets.read": "Read tickets",
        "tickets.use": "Connect",
        "tickets.write": "Close tickets",
    }
    for scope in scopes.values():
        assert (scope["default"], scope["optional"], scope["consent"]) == (
            False,
            False,
            "IMPLICIT",
        )
        assert (scope["authServerId"], scope["metadataPublish"]) == (
            "id of okta-server",
            "NO_CLIENTS",
        )


def test_tokens_list_the_groups_that_roles_name_and_no_others(
    registered: list[Registered],
) -> None:
    """Whole names, in the access token, whatever is asked for."""
    assert inputs(registered, "auth/serverClaim:ServerClaim") == {
        "groups": {
            "authServerId": "id of okta-server",
            "name": "groups",
            "claimType": "RESOURCE",
            "valueType": "GROUPS",
            "groupFilterType": "REGEX",
            "value": r"^(order\-desk|sales)$",
            "alwaysIncludeInToken": True,
            "scopes": [],
            "status": "ACTIVE",
        }
    }


def test_a_client_is_issued_what_roles_grant_it_by_its_own_grant_type(
    registered: list[Registered],
) -> None:
    """A separate policy names the client alone, with one rule: scopes, groups, lifetime. Both are
    active from the start."""
    service, users, groups = (
        ["client_credentials"],
        ["authorization_code"],
        ["id of order-desk", "id of sales"],
    )
    rules = inputs(registered, "auth/serverPolicyRule:ServerPolicyRule")
    assert {
        name.removeprefix("rule-"): (
            rule["grantTypeWhitelists"],
            rule["scopeWhitelists"],
            rule["groupWhitelists"],
        )
        for name, rule in rules.items()
    } == {
        "desk/bot": (service, ["tickets.read", "tickets.use"], []),
        "reports/console": (
            users,
            ["reports.publish", "reports.read", "openid", "offline_access"],
            groups,
        ),
        "reports/renderer": (service, ["reports.audit", "reports.read"], []),
        "shop/checkout": (service, ["orders.read"], []),
        "shop/web": (users, ["orders.read", "orders.write", "openid"], groups),
    }
    policies = inputs(registered, "auth/serverPolicy:ServerPolicy")
    assert sorted(policies) == [f"policy-{client}" for client in CLIENTS]
    for client in CLIENTS:
        policy, rule = policies[f"policy-{client}"], rules[f"rule-{client}"]
        assert policy["clientWhitelists"] == [
            f"kong-oam.local.{client.replace('/', '.')}"
        ]
        assert (policy["status"], policy["authServerId"]) == (
            "ACTIVE",
            "id of okta-server",
        )
        assert (rule["policyId"], rule["authServerId"]) == (
            f"id of okta-policy-{client}",
            "id of okta-server",
        )
        assert (rule["priority"], rule["type"], rule["status"]) == (
            1,
            "RESOURCE_ACCESS",
            "ACTIVE",
        )
        assert rule["accessTokenLifetimeMinutes"] == 60


def test_policies_are_made_at_once_behind_all_others(
    registered: list[Registered],
) -> None:
    """Their priority moves no other policy. A rule waits for claims and its own scopes, and for no
    other client's resources: the state has these dependencies."""
    policies = all_of(registered, "okta:auth/serverPolicy:ServerPolicy")
    assert {policy.inputs["priority"] for policy in policies.values()} == {
        99_999
    }
    rules = all_of(registered, "okta:auth/serverPolicyRule:ServerPolicyRule")
    for name, resource in (*policies.items(), *rules.items()):
        client = re.sub("okta-(policy|rule)-", "", name)
        declared = set(resource.inputs.get("scopeWhitelists", ())) - {
            "openid",
            "profile",
            "email",
            "offline_access",
        }
        scopes = {f"okta-scope-{scope}" for scope in declared}
        assert {
            after for after in resource.after if after.startswith("okta-scope-")
        } == scopes
        assert ("okta-groups" in resource.after) == (
            resource.type == "okta:auth/serverPolicyRule:ServerPolicyRule"
        )
        others = {
            f"okta-{kind}-{other}"
            for kind in ("policy", "rule", "app")
            for other in CLIENTS
            if other != client
        }
        assert not others & resource.after


def test_only_groups_that_hold_a_role_sign_in_through_a_client(
    registered: list[Registered],
) -> None:
    """Assigned to its app; a service has nobody."""
    groups = [
        {"id": f"id of {name}", "priority": n, "profile": "{}"}
        for n, name in enumerate(("order-desk", "sales"))
    ]
    assert inputs(
        registered, "index/appGroupAssignments:AppGroupAssignments"
    ) == {
        f"groups-{client}": {
            "appId": f"id of okta-app-{client}",
            "groups": groups,
        }
        for client in ("reports/console", "shop/web")
    }


def test_an_app_can_do_no_more_than_its_kind(
    registered: list[Registered],
) -> None:
    """PKCE for users, no wildcard, no list of apps where anybody sees it; it proves itself with its own key."""
    apps = inputs(registered, "app/oAuth:OAuth")
    assert {
        name.removeprefix("app-"): (
            app["type"],
            app["grantTypes"],
            app["responseTypes"],
            app["redirectUris"],
        )
        for name, app in apps.items()
    } == {
        "desk/bot": ("service", ["client_credentials"], ["token"], []),
        "reports/console": (
            "browser",
            ["authorization_code", "refresh_token"],
            ["code"],
            ["http://console-reports.sandbox.example.com/auth/callback"],
        ),
        "reports/renderer": ("service", ["client_credentials"], ["token"], []),
        "shop/checkout": ("service", ["client_credentials"], ["token"], []),
        "shop/web": (
            "web",
            ["authorization_code"],
            ["code"],
            ["http://shop.example.com/callback"],
        ),
    }
    for name, inputs_of_app in apps.items():
        assert (
            inputs_of_app["label"]
            == f"kong-oam local {name.removeprefix('app-')}"
        )
        pages = inputs_of_app["type"] == "browser"
        assert inputs_of_app["pkceRequired"] is (
            pages or inputs_of_app["type"] == "web"
        )
        assert (
            inputs_of_app["tokenEndpointAuthMethod"],
            len(inputs_of_app.get("jwks", ())),
        ) == (("none", 0) if pages else ("private_key_jwt", 1))
        assert (
            inputs_of_app["refreshTokenRotation"],
            inputs_of_app["refreshTokenLeeway"],
        ) == (("ROTATE", 30) if pages else ("STATIC", 0))
        assert (
            inputs_of_app["wildcardRedirect"],
            inputs_of_app["consentMethod"],
            inputs_of_app["issuerMode"],
        ) == (
            "DISABLED",
            "TRUSTED",
            "ORG_URL",
        )
        assert (
            inputs_of_app["hideIos"],
            inputs_of_app["hideWeb"],
            inputs_of_app["status"],
        ) == (
            True,
            True,
            "ACTIVE",
        )
    for app in all_of(registered, "okta:app/oAuth:OAuth").values():
        assert {"clientSecret", "clientBasicSecret"} <= app.secret_outputs


def test_a_first_preview_knows_the_client_ids() -> None:
    """Okta is asked for them: whoever lists clients by their ids has them before there is an app."""
    made = program(preview=True)
    assert inputs(made, "auth/serverPolicy:ServerPolicy")["policy-shop/web"][
        "clientWhitelists"
    ] == ["kong-oam.local.shop.web"]
    data = clear(
        all_of(made, "kubernetes:core/v1:Secret")["shop/checkout-client"]
    )
    assert data["OAUTH_CLIENT_ID"] == "kong-oam.local.shop.checkout"


def test_a_policy_names_the_app_whose_client_id_was_chosen(
    registered: list[Registered],
) -> None:
    """So it changes, and is sent again, when the app is replaced under the same client id."""
    policies = inputs(registered, "auth/serverPolicy:ServerPolicy")
    assert (
        policies["policy-shop/web"]["description"]
        == "What shop/web may be issued: app id of okta-app-shop/web"
    )


@pytest.mark.parametrize(
    ("stack", "component"),
    [("prod.eu", "shop/web"), ("a", "b/c"), ("A_-1", "x-1/y-2")],
)
def test_okta_takes_every_client_id(stack: str, component: str) -> None:
    """6 to 100 of its characters, as long as the label."""
    chosen = client_id(stack, component)
    assert re.fullmatch(r"[A-Za-z0-9$\-_.+!*'(),]{6,100}", chosen)
    assert len(chosen) == len(app_label(stack, component))
    assert chosen.rsplit(".", 2)[1:] == component.split("/")


def test_what_the_stack_sets_is_what_is_registered() -> None:
    """A shared secret in place of a key, another lifetime, and groups as the org calls them."""
    made = program(SHARED)
    for app in inputs(made, "app/oAuth:OAuth").values():
        method = "none" if app["type"] == "browser" else "client_secret_basic"
        assert app["tokenEndpointAuthMethod"] == method and "jwks" not in app
    assert not [
        resource for resource in made if resource.type.startswith("tls:")
    ]
    rules = inputs(made, "auth/serverPolicyRule:ServerPolicyRule")
    assert {rule["accessTokenLifetimeMinutes"] for rule in rules.values()} == {
        15
    }
    assert rules["rule-shop/web"]["groupWhitelists"] == [
        "id of sales",
        "id of order-desk",
    ]
    (claim,) = inputs(made, "auth/serverClaim:ServerClaim").values()
    assert claim["value"] == r"^(sales|order\-desk)$"
    data = clear(
        all_of(made, "kubernetes:core/v1:Secret")["shop/checkout-client"]
    )
    assert (
        data["OAUTH_CLIENT_SECRET"] == "secret of okta-app-shop/checkout"
        and "OAUTH_PRIVATE_KEY" not in data
    )
