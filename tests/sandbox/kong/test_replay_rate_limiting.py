"""The stand-in's rate-limiting denies, counts and answers like a real Kong's."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from sandbox.kong import Kong
from sandbox.kong.http import InvalidRequestError, Request, Response, Server
from tests.support.json_object import JsonObject
from tests.support.sandbox import kong_recordings as recordings

MODELLED = {
    "rate-limiting",
    "jwt",
    "pre-function",
    "post-function",
    "request-termination",
}
LEAST_REPLAYED = 32
MOVING = {"ratelimit-reset", "retry-after"}
"""Headers with the remaining time of a window."""
LEFT_OUT = re.compile("trusted_ips|instance rate-limiting: global$")
"""Trust in an earlier proxy's address is not modelled. For a recorded global plugin, requests of
the recording itself had been counted."""
GRPC = ["Accept", "application/grpc"]
"""How gRPC is answered is not modelled."""


def cases() -> list[JsonObject]:
    """Return all recorded cases with the plugin whose other plugins are modelled."""
    found = []
    for name in ("recorded-behaviour.jsonl", "recorded-plugins.jsonl"):
        for case in recordings.recorded(name)[1:]:
            kinds = {
                plugin["name"] for plugin in plugins_of(case.get("config", {}))
            } - {
                "correlation-id",
                "response-transformer",
            }
            if "rate-limiting" in kinds <= MODELLED and not LEFT_OUT.search(
                case["case"]
            ):
                found.append(case)
    return found


def plugins_of(config: JsonObject) -> list[JsonObject]:
    routes = [
        route
        for service in config.get("services", ())
        for route in service.get("routes", ())
    ]
    return [
        plugin
        for holder in (config, *config.get("services", ()), *routes)
        for plugin in holder.get("plugins", ())
    ]


def upstream(request: Request | InvalidRequestError) -> Response:
    return Response(
        200, (("Content-Type", "application/json"),), b'{"from":"upstream"}'
    )


class Made:
    """The entities of a declarative configuration, created through the Admin API."""

    def __init__(self, admin: httpx.Client, port: int) -> None:
        self._admin, self._port = admin, port

    def make(self, config: JsonObject) -> httpx.Response:
        """Create all entities in order. Return the first error, or the last answer."""
        answer = httpx.Response(201)
        for service in config["services"]:
            url = f"http://127.0.0.1:{self._port}"
            made = self._post(
                "/services", {"name": service["name"], "url": url}
            )
            routes = [
                (route, self._route(made.json()["id"], route))
                for route in service["routes"]
            ]
            scoped = [
                (config, {}),
                (service, {"service": {"id": made.json()["id"]}}),
                *routes,
            ]
            for holder, scope in scoped:
                for plugin in holder.get("plugins", ()):
                    if plugin["name"] in MODELLED:
                        answer = self._post(
                            "/plugins", self._with_scopes(plugin, scope)
                        )
                        if answer.status_code != 201:
                            return answer
        return answer

    def _route(self, service: str, route: JsonObject) -> JsonObject:
        body = {
            name: value for name, value in route.items() if name != "plugins"
        }
        made = self._post(
            "/routes", {**body, "service": {"id": service}}
        ).json()
        return {"route": {"id": made["id"]}}

    def _with_scopes(self, plugin: JsonObject, scope: JsonObject) -> JsonObject:
        """Replace references by name, as declarative configurations have them, by ids."""
        named = {
            kind: {
                "id": self._admin.get(f"/{kind}s/{plugin[kind]}").json()["id"]
            }
            for kind in ("service", "route")
            if kind in plugin
        }
        return {**plugin, **scope, **named}

    def _post(self, path: str, body: JsonObject) -> httpx.Response:
        return self._admin.post(path, json=body)


@pytest.mark.deep
@pytest.mark.timeout(120)
def test_it_denies_counts_and_answers_like_a_real_kong() -> None:
    """The entities of a case are deleted after it. Windows last from the time of the request."""
    replayed, different = cases(), []
    assert len(replayed) >= LEAST_REPLAYED
    server = Server(0, upstream)
    try:
        with (
            Kong(now=lambda: 1795565462.25) as kong,
            httpx.Client(base_url=kong.admin_url, trust_env=False) as admin,
        ):
            for case in replayed:
                if difference := difference_of(
                    case, kong, Made(admin, server.port)
                ):
                    different.append(f"{case['case']}: {difference}")
                for kind in ("plugins", "routes", "services"):
                    for entity in kong.entities(kind):
                        admin.delete(f"/{kind}/{entity['id']}")
    finally:
        server.stop()
    assert different == []


def difference_of(case: JsonObject, kong: Kong, makes: Made) -> str:
    """Return the difference; empty if there is none."""
    made = makes.make(case["config"])
    if refused := case.get("refused"):
        plugin = refused["body"]["fields"]["services"][0]["plugins"][0]
        return (
            ""
            if (made.status_code, made.json()["fields"]) == (400, plugin)
            else f"{made.status_code} {made.text}"
        )
    for number, request in enumerate(case["requests"]):
        if GRPC not in request.get("headers", ()) and (
            wanted := recorded_parts(request)
        ) != (answer := answer_parts(kong, request)):
            return f"request {number}: {answer} and not {wanted}"
    return ""


def answer_parts(kong: Kong, request: JsonObject) -> tuple[Any, ...]:
    headers = [
        ("Host", "api.example.com"),
        *map(tuple, request.get("headers", ())),
    ]
    with httpx.Client(base_url=kong.proxy_url, trust_env=False) as caller:
        answer = caller.request(
            request["method"],
            request["path"],
            headers=headers,
            content=request.get("body", "")
            if request["method"] == "POST"
            else None,
        )
    return compared_parts(
        answer.status_code, list(answer.headers.multi_items()), answer.text
    )


def recorded_parts(request: JsonObject) -> tuple[Any, ...]:
    sent = request["method"] == "POST"
    return compared_parts(
        request["status"],
        request["response_headers"],
        request.get("response_body" if sent else "body", ""),
    )


def compared_parts(
    status: int, headers: list[Any], text: str
) -> tuple[Any, ...]:
    limits = {
        name.lower(): "moving" if name.lower() in MOVING else value
        for name, value in headers
        if "ratelimit" in name.lower() or name.lower() == "retry-after"
    }
    return (
        status,
        sorted(limits.items()),
        re.sub("[0-9a-f]{32}", "ID", text) if status != 401 else None,
    )
