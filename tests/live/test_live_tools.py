"""MCP tools on a live Kong: bodies in every form are read or rejected, and no hostile message runs a
tool."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.estates import estate
from tests.support.gateway_cases import Case
from tests.support.gateway_estates import Scene
from tests.support.live.gateway import LiveGateway
from tests.support.live.run import RUN, issuer, issuers, stack, upstream_host
from tests.support.live.tools import LARGEST, ToolServer, largest_message
from tests.support.mcp_estates import (
    HOST,
    call,
    chunked,
    desk,
    head,
    message,
    post,
    search_of,
)
from tests.support.messages.hostile import CLOSE, hostile_messages
from tests.support.raw_requests import ask

NAME = f"{RUN}-tools"
DESK = f"desk.{RUN}.example.com"
JSON = ("Content-Type", "application/json")


@pytest.fixture(scope="module")
def server(live: LiveGateway) -> Iterator[ToolServer]:
    """A careless server behind the gateway."""
    text = desk((HOST, DESK))
    scene = Scene(estate(text, stack=stack(NAME)), issuers(NAME))
    with ToolServer() as behind, live.target.deploying() as entities:
        entities.estate(scene.estate, scene.pems, upstream_host(), behind.port)
        steady = [(Case("GET", DESK, b"/mcp"), 401)]
        live.await_steady(steady, 3 * entities.facts.settle + 60)
        yield behind


def bot() -> str:
    """A token of a client that may connect and call `search`."""
    scopes = ["tickets.use", "tickets.read", "tickets.write"]
    return issuer(NAME).service(scopes, client="desk/bot")


def status_of(live: LiveGateway, raw: bytes) -> int:
    return ask(live.target.proxy, raw).status


def test_a_tool_is_called_by_its_callers_only(
    live: LiveGateway, server: ToolServer
) -> None:
    server.ran.clear()
    asked = [
        (post(call("search"), bot(), host=DESK), 200),
        (post(call("close"), bot(), host=DESK), 403),
        (post(call("open"), bot(), host=DESK), 403),
        (post(call("search"), host=DESK), 401),
        (post(b"[]", bot(), host=DESK), 400),
        (post(message("tools/list"), bot(), host=DESK), 200),
    ]
    assert [status_of(live, raw) for raw, _ in asked] == [
        status for _, status in asked
    ]
    assert server.ran == ["search"]


def test_no_hostile_message_runs_a_tool(
    live: LiveGateway, server: ToolServer
) -> None:
    server.ran.clear()
    hostiles = [*hostile_messages()]
    found = {
        hostile.name: status_of(
            live, post(hostile.body, bot(), headers=hostile.headers, host=DESK)
        )
        for hostile in hostiles
    }
    assert server.ran == []
    # nginx answers a header with a dot in its name, or twice, with 400, too.
    assert found == {hostile.name: hostile.status for hostile in hostiles}


def test_the_server_is_careless(live: LiveGateway, server: ToolServer) -> None:
    """So that the hostile messages could run a tool."""
    server.ran.clear()
    writer = issuer(NAME).service(["tickets.use", "tickets.write"])
    raw = post(CLOSE, writer, host=DESK)
    assert status_of(live, raw) == 200
    assert server.ran == ["close"]
    bodies = [
        hostile.body for hostile in hostile_messages() if hostile.status == 400
    ]
    for body in bodies:
        raw = post(body, writer, "/other", host=DESK)
        status_of(live, raw)
    assert server.ran.count("close") > 30


@pytest.mark.parametrize("size", [300, 20_000, LARGEST, LARGEST + 1])
@pytest.mark.parametrize("form", ["length", "chunks", "continue"])
def test_bodies_are_read_or_rejected(
    live: LiveGateway, server: ToolServer, size: int, form: str
) -> None:
    """Kept in memory and spooled to a file. The workload gets the same bytes."""
    largest = largest_message(live)
    body = search_of(size)
    server.bodies.clear()
    if form == "continue":
        status = _after_continue(live, body)
    elif form == "length":
        status = status_of(live, post(body, bot(), host=DESK))
    else:
        status = status_of(live, chunked(body, bot(), host=DESK))
    assert status == (413 if size > largest else 200)
    assert server.bodies == ([] if size > largest else [body])


def _after_continue(live: LiveGateway, body: bytes) -> int:
    """Send the body when the gateway asks for it."""
    headers = (JSON, ("Content-Length", str(len(body))), ("Expect", "100-continue"))  # fmt: skip
    with socket.create_connection(live.target.proxy, timeout=30) as connection:
        connection.sendall(head(bot(), "/mcp", headers, DESK))
        with connection.makefile("rb") as answer:
            status = int(answer.readline().split()[1])
            if status != 100:
                return status
            assert answer.readline() == b"\r\n"
            connection.sendall(body)
            return int(answer.readline().split()[1])


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is missing")
@pytest.mark.parametrize("size", [300, 20_000, LARGEST, LARGEST + 1])
@pytest.mark.parametrize("has_length", [True, False])
def test_bodies_over_http2_are_read_or_rejected(
    live: LiveGateway,
    http2: tuple[str, int],
    server: ToolServer,
    size: int,
    has_length: bool,
) -> None:
    """A body without a length is rejected: the gateway cannot read it."""
    command = [
        "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--http2-prior-knowledge",
        "-H", f"Host: {DESK}", "-H", f"Authorization: Bearer {bot()}", "-H", "Content-Type: application/json",
    ]  # fmt: skip
    sent = ["--data-binary", "@-"] if has_length else ["-X", "POST", "-T", "-"]
    host, port = http2
    server.bodies.clear()
    # nginx may reset a stream that it rejects before curl reads the answer. curl then writes 000.
    done = subprocess.run(
        [*command, *sent, f"http://{host}:{port}/mcp"],
        input=search_of(size),
        capture_output=True,
        check=False,
    )
    if has_length and size <= largest_message(live):
        assert int(done.stdout) == 200
        assert server.bodies == [search_of(size)]
    else:
        assert int(done.stdout) in (0, 413 if has_length else 411)
        assert server.bodies == []


@pytest.mark.parametrize("name", ["Mcp-Name", "mcp_name", "MCP_Method"])
def test_only_the_gate_tells_the_workload_about_the_message(
    live: LiveGateway, server: ToolServer, name: str
) -> None:
    raw = post(call("search"), bot(), headers=(JSON, (name, "x")), host=DESK)
    assert status_of(live, raw) == 200
    sent = {
        name.lower().replace("_", "-"): value
        for name, value in server.headers[-1]
    }
    assert sent["mcp-method"] == "tools/call"
    assert sent["mcp-name"] == "search"
    raw = post(message("resources/read", uri="\u00fc"), bot(), host=DESK)
    assert status_of(live, raw) == 200
    assert dict(server.headers[-1])["Mcp-Name"] == "=?base64?w7w=?="
