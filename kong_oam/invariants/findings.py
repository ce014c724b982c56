"""Findings about the invariants of a stack: errors for checks, previews and policies, and lint."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from kong_oam.access.absent import with_absent_clients
from kong_oam.access.before import OldCredential
from kong_oam.access.data import Names
from kong_oam.access.decide import Decision, Proof, Request, decide
from kong_oam.access.domains import mapped_domain
from kong_oam.access.issue import User, issue
from kong_oam.access.lint.finding import LintFinding, shown
from kong_oam.access.model import Client, Component, Estate
from kong_oam.access.principals import TooManyGroupSetsError
from kong_oam.access.settings.values import Settings
from kong_oam.diagnostics import (
    Diagnostic,
    Diagnostics,
    Related,
    nearest_typo,
)
from kong_oam.invariants.file import read_file
from kong_oam.invariants.judge import (
    BreakingCaller,
    Broken,
    Judgement,
    judge,
)
from kong_oam.invariants.model import (
    CallInvariant,
    Invariant,
    Invariants,
    InvariantsFile,
    Kind,
)
from kong_oam.invariants.names import contradictions, unknown_names
from kong_oam.invariants.roles import role_of

_CODES: dict[Kind, str] = {
    "never": "INV701",
    "only": "INV702",
    "separate": "INV703",
}


@dataclass(frozen=True, slots=True)
class InvariantFindings:
    """Errors of the file or of the estate, and findings of lint about the file."""

    errors: Diagnostics = ()
    lint: tuple[LintFinding, ...] = ()


def invariant_findings(
    settings: Settings,
    estate: Estate,
    file: InvariantsFile | None = None,
    options: Names | None = None,
) -> InvariantFindings:
    """Judge the invariants of a stack on a whole estate, also if its run deploys a part of it.

    `file`: by default the file of the project in the working directory. `options`: the options that
    select the estate in printed commands; by default the stack.
    """
    content = read_file(settings) if file is None else file
    invariants = content.invariants
    if content.problems:
        return InvariantFindings(content.problems)
    if not invariants:
        return InvariantFindings()
    whole = with_absent_clients(estate)
    wrong = (*unknown_names(invariants, whole), *contradictions(invariants))
    if wrong:
        return InvariantFindings(wrong)
    try:
        judgement = judge(invariants, whole, settings.as_of)
    except TooManyGroupSetsError as error:
        position = invariants[0].position
        return InvariantFindings((Diagnostic("INV714", str(error), position),))
    selected = ("--stack", settings.stack.name) if options is None else options
    return InvariantFindings(
        tuple(
            _finding(found, invariants[found.index], whole, selected)
            for found in judgement.broken
        ),
        tuple(_lint(judgement, invariants, whole)),
    )


def _finding(
    found: Broken, invariant: Invariant, estate: Estate, options: Names
) -> Diagnostic:
    component = estate.components[found.component]
    if found.request is None:
        return _separate_finding(found, invariant, estate)
    client = _client(estate, component, found.caller)
    proof = _proof(estate, component, found.caller, client)
    decision = decide(estate, found.request, proof)
    rule = decision.rule
    has_rule = rule is not None and rule.position.file
    url = _url(estate, found.request)
    is_only = found.kind == "only"
    verb = "reserves for other callers" if is_only else "forbids"
    message = (
        f"{_caller_words(found.caller)} may call {found.request.method} {url}, which an invariant "
        f"{verb}{_reason(invariant)}; {_remedy(invariant, 'narrow the rule or the role')}"
    )
    return Diagnostic(
        _CODES[found.kind],
        message,
        rule.position if rule and has_rule else component.position,
        related=(
            Related("invariant", invariant.position),
            *_grants(component, found.caller, client, decision),
        ),
        command=_command(found, url, options),
    )


def _separate_finding(
    found: Broken, invariant: Invariant, estate: Estate
) -> Diagnostic:
    first, second = (role_of(estate, name) for name in found.roles)
    assert first is not None and second is not None
    first_name, second_name = found.roles
    message = (
        f"{_holder_words(found.caller)} holds role '{first_name.role}' of {first_name.component} "
        f"and role '{second_name.role}' of {second_name.component}, which an invariant "
        f"separates{_reason(invariant)}; {_remedy(invariant, 'remove it from a role')}"
    )
    return Diagnostic(
        _CODES[found.kind],
        message,
        first.position,
        related=(
            Related("invariant", invariant.position),
            Related(f"role '{second_name.role}'", second.position),
        ),
    )


def _reason(invariant: Invariant) -> str:
    return f" ({shown(invariant.reason)})"


def _remedy(invariant: Invariant, remedy: str) -> str:
    owner = shown(invariant.owner) or "its owner"
    return f"{remedy}, or ask {owner} for an exception"


def _caller_words(caller: BreakingCaller) -> str:
    if not caller.client:
        return "everybody"
    if caller.consumer:
        return f"{caller.client} (as {caller.consumer})"
    if caller.groups:
        return f"{caller.client} for users in {' and '.join(caller.groups)}"
    return caller.client


def _holder_words(caller: BreakingCaller) -> str:
    if caller.client:
        return caller.client
    return f"group '{caller.groups[0]}'"


def _client(
    estate: Estate, component: Component, caller: BreakingCaller
) -> Client | None:
    """Return the client of a caller at the component's provider."""
    for client in estate.clients:
        if (
            client.component == caller.client
            and client.provider == component.identity.provider
            and client.user_facing == bool(caller.groups)
        ):
            return client
    return None


