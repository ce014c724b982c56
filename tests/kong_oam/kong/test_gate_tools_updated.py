"""Updates of tools: in every order of plugins, a message passes only if the old or the new estate
allows it."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from kong_oam.access.decide import Request, answer
from kong_oam.access.stack import Records
from tests.support.estates import PROVIDER, STACK, estate
from tests.support.gateway_estates import Scene
from tests.support.gateway_tokens import Issuer
from tests.support.listing_server import listed, listing_server
from tests.support.mcp_estates import (
    CLOSER_RULE,
    HOST,
    READER_RULE,
    call,
    desk,
    message,
    post,
)
from tests.support.mixed_gateway import mixed_gateway

ISSUERS = {"main": Issuer(time.time(), PROVIDER)}
SCENES = {
    name: Scene(
        estate(desk(*changes), stack=replace(STACK, records=Records())),
        ISSUERS,
    )
    for name, changes in {
        "no tools": ((READER_RULE, ""), (CLOSER_RULE, "")),
        "tools": (),
        "a tool for readers": (
            (CLOSER_RULE, CLOSER_RULE.replace("tickets.write", "tickets.read")),
        ),
        "a tool fewer": ((CLOSER_RULE, ""),),
    }.items()
}
SERVICE = "kong-oam.tests.desk.mcp.8000"
SCOPES = (["tickets.use"], ["tickets.use", "tickets.read"], ["tickets.use", "tickets.write"], ["tickets.read"])  # fmt: skip
MESSAGES = {
    "call search": call("search"),
    "call close": call("close"),
    "call open": call("open"),
    "POST": message("tools/list"),
}


@pytest.mark.parametrize(
    ("admission", "gate", "tools"),
    [
        ("tools", "a tool fewer", []),
        ("a tool fewer", "tools", []),
        ("tools", "tools", ["close"]),
        ("no tools", "tools", None),
    ],
)
def test_a_list_has_the_tools_of_both_tables(
    tmp_path: Path, admission: str, gate: str, tools: list[str] | None
) -> None:
    """Without the functions of its admission, a gate shows no list."""
    scenes = SCENES[admission], SCENES[gate]
    token = ISSUERS["main"].service(["tickets.use", "tickets.write"])
    raw = post(message("tools/list"), token)
    with mixed_gateway(*scenes, SERVICE, tmp_path / "records") as kong:
        answered = kong.handle(raw, "https", send=listing_server())
    assert b"open" not in answered.body
    if tools is not None:
        assert listed(answered) == tools


@pytest.mark.parametrize(("admission", "gate"), [*permutations(SCENES, 2)])
def test_no_order_of_plugins_opens_more(
    tmp_path: Path, admission: str, gate: str
) -> None:
    """A message that both estates allow always passes."""
    scenes = SCENES[admission], SCENES[gate]
    issuer = ISSUERS["main"]
    with mixed_gateway(*scenes, SERVICE, tmp_path / "records") as kong:
        for scopes in SCOPES:
            token = issuer.service(scopes)
            for method, body in MESSAGES.items():
                passes = kong.handle(post(body, token), scheme="https")
                request = Request(method, HOST, b"/mcp")
                meant = [
                    answer(
                        scene.estate,
                        request,
                        [f"Bearer {token}"],
                        scene.rings,
                        scene.now,
                    ).allowed
                    for scene in scenes
                ]
                # The gate of a port without tools reads no message: its own table decides on the
                # POST, and admission's table too.
                rule = any if gate == "no tools" else all
                assert not passes.upstream or rule(meant), (scopes, method)
                assert passes.upstream or not all(meant), (scopes, method)


def test_a_batch_passes_only_a_gate_without_tools(tmp_path: Path) -> None:
    """A gate with tools rejects it, also after tools were removed from admission."""
    token = ISSUERS["main"].service(["tickets.use"])
    pairs = ("tools", "no tools"), ("no tools", "tools")
    passed = []
    for admission, gate in pairs:
        scenes = SCENES[admission], SCENES[gate]
        with mixed_gateway(*scenes, SERVICE, tmp_path / "records") as kong:
            answered = kong.handle(post(b"[]", token), scheme="https")
        passed.append(answered.upstream is not None)
    assert passed == [True, False]


@pytest.mark.parametrize(
    ("body", "method", "code"),
    [
        (call("search"), "call search", "allowed"),
        (call("close"), "call close", "scope-missing"),
        (call("open"), "call open", "tool-not-listed"),
        (message("tools/list"), "POST", "allowed"),
        (b"[]", "POST", "message-unreadable"),
    ],
)
def test_a_record_names_the_tool(
    tmp_path: Path, body: bytes, method: str, code: str
) -> None:
    file = tmp_path / "records"
    scene = SCENES["tools"]
    token = ISSUERS["main"].service(["tickets.use", "tickets.read"])
    with mixed_gateway(scene, scene, SERVICE, file) as kong:
        kong.handle(post(body, token), scheme="https")
    record = json.loads(file.read_bytes())
    assert (record["method"], record["code"]) == (method, code)
