"""Documents about MCP endpoints, and denials that lead to them, in the sandbox (a stand-in for
Kong)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from kong_oam.access.decide import Request, answer, decide
from kong_oam.access.discovery import resource_urls
from kong_oam.access.settings.logs import LogSettings
from kong_oam.access.stack import Records
from kong_oam.kong.routes import routes
from kong_oam.kong.table import table
from sandbox.kong import Kong
from sandbox.kong.proxy import Answer
from tests.support.estates import (
    ENTRA_SPELLING,
    ISSUER,
    PROVIDER,
    STACK,
    estate,
)
from tests.support.gateway_estates import Scene
from tests.support.gateway_tokens import Issuer
from tests.support.mcp_estates import (
    CLOSER_RULE,
    HOST,
    NO_OTHER,
    ONLY_MCP,
    call,
    desk,
    message,
    pages,
    post,
)
from tests.support.scenes import gateway_of

DOCUMENT = "/.well-known/oauth-protected-resource/mcp"
METADATA = f'resource_metadata="https://{HOST}{DOCUMENT}"'


def scene_of(*texts: str, stack: object = STACK) -> Scene:
    issuer = Issuer(time.time(), PROVIDER)
    return Scene(estate(*texts, stack=stack), {"main": issuer})  # type: ignore[arg-type]


SCENE = scene_of(desk())
WITH_PAGES = {
    path: scene_of(desk(ONLY_MCP, NO_OTHER), pages(path))
    for path in ("/", "/.well-known", DOCUMENT)
}


@pytest.fixture(scope="module")
def kong() -> Iterator[Kong]:
    with gateway_of(SCENE) as gateway:
        yield gateway


def ask(
    kong: Kong,
    path: str,
    *headers: str,
    method: str = "GET",
    host: str = HOST,
) -> Answer:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *headers, "", ""]
    return kong.handle("\r\n".join(lines).encode(), scheme="https")


def challenge(answer: Answer) -> str | None:
    found = [
        value
        for name, value in answer.headers
        if name.lower() == "www-authenticate"
    ]
    assert len(found) < 2
    return found[0] if found else None


def token(*scopes: str, scene: Scene = SCENE, client: str = "c") -> str:
    return scene.issuers["main"].service(scopes, client=client)


# The document


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ("Authorization: Bearer x",),
        ("Authorization: Bearer a.b.c, Bearer d.e.f",),
        ("X_Forwarded_For: 1",),
        ("Origin: https://elsewhere.example",),
    ],
)
def test_the_document_is_for_everybody(
    kong: Kong, headers: tuple[str, ...]
) -> None:
    answered = ask(kong, DOCUMENT, *headers)
    assert answered.status == 200 and answered.upstream is None
    assert ("Content-Type", "application/json") in answered.headers
    assert json.loads(answered.body) == {
        "resource": f"https://{HOST}/mcp",
        "authorization_servers": [ISSUER],
        "scopes_supported": ["tickets.use"],
        "bearer_methods_supported": ["header"],
    }


@pytest.mark.parametrize(
    ("path", "is_document"),
    [
        (DOCUMENT, True),
        (f"{DOCUMENT}?x=1", True),
        ("/%2ewell-known/oauth-protected-resource/m%63p", True),
        ("//.well-known/./oauth-protected-resource/mcp", True),
        (f"{DOCUMENT}/", False),
        (f"{DOCUMENT}/deeper", False),
        (f"{DOCUMENT}s", False),
        (f"/x{DOCUMENT}", False),
        (DOCUMENT.replace("mcp", "other"), False),
        (DOCUMENT.replace("mcp", "MCP"), False),
        (DOCUMENT.removesuffix("/mcp"), False),
        ("/.well-known/oauth-authorization-server/mcp", False),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_only_a_get_of_its_path_is_the_document(
    kong: Kong, path: str, is_document: bool, method: str
) -> None:
    """The reference `decide` agrees."""
    answered = ask(kong, path, method=method)
    meant = decide(SCENE.estate, Request(method, HOST, path.encode()), None)
    found = b"authorization_servers" in answered.body
    assert found == (is_document and method == "GET")
    assert (meant.code == "discovery") == found
    assert not meant.allowed and answered.upstream is None
    if not found:
        assert answered.status == meant.status


def test_the_document_names_the_host_and_port_of_the_request(
    kong: Kong,
) -> None:
    named = ask(kong, DOCUMENT, host=f"{HOST}:8443")
    assert json.loads(named.body)["resource"] == f"https://{HOST}:8443/mcp"
    for host in ("other.example.com", f"x.{HOST}", f"{HOST}:8443x"):
        assert ask(kong, DOCUMENT, host=host).status in (400, 404)


def test_a_wildcard_host_has_documents_for_its_hosts() -> None:
    scene = scene_of(desk(("domain: desk.example.com", "domain: '*.example.com'")))  # fmt: skip
    with gateway_of(scene) as gateway:
        answered = ask(gateway, DOCUMENT, host="a.b.example.com")
    found = json.loads(answered.body)
    assert found["resource"] == "https://a.b.example.com/mcp"


def test_an_endpoint_at_the_root_has_the_shortest_document() -> None:
    text = desk(NO_OTHER).replace("[/mcp]", "[/]")
    with gateway_of(scene_of(text)) as gateway:
        answered = ask(gateway, DOCUMENT.removesuffix("/mcp"))
        denied = gateway.handle(post(call("close"), path="/"), scheme="https")
        assert ask(gateway, f"{DOCUMENT.removesuffix('mcp')}").status == 401
    assert json.loads(answered.body)["resource"] == f"https://{HOST}"
    short = METADATA.replace("/mcp", "")
    assert challenge(denied) == f'Bearer {short}, scope="tickets.use"'


def test_alternatives_and_refusing_rules_are_listed() -> None:
    rule = "              - {paths: [/mcp], methods: [POST, GET, DELETE], scopes: [tickets.use]}\n"
    more = rule.replace("use]}", "write], refusals: {begins: [/mcp/x]}}")
    with gateway_of(scene_of(desk((rule, rule + more)))) as gateway:
        found = json.loads(ask(gateway, DOCUMENT).body)
    assert found["scopes_supported"] == ["tickets.use", "tickets.write"]


def test_a_provider_with_tokens_for_one_api_spells_scopes_by_the_url() -> None:
    """Entra knows the API by this URL."""
    provider = replace(PROVIDER, per_api=True, spelling=ENTRA_SPELLING)
    stack = replace(STACK, providers={"main": provider})
    with gateway_of(scene_of(desk(), stack=stack)) as gateway:
        found = json.loads(ask(gateway, DOCUMENT).body)
        denied = gateway.handle(post(call("close")), scheme="https")
    scope = f"https://{HOST}/mcp/tickets.use"
    assert found["scopes_supported"] == [scope]
    assert challenge(denied) == f'Bearer {METADATA}, scope="{scope}"'


def test_the_issuer_may_come_from_the_run() -> None:
    """A run that creates the issuer knows its address later."""
    provider = replace(PROVIDER, issuer=None)
    made = estate(desk(), stack=replace(STACK, providers={"main": provider}))
    text = table(
        made, made.components["desk/mcp"], "8000", "ring", issuer="https://made"
    )
    found = json.loads(text)
    assert found["discovery"] == {"issuer": "https://made", "scheme": "https"}
    assert found["issuer"] is None


def test_endpoints_have_urls_on_hosts_without_a_wildcard() -> None:
    """Entra gets these URLs."""
    root = NO_OTHER[0].replace("/other", "/") + NO_OTHER[0].replace(
        "[/other], methods: [POST]", "[/], tools: [a]"
    )
    for changes, urls in (
        ((), (f"https://{HOST}/mcp",)),
        (((NO_OTHER[0], root),), (f"https://{HOST}", f"https://{HOST}/mcp")),
        ((("domain: desk.example.com", "domain: '*.example.com'"),), ()),
    ):
        component = estate(desk(*changes)).components["desk/mcp"]
        assert resource_urls(component, "https") == urls


# Its route


def test_its_route_has_exactly_its_path() -> None:
    *_, plan = routes(SCENE.estate.components["desk/mcp"])
    assert (plan.role, plan.methods, plan.hosts) == ("discovery", ("GET",), (HOST,))  # fmt: skip
    assert plan.kong_paths == ["~/\\.well-known/oauth-protected-resource/mcp$"]


@pytest.mark.parametrize("path", WITH_PAGES)
def test_the_document_comes_before_other_components(path: str) -> None:
    """All other paths and methods still reach the other component."""
    scene = WITH_PAGES[path]
    with gateway_of(scene) as gateway:
        answered = ask(gateway, DOCUMENT)
        assert b"authorization_servers" in answered.body
        assert answered.upstream is None
        for other in (f"{path}/x", f"{DOCUMENT}/x", DOCUMENT, "/mcp"):
            for method in ("GET", "POST"):
                if (other, method) != (DOCUMENT, "GET"):
                    asked = Request(method, HOST, other.encode())
                    meant = answer(scene.estate, asked, [], {}, 0)
                    got = ask(gateway, other, method=method)
                    assert got.status == meant.status, (other, method)
                    assert (got.upstream is not None) == meant.allowed


def test_without_its_code_nothing_else_is_reached() -> None:
    """During an update the route may lead to a gate that knows no document."""
    scene = WITH_PAGES["/"]
    plain = scene_of(
        desk(ONLY_MCP, NO_OTHER)
        .replace("tools: [search, fetch]", "methods: [PUT]")
        .replace("tools: [close]", "methods: [PATCH]"),
        pages("/"),
    )
    with gateway_of(plain) as gateway:
        (service,) = (
            each
            for each in gateway.entities("services")
            if each["name"] == "kong-oam.tests.desk.mcp.8000"
        )
        *_, plan = routes(scene.estate.components["desk/mcp"])
        route = {
            "name": "discovery",
            "hosts": [HOST],
            "paths": plan.kong_paths,
            "methods": ["GET"],
            "regex_priority": plan.priority,
            "strip_path": False,
        }
        httpx.post(
            f"{gateway.admin_url}/services/{service['id']}/routes", json=route
        ).raise_for_status()
        bearer = f"Authorization: Bearer {token('tickets.use', scene=plain)}"
        for status, *headers in ((401,), (404, bearer)):
            answered = ask(gateway, DOCUMENT, *headers)
            assert (answered.status, answered.upstream) == (status, None)


# Denials


def test_a_401_leads_to_the_document(kong: Kong) -> None:
    for raw in (
        post(call("search")),
        post(message("tools/list")),
        post(call("search"), "x.y.z"),
        post(call("search"), path="/mcp/below"),
    ):
        denied = kong.handle(raw, scheme="https")
        assert denied.status == 401
        assert challenge(denied) == f'Bearer {METADATA}, scope="tickets.use"'


def test_the_gate_leads_to_the_document_as_jwt_does() -> None:
    """Beside a public rule `jwt` lets everybody through to the gate."""
    public = scene_of(
        desk(
            (
                "methods: [POST], scopes: [tickets.use]",
                "public: {reason: pages}",
            )
        )
    )
    with gateway_of(public) as gateway:
        denied = gateway.handle(post(call("search")), scheme="https")
    assert challenge(denied) == f'Bearer {METADATA}, scope="tickets.use"'


def test_a_403_names_all_scopes_that_a_listed_tool_needs(kong: Kong) -> None:
    for body, scopes in (
        (call("close"), "tickets.use tickets.write"),
        (message("tools/list"), "tickets.use"),
    ):
        denied = kong.handle(post(body, token("tickets.read")), scheme="https")
        assert denied.status == 403
        assert challenge(denied) == (
            f'Bearer error="insufficient_scope", {METADATA}, scope="{scopes}"'
        )


def test_a_403_says_nothing_about_other_tools(kong: Kong) -> None:
    denied = kong.handle(post(call("open"), token("tickets.use")), "https")
    assert denied.status == 403 and challenge(denied) is None


def test_a_403_prefers_the_alternative_that_the_caller_may_get() -> None:
    """No role gives `tickets.read` to the group desk, or `tickets.write` to the bot."""
    more = CLOSER_RULE.replace("write", "read")
    scene = scene_of(desk((CLOSER_RULE, CLOSER_RULE + more)))
    with gateway_of(scene) as gateway:
        issuer = scene.issuers["main"]
        for used, scopes in (
            (issuer.user(["tickets.use"], ["desk"]), "use tickets.write"),
            (token("tickets.use", scene=scene, client="desk/bot"), "read tickets.use"),
        ):  # fmt: skip
            denied = gateway.handle(post(call("close"), used), scheme="https")
            assert f'scope="tickets.{scopes}"' in (challenge(denied) or "")


@pytest.mark.parametrize("used", [None, "tickets.read"])
@pytest.mark.parametrize("path", ["/other", "/elsewhere", DOCUMENT + "/x"])
def test_elsewhere_denials_say_nothing_about_rules(
    kong: Kong, used: str | None, path: str
) -> None:
    """A port without tools gives the same answers."""
    plain = scene_of(
        desk()
        .replace("tools: [search, fetch]", "methods: [PUT]")
        .replace("tools: [close]", "methods: [PATCH]")
    )
    with gateway_of(plain) as without:
        for gateway, scene in ((kong, SCENE), (without, plain)):
            bearer = token(used, scene=scene) if used else None
            denied = gateway.handle(post(b"{}", bearer, path), scheme="https")
            assert denied.status == (403 if used else 401)
            assert challenge(denied) == (None if used else "Bearer")
            assert ("Content-Type", "application/problem+json") in denied.headers  # fmt: skip
            assert b"tickets" not in denied.body and b"jsonrpc" not in denied.body  # fmt: skip


# Bodies of denials


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (b"7", 7),
        (b"-9007199254740991", -9007199254740991),
        (b"1e3", 1000),
        (b'"a"', "a"),
        (b'"\\"},{\\u0000\\\\"', '"},{\0\\'),
        (b'"%s"' % "\u00fc".encode(), "\u00fc"),
    ],
)
def test_a_denial_answers_the_message(
    kong: Kong, text: bytes, shown: object
) -> None:
    body = call("close").replace(b'"id": 1', b'"id": ' + text)
    denied = kong.handle(post(body, token("tickets.use")), scheme="https")
    assert denied.status == 403
    assert ("Content-Type", "application/json") in denied.headers
    found = json.loads(denied.body)
    request = dict(denied.headers)["X-Kong-Request-Id"]
    assert found == {
        "jsonrpc": "2.0",
        "id": shown,
        "error": {
            "code": -32010,
            "message": "The token does not allow this",
            "data": {
                "type": "urn:kong-oam:problem:not-allowed",
                "status": 403,
                "requestId": request,
            },
        },
    }


@pytest.mark.parametrize(
    ("body", "scopes", "status"),
    [
        (call("close"), None, 401),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "unknown"}', "tickets.use", 400),
        (b"[]", "tickets.use", 400),
        (b"x" * (2**20 + 1), "tickets.use", 413),
    ],
)  # fmt: skip
def test_a_message_that_was_not_read_has_no_id(
    kong: Kong, body: bytes, scopes: str | None, status: int
) -> None:
    bearer = token(scopes) if scopes else None
    denied = kong.handle(post(body, bearer), scheme="https")
    found = json.loads(denied.body)
    assert (denied.status, found["id"]) == (status, None)
    assert found["error"]["data"]["status"] == status


def test_only_messages_get_messages(kong: Kong) -> None:
    """The denial of a GET is a problem, as elsewhere."""
    denied = ask(kong, "/mcp")
    assert ("Content-Type", "application/problem+json") in denied.headers
    assert challenge(denied) == f'Bearer {METADATA}, scope="tickets.use"'


# Records


def test_the_record_says_that_the_gateway_answered(tmp_path: Path) -> None:
    stack = replace(STACK, records=Records())
    scene = scene_of(desk(), stack=stack)
    file = tmp_path / "records"
    with gateway_of(scene, logs=LogSettings(file=str(file))) as gateway:
        ask(gateway, DOCUMENT)
    record = json.loads(file.read_text("utf-8"))
    assert (record["decision"], record["code"], record["status"]) == ("answered", "discovery", 200)  # fmt: skip
    assert record["path"] == DOCUMENT and "client" not in record
