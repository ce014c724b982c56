"""Scaffolds a new component with its access template, as text: what `new` writes, without writing anything.

A new Application is a file of its own; an existing one gets the component behind its others, as it is written. What the
component calls has to be granted: it is put into the smallest role of the called component that bundles what is asked
for, in the file of that component, where its owner will see it in a review.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import yaml

import kong_oam.oam.application as oam
from kong_oam.access.compile.component import OWNER
from kong_oam.access.lint.rules import owner_annotation
from kong_oam.access.model import EXTERNAL, ClientKind, Component, Estate
from kong_oam.diagnostics import suggestion
from kong_oam.errors import InputError
from kong_oam.oam import edit
from kong_oam.oam.application import read_bytes

_REVIEW = datetime.timedelta(days=365)
"""For how long a public rule of the template is meant, counted from the stack's asOf."""

CLIENTS = get_args(ClientKind)
"""Kinds of clients, as `--client` calls them."""

OUTSIDE = ("native", "external")
"""Kinds of clients whose component runs elsewhere: on users' devices, or at a partner's."""

_ON_PAGES = {
    "web": (["GET", "POST"], "pages; the application signs users in, and keeps their sessions itself"),
    "browser": (["GET"], "pages; users sign in on them, and these call the APIs themselves"),
}
"""By kind of client whose users come on pages: the methods that anybody may call, and why."""

_READING, _WRITING = ["GET"], ["POST", "PUT", "PATCH", "DELETE"]

Texts = Mapping[str, str]
"""Whole files by name."""


class NotScaffolded(InputError):  # noqa: N818 - says what happened, as the message does
    """The component cannot be written. The message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The component that somebody wants: names as in an Application, `calls` as (application/component, scopes).

    `port` is None for workers and for what runs elsewhere. `client` is one of CLIENTS or None; what calls is at least a
    service. `redirect_uris` are a native client's, `jwks_uri` is a partner's.
    """

    application: str
    component: str
    type: str
    image: str
    owner: str
    port: int | None = None
    domain: str | None = None
    path: str = "/"
    client: str | None = None
    calls: tuple[tuple[str, tuple[str, ...]], ...] = ()
    groups: tuple[str, ...] = ()
    redirect_uris: tuple[str, ...] = ()
    jwks_uri: str | None = None

    @property
    def key(self) -> str:
        return f"{self.application}/{self.component}"


def scaffold(
    wanted: Wanted, file: str, applications: tuple[oam.Application, ...], estate: Estate, as_of: datetime.date
) -> Texts:
    """Builds the files of `applications` that change, as they will be, or `file`, where the Application is new.

    `estate` is what `applications` compile to. Raises NotScaffolded.
    """
    _check(wanted, estate)
    component = _component(wanted, estate, as_of)
    new_file = _dumped(_new_application(wanted, component))
    if wrong := read_bytes("new.yaml", new_file.encode()).diagnostics:
        raise NotScaffolded("\n".join(map(str, wrong)))
    texts: dict[str, str] = {}
    for callee, scopes in wanted.calls:
        source = _application(callee.partition("/")[0], applications, texts)
        texts[source.place.file] = _with_grant(wanted, estate.components[callee], scopes, source)
    if wanted.application not in {application.name for application in applications}:
        if file in {application.place.file for application in applications}:
            raise NotScaffolded(f"{file} holds other Applications; nothing is overwritten")
        return texts | {file: new_file}
    application = _application(wanted.application, applications, texts)
    texts[application.place.file] = _with_component(wanted, application, component)
    return texts


def _check(wanted: Wanted, estate: Estate) -> None:
    if wanted.key in estate.components:
        raise NotScaffolded(f"'{wanted.key}' exists ({estate.components[wanted.key].place}); nothing is overwritten")
    if wanted.client in _ON_PAGES and wanted.port is None:
        raise NotScaffolded(f"users of a {wanted.client} client come back to it: make it a webservice, with a port")
    if (wanted.client in OUTSIDE) != (wanted.type == EXTERNAL):
        raise NotScaffolded(
            f"what runs elsewhere, {' or '.join(OUTSIDE)}, is a client of type {EXTERNAL}, and no other is"
        )
    if wanted.groups and (wanted.port is None or wanted.client in _ON_PAGES):
        raise NotScaffolded("groups hold roles of what offers scopes: a webservice whose users sign in elsewhere")
    for callee, scopes in wanted.calls:
        called = estate.components.get(callee)
        if called is None or not called.scopes:
            callees = [key for key, component in estate.components.items() if component.scopes]
            raise NotScaffolded(f"'{callee}' offers no scopes{suggestion(callee, callees)}")
        for scope in scopes:
            if scope not in called.scopes:
                raise NotScaffolded(f"'{callee}' declares no scope '{scope}'{suggestion(scope, called.scopes)}")


def _application(name: str, applications: tuple[oam.Application, ...], texts: Texts) -> oam.Application:
    """The application of that name, as `texts` have it by now."""
    application = next(candidate for candidate in applications if candidate.name == name)
    if text := texts.get(application.place.file):
        return next(
            candidate
            for candidate in read_bytes(application.place.file, text.encode()).applications
            if candidate.name == name
        )
    return application


