"""The plugins key-auth, basic-auth and acl, in the parts that no recording shows."""

from __future__ import annotations

import hmac
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from test_kong_admin import ask

from sandbox.kong import Answer, Kong
from sandbox.kong.basic_auth import password_hash

FORM = "Content-Type: application/x-www-form-urlencoded"
JSON = "Content-Type: application/json"


@pytest.fixture
def kong() -> Iterator[Kong]:
    """Return a gateway with a route, and a consumer `ann` with a key and a password."""
    with Kong() as running:
        made(running, "services", name="api", host="api.internal", port=8080)
        made(running, "services/api/routes", name="r", paths=["/"])
        made(running, "consumers", username="ann", custom_id="cid-ann")
        made(running, "consumers", username="nobody")
        made(running, "consumers/ann/key-auth", key="k1")
        made(
            running, "consumers/ann/basic-auth", username="ann", password="p:w"
        )
        yield running


def made(kong: Kong, path: str, **fields: Any) -> None:
    status, body = ask(kong, "POST", f"/{path}", fields)
    assert status == 201, body


def plugin(
    kong: Kong, name: str, where: str = "services/api/", **config: Any
) -> None:
    made(kong, f"{where}plugins", name=name, config=config)


def get(kong: Kong, target: str, *headers: str, body: str = "") -> Answer:
    lines = [f"GET {target} HTTP/1.1", "Host: api.example.com", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return kong.handle(("\r\n".join(lines) + "\r\n\r\n" + body).encode())


def basic(text: str) -> str:
    return f"Basic {b64encode(text.encode()).decode()}"


def header(answer: Answer, name: str) -> str | None:
    assert answer.upstream is not None, answer
    for own, value in answer.upstream.headers:
        if own.lower() == name:
            return value
    return None


def test_a_hidden_key_is_removed_from_arguments(kong: Kong) -> None:
    """The other arguments stay, in the spelling of a form."""
    plugin(kong, "key-auth", hide_credentials=True)
    answer = get(kong, "/a?x=1+2&apikey=k1&flag")
    assert answer.upstream is not None
    assert answer.upstream.target == "/a?x=1%202&flag="


def test_an_empty_header_hides_the_argument(kong: Kong) -> None:
    """Lua's empty string is a value."""
    plugin(kong, "key-auth")
    assert get(kong, "/a?apikey=k1", "apikey:").status == 401


def test_the_first_name_with_a_value_counts(kong: Kong) -> None:
    """A wrong key under the first name hides a right key under the second."""
    plugin(kong, "key-auth", key_names=["one", "two"])
    assert get(kong, "/", "two: k1").status == 200
    assert get(kong, "/", "one: no", "two: k1").status == 401


def test_a_key_is_only_read_where_the_plugin_looks(kong: Kong) -> None:
    """Neither header nor argument counts if only the body may have the key."""
    plugin(
        kong,
        "key-auth",
        key_in_header=False,
        key_in_query=False,
        key_in_body=True,
    )
    assert get(kong, "/?apikey=k1", "apikey: k1").status == 401
    assert get(kong, "/", FORM, body="apikey=k1").status == 200
    assert get(kong, "/", JSON, body='{"apikey":"k1"}').status == 200
    assert get(kong, "/", JSON, body='["k1"]').status == 401


def test_a_hidden_key_is_removed_from_the_body(kong: Kong) -> None:
    """Kong writes the other fields of a form in the order of their names."""
    plugin(kong, "key-auth", key_in_body=True, hide_credentials=True)
    sent = get(kong, "/", FORM, body="b=2&apikey=k1&a=1").upstream
    assert sent is not None
    assert sent.body == b"a=1&b=2"
    sent = get(kong, "/", JSON, body='{"x":1,"apikey":"k1"}').upstream
    assert sent is not None
    assert sent.body == b'{"x":1}'


def test_a_key_in_a_multipart_body_is_not_modelled(kong: Kong) -> None:
    """The stand-in says so."""
    plugin(kong, "key-auth", key_in_body=True)
    kind = "Content-Type: multipart/form-data; boundary=b"
    assert get(kong, "/", kind, body="--b--").status == 501


def test_an_option_request_may_pass_without_a_key(kong: Kong) -> None:
    """The setting run_on_preflight switches the plugin off for OPTIONS."""
    plugin(kong, "key-auth", run_on_preflight=False)
    raw = b"OPTIONS / HTTP/1.1\r\nHost: api.example.com\r\n\r\n"
    assert kong.handle(raw).status == 200
    assert get(kong, "/").status == 401


@pytest.mark.parametrize("name", ["key-auth", "basic-auth"])
def test_callers_without_a_credential_are_anonymous(
    kong: Kong, name: str
) -> None:
    """The anonymous consumer is found by name, and headers of the caller go."""
    plugin(kong, name, anonymous="nobody")
    answer = get(kong, "/", "X-Credential-Identifier: forged")
    assert header(answer, "x-consumer-username") == "nobody"
    assert header(answer, "x-anonymous-consumer") == "true"
    assert header(answer, "x-credential-identifier") is None


def test_a_missing_anonymous_consumer_is_an_error(kong: Kong) -> None:
    """Kong answers 500 and names the consumer."""
    plugin(kong, "key-auth", anonymous="gone")
    answer = get(kong, "/")
    assert answer.status == 500
    assert b"anonymous consumer gone is configured" in answer.body


def test_the_first_plugin_that_finds_a_caller_ends_the_search(
    kong: Kong,
) -> None:
    """With anonymous consumers, basic-auth neither runs nor hides after a valid key."""
    plugin(kong, "key-auth", anonymous="nobody", hide_credentials=True)
    plugin(kong, "basic-auth", anonymous="nobody", hide_credentials=True)
    password = f"Authorization: {basic('ann:p:w')}"
    answer = get(kong, "/", "apikey: k1", password)
    assert header(answer, "authorization") is not None
    assert header(answer, "apikey") is None
    assert header(answer, "x-credential-identifier") not in (None, "ann")
    answer = get(kong, "/", "apikey: wrong", password)
    assert header(answer, "authorization") is None
    assert header(answer, "apikey") is None
    assert header(answer, "x-credential-identifier") == "ann"


def test_a_key_beside_a_valid_token_is_neither_read_nor_hidden(
    kong: Kong,
) -> None:
    """The plugin jwt runs first, and key-auth leaves its caller alone."""
    made(kong, "consumers/nobody/jwt", key="i", secret="s")
    plugin(kong, "jwt", anonymous="nobody")
    plugin(kong, "key-auth", anonymous="nobody", hide_credentials=True)
    parts = [b'{"alg":"HS256"}', b'{"iss":"i"}']
    signed = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = urlsafe_b64encode(hmac.digest(b"s", signed, "sha256"))
    token = f"{signed.decode()}.{signature.decode().rstrip('=')}"
    answer = get(kong, "/", f"Authorization: Bearer {token}", "apikey: k1")
    assert header(answer, "x-credential-identifier") == "i"
    assert header(answer, "apikey") == "k1"


def test_a_known_proxy_user_hides_authorization(kong: Kong) -> None:
    """A wrong password in Proxy-Authorization is final; an unknown user is not."""
    plugin(kong, "basic-auth")
    right = f"Authorization: {basic('ann:p:w')}"
    wrong = f"Proxy-Authorization: {basic('ann:no')}"
    other = f"Proxy-Authorization: {basic('bob:no')}"
    assert get(kong, "/", right, wrong).status == 401
    assert get(kong, "/", right, other).status == 200
    assert get(kong, "/", right.replace("Auth", "Proxy-Auth")).status == 200


def test_hiding_removes_a_header_that_is_no_password(kong: Kong) -> None:
    """A bearer token does not reach the workload either."""
    plugin(kong, "basic-auth", anonymous="nobody", hide_credentials=True)
    answer = get(kong, "/", "Authorization: Bearer a.b.c")
    assert header(answer, "authorization") is None


def test_a_password_is_stored_as_kong_stores_it() -> None:
    """A recorded credential of a Kong 3.10."""
    consumer = "a8ee5eed-204e-42c9-9851-db1e30f12606"
    expected = "ac34c76ddf3fd4aeb2eb82f48737491a0d29550d"
    assert password_hash(consumer, "pw") == expected


def test_groups_allow_and_deny(kong: Kong) -> None:
    """A consumer without groups is denied by `allow`; the route's plugin counts."""
    plugin(kong, "key-auth", where="routes/r/")
    plugin(kong, "acl", allow=["staff"])
    assert get(kong, "/", "apikey: k1").status == 403
    made(kong, "consumers/ann/acls", group="staff")
    made(kong, "consumers/ann/acls", group="guests")
    answer = get(kong, "/", "apikey: k1")
    groups = header(answer, "x-consumer-groups")
    assert sorted((groups or "").split(", ")) == ["guests", "staff"]
    plugin(kong, "acl", where="routes/r/", deny=["guests"])
    assert get(kong, "/", "apikey: k1").status == 403
    status, _ = ask(kong, "DELETE", "/consumers/ann/acls/guests")
    assert status == 204
    assert get(kong, "/", "apikey: k1").status == 200


def test_a_consumer_without_groups_is_in_no_denied_group(kong: Kong) -> None:
    """The header of the groups is then empty."""
    plugin(kong, "key-auth")
    plugin(kong, "acl", deny=["guests"])
    assert header(get(kong, "/", "apikey: k1"), "x-consumer-groups") == ""


def test_plugins_work_at_every_scope(kong: Kong) -> None:
    """The plugin of the route replaces the plugin of all services."""
    plugin(kong, "key-auth", where="")
    assert get(kong, "/", "apikey: k1").status == 200
    plugin(kong, "key-auth", where="routes/r/", key_names=["x-key"])
    assert get(kong, "/", "apikey: k1").status == 401
    assert get(kong, "/", "X-Key: k1").status == 200


def test_a_group_is_named_within_its_consumer(kong: Kong) -> None:
    """Writing a group of one consumer does not move another consumer's."""
    made(kong, "consumers/nobody/acls", group="staff")
    assert ask(kong, "PUT", "/consumers/ann/acls/staff", {})[0] == 200
    owners = {row["consumer"]["id"] for row in kong.entities("acls")}
    assert len(owners) == 2
