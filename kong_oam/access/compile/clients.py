"""Compiles client traits: which component calls which, and which roles grant it. A call that no
role covers is an error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

import kong_oam.oam.model as oam
from kong_oam.access.compile.jwks_uri import jwks_uri, jwks_uri_findings
from kong_oam.access.compile.redirect_uris import redirect_uris
from kong_oam.access.data import NameSets, YamlObject
from kong_oam.access.model import (
    EXTERNAL,
    RESERVED_SCOPES,
    Call,
    Client,
    ClientKind,
    Component,
    has_key,
    signs_in,
)
from kong_oam.access.rotation import days
from kong_oam.access.stack import Stack
from kong_oam.diagnostics import Diagnostic, Findings, Report, some, suggestion
from kong_oam.oam.position import SourcePosition


@dataclass(slots=True)
class Directory:
    """Every component by its key, with the part of the Application that it comes from."""

    stack: Stack
    out: Report
    # Applications that could not be read, "" for any whose name could not be read either.
    malformed: frozenset[str]
    components: dict[str, Component] = field(default_factory=dict)
    parts: dict[str, oam.ComponentSpec] = field(default_factory=dict)
    # The components that have a client trait.
    clients: set[str] = field(default_factory=set)
    applications: set[str] = field(default_factory=set)
    # Those of which others name a component, which is not reported as missing: of `malformed`, or
    # not here.
    unjudged: set[str] = field(default_factory=set)

    def report(self, code: str, message: str, position: SourcePosition) -> None:
        self.out.append(Diagnostic(code, message, position))

    def add(self, component: Component, part: oam.ComponentSpec) -> None:
        self.components[component.key] = component
        self.parts[component.key] = part
        if part.trait("client"):
            self.clients.add(component.key)
        self.applications.add(component.application)

    def access(self, component: Component, *path: str | int) -> SourcePosition:
        """A place in the component's access trait, or the component itself where it has none."""
        trait = self.parts[component.key].trait("access")
        return (
            trait.position.at("properties", *path)
            if trait
            else component.position
        )

    def unread(self, key: str) -> bool:
        """Whether the component `application/component` may well exist, in an Application that
        could not be read: in one without a name may be all that is not elsewhere. That it was asked
        about is kept."""
        if key in self.components:
            return False
        application = key.partition("/")[0]
        is_here = application in self.applications
        if application in self.malformed or (
            self.stack.partial and not is_here
        ):
            self.unjudged.add(application)
            return True
        if not is_here and "" in self.malformed:
            self.unjudged.add("")
            return True
        return False

    def check_scopes(self) -> None:
        """Check that scope names are unique per issuer, and that none is reserved by OpenID
        Connect."""
        first: dict[tuple[str, str], Component] = {}
        for component in self.components.values():
            for scope in component.identity.scopes:
                position = self.access(component, "scopes").key(scope)
                if scope in RESERVED_SCOPES:
                    message = (
                        f"scope '{scope}' has a meaning of its own in OpenID Connect; choose "
                        "another name"
                    )
                    self.report("ACC202", message, position)
                earlier = first.setdefault(
                    (component.identity.provider, scope), component
                )
                if earlier is not component:
                    message = (
                        f"scope '{scope}' is already declared by '{earlier.key}' for the "
                        "same issuer; prefix it"
                    )
                    self.report("ACC202", message, position)

    def check_role_members(self) -> None:
        """Check that roles are bound to components that exist and are clients."""
        for component in self.components.values():
            for role in component.identity.roles:
                for index, member in enumerate(role.components):
                    if member in self.clients or self.unread(member):
                        continue
                    known = member in self.parts
                    reason = (
                        "has no client trait" if known else "does not exist"
                    )
                    hint = suggestion(member, self.clients)
                    message = f"role '{role.name}': component '{member}' {reason}{hint}"
                    position = role.position.at("components", index)
                    self.report("ACC214", message, position)


def callees_of(
    component: Component, directory: Directory
) -> tuple[Component | None, ...]:
    """The components that a client calls, in its order; None for one that is not there."""
    trait = directory.parts[component.key].trait("client")
    calls = trait.properties.get("calls", ()) if trait else ()
    return tuple(directory.components.get(call["component"]) for call in calls)


