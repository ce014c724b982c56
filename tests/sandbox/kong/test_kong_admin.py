"""The Admin API where programs depend on it: what an update keeps, what a deletion takes along, who may ask."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.kong import Kong
from sandbox.kong.pem import self_signed


@pytest.fixture
def kong() -> Iterator[Kong]:
    with Kong() as running:
        yield running


def ask(kong: Kong, method: str, path: str, body: Any = None, token: str | None = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} | ({"Kong-Admin-Token": token} if token else {})
    request = urllib.request.Request(kong.admin_url + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            status, text = error.code, error.read()
    return status, json.loads(text) if text else None


def test_a_key_that_is_dropped_from_config_stays(kong: Kong) -> None:
    """PATCH merges config deeply: only an explicit null takes a value back."""
    ask(kong, "PUT", "/services/api", {"host": "h"})
    _, plugin = ask(kong, "POST", "/services/api/plugins", {"name": "jwt", "config": {"anonymous": "guest"}})
    path = f"/plugins/{plugin['id']}"
    _, merged = ask(kong, "PATCH", path, {"config": {"key_claim_name": "kid"}})
    assert (merged["config"]["anonymous"], merged["config"]["key_claim_name"]) == ("guest", "kid")
    _, cleared = ask(kong, "PATCH", path, {"config": {"anonymous": None}})
    assert cleared["config"]["anonymous"] is None


def test_a_plugin_is_unique_in_its_scope(kong: Kong) -> None:
    """The same plugin twice on a service is a conflict; on the service and on its route it is not."""
    ask(kong, "PUT", "/services/api", {"host": "h"})
    ask(kong, "POST", "/services/api/routes", {"name": "r", "paths": ["/r"]})
    assert ask(kong, "POST", "/services/api/plugins", {"name": "jwt"})[0] == 201
    status, body = ask(kong, "POST", "/services/api/plugins", {"name": "jwt"})
    assert (status, body["name"]) == (409, "unique constraint violation")
    assert ask(kong, "POST", "/routes/r/plugins", {"name": "jwt"})[0] == 201


def test_a_service_with_routes_cannot_be_deleted(kong: Kong) -> None:
    """Routes refer to their service without a cascade."""
    ask(kong, "PUT", "/services/api", {"host": "h"})
    ask(kong, "POST", "/services/api/routes", {"name": "r", "paths": ["/r"]})
    status, body = ask(kong, "DELETE", "/services/api")
    assert (status, body["fields"]) == (400, {"@referenced_by": "routes"})
    assert ask(kong, "DELETE", "/routes/r")[0] == 204
    assert ask(kong, "DELETE", "/services/api")[0] == 204


def test_a_deleted_service_and_consumer_take_along_what_is_theirs(kong: Kong) -> None:
    """Plugins go with their service, credentials with their consumer."""
    ask(kong, "PUT", "/services/api", {"host": "h"})
    ask(kong, "POST", "/services/api/plugins", {"name": "jwt"})
    ask(kong, "PUT", "/consumers/ring", {})
    ask(kong, "POST", "/consumers/ring/jwt", {"key": "kid-1"})
    assert len(kong.entities("plugins")) == len(kong.entities("jwt_secrets")) == 1
    ask(kong, "DELETE", "/services/api")
    ask(kong, "DELETE", "/consumers/ring")
    assert kong.entities("plugins") == kong.entities("jwt_secrets") == []


def test_a_credential_can_be_given_to_another_consumer(kong: Kong) -> None:
    """By a PATCH below the one that has it; a POST below one makes it that one's, whatever it says."""
    consumers = [ask(kong, "POST", "/consumers", {"username": name})[1]["id"] for name in ("ring", "other")]
    other = {"consumer": {"id": consumers[1]}}
    _, made = ask(kong, "POST", "/consumers/ring/jwt", {"key": "kid-1", **other})
    assert made["consumer"] == {"id": consumers[0]}
    assert ask(kong, "PATCH", f"/consumers/ring/jwt/{made['id']}", other)[1]["consumer"] == other["consumer"]
    assert ask(kong, "GET", f"/consumers/ring/jwt/{made['id']}")[0] == 404


def test_a_certificate_is_written_and_read_with_the_names_of_its_snis(kong: Kong) -> None:
    """`snis` makes and removes SNIs; left out of a PATCH it keeps them, left out of a PUT it takes them away."""
    cert, key = self_signed("b.example.com")
    pair = {"cert": cert, "key": key}
    _, made = ask(kong, "POST", "/certificates", {**pair, "snis": ["b.example.com", "a.example.com"]})
    assert made["snis"] == ["a.example.com", "b.example.com"]
    _, sni = ask(kong, "GET", "/snis/a.example.com")
    assert sni["certificate"] == {"id": made["id"]}
    _, patched = ask(kong, "PATCH", "/certificates/b.example.com", {"snis": ["b.example.com", "*.c.example.com"]})
    assert (patched["id"], patched["snis"]) == (made["id"], ["*.c.example.com", "b.example.com"])
    assert ask(kong, "GET", "/snis/a.example.com")[0] == 404
    assert ask(kong, "PATCH", "/certificates/b.example.com", {"tags": ["t"]})[1]["snis"] == patched["snis"]
    assert ask(kong, "PUT", f"/certificates/{made['id']}", pair)[1]["snis"] == []
    assert ask(kong, "PUT", "/certificates/new.example.com", pair)[1]["snis"] == ["new.example.com"]


