"""The management API of the Okta stand-in refuses what Okta refuses and keeps what Okta keeps."""

import http.client
from email.utils import parsedate_to_datetime

import pytest

from sandbox.okta import Okta, User
from tests.support.sandbox.okta_org import Admin, Estate, app, client_id, new_okta, policy, rule

SERVER = {"name": "estate", "audiences": ["api://estate"]}
SCOPES = ["address", "email", "offline_access", "openid", "phone", "profile"]


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


def test_an_absent_object_is_not_found_by_its_own_name(admin: Admin) -> None:
    """404 E0000007 names the id that is missing; a missing server is named before what is in it."""
    _, body = admin.call("GET", "/api/v1/authorizationServers/aus1/scopes/scp1")
    assert body["errorSummary"] == "Not found: Resource not found: aus1 (AuthorizationServer)"
    assert admin.refused("GET", "apps/0oa1")[:2] == (404, "E0000007")
    assert admin.refused("DELETE", "groups/00g1")[:2] == (404, "E0000007")


def test_an_unknown_path_and_an_unknown_method_are_refused(admin: Admin) -> None:
    """404 for a path that is not modelled, 405 for a method that its path does not have."""
    assert admin.refused("GET", "zones")[0] == 404
    assert admin.refused("DELETE", "users/me")[:2] == (405, "E0000022")


def test_a_new_server_has_the_system_scopes_and_its_own_issuer(admin: Admin) -> None:
    """The issuer names the server's id at this address."""
    server = admin.make("authorizationServers", SERVER)
    assert server["issuer"] == f"{admin.url}/oauth2/{server['id']}"
    scopes = admin.get(f"authorizationServers/{server['id']}/scopes")
    assert sorted(scope["name"] for scope in scopes) == SCOPES
    assert all(scope["system"] for scope in scopes)


def test_a_server_takes_exactly_one_audience(admin: Admin) -> None:
    """Okta currently supports only one audience."""
    for audiences in ([], ["a", "b"]):
        assert admin.refused("POST", "authorizationServers", SERVER | {"audiences": audiences})[0] == 400


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("authorizationServers", SERVER | {"audience": "x"}),
        ("groups", {"profile": {"name": "g", "descripton": "x"}}),
        ("apps", app("a", "service", grant_type="client_credentials")),
        ("trustedOrigins", {"name": "o", "origin": "https://o.example.com", "scopes": [], "state": "ACTIVE"}),
    ],
)
def test_an_unknown_member_is_refused(admin: Admin, path: str, body: object) -> None:
    """400 E0000001 with an errorCause that names the member."""
    status, code, causes = admin.refused("POST", path, body)
    assert (status, code, len(causes)) == (400, "E0000001", 1)
    assert causes[0].endswith(": Unrecognized field")


def test_a_body_that_is_no_object_is_refused_and_a_null_member_counts_as_absent(admin: Admin) -> None:
    """400 E0000003 for what is not a JSON object; null is as good as nothing, also for what is required."""
    for body in ([], "x", 1):
        assert admin.refused("POST", "groups", body)[:2] == (400, "E0000003")
    assert admin.refused("POST", "groups", {"profile": {"name": None}})[2] == [
        "profile.name: The field cannot be left blank"
    ]
    assert admin.make("groups", {"profile": {"name": "g", "description": None}})["profile"] == {"name": "g"}


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


def test_a_scope_name_has_no_space_and_is_not_oktas(estate: Estate) -> None:
    """A space would make two scopes of one in a request; `okta.` belongs to the org's own server."""
    for name in ("orders read", "okta.users.read"):
        assert estate.admin.refused("POST", f"{estate.path}/scopes", {"name": name})[0] == 400, name


def test_a_system_scope_cannot_be_deleted(estate: Estate) -> None:
    """403, and it is still there."""
    openid = next(scope for scope in estate.admin.get(f"{estate.path}/scopes") if scope["name"] == "openid")
    assert estate.admin.refused("DELETE", f"{estate.path}/scopes/{openid['id']}")[0] == 403
    assert estate.admin.get(f"{estate.path}/scopes/{openid['id']}")["name"] == "openid"


