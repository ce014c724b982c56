"""The management API of the Okta stand-in refuses what Okta refuses and keeps what Okta keeps."""

from email.utils import parsedate_to_datetime

import pytest

from tests.support.sandbox.okta_org import Admin, Estate, app, client_id, policy, rule

SERVER = {"name": "estate", "audiences": ["api://estate"]}


def test_a_request_without_the_api_token_is_refused(admin: Admin) -> None:
    """401 E0000011, whatever the path."""
    for token in (None, "wrong"):
        status, body = admin.call("GET", "/api/v1/users/me", token=token)
        assert (status, body["errorCode"], body["errorSummary"]) == (401, "E0000011", "Invalid token provided")
    assert admin.call("POST", "/api/v1/apps", {}, token="wrong")[0] == 401


def test_a_request_in_absolute_form_is_routed_by_its_path(admin: Admin) -> None:
    """The official plugin reaches the stand-in through its proxy setting, with the org's URL in the request line."""
    status, body = admin.call("GET", "http://org.okta.com/api/v1/groups?q=Every")
    assert (status, [group["profile"]["name"] for group in body]) == (200, ["Everyone"])
    assert admin.call("GET", "http://org.okta.com/.well-known/okta-organization", token=None)[1]["pipeline"] == "idx"


def test_every_answer_announces_the_rate_limit(admin: Admin) -> None:
    """X-Rate-Limit-Reset is in epoch seconds and later than Date, which the official plugin subtracts."""
    admin.call("GET", "/api/v1/users/me")
    sent = parsedate_to_datetime(admin.headers["Date"]).timestamp()
    assert 0 < int(admin.headers["X-Rate-Limit-Reset"]) - sent <= 60
    assert admin.headers["X-Rate-Limit-Limit"] == "600"


def test_members_of_scopes_claims_policies_and_rules_are_closed_too(estate: Estate) -> None:
    """A misspelt member is refused at every depth."""
    path, client = estate.path, client_id(estate.service)
    held = estate.admin.get(f"{path}/policies")[0]["id"]
    conditions = {"grantTypes": {"include": ["client_credentials"]}, "scope": {"include": ["*"]}}
    for target, body in {
        f"{path}/scopes": {"name": "x", "metadata": True},
        f"{path}/claims": {"name": "c", "claimType": "RESOURCE", "valueType": "EXPRESSION", "value": '"v"', "on": True},
        f"{path}/policies": policy("p", client, prio=1),
        f"{path}/policies/{held}/rules": {"name": "r", "type": "RESOURCE_ACCESS", "conditions": conditions},
    }.items():
        assert estate.admin.refused("POST", target, body)[2][0].endswith(": Unrecognized field"), target


def test_a_scope_name_is_unique_in_its_server(estate: Estate) -> None:
    """Also against system scopes and on PUT; another server may use the name."""
    path = f"{estate.path}/scopes"
    assert estate.admin.refused("POST", path, {"name": "orders.read"}) == (
        400,
        "E0000001",
        ["name: 'orders.read' already exists"],
    )
    assert estate.admin.refused("POST", path, {"name": "openid"})[0] == 400
    write = next(scope for scope in estate.admin.get(path) if scope["name"] == "orders.write")
    assert estate.admin.refused("PUT", f"{path}/{write['id']}", {"name": "orders.read"})[0] == 400
    other = estate.admin.make("authorizationServers", SERVER | {"name": "other"})
    estate.admin.make(f"authorizationServers/{other['id']}/scopes", {"name": "orders.read"})


def test_apps_are_filtered_by_name(estate: Estate) -> None:
    """Of Okta's filters of apps the one that is used; another is refused."""
    assert len(estate.admin.get("apps?filter=name+eq+%22oidc_client%22")) == 2
    assert estate.admin.get("apps?filter=name+eq+%22bookmark%22") == []
    assert estate.admin.refused("GET", "apps?filter=status+eq+%22ACTIVE%22")[:2] == (400, "E0000031")


def test_whitelists_accept_only_what_exists(estate: Estate) -> None:
    """Unknown clients, groups, users and scopes are refused, each by its place."""
    path = f"{estate.path}/policies"
    assert estate.admin.refused("POST", path, policy("p", "0oaNobody"))[2] == [
        "conditions.clients.include: Invalid client id '0oaNobody'"
    ]
    rules = f"{path}/{estate.admin.get(path)[0]['id']}/rules"
    assert estate.admin.refused("POST", rules, rule("r", "authorization_code", ["orders.drop"], ["EVERYONE"]))[2] == [
        "conditions.scopes.include: The scope 'orders.drop' does not exist"
    ]
    assert estate.admin.refused("POST", rules, rule("r", "authorization_code", ["*"], ["00gNobody"]))[2] == [
        "conditions.people.groups.include: Invalid id '00gNobody'"
    ]
    nobody = rule("r", "authorization_code", ["*"], [])
    nobody["conditions"]["people"]["users"] = {"include": ["00uNobody"]}
    assert estate.admin.refused("POST", rules, nobody)[2] == ["conditions.people.users.include: Invalid id '00uNobody'"]


def test_lifetimes_of_tokens_have_limits(estate: Estate) -> None:
    """Access tokens live five minutes to one day."""
    rules = f"{estate.path}/policies/{estate.admin.get(estate.path + '/policies')[0]['id']}/rules"
    for minutes in (4, 1441):
        body = rule("r", "client_credentials", ["*"], [], actions={"token": {"accessTokenLifetimeMinutes": minutes}})
        assert estate.admin.refused("POST", rules, body)[0] == 400


