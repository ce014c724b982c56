"""A component that only some networks may call: a run reports the source of client addresses, and
the limit always holds."""

from __future__ import annotations

import json

import pytest

from tests.support.engine.calls import service_token
from tests.support.faults.stacks import Empty, Stack
from tests.support.faults.tiny import HOST, PROTECTED, PUBLIC, TINY

TRAIT = """\
        - type: ip-allow
          properties: {from: [%s]}
    - name: job
"""
INSIDE, OUTSIDE = "203.0.113.9", "198.51.100.1"


def allowing(*networks: str) -> str:
    return TINY.replace("    - name: job\n", TRAIT % ", ".join(networks))


def statuses(
    stack: Stack, target: str, token: str | None = None
) -> tuple[int, int]:
    """Return the statuses for callers inside and outside of 203.0.113.0/24."""
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    raw = (
        f"GET {target} HTTP/1.1\r\nHost: {HOST}\r\n{authorization}\r\n".encode()
    )
    inside, outside = (
        stack.local.kong.handle(raw, "http", peer).status
        for peer in (INSIDE, OUTSIDE)
    )
    return inside, outside


def verified(stack: Stack) -> str:
    return stack.module(
        "kong_oam", "verify", "--stack", stack.name, "--only", "gateway"
    ).stdout


@pytest.mark.deep
def test_networks_change_and_every_preview_names_the_clients_address(
    empty: Empty,
) -> None:
    """The literal CLI shows the line of access, the key in the tables, `verify`, the deployed
    estate, and an opening."""
    stack = empty(applications=[allowing("203.0.113.0/24")])
    previewed = stack.pulumi("preview").stdout
    assert (
        "that ip-allow checks and rate-limit counts is the connection's (trusted_ips"
        in previewed
    )
    stack.run("up")
    token = service_token(stack.local, "job")
    assert statuses(stack, PROTECTED, token) == (200, 403)
    assert statuses(stack, PROTECTED) == (401, 401)
    assert statuses(stack, PUBLIC) == (200, 403)
    stack.assert_unchanged()
    assert "enforces the Applications" in verified(stack)
    opened = stack.module(
        "kong_oam",
        "emergency",
        "-s",
        stack.name,
        "open",
        "tiny/api",
        PROTECTED,
        "--reason",
        "INC-1: no tokens",
    )
    assert "for everybody from 203.0.113.0/24 only until" in opened.stdout, (
        opened.stderr
    )
    assert statuses(stack, PROTECTED) == (200, 403)
    closed = stack.module("kong_oam", "emergency", "-s", stack.name, "close")
    for done in (opened, closed):
        assert (
            done.returncode,
            "the answer depends on the caller's address" in done.stderr,
        ) == (
            2,
            True,
        ), done.stderr
    application = stack.folder / "applications/app0.yaml"
    application.write_text(
        allowing("203.0.113.0/24", "198.51.100.0/24"), "utf-8"
    )
    wider = stack.pulumi("preview").stdout
    assert "access: widened to tiny/job from 198.51.100.0/24: GET,HEAD" in wider
    diff = stack.module(
        "kong_oam",
        "diff",
        f"deployed:{stack.name}",
        ".",
        "--stack",
        stack.name,
        "--json",
    )
    kinds = {change["kind"] for change in json.loads(diff.stdout)["changes"]}
    assert kinds == {"widened"}, diff.stderr
    stack.run("up")
    assert statuses(stack, PROTECTED, token) == (200, 200)
    application.write_text(TINY, "utf-8")
    assert "ip-allow" not in stack.pulumi("preview").stdout
    stack.run("up")
    assert '"addresses"' not in json.dumps(stack.local.kong.entities("plugins"))
    assert "enforces the Applications" in verified(stack)


def test_a_gateway_that_trusts_every_proxy_stops_the_run(
    empty: Empty,
) -> None:
    """The run stops, and `verify` reports the gateway that was deployed before."""
    stack = empty(
        applications=[allowing("203.0.113.0/24")],
        configuration={"trusted_ips": ["0.0.0.0/0"]},
    )
    done = stack.run("up", check=False)
    assert done.returncode != 0
    assert (
        "lets every caller choose its address (trusted_ips=0.0.0.0/0)"
        in done.stdout + done.stderr
    )
    assert stack.local.kong.entities("services") == []