def test_names_of_groups_and_client_ids_are_unique_and_labels_of_apps_are_not(estate: Estate) -> None:
    """The official plugin replaces an app by making the new one beside the old one, under the same label."""
    taken = "An object with this field already exists in the current organization"
    assert estate.admin.refused("POST", "groups", {"profile": {"name": "sales"}})[2] == [f"name: {taken}"]
    estate.admin.make("apps", app("web", "web"))
    body = app("other", "web")
    body["credentials"]["oauthClient"]["client_id"] = client_id(estate.web)
    assert estate.admin.refused("POST", "apps", body)[2][0].startswith("credentials.oauthClient.client_id: ")


@pytest.mark.parametrize("chosen", ["short", "x" * 101, "with space", "a/bcdef", "späte", "ALL_CLIENTS"])
def test_a_client_id_that_the_description_does_not_allow_is_refused(admin: Admin, chosen: str) -> None:
    """Its length, its characters, its reserved word."""
    body = app("a", "service")
    body["credentials"]["oauthClient"]["client_id"] = chosen
    assert admin.refused("POST", "apps", body)[2][0].startswith("credentials.oauthClient.client_id: ")


def test_a_client_id_is_an_apps_for_good_and_free_again_after_it(admin: Admin) -> None:
    """The app has an id of its own besides, and is found there; no PUT changes its client id."""
    body = app("a", "service")
    body["credentials"]["oauthClient"]["client_id"] = "kong-oam.$-_.+!*'(),"
    made = admin.make("apps", body)
    assert client_id(made) == "kong-oam.$-_.+!*'()," != made["id"]
    path = f"apps/{made['id']}"
    assert client_id(admin.get(path)) == client_id(made)
    assert admin.refused("PUT", path, body | {"credentials": {"oauthClient": {"client_id": "another"}}})[0] == 400
    assert client_id(admin.call("PUT", f"/api/v1/{path}", app("b", "service"))[1]) == client_id(made)
    assert admin.refused("POST", "apps", body)[0] == 400
    assert admin.call("POST", f"/api/v1/{path}/lifecycle/deactivate")[0] == 200
    assert admin.refused("POST", "apps", body)[0] == 400
    assert admin.call("DELETE", f"/api/v1/{path}")[0] == 204
    assert client_id(admin.make("apps", body)) == client_id(made)


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


def test_a_rule_lists_grant_types_that_okta_has(estate: Estate) -> None:
    """Refresh tokens come with authorization_code and are no grant type of a rule."""
    rules = f"{estate.path}/policies/{estate.admin.get(estate.path + '/policies')[0]['id']}/rules"
    status, _, causes = estate.admin.refused("POST", rules, rule("r", "refresh_token", ["*"], []))
    assert status == 400
    assert causes[0].startswith("conditions.grantTypes.include[0]: Invalid value 'refresh_token'")


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


def test_the_status_of_a_policy_changes_by_its_lifecycle_only(estate: Estate) -> None:
    """PUT with another status leaves it, POST lifecycle/deactivate answers 204 and sets it."""
    found = estate.admin.get(f"{estate.path}/policies")[0]
    path, body = f"{estate.path}/policies/{found['id']}", policy("checkout", client_id(estate.service))
    assert estate.admin.call("PUT", f"/api/v1/{path}", body | {"status": "INACTIVE"})[1]["status"] == "ACTIVE"
    assert estate.admin.call("POST", f"/api/v1/{path}/lifecycle/deactivate") == (204, None)
    assert estate.admin.get(path)["status"] == "INACTIVE"


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