def test_priorities_are_renumbered_without_gaps(estate: Estate) -> None:
    """A policy goes to the place that it asks for, the others move; gaps and removals close up."""
    path, client = f"{estate.path}/policies", client_id(estate.web)

    def order() -> list[tuple[str, int]]:
        return [(entry["name"], entry["priority"]) for entry in estate.admin.get(path)]

    first = estate.admin.make(path, policy("first", client, priority=1))
    estate.admin.make(path, policy("last", client, priority=90))
    assert order() == [("first", 1), ("checkout", 2), ("web", 3), ("last", 4)]
    estate.admin.call("PUT", f"/api/v1/{path}/{first['id']}", policy("first", client, priority=3))
    assert order() == [("checkout", 1), ("web", 2), ("first", 3), ("last", 4)]
    estate.admin.call("DELETE", f"/api/v1/{path}/{first['id']}")
    assert order() == [("checkout", 1), ("web", 2), ("last", 3)]


def test_the_client_secret_is_answered_on_write_only(estate: Estate) -> None:
    """POST shows it, GET never; PUT with an empty one keeps it, PUT with another one takes it."""
    path, given = f"apps/{estate.service['id']}", estate.service["credentials"]["oauthClient"]["client_secret"]
    assert len(given) == 64
    assert "client_secret" not in estate.admin.get(path)["credentials"]["oauthClient"]
    body = app("checkout", "service")
    body["credentials"]["oauthClient"]["client_secret"] = ""
    assert estate.admin.call("PUT", f"/api/v1/{path}", body)[1]["credentials"]["oauthClient"]["client_secret"] == given
    body["credentials"]["oauthClient"]["client_secret"] = "another-secret"
    changed = estate.admin.call("PUT", f"/api/v1/{path}", body)[1]
    assert changed["credentials"]["oauthClient"]["client_secret"] == "another-secret"


def test_an_active_app_cannot_be_deleted(estate: Estate) -> None:
    """403 until it was deactivated, which answers 200 with an empty object."""
    path = f"apps/{estate.service['id']}"
    assert estate.admin.refused("DELETE", path)[:2] == (403, "E0000056")
    assert estate.admin.call("POST", f"/api/v1/{path}/lifecycle/deactivate") == (200, {})
    assert estate.admin.call("DELETE", f"/api/v1/{path}") == (204, None)
    assert estate.admin.refused("GET", path)[0] == 404


@pytest.mark.parametrize(
    ("body", "member"),
    [
        (app("a", "service", grant_types=["authorization_code"]), "grant_types"),
        (app("a", "web", redirect_uris=[]), "redirect_uris"),
        (app("a", "web", response_types=["token"]), "response_types"),
        (app("a", "web", method="none"), "token_endpoint_auth_method"),
        (app("a", "service", method="private_key_jwt"), "jwks"),
        (app("a", "web", application_type="browser"), "token_endpoint_auth_method"),
        (app("a", "web", application_type="browser", method="none", pkce=False), "pkce_required"),
    ],
)
def test_an_app_must_fit_its_type(admin: Admin, body: object, member: str) -> None:
    """Grants, redirect URIs, authentication and PKCE go together as on Okta."""
    status, _, causes = admin.refused("POST", "apps", body)
    assert (status, causes[0].partition(":")[0].rpartition(".")[2]) == (400, member)


def test_groups_are_found_by_prefix_and_by_search(admin: Admin) -> None:
    """?q= is a prefix that ignores case, ?search= compares; pages are linked."""

    def names(query: str) -> list[str]:
        return [group["profile"]["name"] for group in admin.get(f"groups?{query}")]

    assert names("q=SAL") == ["sales"]
    assert names("q=ales") == []
    assert names("search=profile.name+eq+%22order-desk%22") == ["order-desk"]
    assert names("search=type+eq+%22OKTA_GROUP%22+and+profile.name+sw+%22s%22") == ["sales"]
    assert admin.refused("GET", "groups?search=profile.color+eq+%22red%22")[:2] == (400, "E0000031")
    assert names("limit=2") == ["Everyone", "sales"]
    following = admin.headers["Link"].partition(">")[0].partition("/api/v1/groups?")[2]
    assert names(following) == ["order-desk"]
    assert "Link" not in admin.headers


def test_rotation_keeps_the_old_key_listed(estate: Estate) -> None:
    """The NEXT key becomes ACTIVE, the ACTIVE one EXPIRED, and the server names the new one."""
    keys = f"{estate.path}/credentials/keys"
    active, upcoming = [(key["status"], key["kid"]) for key in estate.admin.get(keys)]
    assert (active[0], upcoming[0]) == ("ACTIVE", "NEXT")
    estate.okta.rotate(estate.server["id"])
    after = [(key["status"], key["kid"]) for key in estate.admin.get(keys)]
    assert after[0] == ("ACTIVE", upcoming[1])
    assert after[2] == ("EXPIRED", active[1])
    assert estate.admin.get(estate.path)["credentials"]["signing"]["kid"] == upcoming[1]
    assert estate.admin.get(f"{keys}/{active[1]}")["status"] == "EXPIRED"
