"""Compute the text of a new component with its access trait, for `new`.

A new Application gets its own file. In an existing Application, the component follows the other
components. Each call needs a grant in the file of the called component: in the role with exactly
these scopes, or in a new role. The owner of the called component reviews the change.
Each caller of the component gets the call in its client trait, in its own file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import get_args

import kong_oam.oam.model as oam
from kong_oam.access.compile.component import OWNER
from kong_oam.access.model import ClientKind, Component, Estate, signs_in
from kong_oam.diagnostics import some, suggestion
from kong_oam.errors import InputError
from kong_oam.oam import edit
from kong_oam.oam.application import read_bytes
from kong_oam.oam.definitions.definition import Kind
from kong_oam.oam.position import Fields, JsonObject, Names, Texts
from kong_oam.oam.written_yaml import to_yaml

_GENERIC = ("api", "app", "backend", "main", "server", "service", "web")
"""Generic names of components. The name of their Application describes the scopes better."""

_PUBLIC_LIFETIME = timedelta(days=365)
"""The lifetime of a public rule in the template, counted from the stack's asOf."""

CLIENTS = get_args(ClientKind)
"""Kinds of clients, as values of `--client`."""

RUN_ELSEWHERE = ("native", "external")
"""Kinds of clients that run elsewhere: on users' devices, or at a partner."""

_USER_KINDS = [kind for kind in CLIENTS if signs_in(kind)]

_PAGE_KINDS = {
    "web": (
        ["GET", "POST"],
        "pages; the application signs users in and keeps their sessions",
    ),
    "browser": (
        ["GET"],
        "pages; users sign in on the pages, and the pages call the APIs",
    ),
}
"""By kind of client with web pages: the public methods, and the reason."""

_READING = ["GET"]
_WRITING = ["POST", "PUT", "PATCH", "DELETE"]

Caller = tuple[str, bool]
"""The key of a client, and whether it may change data."""
Calls = tuple[tuple[str, Names], ...]
"""Called components (application/component) with scopes."""


class ScaffoldError(InputError):
    """The component cannot be written. The message has the reason and the remedy."""


@dataclass(frozen=True, slots=True)
class ComponentSpec:
    """A component that the flags of `new` describe. `caller` has pairs: application/component, and
    whether it may change data.

    `port` is None for workers and external components. `client` is a kind of CLIENTS or None; a
    component with calls is at least a service. `redirect_uri` is for native clients, `jwks_uri` for
    external clients. `traits` has type and properties of further traits.
    """

    app: str
    component: str
    owner: str
    type: str = "webservice"
    image: str = ""
    port: int | None = None
    domain: str | None = None
    path: str = "/"
    traits: tuple[tuple[str, Fields], ...] = ()
    client: str | None = None
    calls: Calls = ()
    group: Names = ()
    caller: tuple[Caller, ...] = ()
    redirect_uri: Names = ()
    jwks_uri: str | None = None

    @property
    def key(self) -> str:
        return f"{self.app}/{self.component}"


def scaffold(
    spec: ComponentSpec,
    file: str,
    applications: tuple[oam.Application, ...],
    estate: Estate,
    as_of: date,
) -> Texts:
    """Return the new texts of changed files. For a new Application, `file` is its file.

    `estate` is the compiled form of `applications`, and `check` has accepted the component. Raises
    ScaffoldError.
    """
    component = _component(spec, estate, as_of)
    new_file = to_yaml(_new_application(spec, component))
    texts: dict[str, str] = {}
    for callee, scopes in _calls_here(spec, estate):
        source = _application(callee, applications, texts)
        granted = _with_grant(spec, estate.components[callee], scopes, source)
        texts[source.position.file] = granted
    read, write = _scopes(spec, estate)
    for caller, writes in spec.caller:
        source = _application(caller, applications, texts)
        called_scopes = [*read, *write] if writes else read
        texts[source.position.file] = _with_call(
            spec, caller, called_scopes, source
        )
    if spec.app not in {application.name for application in applications}:
        if file in {application.position.file for application in applications}:
            raise ScaffoldError(
                f"{file} exists with other Applications: rename the file, or choose another --app"
            )
        return texts | {file: new_file}
    application = _application(spec.app, applications, texts)
    texts[application.position.file] = _with_component(
        spec, application, component
    )
    return texts


def check(spec: ComponentSpec, estate: Estate) -> None:
    """Check that the estate can have this component. Raises ScaffoldError."""
    if spec.key in estate.components:
        position = estate.components[spec.key].position
        raise ScaffoldError(
            f"'{spec.key}' exists already ({position}): choose another --component"
        )
    _check_calls(spec, estate)
    _check_callers(spec, estate)


def calls_elsewhere(spec: ComponentSpec, estate: Estate) -> Calls:
    """Return calls to Applications that may exist elsewhere. Their owners have to grant these
    calls."""
    if not estate.stack.partial:
        return ()
    here = {
        spec.app,
        *(application.name for application in estate.applications),
    }
    return tuple(
        call for call in spec.calls if call[0].partition("/")[0] not in here
    )