def test_what_an_app_leaves_out_gets_oktas_defaults(admin: Admin) -> None:
    """PKCE for a web app, 30 seconds of leeway for a refresh token, the client id from the app's id."""
    body = app("a", "web", grant_types=["authorization_code", "refresh_token"])
    body["credentials"] = {}
    made = admin.make("apps", body)
    assert made["settings"]["oauthClient"]["refresh_token"] == {"leeway": 30, "rotation_type": "STATIC"}
    client = made["credentials"]["oauthClient"]
    assert (client["pkce_required"], client["token_endpoint_auth_method"]) == (True, "client_secret_basic")
    assert client["client_id"] == made["id"]


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


def test_a_claim_is_checked_when_it_is_written(estate: Estate) -> None:
    """Reserved names, missing filters, unknown scopes and expressions that the stand-in lacks are refused."""
    good = {"name": "c", "claimType": "RESOURCE", "valueType": "EXPRESSION", "value": '"acme"'}
    for change in (
        {"name": "scp"},
        {"valueType": "GROUPS"},
        {"valueType": "GROUPS", "group_filter_type": "REGEX", "value": "("},
        {"conditions": {"scopes": ["orders.drop"]}},
        {"value": "user.department == null"},
    ):
        assert estate.admin.refused("POST", f"{estate.path}/claims", good | change)[0] == 400, change
    estate.admin.make(f"{estate.path}/claims", good)
    assert estate.admin.refused("POST", f"{estate.path}/claims", good)[2] == ["name: 'c' already exists"]
    estate.admin.make(f"{estate.path}/claims", good | {"claimType": "IDENTITY"})


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


def test_everyone_cannot_be_changed(admin: Admin) -> None:
    """403 for the built-in group."""
    key = admin.get("groups?q=Everyone")[0]["id"]
    assert admin.refused("DELETE", f"groups/{key}")[0] == 403
    assert admin.refused("PUT", f"groups/{key}", {"profile": {"name": "All"}})[0] == 403


def test_a_deleted_server_takes_all_of_its_own_with_it(estate: Estate) -> None:
    """Nothing of it is left in the org."""
    assert estate.admin.call("DELETE", f"/api/v1/{estate.path}") == (204, None)
    kinds = ("authorizationServers", "scopes", "claims", "policies", "rules")
    assert [estate.okta.objects(kind) for kind in kinds] == [[], [], [], [], []]


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


def test_objects_are_copies(estate: Estate) -> None:
    """A test that edits what it was shown does not edit the org; an unknown kind is an error."""
    estate.okta.objects("apps")[0]["label"] = "changed"
    assert [entry["label"] for entry in estate.okta.objects("apps")] == ["checkout", "web"]
    with pytest.raises(KeyError, match="unknown kind 'users'"):
        estate.okta.objects("users")


@pytest.mark.parametrize(
    ("groups", "users", "text"),
    [
        (("a", "a"), (), "group 'a' occurs twice"),
        (("a",), (User("u", ("b",)),), "user 'u' is in group 'b', which does not exist"),
        ((), (User("u"), User("u")), "user 'u' occurs twice"),
    ],
)
def test_an_impossible_org_is_refused(groups: tuple[str, ...], users: tuple[User, ...], text: str) -> None:
    """ValueError says which name."""
    with pytest.raises(ValueError, match=text):
        Okta(api_token="t", groups=groups, users=users)


def test_stopping_closes_open_connections_and_the_org_survives_a_restart() -> None:
    """The port stays the same, so that issuers stay valid."""
    okta = new_okta()
    okta.start()
    url, connection = okta.url, http.client.HTTPConnection(okta.url.removeprefix("http://"), timeout=10)
    connection.request("GET", "/.well-known/okta-organization")
    connection.getresponse().read()
    Admin(url).make("groups", {"profile": {"name": "new"}})
    okta.stop()
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        connection.request("GET", "/.well-known/okta-organization")
        connection.getresponse()
    connection.close()
    with okta:
        assert okta.url == url
        assert [group["profile"]["name"] for group in Admin(url).get("groups?q=new")] == ["new"]
