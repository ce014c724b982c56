"""The project and an independent reading of its documents give the same answers."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from typing import Any

import pytest
import yaml

from kong_oam.access import decide, model, tokens
from kong_oam.access.data import PathSegments
from sandbox.kong import Kong
from tests.support import kong_deployment
from tests.support.documentation import below, page
from tests.support.gateway_cases import Case
from tests.support.lua_scripts import spoil
from tests.support.oracle import meaning, worlds
from tests.support.oracle.compare import (
    NOW,
    Project,
    Report,
    client_id,
    compared,
    known,
)
from tests.support.oracle.meaning import Answer, Request, Token
from tests.support.oracle.worlds import World
from tests.support.repository import ROOT
from tests.support.tiers import deep_after, examples

INDEPENDENT = ("meaning", "worlds")
QUESTIONS = 100
BLOCKS, DECISIONS = 25, 40_000
DIMENSIONS = (
    *(f"status {status}" for status in (200, 400, 401, 403, 404)),
    *(
        "scope moved",
        "grant moved",
        "client removed or renamed",
        "unknown client",
        "token of before",
        "token of a user",
    ),
    *(
        "token of a service",
        "token does not count",
        "token for one API",
        "scopes nobody granted",
        "public rule",
    ),
    *(
        "wildcard host",
        "shared host",
        "odd host",
        "nested path",
        "hostile path",
        "no access trait",
        "opened",
        "closed",
    ),
    *("a page reads", "a page may not read"),
    *("near a refused path", "forwarded"),
    *("not from there", "ambiguous header", "harmless header"),
    *(
        "new version of the workload",
        "half-finished: gate before",
        "half-finished: gate after",
    ),
)


@pytest.mark.parametrize("module", INDEPENDENT)
def test_the_oracle_imports_nothing_of_the_project(module: str) -> None:
    tree = ast.parse(
        (ROOT / "tests" / "support" / "oracle" / f"{module}.py").read_text(
            "utf-8"
        )
    )
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {
                f"{node.module}.{alias.name}"
                if node.module == "tests.support.oracle"
                else str(node.module)
                for alias in node.names
            }
    own = {f"tests.support.oracle.{name}" for name in INDEPENDENT}
    assert {
        name
        for name in found
        if name.partition(".")[0] not in sys.stdlib_module_names
    } <= own


def sample() -> World:
    files = sorted((ROOT / "applications").glob("*.yaml"))
    stack = yaml.safe_load(
        (ROOT / "stacks" / "Pulumi.local.yaml").read_text("utf-8")
    )
    return World(
        [yaml.safe_load(file.read_text("utf-8")) for file in files], stack
    )


def test_the_oracle_knows_the_table_that_the_tutorial_shows() -> None:
    """The demo prints callers by letter, then requests with a status for each. `ledger`, the
    example beside the sample estate, is a client without grants here."""
    text = below(page("tutorial.md"), "## Output of the demo").partition(
        "The gateway's log"
    )[0]
    users = {
        "user-sales": ("sales",),
        "user-order-desk": ("order-desk",),
        "user-both": ("sales", "order-desk"),
    }
    callers: list[Token | None] = []
    for client, user, got in re.findall(
        r"^  [A-M]  (\S+)(?: for (\S+))? {2,}(.+)$", text, re.MULTILINE
    ):
        scopes = tuple(got.split())
        refused = client == "nobody" or got.startswith("refused")
        callers.append(
            None
            if refused
            else Token(
                "okta", True, client, bool(user), scopes, users.get(user, ())
            )
        )
    rows = re.findall(
        r"^  (call \w+|[A-Z]+) +([a-z.-]+)(/\S*) +((?:\d{3} ?){13})$",
        text,
        re.MULTILINE,
    )
    rows = [row for row in rows if row[1] != "ledger.example.com"]
    assert len(callers) == 13 and len(rows) == 9
    world = sample()
    for method, host, target, statuses in rows:
        answers = [
            world.answer(Request(method, host, target.encode(), caller)).status
            for caller in callers
        ]
        assert answers == [int(status) for status in statuses.split()], (
            method,
            host,
            target,
        )


def test_a_scope_that_moves_takes_no_token_of_before_along() -> None:
    """The token lists another component's scope: its client has no grant there."""
    world = sample()
    token = Token(
        "okta", True, "shop/checkout", False, ("orders.read", "reports.audit")
    )
    assert (
        world.answer(
            Request("GET", "orders.example.com", b"/orders", token)
        ).status
        == 200
    )
    assert (
        world.answer(
            Request("GET", "reports.example.com", b"/docs/internal", token)
        ).status
        == 403
    )


def asked(first: int, decisions: int) -> Report:
    """Ask pairs of estates from the seed `first` on, until so many answers are compared."""
    report = Report()
    while report.decisions < decisions:
        report.add(compared(first, QUESTIONS))
        first += 1
    return report


@pytest.mark.generated
@pytest.mark.timeout(600)
@pytest.mark.parametrize("block", deep_after(1, range(BLOCKS)))
def test_the_project_answers_as_the_oracle(
    block: int, report: Callable[[str], None]
) -> None:
    found = asked(block * 10_000, examples(DECISIONS))
    report(
        f"oracle, block {block}: {found.decisions:,} decisions, {found.counted['pairs of estates']} pairs of estates"
    )
    assert not found.disagreements, "\n".join(found.disagreements[:10])
    assert {
        dimension for dimension in DIMENSIONS if not found.counted[dimension]
    } == set()