def _with_grant(wanted: Wanted, callee: Component, scopes: tuple[str, ...], source: oam.Application) -> str:
    """The called component's file, with the new one in a role."""
    able = [role for role in callee.roles if set(scopes) <= set(role.scopes)]
    if not able:
        owner = f", {callee.owner}," if callee.owner else ""
        wish = " and ".join(scopes)
        raise NotScaffolded(
            f"no role of '{callee.key}' grants {wish}; its owner{owner} has to add one ({callee.place})"
        )
    role = min(able, key=lambda role: len(role.scopes))
    part = next(part for part in source.components if part.name == callee.name)
    trait = part.trait("access")
    assert trait  # what has roles has an access trait
    place = trait.place.at("properties", "roles", role.name)
    if "components" in trait.properties["roles"][role.name]:
        return _certain(edit.with_item(place.at("components"), wanted.key), source.place.file)
    return _certain(edit.with_key(place, "components", f"[{wanted.key}]"), source.place.file)


def _with_component(wanted: Wanted, application: oam.Application, component: Mapping[str, Any]) -> str:
    file = application.place.file
    text = edit.with_item(application.place.at("spec", "components"), _dumped(component))
    if wanted.port is not None:
        return _certain(text, file)
    owner = application.annotations.get(OWNER)
    if owner not in (None, wanted.owner):
        what = f"components of type {wanted.type} in '{application.name}'"
        raise NotScaffolded(f"{what} are owned by '{owner}', as its annotations say ({file})")
    if owner:
        return _certain(text, file)
    extended = _application(application.name, (application,), {file: _certain(text, file)})
    return _certain(owner_annotation(extended, wanted.owner).text(), file)


def _certain(text: str | None, file: str) -> str:
    if text is None:
        raise NotScaffolded(f"{file} is not written so that it could be extended with certainty; put it in by hand")
    return text


def _new_application(wanted: Wanted, component: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": wanted.application, "annotations": {OWNER: wanted.owner}},
        "spec": {"components": [component]},
    }


def _component(wanted: Wanted, estate: Estate, as_of: datetime.date) -> Mapping[str, Any]:
    properties: dict[str, Any] = {"image": wanted.image} if wanted.client not in OUTSIDE else {}
    if wanted.jwks_uri:
        properties["jwksUri"] = wanted.jwks_uri
    traits = []
    if wanted.port is not None:
        properties["ports"] = [{"port": wanted.port}]
        gateway = {"domain": wanted.domain} if wanted.domain else {}
        traits.append(_trait("gateway", gateway | {"http": {wanted.path: wanted.port}}))
        access = (
            _page_access(wanted, wanted.client, as_of) if wanted.client in _ON_PAGES else _api_access(wanted, estate)
        )
        traits.append(_trait("access", access))
    if kind := wanted.client or ("service" if wanted.calls else None):
        traits.append(_trait("client", _client(wanted, kind)))
    component: dict[str, Any] = {"name": wanted.component, "type": wanted.type}
    return component | ({"properties": properties} if properties else {}) | ({"traits": traits} if traits else {})


def _client(wanted: Wanted, kind: str) -> Mapping[str, Any]:
    client: dict[str, Any] = {"kind": kind}
    if kind in _ON_PAGES:
        client["redirectPaths"] = [f"{wanted.path.rstrip('/')}/callback"]
    if wanted.redirect_uris:
        client["redirectUris"] = [*wanted.redirect_uris]
    if wanted.calls:
        client["calls"] = [{"component": callee, "scopes": [*scopes]} for callee, scopes in wanted.calls]
    return client


def _trait(kind: str, properties: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"type": kind, "properties": properties}


def _api_access(wanted: Wanted, estate: Estate) -> Mapping[str, Any]:
    """Closed but for who gets a scope: one to read, one to change."""
    read, write = _scope_names(wanted, estate)
    access: dict[str, Any] = {
        "owner": wanted.owner,
        "scopes": {read: f"Read {wanted.application}", write: f"Change {wanted.application}"},
        "rules": [{"methods": _READING, "scopes": [read]}, {"methods": _WRITING, "scopes": [write]}],
    }
    if wanted.groups:
        access["roles"] = {"editor": {"scopes": [read, write], "groups": [*wanted.groups]}}
    return access


def _scope_names(wanted: Wanted, estate: Estate) -> tuple[str, str]:
    """`billing.read` and `billing.write`; with the component's name where the estate has one of them already."""
    names = {scope for component in estate.components.values() for scope in component.scopes}
    plain = (f"{wanted.application}.read", f"{wanted.application}.write")
    if not names & {*plain}:
        return plain
    return f"{wanted.application}.{wanted.component}.read", f"{wanted.application}.{wanted.component}.write"


def _page_access(wanted: Wanted, kind: str, as_of: datetime.date) -> Mapping[str, Any]:
    """Open to browsers: users sign in through the application itself."""
    methods, reason = _ON_PAGES[kind]
    public = {"reason": reason, "until": (as_of + _REVIEW).isoformat()}
    return {"owner": wanted.owner, "rules": [{"methods": methods, "public": public}]}


class _Dumper(yaml.SafeDumper):
    """Sequences are indented below their key, and nothing is an alias of something else."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - as it is called
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - for no data
        return True


def _dumped(data: Mapping[str, Any]) -> str:
    """YAML in which whatever somebody gave is one text, wherever it stands."""
    text: str = yaml.dump(
        data, Dumper=_Dumper, default_flow_style=None, sort_keys=False, allow_unicode=True, width=10_000
    )
    return text
