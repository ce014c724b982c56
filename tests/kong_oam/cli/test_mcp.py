"""`mcp`, with the client of the official SDK over standard input and output."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest
from jsonschema import Draft202012Validator
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from kong_oam.cli.mcp_tools import TOOLS
from tests.support.json_object import JsonObject
from tests.support.projects import commit_all, copy_sample, git, replace_once
from tests.support.repository import ROOT

URL = "https://orders.example.com/orders"
ORDERS = Path("applications/orders.yaml")
STACK = Path("stacks/Pulumi.local.yaml")
COMMAND = [sys.executable, "-m", "kong_oam", "mcp"]

Use = Callable[[ClientSession], Awaitable[None]]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample estate in a repository, and a folder with secrets outside of it."""
    folder = tmp_path / "project"
    folder.mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret.yaml").write_text("kind: hunter2\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    copy_sample(folder)
    git("init", "--initial-branch=main")
    commit_all("first")


def use(session: Use) -> None:
    """Run a session with the server of the working directory."""
    server = StdioServerParameters(
        command=COMMAND[0],
        args=COMMAND[1:],
        cwd=Path.cwd(),
        env={**os.environ},
    )

    async def run() -> None:
        async with (
            stdio_client(server) as streams,
            ClientSession(*streams) as client,
        ):
            await client.initialize()
            await session(client)

    anyio.run(run)


async def called(
    session: ClientSession, tool: str, **arguments: object
) -> JsonObject:
    """Return the structured answer of a tool. The text has the same JSON."""
    result = await session.call_tool(tool, arguments)
    answer: JsonObject = result.structured_content
    assert json.loads(result.content[0].text) == answer
    assert result.is_error == (answer["exitStatus"] == 2)
    return answer


def files() -> dict[str, bytes]:
    return {
        str(file): file.read_bytes()
        for file in Path().rglob("*")
        if file.is_file() and ".git" not in file.parts
    }


def test_the_tools_only_read_and_their_text_is_data() -> None:
    async def session(client: ClientSession) -> None:
        tools = (await client.list_tools()).tools
        assert [tool.name for tool in tools] == [
            name.replace(" ", "_") for name in TOOLS
        ]
        for tool in tools:
            assert tool.annotations.read_only_hint
            assert "never instructions" in tool.description
            Draft202012Validator.check_schema(tool.input_schema)
            Draft202012Validator.check_schema(tool.output_schema)
            properties = tool.input_schema["properties"]
            assert properties["limit"]["default"] == 50
            writing = {"output", "sarif", "watch", "format", "fix"}
            assert not writing & {*properties}

    use(session)


def test_an_edit_that_widens_access_is_found_explained_and_narrowed() -> None:
    """With structured answers only. Nothing else is written."""

    async def session(client: ClientSession) -> None:
        assert (await called(client, "diff"))["data"]["changes"] == []
        text = ORDERS.read_text()
        replace_once(
            ORDERS,
            "methods: [GET], scopes: [orders.read]",
            "methods: [GET, PATCH], scopes: [orders.read]",
        )
        before = files()
        [change] = (await called(client, "diff"))["data"]["changes"]
        assert (change["kind"], change["opens"]) == ("granted", True)
        example = change["example"]
        explained = await called(
            client,
            "explain",
            method=example["method"],
            url=f"https://{example['host']['new']}{example['path']}",
            client=example["as"],
            **({"groups": example["userIn"]} if example["userIn"] else {}),
        )
        assert explained["data"]["code"] == "allowed"
        assert explained["data"]["rule"]["file"] == str(ORDERS)
        for tool, arguments in {
            "check": {},
            "who": {"method": "GET", "url": URL},
            "what": {"principal": "shop/web"},
            "matrix": {},
            "graph": {},
            "render": {"application": "orders"},
        }.items():
            answer = await called(client, tool, **arguments)
            assert answer["exitStatus"] < 2, answer
        assert files() == before
        ORDERS.write_text(text)
        assert (await called(client, "diff"))["data"]["changes"] == []

    use(session)


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("check", {"files": ["/etc/passwd"]}, "outside the project"),
        ("check", {"files": ["../outside/secret.yaml"]}, "outside the project"),
        ("diff", {"old": "git:../../outside"}, "outside the project"),
        ("diff", {"old": "outside"}, "outside the project"),
        ("check", {"files": ["--sarif=x"]}, "begins with a dash"),
        (
            "explain",
            {"url": "--logs=/proc/self/environ", "request": "x"},
            "begins with a dash",
        ),
        ("check", {"files": ["a\0b"]}, "is no path"),
        ("check", {"sarif": "x"}, "sarif"),
        ("check", {"limit": 0}, "minimum"),
        ("what", {"principal": ["shop/web"]}, "is not of type"),
        ("what", {"principal": "shop/wob"}, "did you mean 'shop/web'?"),
        ("render", {}, "required"),
        ("emergency", {}, "unknown tool 'emergency'"),
    ],
)
def test_a_wrong_call_is_one_error(
    tool: str, arguments: JsonObject, words: str, tmp_path: Path
) -> None:
    """Without a text from outside the project. Links are resolved."""
    Path("outside").symlink_to(tmp_path / "outside")

    async def session(client: ClientSession) -> None:
        answer = await called(client, tool, **arguments)
        assert "hunter2" not in json.dumps(answer)
        assert answer["exitStatus"] == 2
        assert words in answer["data"]["error"]

    use(session)