def test_an_sni_belongs_to_one_certificate(kong: Kong) -> None:
    """A second certificate with a name that is taken is refused: 400 for the list, 409 for the SNI itself."""
    cert, key = self_signed("a.example.com")
    _, first = ask(kong, "POST", "/certificates", {"cert": cert, "key": key, "snis": ["a.example.com"]})
    status, body = ask(kong, "POST", "/certificates", {"cert": cert, "key": key, "snis": ["a.example.com"]})
    why = f"a.example.com already associated with existing certificate '{first['id']}'"
    assert (status, body["fields"]) == (400, {"snis": why})
    again = {"name": "a.example.com", "certificate": {"id": first["id"]}}
    status, body = ask(kong, "POST", "/snis", again)
    assert (status, body["name"]) == (409, "unique constraint violation")
    assert len(kong.entities("certificates")) == len(kong.entities("snis")) == 1


def test_a_certificate_and_its_key_are_read_and_compared(kong: Kong) -> None:
    """What is no PEM is refused field by field, a key of another certificate as a whole; two keys need two kinds."""
    cert, key = self_signed("a.example.com")
    other, other_key = self_signed("a.example.com")

    def wrong(body: dict[str, str]) -> tuple[int, Any]:
        status, answer = ask(kong, "POST", "/certificates", body)
        return status, answer["fields"]

    assert wrong({"cert": cert, "key": other_key}) == (400, {"@entity": ["certificate does not match key"]})
    assert set(wrong({"cert": cert, "key": "nope"})[1]) == {"key"}
    assert set(wrong({"cert": key, "key": key})[1]) == {"cert"}
    half = {"@entity": ["all or none of these fields must be set: 'cert_alt', 'key_alt'"]}
    assert wrong({"cert": cert, "key": key, "cert_alt": other}) == (400, half)
    both = wrong({"cert": cert, "key": key, "cert_alt": other, "key_alt": other_key})
    assert "need to have different type" in both[1]["@entity"][0]
    assert kong.entities("certificates") == []


def test_a_deleted_certificate_takes_its_snis_along_even_where_it_stays(kong: Kong) -> None:
    """A service that uses it holds it back, but its SNIs are gone by then."""
    cert, key = self_signed("a.example.com")
    _, made = ask(kong, "POST", "/certificates", {"cert": cert, "key": key, "snis": ["a.example.com"]})
    client = {"host": "h", "protocol": "https", "client_certificate": {"id": made["id"]}}
    ask(kong, "PUT", "/services/api", client)
    status, body = ask(kong, "DELETE", "/certificates/a.example.com")
    assert (status, body["fields"]) == (400, {"@referenced_by": "services"})
    assert ask(kong, "GET", f"/certificates/{made['id']}")[1]["snis"] == []
    ask(kong, "DELETE", "/services/api")
    assert ask(kong, "DELETE", f"/certificates/{made['id']}")[0] == 204
    assert kong.entities("certificates") == kong.entities("snis") == []


def test_a_list_comes_in_pages(kong: Kong) -> None:
    """`next` leads through every entity once, in the order of ids."""
    for number in range(5):
        ask(kong, "PUT", f"/consumers/c{number}", {"tags": ["page"]})
    path, seen, pages = "/consumers?tags=page&size=2", [], 0
    while path:
        _, page = ask(kong, "GET", path)
        seen += [one["id"] for one in page["data"]]
        path, pages = page["next"], pages + 1
    assert (len(seen), pages, seen) == (5, 3, sorted(seen))


def test_without_the_admin_token_nothing_is_answered() -> None:
    """Where a token is set, a request without it or with another is 401."""
    with Kong(admin_token="letmein") as kong:
        assert ask(kong, "GET", "/services") == (401, {"message": "Unauthorized"})
        assert ask(kong, "GET", "/", token="guess")[0] == 401
        assert ask(kong, "GET", "/services", token="letmein")[0] == 200


def test_the_information_page_takes_overrides_and_says_what_it_is() -> None:
    """A test can make the node look like one that a program must refuse."""
    with Kong(version="3.3.0", configuration={"untrusted_lua": "off"}) as kong:
        _, body = ask(kong, "GET", "/")
    assert (body["version"], body["configuration"]["untrusted_lua"]) == ("3.3.0", "off")
    assert body["configuration"]["worker_state_update_frequency"] == 5
    assert body["stand_in"].startswith("stand-in")


def test_what_is_not_modelled_says_so(kong: Kong) -> None:
    """An endpoint that only Kong has is never answered as if it were empty."""
    assert ask(kong, "GET", "/vaults") == (501, {"message": "stand-in: /vaults is not modelled"})
    assert ask(kong, "GET", "/no-such-thing")[0] == 404
