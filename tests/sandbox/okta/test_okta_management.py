"""The management API of the Okta stand-in refuses what Okta refuses and keeps what Okta keeps."""

from email.utils import parsedate_to_datetime

from tests.support.sandbox.okta_org import Admin, Estate, app, policy, rule


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