def _calls_here(spec: ComponentSpec, estate: Estate) -> Calls:
    elsewhere = calls_elsewhere(spec, estate)
    return tuple(call for call in spec.calls if call not in elsewhere)


def _check_calls(spec: ComponentSpec, estate: Estate) -> None:
    for callee, _ in _calls_here(spec, estate):
        called = estate.components.get(callee)
        if called is None or not called.identity.scopes:
            callees = [
                key
                for key, component in estate.components.items()
                if component.identity.scopes
            ]
            raise ScaffoldError(
                f"'{callee}' offers no scopes{suggestion(callee, callees)}"
            )


def _check_callers(spec: ComponentSpec, estate: Estate) -> None:
    check_clients(spec.caller, estate)
    clients = {client.component: client for client in estate.clients}
    for caller, _ in spec.caller:
        if clients[caller].user_facing and not spec.group:
            raise ScaffoldError(
                f"'{caller}' calls for its users: add --group with a group of these users"
            )


def check_clients(callers: Iterable[Caller], estate: Estate) -> None:
    """Check that callers are clients of the estate. Raises ScaffoldError."""
    clients = {client.component for client in estate.clients}
    for caller, _ in callers:
        if caller not in clients:
            raise ScaffoldError(
                f"unknown client '{caller}'{suggestion(caller, clients)}"
            )


def _application(
    key: str, applications: tuple[oam.Application, ...], texts: Texts
) -> oam.Application:
    """Return the Application with this name, or with the component of this key, in its current form
    in `texts`."""
    name = key.partition("/")[0]
    application = next(
        candidate for candidate in applications if candidate.name == name
    )
    text = texts.get(application.position.file)
    if not text:
        return application
    # Only positions are needed, so all component types are accepted here.
    own = set[tuple[Kind, str]]()
    for source in applications:
        own.update(("component", part.type) for part in source.components)
    reading = read_bytes(
        application.position.file, text.encode(), frozenset(own)
    )
    return _application(key, reading.applications, {})


def _trait_of(key: str, kind: str, source: oam.Application) -> oam.Trait:
    """Return a trait of a component from its Application's file."""
    name = key.partition("/")[2]
    component = next(part for part in source.components if part.name == name)
    trait = component.trait(kind)
    assert (
        trait
    )  # scopes come from an access trait, and clients from a client trait
    return trait


def _with_grant(
    spec: ComponentSpec,
    callee: Component,
    scopes: Names,
    source: oam.Application,
) -> str:
    """Return the called component's file with the new component in the role with exactly these
    scopes, or in a new role."""
    trait = _trait_of(callee.key, "access", source)
    position = trait.position.at("properties")
    names = [
        role.name
        for role in callee.identity.roles
        if set(role.scopes) == set(scopes)
    ]
    if not names:
        name, role = _new_role(spec, callee, scopes)
        if trait.properties.get("roles") is None:
            text = edit.with_key(position, "roles", f"{{{name}: {role}}}")
        else:
            text = edit.with_key(position.at("roles"), name, role)
    else:
        role_position = position.at("roles", names[0])
        text = edit.with_entry(role_position, "components", spec.key)
    return _checked_edit(text, source.position.file)


def _new_role(
    spec: ComponentSpec, callee: Component, scopes: Names
) -> tuple[str, str]:
    """Return name and YAML of a new role for the component. If the component acts for users, the
    role includes groups that already have these scopes."""
    groups: Names = ()
    if spec.client in _USER_KINDS:
        granting = [
            role
            for role in callee.identity.roles
            if set(scopes) <= set(role.scopes)
        ]
        if not granting:
            owner = f" {callee.owner}" if callee.owner else ""
            needed = some(scopes, " and ")
            raise ScaffoldError(
                f"no role of '{callee.key}' grants {needed}: ask its owner{owner} to add a role "
                f"({callee.position})"
            )
        # Choose the role with the fewest other scopes.
        groups = min(granting, key=lambda role: len(role.scopes)).groups
    name = (
        "reader"
        if all(scope.endswith("read") for scope in scopes)
        else "editor"
    )
    if name in {role.name for role in callee.identity.roles}:
        name = spec.key.replace("/", "-")
    role = _role([*scopes], groups, [spec.key])
    fields = []
    for key, values in role.items():
        fields.append(f"{key}: [{', '.join(map(edit.scalar, values))}]")
    return name, f"{{{', '.join(fields)}}}"


def _with_call(
    spec: ComponentSpec,
    caller: str,
    scopes: Iterable[str],
    source: oam.Application,
) -> str:
    """Return the caller's file with the call in its client trait."""
    trait = _trait_of(caller, "client", source)
    position = trait.position.at("properties")
    call = f"{{component: {spec.key}, scopes: [{', '.join(scopes)}]}}"
    text = edit.with_entry(position, "calls", call)
    return _checked_edit(text, source.position.file)