def compile_clients(
    component: Component, directory: Directory
) -> Iterator[Client]:
    """Yield one client per provider whose APIs the component calls; one of its own provider where
    it calls none."""
    part = directory.parts[component.key]
    trait = part.trait("client")
    if trait is None:
        return
    properties = trait.properties
    position = trait.position.at("properties")
    calls: dict[str, list[Call]] = {}
    groups: NameSets = {}
    for index, call in enumerate(properties.get("calls", ())):
        granted = _granted_call(
            component, call, position.at("calls", index), directory
        )
        if granted is None:
            continue
        callee = directory.components[granted.component]
        calls.setdefault(callee.identity.provider, []).append(granted)
        holders = groups.setdefault(callee.identity.provider, set())
        for role in callee.identity.roles:
            if role.name in granted.roles:
                holders.update(role.groups)
    kind: ClientKind = properties["kind"]
    users = signs_in(kind)
    directory.out += _kind_findings(component, part, trait)
    directory.out += _rotation_findings(trait, directory.stack)
    every = properties.get("rotateEvery")
    redirects = {}
    if users:
        scheme = directory.stack.scheme
        redirects = dict.fromkeys(
            redirect_uris(component, trait, scheme, directory.out)
        )
    for provider in calls or {component.identity.provider: []}:
        yield Client(
            component=component.key,
            kind=kind,
            provider=provider,
            calls=tuple(calls.get(provider, ())),
            groups=tuple(sorted(groups.get(provider, ()))) if users else (),
            redirect_uris=tuple(redirects),
            refresh=users and bool(properties.get("refresh", False)),
            position=trait.position,
            rotate_every=days(every) if every else None,
            jwks_uri=jwks_uri(part, kind),
        )


def _kind_findings(
    component: Component, part: oam.ComponentSpec, trait: oam.Trait
) -> Findings:
    """Find a kind that this type of component cannot be, and fields that this kind has no use
    for."""
    kind = trait.properties["kind"]
    position = trait.position.at("properties")
    kinds = ["browser", "native", "service", "web"]
    if component.outside:
        kinds = [EXTERNAL, "native"]
    if kind not in kinds:
        message = (
            f"a component of type '{component.type}' is no client of kind '{kind}'; its kinds are "
            f"{some(kinds)}"
        )
        yield Diagnostic("ACC220", message, position.at("kind"))
    if component.outside:
        yield from jwks_uri_findings(component, part, kind)
    if not signs_in(kind):
        for name in {
            "redirectPaths",
            "redirectUris",
            "refresh",
        } & trait.properties.keys():
            message = (
                f"a client of kind '{kind}' signs no users in; remove {name}"
            )
            yield Diagnostic("ACC210", message, position.key(name))
    elif kind != "native" and "redirectUris" in trait.properties:
        message = (
            f"users of a '{kind}' client come back to its own pages: write redirectPaths, "
            "not redirectUris"
        )
        yield Diagnostic("ACC210", message, position.key("redirectUris"))


def _rotation_findings(trait: oam.Trait, stack: Stack) -> Findings:
    every = trait.properties.get("rotateEvery")
    overlap = stack.rotation.overlap
    kind = trait.properties["kind"]
    if every is not None and not has_key(kind):
        message = f"'rotateEvery' has no effect: no key is made for a client of kind '{kind}'"
        position = trait.position.at("properties").key("rotateEvery")
        yield Diagnostic("OAM109", message, position, "warning")
    elif every is not None and days(every) <= overlap:
        message = f"rotateEvery: {every} is not longer than the stack's rotation.overlap of {overlap}d"
        yield Diagnostic(
            "OAM103", message, trait.position.at("properties", "rotateEvery")
        )


def _granted_call(
    component: Component,
    call: YamlObject,
    position: SourcePosition,
    directory: Directory,
) -> Call | None:
    name = call["component"]
    callee = directory.components.get(name)
    if directory.unread(name):
        return None
    if callee is None or not callee.identity.scopes:
        reason = "declares no scopes that could be granted"
        if callee is None:
            reason = "does not exist"
        grantable = [
            key
            for key, candidate in directory.components.items()
            if candidate.identity.scopes
        ]
        message = f"component '{name}' {reason}{suggestion(name, grantable)}"
        directory.report("ACC203", message, position.at("component"))
        return None
    wanted = tuple(dict.fromkeys(call["scopes"]))
    roles = callee.roles_of(component.key)
    covered = {*chain.from_iterable(role.scopes for role in roles)}
    for index, scope in enumerate(wanted):
        if scope not in callee.identity.scopes:
            message = f"'{name}' declares no scope '{scope}'{suggestion(scope, callee.identity.scopes)}"
            directory.report("ACC201", message, position.at("scopes", index))
        elif scope not in covered:
            message = _missing_grant(component, callee, scope, directory)
            directory.report("ACC204", message, position.at("scopes", index))
    granting = [
        role.name for role in roles if not {*role.scopes}.isdisjoint(wanted)
    ]
    return Call(name, wanted, tuple(granting), position)


def _missing_grant(
    component: Component, callee: Component, scope: str, directory: Directory
) -> str:
    """Say that no role grants a scope, and which one could."""
    # A role that bundles what is not declared is an error by itself (ACC207), and none to be
    # proposed.
    able = [
        role
        for role in callee.identity.roles
        if scope in role.scopes
        and callee.identity.scopes.keys() >= set(role.scopes)
    ]
    todo = "add a role that does"
    if able:
        narrowest = min(able, key=lambda role: len(role.scopes))
        todo = f"add it to the components of role '{narrowest.name}'"
        if more := " ".join(name for name in narrowest.scopes if name != scope):
            todo += f", which grants {more}, too,"
    where = directory.access(callee, "roles")
    return f"no role of '{callee.key}' grants '{scope}' to '{component.key}'; {todo} at {where}"
