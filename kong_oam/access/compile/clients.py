"""Compile client traits: the calls of each component, and the roles that grant them.

A call that no role covers is an error.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import kong_oam.oam.model as oam
from kong_oam.access.client import CallYaml, ClientYaml
from kong_oam.access.compile.access import (
    access_position,
    has_known_provider,
)
from kong_oam.access.compile.before import before_of
from kong_oam.access.compile.directory import Directory
from kong_oam.access.compile.grants import (
    calls_of,
    client_of,
    may_be_granted,
    missing_grant,
    names_scope,
)
from kong_oam.access.compile.jwks_uri import jwks_uri, jwks_uri_findings
from kong_oam.access.compile.redirect_uris import redirect_uris
from kong_oam.access.compile.rotate_every import rotate_every
from kong_oam.access.data import NameSets
from kong_oam.access.model import (
    EXTERNAL,
    RESERVED_SCOPES,
    Call,
    Client,
    Component,
    signs_in,
)
from kong_oam.diagnostics import (
    Diagnostic,
    Findings,
    Report,
    some,
    suggestion_of_typo,
)
from kong_oam.oam.position import SourcePosition


def check_scopes(directory: Directory) -> None:
    """Check that each scope name is unique at its issuer and not reserved by OpenID Connect."""
    first: dict[tuple[str, str], Component] = {}
    for component in directory.components.values():
        # Its scopes belong to the provider that it means, which is unknown (ACC209).
        if not has_known_provider(
            directory.parts[component.key], directory.stack
        ):
            continue
        for scope in component.identity.scopes:
            if scope in RESERVED_SCOPES:
                message = f"scope '{scope}' is reserved by OpenID Connect; choose another name"
                _report_scope(directory, message, component, scope)
            earlier = first.setdefault(
                (component.identity.provider, scope), component
            )
            if earlier is not component:
                message = (
                    f"scope '{scope}' is already declared by '{earlier.key}' for the "
                    "same issuer; prefix it"
                )
                _report_scope(directory, message, component, scope)


def _report_scope(
    directory: Directory, message: str, component: Component, scope: str
) -> None:
    scopes = access_position(directory.parts[component.key], "scopes")
    directory.out.append(Diagnostic("ACC202", message, scopes.key(scope)))


def callees_of(
    component: Component, directory: Directory
) -> tuple[Component | None, ...]:
    """Return the components that a client calls, in its order. None: a missing component."""
    calls = calls_of(directory.parts[component.key])
    return tuple(directory.components.get(call["component"]) for call in calls)


def compile_clients(
    component: Component, directory: Directory, out: Report
) -> Component:
    """Return the component with a client for each provider whose APIs it calls, and with its old
    credential. Findings are added to `out`.

    A component that calls no API has one client, at the component's provider. A component with only
    an old credential has none.
    """
    part = directory.parts[component.key]
    trait = part.trait("client")
    if trait is None:
        return component
    client = client_of(trait)
    position = trait.position.at("properties")
    calls: dict[str, list[Call]] = {}
    groups: NameSets = {}
    for index, call in enumerate(client.get("calls", ())):
        granted = _granted_call(
            component, call, position.at("calls", index), directory, out
        )
        if granted is None:
            continue
        callee = directory.components[granted.component]
        calls.setdefault(callee.identity.provider, []).append(granted)
        holders = groups.setdefault(callee.identity.provider, set())
        for role in callee.identity.roles:
            if role.name in granted.roles:
                holders.update(role.groups)
    kind = client["kind"]
    users = signs_in(kind)
    out += _kind_findings(component, part, client, position)
    every = rotate_every(
        client, position, directory.stack.rotation.overlap, out
    )
    redirects = {}
    if users:
        scheme = directory.stack.scheme
        redirects = dict.fromkeys(
            redirect_uris(component, client, position, scheme, out)
        )
    all_calls = chain.from_iterable(calls.values())
    before = before_of(part, client, position, all_calls, out)
    if before:
        identity = replace(component.identity, before=before)
        component = replace(component, identity=identity)
        if not before.registered:
            return component
    clients = [
        Client(
            component=component.key,
            kind=kind,
            provider=provider,
            calls=tuple(calls.get(provider, ())),
            groups=tuple(sorted(groups.get(provider, ()))) if users else (),
            redirect_uris=tuple(redirects),
            refresh=users and client.get("refresh", False),
            position=trait.position,
            rotate_every=every,
            jwks_uri=jwks_uri(part, kind),
        )
        for provider in calls or {component.identity.provider: []}
    ]
    return component.with_clients(clients)


def _kind_findings(
    component: Component,
    part: oam.ComponentSpec,
    client: ClientYaml,
    position: SourcePosition,
) -> Findings:
    """Find a kind that does not fit the component's type, and fields that do not fit the kind."""
    kind = client["kind"]
    kinds = ["browser", "native", "service", "web"]
    if component.outside:
        kinds = [EXTERNAL, "native"]
    if kind not in kinds:
        message = (
            f"a component of type '{component.type}' cannot be a client of kind '{kind}'; use one "
            f"of {some(kinds)}"
        )
        yield Diagnostic("ACC220", message, position.at("kind"))
    if component.outside:
        has_before = "before" in client
        yield from jwks_uri_findings(
            component, part, kind, has_before=has_before
        )
    if not signs_in(kind):
        for name in {
            "redirectPaths",
            "redirectUris",
            "refresh",
        } & client.keys():
            message = f"a client of kind '{kind}' does not sign in users; remove {name}"
            yield Diagnostic("ACC210", message, position.key(name))
    elif kind != "native" and "redirectUris" in client:
        message = (
            f"a '{kind}' client redirects users to its own pages; write redirectPaths "
            "instead of redirectUris"
        )
        yield Diagnostic("ACC210", message, position.key("redirectUris"))


def _granted_call(
    component: Component,
    call: CallYaml,
    position: SourcePosition,
    directory: Directory,
    out: Report,
) -> Call | None:
    name = call["component"]
    callee = directory.components.get(name)
    if directory.is_unread(name):
        return None
    if callee is None or not callee.identity.scopes:
        reason = "declares no scopes to grant"
        if callee is None:
            reason = "does not exist"
        grantable = [
            key
            for key, candidate in directory.components.items()
            if candidate.identity.scopes
        ]
        message = (
            f"component '{name}' {reason}{suggestion_of_typo(name, grantable)}"
        )
        out.append(Diagnostic("ACC203", message, position.at("component")))
        return None
    wanted = tuple(dict.fromkeys(call["scopes"]))
    roles = callee.roles_of(component.key)
    covered = {*chain.from_iterable(role.scopes for role in roles)}
    for index, scope in enumerate(wanted):
        where = position.at("scopes", index)
        if scope not in callee.identity.scopes:
            # The callee's own error names the scope, too.
            if not names_scope(callee, scope):
                hint = suggestion_of_typo(scope, callee.identity.scopes)
                message = f"'{name}' declares no scope '{scope}'{hint}"
                out.append(Diagnostic("ACC201", message, where))
        elif scope not in covered and not may_be_granted(
            component, callee, scope, directory
        ):
            message = missing_grant(component, callee, scope, wanted, directory)
            out.append(Diagnostic("ACC204", message, where))
    granting = [
        role.name for role in roles if not {*role.scopes}.isdisjoint(wanted)
    ]
    return Call(name, wanted, tuple(granting), position)
