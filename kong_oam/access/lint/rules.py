"""The lint rules about grants, scopes, public rules and owners. Each returns findings."""

from __future__ import annotations

from kong_oam.access.forbidden import is_address
from kong_oam.access.lint import upkeep
from kong_oam.access.lint.finding import (
    LintFinding,
    LintFindings,
    removal,
    shown,
)
from kong_oam.access.lint.subject import LintSubject
from kong_oam.access.lint.weaker import weaker_rules
from kong_oam.access.methods import METHODS
from kong_oam.diagnostics import some

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_WRITING = ", ".join(method for method in METHODS if method not in _READING)


def unused_grants(subject: LintSubject) -> LintFindings:
    """Find components in a role that ask for none of its scopes (LINT301)."""
    for name, role in subject.access.get("roles", {}).items():
        members = role.get("components", [])
        for index, member in enumerate(members):
            if name not in subject.grants.get(member, ()):
                message = f"'{member}' holds role '{name}', but asks for none of its scopes"
                alone = len(members) == 1 and not role.get("groups")
                position = subject.position("roles", name, "components", index)
                # Without its only component, nobody would hold the role: remove the role.
                change = removal(
                    subject.position("roles", name) if alone else position
                )
                yield LintFinding(
                    "LINT301", subject.key, message, position, change
                )


def unheld_roles(subject: LintSubject) -> LintFindings:
    """Find roles that name neither groups nor components (LINT302)."""
    for name, role in subject.access.get("roles", {}).items():
        if not role.get("groups") and not role.get("components"):
            position = subject.position("roles", name)
            message = f"no group and no component holds role '{name}'"
            named = subject.position("roles").key(name)
            yield LintFinding(
                "LINT302", subject.key, message, named, removal(position)
            )


def doubtful_groups(subject: LintSubject) -> LintFindings:
    """Find groups that only one role names, and that nearly match another group (LINT311)."""
    for name, role in subject.access.get("roles", {}).items():
        for index, group in enumerate(role.get("groups", ())):
            if near := subject.doubtful_groups.get(group):
                message = f"only role '{name}' names group '{group}'; did you mean {near}?"
                position = subject.position("roles", name, "groups", index)
                yield LintFinding("LINT311", subject.key, message, position)


def unasked_scopes(subject: LintSubject) -> LintFindings:
    """Find scopes that no deciding rule asks for (LINT303).

    The removal is certain only for a scope that no rule and no role names.
    """
    component = subject.component
    weaker = weaker_rules(component)
    required: set[str] = set()
    for index, rule in enumerate(component.exposure.rules):
        if index not in weaker:
            required.update(rule.scopes)
    named: set[str] = set()
    for rule in component.exposure.rules:
        named.update(rule.scopes)
    for role in component.identity.roles:
        named.update(role.scopes)
    for scope in component.identity.scopes:
        if scope not in required:
            message = f"no rule asks for scope '{scope}'"
            position = subject.position("scopes").key(scope)
            whole = subject.position("scopes", scope)
            change = None if scope in named else removal(whole)
            yield LintFinding("LINT303", subject.key, message, position, change)


def wide_public_rules(subject: LintSubject) -> LintFindings:
    """Find public rules without methods, or on `/` (or without paths) beside protected rules
    (LINT305)."""
    protects = any(
        rule.public is None for rule in subject.component.exposure.rules
    )
    for index, rule in enumerate(subject.access.get("rules", ())):
        if "public" not in rule:
            continue
        position = subject.position("rules", index)
        if "methods" not in rule:
            message = f"public rule without methods: {_WRITING} are public, too"
            yield LintFinding("LINT305", subject.key, message, position)
        if protects and ("paths" not in rule or "/" in rule["paths"]):
            reach = "on '/'" if "paths" in rule else "without paths"
            message = (
                f"public rule {reach}: all paths without a "
                "longer rule are public, new paths included"
            )
            yield LintFinding("LINT305", subject.key, message, position)


def endless_public_rules(subject: LintSubject) -> LintFindings:
    """Find public rules without an end date (LINT306)."""
    for rule, public in upkeep.endless(subject.component):
        message = f"public without an end date ({shown(public.reason)})"
        yield LintFinding(
            "LINT306", subject.key, message, rule.position.at("public")
        )


def overdue_public_rules(subject: LintSubject) -> LintFindings:
    """Find public rules past their end date (LINT307)."""
    for rule, public in upkeep.overdue(subject.component, subject.as_of):
        message = (
            f"public until {public.until} ({shown(public.reason)}), but still public on "
            f"{subject.as_of}"
        )
        yield LintFinding(
            "LINT307", subject.key, message, rule.position.at("public", "until")
        )


def ending_credentials(subject: LintSubject) -> LintFindings:
    """Find old credentials that end soon (LINT317)."""
    for until, position in upkeep.ending_credentials(
        subject.component, subject.as_of
    ):
        message = f"the old credential counts until {until}, and today is {subject.as_of}"
        yield LintFinding("LINT317", subject.key, message, position)


def ownerless_components(subject: LintSubject) -> LintFindings:
    """Find components without an owner (LINT308), one finding per application."""
    ownerless = [
        component.name for component in subject.siblings if not component.owner
    ]
    if ownerless[:1] == [subject.component.name]:
        message = f"no owner of {some(map(repr, ownerless))}"
        position = subject.part.position.at("name")
        yield LintFinding("LINT308", subject.key, message, position)


def redirectable_upstreams(subject: LintSubject) -> LintFindings:
    """Find an external component that the gateway calls by a name and plain http (LINT316)."""
    upstream = subject.component.exposure.upstream
    if upstream is None or upstream.scheme == "https":
        return
    names = [
        target.host
        for target in upstream.targets
        if not is_address(target.host)
    ]
    if names:
        message = f"calls go to {some(names)} by plain http; any server could answer them"
        yield LintFinding("LINT316", subject.key, message, subject.position())
