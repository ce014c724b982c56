"""Finds names that a stack needs and others have in Kong, before a run creates anything.

A creation would otherwise fail half-way. A workspace has unique names of services, routes,
upstreams and consumers. Custom ids of consumers, keys of credentials, and hosts of certificates are
unique too. An entity with the stack's tags that its state lacks comes from an interrupted run. Any
other entity belongs to another stack or to no stack.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from kong_oam.access.data import Texts
from kong_oam.access.forbidden import is_address
from kong_oam.access.model import Estate
from kong_oam.access.settings.partitions import stack_of
from kong_oam.access.settings.values import Settings
from kong_oam.diagnostics import Diagnostic, Diagnostics, Findings, Position
from kong_oam.engine.state import RING, RecordedNames, StackState
from kong_oam.http.management import FEW
from kong_oam.identity.common.discovery import DiscoveryError, discover
from kong_oam.kong import names
from kong_oam.kong.account import Account
from kong_oam.kong.admin import AdminApi
from kong_oam.kong.certificates import hosts_by_certificate
from kong_oam.kong.entities import Entity, tags_of
from kong_oam.kong.global_plugins import global_plugins
from kong_oam.kong.host_conflicts import host_conflicts
from kong_oam.kong.owners import Owner, OwnerLookup, owner_in_words
from kong_oam.kong.routes import routes
from kong_oam.kong.upstreams import TYPE as _UPSTREAM
from kong_oam.kong.upstreams import logical_name, name_of

_SERVICE = "kong:index/service:Service"
_ROUTE = "kong:index/route:Route"
_CONSUMER = "kong:index/consumer:Consumer"
_CERTIFICATE = "kong:index/certificate:Certificate"
_COLLECTIONS = {
    _SERVICE: "services",
    _ROUTE: "routes",
    _UPSTREAM: "upstreams",
    _CONSUMER: "consumers",
    _CERTIFICATE: "certificates",
}


@dataclass(frozen=True, slots=True)
class NeededName:
    """A name that an entity needs, with type and logical name of the resource that creates it."""

    type: str
    name: str
    logical: str
    position: Position | None = None
    # The partition whose run creates the entity. None: the base, or an estate of one stack.
    partition: str | None = None


def needed_names(estate: Estate) -> Iterator[NeededName]:
    """Yield every name of the stack that somebody else could have."""
    stack = estate.stack.name
    for component in estate.exposed:
        maker = component.position, component.partition
        for backend in component.backends:
            name = names.service(stack, component, backend)
            logical = f"{component.key}-{backend}-service"
            yield NeededName(_SERVICE, name, logical, *maker)
        for plan in routes(component):
            name = names.route(stack, component, plan.backend, plan.role)
            logical = f"{component.key}-{plan.role}-{plan.backend}"
            yield NeededName(_ROUTE, name, logical, *maker)
        if upstream := component.exposure.upstream:
            # An Upstream with the name of a host would take its calls.
            name = upstream.targets[0].host
            logical = f"{component.key}-host"
            if upstream.balanced:
                name = name_of(stack, component, upstream)
                logical = logical_name(component, upstream)
            # Kong has no Upstream with the name of an address, and rejects the question.
            if not is_address(name):
                yield NeededName(_UPSTREAM, name, logical, *maker)
    yield NeededName(_UPSTREAM, names.nowhere(stack), "gateway-nowhere")
    yield NeededName(_CONSUMER, names.anonymous(stack), "gateway-anonymous")
    for provider in estate.stack.providers:
        yield NeededName(
            _CONSUMER, names.ring(stack, provider), f"{RING}{provider}"
        )
    for (place, certificate), hosts in hosts_by_certificate(estate).items():
        for host in hosts:
            yield NeededName(
                _CERTIFICATE, host, f"certificate-{place}/{certificate}"
            )


def inspect(
    account: Account,
    settings: Settings,
    estate: Estate,
    held: RecordedNames,
    state: StackState,
) -> Diagnostics:
    """Return all conflicts in the workspace. Raises admin.AdminError.

    `state`: the state of this stack. `held`: the resources of this stack and its base.
    """
    with AdminApi(account) as admin:
        return (
            *name_conflicts(admin, estate, held),
            *issuer_conflicts(admin, settings, estate, held, state.issuers),
            *global_plugins(admin, settings, estate, held),
            *host_conflicts(
                admin, estate, state.resources, adopts=settings.adopts
            ),
            *missing_consumers(admin, estate),
        )


def name_conflicts(
    admin: AdminApi, estate: Estate, held: RecordedNames
) -> Findings:
    """Yield names that the state lacks and Kong has. Raises admin.AdminError.

    Asks Kong only for kinds with a new entity. Certificates are always checked, since a known
    certificate may get more hosts. A few names are requested one by one; for many, the whole list
    is read.
    """
    lookup = OwnerLookup(estate.stack.name, whole=True)
    by_type: dict[str, dict[str, NeededName]] = {}
    for needed in needed_names(estate):
        if (
            needed.type == _CERTIFICATE
            or (needed.type, needed.logical) not in held
        ):
            by_type.setdefault(needed.type, {})[needed.name] = needed
    for kind, by_name in by_type.items():
        for row in _rows(admin, kind, by_name):
            owner = lookup.owner(row)
            is_ours = owner.kind == "ours"
            for name in _names(row):
                wanted = by_name.get(name)
                if wanted and not (is_ours and (kind, wanted.logical) in held):
                    yield _diagnostic(lookup.estate, wanted, row, owner)


def _rows(
    admin: AdminApi, kind: str, wanted: Iterable[str]
) -> Iterator[Entity]:
    """Yield at least the entities of a kind that have one of the wanted names."""
    path = f"/{_COLLECTIONS[kind]}"
    several = list(wanted)
    if kind == _CERTIFICATE or len(several) > FEW:
        yield from admin.rows(path)
        return
    for name in several:
        if row := admin.find(f"{path}/{quote(name, safe='')}"):
            yield row


def issuer_conflicts(
    admin: AdminApi,
    settings: Settings,
    estate: Estate,
    held: RecordedNames,
    issuers: Texts,
) -> Findings:
    """Yield issuers whose key ring or key belongs to others in Kong. Raises admin.AdminError.

    A ring has its issuer as `custom_id`. `issuers`: the issuers of the rings in the state. Rings
    are checked if they are new or get another issuer. Keys are always checked, since an issuer may
    publish a new key at any time. An issuer that the run itself creates cannot belong to others.
    """
    stack = estate.stack.name
    if estate.role == "partition":
        return
    for name, provider in estate.stack.providers.items():
        issuer = provider.issuer
        is_held = (_CONSUMER, f"{RING}{name}") in held
        if issuer is None or (is_held and issuers.get(name) in (issuer, None)):
            continue
        for row in admin.with_custom_id(issuer):
            consumer = row.get("username")
            # The check of names finds a consumer that also has the ring's name.
            if consumer != names.ring(stack, name) and not _is_ours(stack, row):
                entity = f"consumer '{consumer or row['id']}' with custom_id '{issuer}'"
                yield _issuer_diagnostic(stack, name, entity, row)
    if settings.gateway.edition == "oss":
        yield from _key_conflicts(admin, estate)


def _key_conflicts(admin: AdminApi, estate: Estate) -> Findings:
    """Yield others' credentials with the key id of an issuer's signing key."""
    stack = estate.stack.name
    others = [row for row in admin.rows("/jwts") if not _is_ours(stack, row)]
    if not others:
        return
    for name, provider in estate.stack.providers.items():
        if not provider.issuer:
            continue
        try:
            published = {key.kid for key in discover(provider.issuer).keys}
        except DiscoveryError:
            continue  # the run itself reports an issuer that it cannot read
        for row in others:
            if row["key"] in published:
                entity = f"jwt credential '{row['key']}'"
                yield _issuer_diagnostic(stack, name, entity, row)


def missing_consumers(admin: AdminApi, estate: Estate) -> Findings:
    """Yield the consumers of old credentials that Kong lacks or that a stack made. Raises
    admin.AdminError.

    Their credentials are not read: Kong would print the keys.
    """
    lookup = OwnerLookup(estate.stack.name, whole=True)
    for component in estate.exposed:
        for caller in component.identity.old_callers:
            name = caller.consumer
            client = estate.components.get(caller.client)
            before = client.identity.before if client else None
            accepted = component.identity.accept_before
            side = before or accepted
            position = side.position if side else None
            row = admin.find(f"/consumers/{quote(name, safe='')}")
            if row is None or row.get("username") != name:
                message = (
                    f"Kong has no consumer '{name}', by whose {caller.by} '{caller.client}' calls "
                    f"'{component.key}'; correct the name, or remove `before`"
                )
                yield Diagnostic("ENV423", message, position)
            elif (owner := lookup.owner(row)).kind != "foreign":
                message = (
                    f"Kong's consumer '{name}' is {owner}, and stands for all its callers; name "
                    f"the consumer of '{caller.client}' alone"
                )
                yield Diagnostic("ENV424", message, position)


def _issuer_diagnostic(
    stack: str, provider: str, entity: str, row: Entity
) -> Diagnostic:
    made = owner_in_words(row, OwnerLookup(stack, whole=True).owner(row))
    message = (
        f"identity provider '{provider}': Kong has {entity} ({row['id']}) {made}. Kong accepts an "
        "issuer's keys once; use another issuer, workspace or Kong, or deploy both from one stack"
    )
    return Diagnostic("ENV405", message)


def _is_ours(stack: str, row: Entity) -> bool:
    """Return whether a stack of this estate created the entity."""
    return OwnerLookup(stack, whole=True).owner(row).kind == "ours"


def _diagnostic(
    stack: str, needed: NeededName, row: Entity, owner: Owner
) -> Diagnostic:
    is_certificate = needed.type == _CERTIFICATE
    entity = f"{_COLLECTIONS[needed.type][:-1]} '{needed.name}'"
    if is_certificate:
        entity = f"certificate for host '{needed.name}'"
    there = f"Kong has {entity} ({row['id']})"
    if owner.kind != "ours":
        change = "change its hosts" if is_certificate else "rename"
        actor = "let a run of that stack" if owner.stack else "ask its owner to"
        message = f"{there} {owner_in_words(row, owner)}; {actor} {change} or remove it"
        return Diagnostic("ENV405", message, needed.position)
    other = names.partition_in(tags_of(row))
    if other != needed.partition:
        part = f"partition '{other}'" if other else "the base"
        message = (
            f"{there} of {part} of this estate; move it first: "
            f"`python -m kong_oam move -s {stack}`"
        )
        return Diagnostic("ENV419", message, needed.position)
    own = stack_of(stack, needed.partition)
    message = (
        f"{there} of stack '{own}', but its state lacks it: a run was interrupted, or this is "
        f"another state; run `python -m kong_oam recover -s {own}`"
    )
    return Diagnostic("ENV406", message, needed.position)


def _names(row: Entity) -> Iterable[str]:
    """Return the entity's names. The names of a certificate are its hosts."""
    return row.get("snis") or [row.get("name") or row.get("username") or ""]
