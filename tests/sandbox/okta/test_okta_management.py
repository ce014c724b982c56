"""The management API of the Okta stand-in rejects and stores bodies as Okta does."""

from email.utils import parsedate_to_datetime

from tests.support.sandbox.okta_org import Admin


def test_a_request_without_the_api_token_is_refused(admin: Admin) -> None:
    """401 E0000011, for any path."""
    for token in (None, "wrong"):
        status, body = admin.call("GET", "/api/v1/users/me", token=token)
        assert (status, body["errorCode"], body["errorSummary"]) == (
            401,
            "E0000011",
            "Invalid token provided",
        )
    assert admin.call("POST", "/api/v1/apps", {}, token="wrong")[0] == 401


def test_a_request_in_absolute_form_is_routed_by_its_path(admin: Admin) -> None:
    """The official plugin reaches the stand-in through its proxy setting, with the org's URL in the request line."""
    status, body = admin.call(
        "GET", "http://org.okta.com/api/v1/groups?q=Every"
    )
    assert (status, [group["profile"]["name"] for group in body]) == (
        200,
        ["Everyone"],
    )
    assert (
        admin.call(
            "GET",
            "http://org.okta.com/.well-known/okta-organization",
            token=None,
        )[1]["pipeline"]
        == "idx"
    )


def test_every_answer_announces_the_rate_limit(admin: Admin) -> None:
    """X-Rate-Limit-Reset is in epoch seconds and later than Date, which the official plugin subtracts."""
    admin.call("GET", "/api/v1/users/me")
    sent = parsedate_to_datetime(admin.headers["Date"]).timestamp()
    assert 0 < int(admin.headers["X-Rate-Limit-Reset"]) - sent <= 60
    assert admin.headers["X-Rate-Limit-Limit"] == "600"
