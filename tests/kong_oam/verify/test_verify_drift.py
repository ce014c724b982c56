"""Changes by hand in the sandbox's Kong (a stand-in): `verify` names them and their effects on
access."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kong_oam.access.methods import (
    OTHER_TOOL,
    http_method,
    is_call,
    tool_of,
)
from kong_oam.access.paths import read, written
from kong_oam.kong.intended import intended
from kong_oam.kong.key_slots import Slot
from kong_oam.verify.classes import classes
from kong_oam.verify.questions import Call, Caller, Verdict
from kong_oam.verify.stack import judge
from tests.support import mcp_estates
from tests.support.drifts import DRIFTS, EXPECTED
from tests.support.gateway_cases import Case
from tests.support.gateway_tokens import Issuer
from tests.support.tiers import deep_after
from tests.support.verified_gateway import (
    Deployment,
    Hands,
    Running,
    report_lines,
    sample,
)

UP = "pulumi up -s local --refresh"
SAMPLED = 100
"""The number of calls to the proxy for each drift: of changed classes, and as many of all others.
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with Running(Deployment.of(*sample())) as verified:
        yield verified


@pytest.fixture(scope="module")
def pem(running: Running) -> str:
    """The public key of somebody who is not the issuer."""
    key = running.deployment.issuer.stray.public_key()
    return key.public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    ).decode()


@pytest.mark.parametrize("name", deep_after(8, DRIFTS))
def test_a_change_by_hand_is_found_if_it_matters(
    running: Running, pem: str, name: str
) -> None:
    """`verify` names the entity and its effects, and nothing else. After the repair there is no
    finding."""
    with Hands(running.kong.admin_url) as hands:
        DRIFTS[name](hands, pem)
        assert running.lines() == EXPECTED[name]
    assert running.lines() == []


def test_clients_are_told_apart_by_what_live_tables_grant_them(
    running: Running, pem: str
) -> None:
    """A client with a grant by hand forms its own class, whatever other clients have elsewhere. All
    clients without grants on a host form one class."""
    with Hands(running.kong.admin_url) as hands:
        before = running.gateway().host_rules("orders.example.com").granted
        assert before.keys() == {"shop/checkout", "shop/web"}
        DRIFTS["a client that is granted more"](hands, pem)
        after = running.gateway().host_rules("orders.example.com").granted
    assert {client for client in before if before[client] != after[client]} == {
        "shop/checkout"
    }


@pytest.mark.parametrize("name", deep_after(2, DRIFTS))
def test_each_request_that_is_said_works_and_is_all_that_a_run_leaves(
    running: Running, pem: str, name: str
) -> None:
    """Each works as it is written, and none is said again; what is left is for `pulumi up`, if that was said."""
    with Hands(running.kong.admin_url) as hands:
        DRIFTS[name](hands, pem)
        remedies = _remedies(running)
        for command in remedies:
            request, _, after = command.partition(" && ")
            if request != UP:
                assert after in ("", UP)
                hands.run(request)
        remaining = set(_remedies(running))
        assert remaining <= (
            {UP} if any(command.endswith(UP) for command in remedies) else set()
        )


def test_an_empty_slot_may_hold_any_key_of_the_issuer() -> None:
    """Nobody signs with its key id, and a run fills it with whichever key comes first."""
    deployment = Deployment.of(*sample())
    (first,) = deployment.deployed.slots["okta"]
    assert first.key
    pem = Issuer(now=0, provider=deployment.issuer.provider).pem
    second = Slot(replace(first.key, kid="k2", pem=pem))
    deployed = replace(
        deployment.deployed, slots={"okta": (first, second, Slot(None))}
    )
    live = intended(deployment.settings, deployment.estate, deployed)
    *filled_slots, empty = live.credentials
    filled = replace(
        live, credentials=(*filled_slots, {**empty, "rsa_public_key": pem})
    )
    assert (
        report_lines(
            judge(
                deployment.settings,
                deployment.estate,
                deployed,
                filled,
                lambda _, config: config,
            )
        )
        == []
    )


def _remedies(running: Running) -> list[str]:
    """Return the printed remedies, in order."""
    remedies = (
        reason.remedy
        for _, reasons in running.judged().findings
        for reason in reasons
    )
    return list(dict.fromkeys(filter(None, remedies)))


@pytest.mark.parametrize("name", deep_after(2, ["nothing", *DRIFTS]))
def test_the_reading_of_a_gateway_is_what_it_does(
    running: Running, pem: str, name: str
) -> None:
    """The proxy answers calls of every class as the reading says: the decision, the destination and
    the path."""
    with Hands(running.kong.admin_url) as hands:
        if name != "nothing":
            DRIFTS[name](hands, pem)
        live, wanted = running.gateway(), running.meant()
        entities = running.entities()
        changed: list[tuple[Call, Caller]] = []
        same: list[tuple[Call, Caller]] = []
        for call, caller, _ in classes(running.deployment.estate, live):
            (
                same
                if live.verdicts(call, caller) == wanted.verdicts(call, caller)
                else changed
            ).append((call, caller))
        chosen = random.Random(name)
        pairs = [
            *chosen.sample(changed, min(SAMPLED, len(changed))),
            *chosen.sample(same, min(SAMPLED, len(same))),
        ]
        assert len(pairs) >= SAMPLED
        for call, caller in pairs:
            verdicts = live.verdicts(call, caller)
            found = (
                _reached(running, call, token)
                for token in running.deployment.tokens(caller, entities)
            )
            reached = next((verdict for verdict in found if verdict), None)
            if all(verdict.judged for verdict in verdicts):
                assert reached in [_read(verdict) for verdict in verdicts], (
                    call,
                    caller,
                    verdicts,
                )
            else:
                assert reached is None or any(
                    verdict.allowed for verdict in verdicts
                ), (
                    call,
                    caller,
                    verdicts,
                )


def _read(verdict: Verdict) -> tuple[str, bool] | None:
    """The stand-in's proxy speaks plain http to every workload, whatever its service's protocol."""
    return (
        (verdict.leads.replace("https://", "http://"), verdict.verified)
        if verdict.allowed
        else None
    )


def _message(method: str) -> bytes:
    """Return the body of a POST, which the gate reads at MCP endpoints."""
    if not is_call(method):
        return mcp_estates.message("ping")
    tool = "unlisted" if method == OTHER_TOOL else tool_of(method)
    return mcp_estates.call(tool)


def _reached(
    running: Running, call: Call, token: str | None
) -> tuple[str, bool] | None:
    """Where the call came to, in the words of a verdict, and whether a forged identity did not; None: nowhere."""
    authorization = (f"Bearer {token}",) if token else ()
    method = http_method(call.method)
    target = written(call.path).encode()
    body = _message(call.method) if method == "POST" else b""
    raw = Case(method, call.host, target, authorization).raw(
        b"X_Auth_Client: forged",
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(body),
    )
    sent = running.kong.handle(raw + body, call.scheme).upstream
    if sent is None:
        return None
    leads = f"http://{sent.host}:{sent.port}"
    if read(sent.target.encode()) != call.path:
        leads += f" as {written(read(sent.target.encode()))}"
    if ("Host", call.host) not in sent.headers:
        leads += " under the service's own host name"
    return leads, not any(value == "forged" for _, value in sent.headers)