def test_links_and_settings_lead_to_no_file_outside(tmp_path: Path) -> None:
    """`check` answers with an error at the file."""
    Path("link").mkdir()
    Path("link/secret.yaml").symlink_to(tmp_path / "outside/secret.yaml")
    setting = "  kong-oam:applications: [../outside/secret.yaml]\n"

    async def session(client: ClientSession) -> None:
        linked = await called(client, "check", applications=["link/*"])
        replace_once(STACK, "config:\n", f"config:\n{setting}")
        named = await called(client, "check")
        for answer, words in (
            (linked, "leaves the folder and is not followed"),
            (named, "cannot be read: outside the project"),
        ):
            assert "hunter2" not in json.dumps(answer)
            [problem] = answer["data"]["diagnostics"]
            assert (answer["exitStatus"], problem["code"]) == (1, "OAM101")
            assert words in problem["message"]

    use(session)


def test_a_hundred_calls_at_once_are_all_answered() -> None:
    """With wrong and right answers in their own places."""
    expected = {}

    async def session(client: ClientSession) -> None:
        async def call(number: int) -> None:
            name = "shop/web" if number % 20 == 0 else f"../x{number}"
            answer = await called(client, "what", principal=name)
            expected[number] = answer["data"].get("error", "")

        async with anyio.create_task_group() as group:
            for number in range(100):
                group.start_soon(call, number)

    use(session)
    for number in range(100):
        wanted = "" if number % 20 == 0 else f"'../x{number}' is outside"
        assert expected[number].startswith(wanted)


def test_garbage_does_not_stop_the_server() -> None:
    """The next request is answered. The end of the input ends the server."""
    first = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "tests", "version": "1"},
        },
    }
    lines = [
        b"\xff\x00garbage",
        b"{}",
        b"[" * 10_000,
        json.dumps(first).encode(),
    ]
    ran = subprocess.run(
        COMMAND,
        input=b"\n".join(lines) + b"\n",
        capture_output=True,
        timeout=60,
    )
    answers = [json.loads(line) for line in ran.stdout.splitlines()]
    assert answers[-1]["id"] == 1
    assert answers[-1]["result"]["serverInfo"]["name"] == "kong-oam"
    assert ran.returncode == 0


def _called() -> subprocess.Popen[bytes]:
    """Start a server that has a call to answer."""
    server = subprocess.Popen(
        COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    call = {"name": "matrix", "arguments": {}}
    start = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "tests", "version": "1"},
    }
    assert server.stdin and server.stdout
    for message in (
        {"id": 1, "method": "initialize", "params": start},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": call},
    ):
        line = json.dumps({"jsonrpc": "2.0", **message}) + "\n"
        server.stdin.write(line.encode())
        server.stdin.flush()
    server.stdout.readline()
    return server


def test_a_client_that_reads_no_answer_gets_no_traceback() -> None:
    server = _called()
    assert server.stdin and server.stdout and server.stderr
    server.stdout.close()
    time.sleep(3)
    server.stdin.close()
    try:
        server.wait(30)
        assert server.stderr.read() == b""
    finally:
        server.kill()
        server.stderr.close()


def test_a_disconnect_half_way_leaves_no_process() -> None:
    """The server ends, and its call with it."""
    server = _called()
    assert server.stdin and server.stdout and server.stderr
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
    started = ""
    for _ in range(200):
        started = children.read_text().strip()
        if started:
            break
        time.sleep(0.05)
    assert started
    server.stdin.close()
    try:
        assert server.wait(30) == 0
    finally:
        server.kill()
        server.stdout.close()
        server.stderr.close()
    for child in started.split():
        with pytest.raises(ProcessLookupError):
            os.kill(int(child), signal.SIG_DFL)


def test_without_the_extra_the_remedy_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "empty", ignore_errors=True)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/mcp.py").write_text("raise ImportError('no mcp')\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'empty'}:{ROOT}")
    ran = subprocess.run(COMMAND, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 2
    assert ran.stderr == (
        "the package mcp is missing: install it with `pip install 'kong-oam[mcp]'`\n"
    )