@pytest.mark.generated
@pytest.mark.parametrize("seed", deep_after(2, range(7_000_000, 7_000_040)))
def test_the_gateway_answers_as_the_oracle(seed: int) -> None:
    """All parts of the sandbox's Kong take part: routes, admission, `jwt` and the gate."""
    rng = Random(seed)
    before, after = worlds.estates(rng)
    project = Project(after)
    providers = {
        name: issuer.provider for name, issuer in project.issuers.items()
    }
    estate = replace(
        project.estate, stack=replace(project.estate.stack, providers=providers)
    )
    with Kong(now=lambda: NOW) as kong:
        pems = {
            name: {issuer.kid: issuer.pem}
            for name, issuer in project.issuers.items()
        }
        with kong_deployment.Entities(kong.admin_url, keep=True) as entities:
            entities.clients = {
                client.component: client_id(client.component)
                for client in estate.clients
            }
            entities.estate(estate, pems, "upstream.test")
        for question in worlds.questions(rng, before, after, QUESTIONS):
            request = question.request
            if request.token and request.token.provider not in providers:
                continue
            meant = after.answer(request)
            authorization = (
                (f"Bearer {project.signed(request.token)}",)
                if request.token
                else ()
            )
            headers = (
                (": ".join(request.header).encode(),) if request.header else ()
            )
            got = kong.handle(
                Case(
                    request.method,
                    request.host,
                    request.target,
                    authorization,
                    headers,
                ).raw(),
                peer=request.address or "",
            )
            if not known(request, meant, got.status):
                assert got.status in statuses(request, meant), (
                    request,
                    meant,
                    got.body,
                )
                assert got.upstream is None or got.upstream.port == meant.port


def statuses(request: Request, meant: Answer) -> set[int]:
    """Return the statuses that count as `meant`: 404 without a route, and 401 where admission or
    `jwt` answer first."""
    if request.method not in meaning.METHODS:
        return {400, 404, 405}
    if request.host != request.host.lower():
        return {400, 401, 404}
    return {400, 404} if meant.status == 400 else {meant.status}


def _shorter(
    component: model.Component, path: PathSegments
) -> tuple[model.Rule, ...]:
    return tuple(
        rule
        for rule in component.exposure.rules
        if path[: len(rule.path)] == rule.path
    )


FAULTS: Mapping[str, tuple[Any, str, Any]] = {
    "scopes are not cut": (decide, "effective_scopes", lambda *arguments: frozenset(arguments[-1].scopes)),
    "shorter paths are a fallback": (model.Component, "owning", _shorter),
    "GET has no HEAD": (model.Rule, "lists", lambda rule, method: method in rule.methods),
    "groups are called as in Applications": (model.Provider, "group", lambda _provider, group: group),
    "tokens never end": (tokens, "_untimely", lambda *_: None),
    "other spellings are not looked at": (model.Component, "may_match_another_rule", lambda *_: False),
    "addresses are not looked at": (decide, "admits", lambda *_: True),
}  # fmt: skip


@pytest.mark.parametrize("fault", deep_after(2, FAULTS))
def test_a_fault_in_the_project_is_found(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(*FAULTS[fault])
    assert found_within(60, "decide")


FAULTS_OF_THE_GATE: Mapping[str, tuple[str, str]] = {
    "groups give nothing up": ("return granted_scopes(granted_scopes(scopes, { client }, gate.on_behalf), groups, gate.groups)", "return granted_scopes(scopes, { client }, gate.on_behalf)"),
    "services hold everything": ("if not groups then return granted_scopes(scopes, { client }, gate.services) end", "if not groups then return scopes end"),
    "clients hold everything for their users": ("return granted_scopes(granted_scopes(scopes, { client }, gate.on_behalf), groups, gate.groups)", "return granted_scopes(scopes, groups, gate.groups)"),
    "tokens never end": ("payload.exp > now", "true"),
    "other spellings are not looked at": ("return deepest(gate.tree, patterns, 0) > (depth or -1) or rule", "return rule"),
    "only capitals are looked at": ("elements_of(signs, gate.depth)) do patterns[number] = spelled(element)", "elements_of(signs, gate.depth)) do patterns[number] = string.lower(element)"),
    "hosts are not looked at": ("if owned(gate, owners) ~= true then", "if false then"),
    "addresses are not looked at": ("if networks and not is_in_one_of", "if networks and false and not is_in_one_of"),
    "networks hold all that begins alike": ("left = left - 16", "left = 0"),
    "a token for any API will do": ("if not identity.for_us then", "if false then"),
}  # fmt: skip


@pytest.mark.parametrize("fault", deep_after(2, FAULTS_OF_THE_GATE))
def test_a_fault_in_the_gate_is_found(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, *FAULTS_OF_THE_GATE[fault])
    assert found_within(60, "gate")


FAULTS_OF_PAGES: Mapping[str, tuple[str, str]] = {
    "another method will do": ("readers.contains(paths[owner] or {}, method)", "#(paths[owner] or {}) > 0"),
    "other spellings are not looked at": ("return rule and rule ~= true and", "return owner and"),
    "hosts are not looked at": ("or readers.owned(gate, owners) ~= true then", " then"),
    "every origin is ours": ("local paths = gate.cors[origin]", "local _, paths = next(gate.cors)"),
}  # fmt: skip


@pytest.mark.parametrize("fault", deep_after(2, FAULTS_OF_PAGES))
def test_a_fault_in_cors_is_found(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, *FAULTS_OF_PAGES[fault])
    assert found_within(60, "cors")


def found_within(pairs: int, who: str) -> bool:
    return any(
        f": {who}" in line
        for seed in range(pairs)
        for line in compared(seed, QUESTIONS).disagreements
    )
