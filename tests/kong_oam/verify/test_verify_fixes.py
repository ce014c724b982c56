"""Fixes of findings about the sandbox's Kong (a stand-in): the commands make exactly the changes
that they say."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kong_oam.cli.verify_fixes import fix_entries
from kong_oam.verify.classes import classes
from kong_oam.verify.deviations import AffectedCalls, Deviation
from kong_oam.verify.live_gateway import LiveGateway
from kong_oam.verify.stack import Reason, Result
from tests.support.drifts import DRIFTS
from tests.support.tiers import deep_after
from tests.support.verified_gateway import Deployment, Hands, Running, sample

UP = "pulumi up -s local --refresh"
OPENED = AffectedCalls(("anybody",), ("GET",), ("http://a.test/",))
CLOSED = AffectedCalls(("shop/job",), ("POST",), ("http://a.test/b",))


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with Running(Deployment.of(*sample())) as verified:
        yield verified


@pytest.fixture(scope="module")
def pem(running: Running) -> str:
    """The public key of somebody who is not the issuer."""
    key = running.deployment.issuer.stray.public_key()
    spki = PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(Encoding.PEM, spki).decode()


def _calls(result: Result) -> Counter[str]:
    """Return the calls that findings name, each with its callers."""
    found: Counter[str] = Counter()
    for finding, _ in result.findings:
        for calls in finding.exposures:
            found[_words(calls.callers, calls.methods, calls.urls)] += 1
    return found


def _words(*parts: Any) -> str:
    return json.dumps(parts)


def _opened(running: Running, before: LiveGateway, after: LiveGateway) -> bool:
    """Return whether a call of any class is allowed, or leads elsewhere, only after a change."""
    for gateway in (before, after):
        for call, caller, _ in classes(running.deployment.estate, gateway):
            was = before.verdicts(call, caller)
            now = after.verdicts(call, caller)
            allowed = {(v.component, v.leads) for v in was if v.allowed}
            for verdict in now:
                place = verdict.component, verdict.leads
                if verdict.allowed and place not in allowed:
                    return True
    return False


@pytest.mark.parametrize("name", deep_after(10, DRIFTS))
def test_the_commands_of_a_fix_make_its_changes(
    running: Running, pem: str, name: str
) -> None:
    """Its finding is gone, no other finding is new, and the calls of its changes are no longer
    named. A fix that gives access says so."""
    with Hands(running.kong.admin_url) as hands:
        DRIFTS[name](hands, pem)
        before = running.judged()
        gateway = running.gateway()
        fixes = fix_entries(before.findings)
        for fix in fixes:
            if fix is None or any(UP in each for each in fix["commands"]):
                continue
            with Hands(running.kong.admin_url) as repairing:
                for command in fix["commands"]:
                    repairing.run(command)
                after = running.judged()
                opens = _opened(running, gateway, running.gateway())
                repairing.keep()
            changed = Counter(
                _words(each["callers"], each["methods"], each["urls"])
                for each in fix["changes"]
                if "callers" in each
            )
            assert _calls(before) - _calls(after) == changed
            assert not _calls(after) - _calls(before)
            assert fix["grants"] or not opens
            break


def _reason(remedy: str, **more: Any) -> Reason:
    return Reason("text", remedy, **more)


def test_a_run_repairs_everything_that_runs_repair() -> None:
    """A request alone repairs its own finding. With a closed path, the run gives access."""
    findings = (
        (Deviation("opened", ("a",), (OPENED,)), (_reason("curl 1"),)),
        (Deviation("opened", ("b",), (OPENED,)), (_reason(f"curl 2 && {UP}"),)),
        (Deviation("closed", ("c",), (CLOSED,)), (_reason(UP), _reason(UP))),
    )
    revoked = {
        "kind": "revoked",
        "opens": False,
        "callers": ["anybody"],
        "methods": ["GET"],
        "urls": ["http://a.test/"],
    }
    granted = {
        "kind": "granted",
        "opens": True,
        "callers": ["shop/job"],
        "methods": ["POST"],
        "urls": ["http://a.test/b"],
    }
    assert fix_entries(findings) == [
        {"commands": ["curl 1"], "grants": False, "changes": [revoked]},
        {
            "commands": [f"curl 2 && {UP}"],
            "grants": True,
            "changes": [revoked, granted],
        },
        {"commands": [UP], "grants": True, "changes": [granted]},
    ]


@pytest.mark.parametrize(
    "reasons",
    [
        (),
        (_reason(""),),
        (_reason("curl 1"), _reason("", stack="other")),
        (_reason("curl 1", used_by=("route 'x' (foreign)",)),),
    ],
    ids=["no reason", "no command", "another stack", "other users"],
)
def test_a_finding_that_somebody_else_repairs_has_no_fix(
    reasons: tuple[Reason, ...],
) -> None:
    """Another stack has to act, or another user may need the entity."""
    finding = Deviation("opened", ("a",), (OPENED,))
    assert fix_entries(((finding, reasons),)) == [None]