def _with_component(
    spec: ComponentSpec, application: oam.Application, component: Fields
) -> str:
    file = application.position.file
    owner = application.annotations.get(OWNER)
    # The Application's owner owns each component without an access trait.
    if spec.port is None and owner != spec.owner:
        current = f"'{owner}'" if owner else "nobody"
        raise ScaffoldError(
            f"{current} owns components of type {spec.type} in '{application.name}': change "
            f"--owner, or the annotation '{OWNER}' in {file}"
        )
    components = application.position.at("spec", "components")
    return _checked_edit(edit.with_item(components, to_yaml(component)), file)


def _checked_edit(text: str | None, file: str) -> str:
    if text is None:
        raise ScaffoldError(
            f"{file} cannot be extended safely in its current format; add the change by hand"
        )
    return text


def _new_application(spec: ComponentSpec, component: Fields) -> Fields:
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": spec.app, "annotations": {OWNER: spec.owner}},
        "spec": {"components": [component]},
    }


def _component(spec: ComponentSpec, estate: Estate, as_of: date) -> Fields:
    properties: JsonObject = (
        {"image": spec.image} if spec.client not in RUN_ELSEWHERE else {}
    )
    if spec.jwks_uri:
        properties["jwksUri"] = spec.jwks_uri
    traits = []
    if spec.port is not None:
        properties["ports"] = [{"port": spec.port}]
        gateway = {"domain": spec.domain} if spec.domain else {}
        traits.append(
            _trait("gateway", gateway | {"http": {spec.path: spec.port}})
        )
        access = (
            _page_access(spec, spec.client, as_of)
            if spec.client in _PAGE_KINDS
            else _api_access(spec, estate)
        )
        traits.append(_trait("access", access))
        traits += [_trait(*trait) for trait in spec.traits]
    if kind := spec.client or ("service" if spec.calls else None):
        traits.append(_trait("client", _client(spec, kind)))
    component: JsonObject = {"name": spec.component, "type": spec.type}
    return (
        component
        | ({"properties": properties} if properties else {})
        | ({"traits": traits} if traits else {})
    )


def _client(spec: ComponentSpec, kind: str) -> Fields:
    client: JsonObject = {"kind": kind}
    if kind in _PAGE_KINDS:
        client["redirectPaths"] = [f"{spec.path.rstrip('/')}/callback"]
    if spec.redirect_uri:
        client["redirectUris"] = [*spec.redirect_uri]
    if spec.calls:
        client["calls"] = [
            {"component": callee, "scopes": [*scopes]}
            for callee, scopes in spec.calls
        ]
    return client


def _trait(kind: str, properties: Fields) -> Fields:
    return {"type": kind, "properties": properties}


def _api_access(spec: ComponentSpec, estate: Estate) -> Fields:
    """Return an access trait with a scope to read and a scope to change. Users of a client get a
    role with both scopes."""
    read, write = _scopes(spec, estate)
    readers: list[str] = []
    writers: list[str] = []
    for key, writes in spec.caller:
        (writers if writes else readers).append(key)
    user_clients = {
        client.component for client in estate.clients if client.user_facing
    }
    signing_in = spec.group if user_clients.intersection(readers) else ()
    roles = {}
    if signing_in or readers:
        roles["reader"] = _role([*read], signing_in, readers)
    if spec.group or writers:
        roles["editor"] = _role([*read, *write], spec.group, writers)
    access: JsonObject = {
        "owner": spec.owner,
        "scopes": read | write,
        "rules": [
            {"methods": _READING, "scopes": [*read]},
            {"methods": _WRITING, "scopes": [*write]},
        ],
        "roles": roles,
    }
    return {name: value for name, value in access.items() if value}


def _role(
    scopes: list[str], groups: Sequence[str], components: list[str]
) -> Mapping[str, list[str]]:
    role = {"scopes": scopes, "groups": [*groups], "components": components}
    return {name: value for name, value in role.items() if value}


def _scopes(
    spec: ComponentSpec, estate: Estate
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the scopes to read and to change, with descriptions. Their names use the component, or
    the Application if the component's name is generic. If the estate has such a scope already,
    they use both names."""
    subject = spec.app if spec.component in _GENERIC else spec.component
    words = subject.replace("-", " ")
    scopes = {f"{subject}.read", f"{subject}.write"}
    components = estate.components.values()
    if not all(
        scopes.isdisjoint(component.identity.scopes) for component in components
    ):
        subject = f"{spec.app}.{spec.component}"
        words = f"{spec.component} of {spec.app}".replace("-", " ")
    return {f"{subject}.read": f"Read {words}"}, {
        f"{subject}.write": f"Change {words}"
    }


def _page_access(spec: ComponentSpec, kind: str, as_of: date) -> Fields:
    """Return an access trait with a public rule for web pages. The application itself signs users
    in."""
    methods, reason = _PAGE_KINDS[kind]
    public = {"reason": reason, "until": (as_of + _PUBLIC_LIFETIME).isoformat()}
    return {
        "owner": spec.owner,
        "rules": [{"methods": methods, "public": public}],
    }