def _proof(
    estate: Estate,
    component: Component,
    caller: BreakingCaller,
    client: Client | None,
) -> Proof | None:
    """Return the token or the old credential that a caller sends."""
    if caller.consumer:
        accepted = component.identity.old_callers
        return OldCredential(caller.consumer, accepted[0].by)
    if client is None:
        return None
    provider = estate.provider_of(component)
    user = None
    if caller.groups:
        user = User("user", tuple(map(provider.group, caller.groups)))
    api = estate.token_api_at(component, client)
    return issue(provider, client, user, api=api)


def _grants(
    component: Component,
    caller: BreakingCaller,
    client: Client | None,
    decision: Decision,
) -> Iterator[Related]:
    """Yield the roles that grant the rule's scopes to a caller, and the client's calls."""
    needed = {*decision.rule.scopes} if decision.rule else set()
    if not caller.client:
        return
    for role in component.identity.roles:
        is_holder = caller.client in role.components or not {
            *role.groups
        }.isdisjoint(caller.groups)
        if is_holder and not needed.isdisjoint(role.scopes):
            yield Related(f"role '{role.name}'", role.position)
    for call in client.calls if client else ():
        if call.component == component.key:
            yield Related(f"call of {caller.client}", call.position)


def _url(estate: Estate, request: Request) -> str:
    return f"{estate.stack.scheme}://{request.host}{request.target.decode()}"


def _command(found: Broken, url: str, options: Names) -> str:
    """Return the command that explains the request."""
    assert found.request is not None
    caller = found.caller
    words = ["explain", found.request.method, url]
    if caller.consumer:
        words += ["--consumer", caller.consumer]
    elif caller.client:
        words += ["--as", caller.client]
        if caller.groups:
            words += ["--user-in", *caller.groups]
    return f"python -m kong_oam {shlex.join([*words, *options])}"


def _lint(
    judgement: Judgement, invariants: Invariants, estate: Estate
) -> Iterator[LintFinding]:
    for index, number in judgement.unused:
        if index in judgement.unconcerned:
            continue
        exception = invariants[index].exceptions[number]
        message = f"the exception ({shown(exception.reason)}) permits no call"
        # Only the owner edits the file, so there is no fix.
        yield LintFinding("LINT319", "", message, exception.position)
    for index in judgement.unconcerned:
        invariant = invariants[index]
        assert isinstance(invariant, CallInvariant)
        host = mapped_domain(invariant.may.host, estate.stack)
        hint = nearest_typo(host, estate.by_host)
        message = f"no component answers these requests{hint}"
        position = invariant.position.at("may")
        yield LintFinding("LINT320", "", message, position)
