"""The proxy stand-in repeats a real Kong 3.10's answers on its proxy port."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import ssl
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.kong import Kong
from sandbox.kong.http import InvalidRequestError, Request, Response, Server
from tests.support.json_object import JsonObject
from tests.support.sandbox import kong_recordings as recordings

STEPS = {
    "success",
    "routing",
    "no-route",
    "https-required",
    "no-service",
    "jwt",
    "acl",
    "key-auth",
    "basic-auth",
    "request-termination",
    "correlation-id",
    "bot-detection",
    "functions",
    "upstream-errors",
    "bad-request",
}
# The moment of the recording: its tokens are valid or expired by this clock.
NOW = 1795565462.0
MODELLED_PLUGINS = {
    "acl",
    "basic-auth",
    "jwt",
    "key-auth",
    "pre-function",
    "post-function",
    "request-termination",
    "correlation-id",
    "bot-detection",
}
NOT_MODELLED = {
    83: "gRPC answers",
    236: "ids of connections",
    250: "echo",
    251: "echo",
    328: "connections broken by an error in header_filter",
    329: "connections broken by an error in header_filter",
    342: "answers without HTTP",
    343: "an upstream that breaks off its answer",
    344: "an upstream whose header is too big",
    348: "an upstream that accepts no connection",
    363: "gRPC answers",
    365: "HTTP/0.9",
    366: "connections closed without an answer",
    398: "a body that is found broken after routing",
    407: "HTTP/2",
}
COMPARED = [
    "content-type",
    "www-authenticate",
    "location",
    "upgrade",
    "x-a",
    "set-cookie",
    "connection",
    "server",
    "via",
    "access-control-allow-origin",
    "x-request-id",
    "ratelimit-limit",
]
LEAST_REPLAYED = 317


def echo(request: Request | InvalidRequestError) -> Response | None:
    """Yield the service behind the recorded Kong: it echoes requests."""
    if isinstance(request, InvalidRequestError):
        return None  # it began to speak TLS, which is not spoken here
    path = request.target
    status = int(path.split("/")[2]) if path.startswith("/status/") else 200
    received = {
        "method": request.method,
        "path": path,
        "headers": [list(header) for header in request.headers],
        "body": request.body.decode("latin-1"),
    }
    own = (("Server", "echo"), ("Content-Type", "application/json"))
    if path.startswith("/hdrs"):
        own = (
            *own,
            ("Via", "1.1 upx"),
            ("WWW-Authenticate", 'Basic realm="up"'),
            ("Access-Control-Allow-Origin", "https://up.example.com"),
            ("X-Request-ID", "from-upstream"),
            ("Set-Cookie", "a=1"),
            ("Set-Cookie", "b=2"),
            ("RateLimit-Limit", "77"),
        )
    return Response(status, own, json.dumps(received).encode())


def asleep(_: Request | InvalidRequestError) -> Response | None:
    """Return a service that answers too late."""
    time.sleep(0.8)
    return None


@contextlib.contextmanager
def upstreams() -> Iterator[dict[int, int]]:
    """The ports that the recorded services name, and where they are here."""
    servers = {
        9999: Server(0, echo),
        9901: Server(0, lambda _: None),
        0: Server(0, asleep),
    }
    with socket.create_server(("127.0.0.1", 0)) as closed:
        free = closed.getsockname()[1]
    try:
        yield {port: server.port for port, server in servers.items()} | {
            1: free
        }
    finally:
        for server in servers.values():
            server.stop()


def call(kong: Kong, method: str, path: str, body: Any) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(
        kong.admin_url.removeprefix("http://")
    )
    try:
        connection.request(
            method, path, json.dumps(body), {"Content-Type": "application/json"}
        )
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None
    finally:
        connection.close()


def raw_request(row: JsonObject) -> bytes:
    if row.get("request_raw") is not None:
        return row["request_raw"].encode("latin-1")
    lines = [f"{row['method']} {row['path']} {row['http_version']}"]
    lines += [f"{name}: {value}" for name, value in row["request_headers"]]
    body = (row.get("request_body") or "").encode()
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def exchange(
    port: int, raw: bytes, head: bool, tls: bool
) -> tuple[int, list[tuple[str, str]], bytes]:
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(
            socket.create_connection(("127.0.0.1", port), timeout=3)
        )
        if tls:
            context = ssl._create_unverified_context()
            connection = stack.enter_context(
                context.wrap_socket(connection, server_hostname="p.example.com")
            )
        connection.sendall(raw)
        answer = http.client.HTTPResponse(
            connection, method="HEAD" if head else "GET"
        )
        try:
            answer.begin()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            answer.close()


def masked(text: str, ports: dict[str, str]) -> str:
    """Replace values that differ between runs: request ids, and the ports of this run."""
    text = re.sub(
        r"<id>#\d+",
        "<id>#<count>",
        re.sub(r"\b[0-9a-f]{32}\b", "<request id>", text),
    )
    for own, theirs in ports.items():
        text = text.replace(own, theirs)
    return text


def compared_headers(headers: list[Any]) -> list[tuple[str, str]]:
    shown = (
        (name.lower(), masked(recordings.ID.sub("<id>", value), {}))
        for name, value in headers
    )
    return sorted(header for header in shown if header[0] in COMPARED)


def set_up(kong: Kong, rows: list[JsonObject]) -> set[str]:
    """Replay the set-up; the paths of routes that lack one of their plugins."""
    ids: dict[str, str] = {}
    incomplete: set[str] = set()
    learnt = recorded_ids(rows)
    for row in rows:
        if row["kind"] != "setup":
            continue
        body, path = row["request_body"], row["path"]
        known = re.match(
            r"/(services|routes|consumers|upstreams)/[^/]+(/plugins|/jwt|/key-auth|/basic-auth|/acls|/targets)?\Z",
            path,
        )
        if not known or (
            path.endswith("/plugins") and body["name"] not in MODELLED_PLUGINS
        ):
            incomplete.add("/" + path.split("/")[2])
            continue
        text = recordings.ID.sub(lambda found: ids[found[0]], json.dumps(body))
        status, answer = call(kong, row["method"], path, json.loads(text))
        assert status == row["status"], (path, answer)
        name = path.split("/")[2]
        if (path.split("/")[1], name) in learnt and "/plugins" not in path:
            ids[learnt[path.split("/")[1], name]] = answer["id"]
    return incomplete - {"/ann", "/bob"}


def recorded_ids(rows: list[JsonObject]) -> dict[tuple[str, str], str]:
    """Ids of services and of the anonymous consumer, as the set-up's later lines use them.

    The set-up is recorded without its answers: a route that names a service stands directly for it.
    """
    by_route = {
        "plain": "echo",
        "base": "base",
        "base-slash": "base-slash",
        "disabled": "disabled",
        "grpc": "grpc",
        "up-refused": "refused",
        "up-nohost": "nohost",
        "up-slow": "slow",
        "up-slow-retry": "slow-retry",
        "up-closer": "closer",
        "up-garbage": "garbage",
        "up-short": "short",
        "up-bighdr": "bighdr",
        "up-tlsplain": "tlsplain",
        "up-emptyup": "emptyup",
        "up-zeroup": "zeroup",
        "up-goodup": "goodup",
        "up-connect-timeout": "connect-timeout",
    }
    found: dict[tuple[str, str], str] = {}
    for row in rows:
        body = row.get("request_body")
        if row["kind"] != "setup" or not isinstance(body, dict):
            continue
        name = row["path"].split("/")[2]
        if name in by_route and "service" in body:
            found["services", by_route[name]] = body["service"]["id"]
        anonymous = (body.get("config") or {}).get("anonymous")
        if anonymous:
            found["consumers", "anon"] = anonymous
    return found


@pytest.mark.deep
def test_the_proxy_answers_like_a_real_kong() -> None:
    """Every recorded exchange with modelled features: status, relevant headers, body, upstream
    request."""
    rows = recordings.recorded("proxy-responses.jsonl")
    replayed: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    wrong: list[str] = []
    with upstreams() as ports:

        def resolve(host: str, port: int) -> tuple[str, int] | None:
            return (
                None
                if host.endswith(".invalid")
                else (host, ports.get(port, port))
            )

        with Kong(now=lambda: NOW, resolve=resolve, proxy_tls_port=0) as kong:
            incomplete = set_up(kong, rows)
            slow = {
                "host": "127.0.0.1",
                "port": 0,
                "read_timeout": 300,
                "retries": 0,
            }
            for name in ("slow", "slow-retry"):
                assert call(kong, "PUT", f"/services/{name}", slow)[0] == 200
            urls = {8000: kong.proxy_url, 8443: kong.proxy_tls_url}
            ports_here = {
                port: int(url.rpartition(":")[2]) for port, url in urls.items()
            }
            for row in rows:
                if row["kind"] != "exchange":
                    continue
                first = (
                    "/"
                    + (row.get("path") or "/plain")
                    .split("?")[0]
                    .strip("/")
                    .split("/")[0]
                )
                reason = NOT_MODELLED.get(row["seq"])
                if row["step"] not in STEPS or first in incomplete:
                    reason = reason or "other plugins"
                if "<... " in str(row.get("request_raw")) or "<... " in str(
                    row.get("request_headers")
                ):
                    reason = reason or "requests cut in the recording"
                if reason:
                    skipped[reason] += 1
                    continue
                replayed[row["step"]] += 1
                problem = replay(ports_here[row["port"]], row)
                if problem:
                    wrong.append(problem)
    print(
        f"replayed {replayed.total()}: {dict(replayed)}; not modelled {skipped.total()}: {dict(skipped)}"
    )
    assert not wrong, "\n".join(wrong)
    assert replayed.total() >= LEAST_REPLAYED


def replay(port: int, row: JsonObject) -> str | None:
    """Send one recorded request, and return the difference, or None."""
    raw = raw_request(row)
    marks = {
        f'"X-Forwarded-Port", "{port}"': f'"X-Forwarded-Port", "{row["port"]}"'
    }
    wanted = masked(
        recordings.ID.sub("<id>", row.get("response_text") or ""), {}
    )
    tls = (
        row["port"] == 8443 and row.get("note") != "plain HTTP on the TLS port"
    )
    try:
        status, headers, content = exchange(
            port, raw, row.get("method") == "HEAD", tls
        )
    except (OSError, http.client.HTTPException) as error:
        return f"{row['seq']} {row['step']} {raw[:80]!r}: {error!r}, not {row['status']}"
    text = masked(recordings.ID.sub("<id>", content.decode("latin-1")), marks)
    if row["status"] == status and (text == wanted or _same_json(text, wanted)):
        theirs, own = (
            compared_headers(row["response_headers"]),
            compared_headers(headers),
        )
        if theirs == own:
            return None
        return f"{row['seq']} {row['step']} {raw[:80]!r}: headers {own}, not {theirs}"
    return f"{row['seq']} {row['step']} {raw[:80]!r}: {status} {text!r}\n  not {row['status']} {wanted!r}"


def _same_json(own: str, theirs: str) -> bool:
    try:
        return bool(json.loads(own) == json.loads(theirs))
    except ValueError:
        return False
