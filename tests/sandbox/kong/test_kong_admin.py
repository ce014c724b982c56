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
