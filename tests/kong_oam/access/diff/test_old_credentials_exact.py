"""`diff` against `decide` for callers with an old credential, on generated estates.

Calls come before and after each last day."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

from hypothesis import given, note
from hypothesis import strategies as st

from kong_oam.access.before import OldCredential
from kong_oam.access.data import PathSegments
from kong_oam.access.decide import Request, component_of, decide
from kong_oam.access.diff.change import (
    OPENING,
    AffectedCaller,
    Change,
    Difference,
)
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.kind import Kind
from kong_oam.access.diff.snapshot import dump_model, load_model
from kong_oam.access.model import Estate
from kong_oam.access.networks import admits
from kong_oam.access.paths import read_text
from kong_oam.access.principals import Principal
from kong_oam.access.sites import SitesByHost
from kong_oam.kong.enforced import enforced_models
from tests.support.diffs import requests
from tests.support.enforced_state import state
from tests.support.small_estates import (
    CONSUMERS,
    MANY,
    REQUESTS,
    TIMES,
    changes_at,
    model,
    pairs_with_old_callers,
    site_of,
)

REQUESTED = st.lists(REQUESTS, min_size=1, max_size=12)
CLIENTS = ("old/a", "old/b", "app/one")
Holder = tuple[str, str]
"""A client, and the consumer whose credential it uses."""
HOLDERS = tuple(product(CLIENTS, CONSUMERS))


def _credential(
    estate: Estate, request: Request, holder: Holder, at: float | None
) -> OldCredential | None:
    """Return the consumer's credential if it counts for the client where the request leads to."""
    component = component_of(estate, request.host, read_text(request.target))
    for caller in component.identity.old_callers if component else ():
        if (caller.client, caller.consumer) == holder:
            return OldCredential(caller.consumer, caller.by, at)
    return None


def _allowed(
    estate: Estate, request: Request, holder: Holder, at: float | None
) -> bool:
    shown = _credential(estate, request, holder, at)
    return decide(estate, request, shown).allowed


def _public(estate: Estate, request: Request) -> bool:
    return decide(estate, request, None).allowed


def _concerning(
    changes: Iterable[Difference],
    site: str,
    request: Request,
    declared: set[PathSegments],
) -> list[tuple[Kind, AffectedCaller]]:
    """Return the changes of access to this method and path, from this address."""
    path = read_text(request.target)
    found = []
    for change in changes_at(changes, site, request.method, path, declared):
        found += _from(change, request.address)
    return found


def _from(
    change: Change, address: str | None
) -> list[tuple[Kind, AffectedCaller]]:
    assert address is not None
    return [
        (change.kind, caller)
        for caller in change.callers
        if admits(caller.source.networks, address)
        and not (caller.source.but and admits(caller.source.but, address))
        and change.kind != "answered by"
    ]


def _holder(principal: Principal) -> Holder | None:
    """Return the holder of a key; None for the holder of a token."""
    if principal.by == "key-auth":
        return principal.client, principal.consumer
    return None


@MANY
@given(pairs_with_old_callers(), REQUESTED)
def test_old_credentials_are_answered_differently_exactly_where_the_diff_says_so(
    pair: tuple[Estate, Estate], listed: list[Request]
) -> None:
    """A later last day widens access, although the calls of today stay the same."""
    old, new = pair
    changes = diff(model(old), model(new))
    sides = SitesByHost(old), SitesByHost(new)
    for request in listed:
        site = site_of({*old.by_host, *new.by_host}, request.host)
        declared = {path for side in sides for path in side.declared(site)}
        listed_changes = _concerning(changes, site, request, declared)
        for holder in HOLDERS:
            was = [_allowed(old, request, holder, at) for at in TIMES]
            now = [_allowed(new, request, holder, at) for at in TIMES]
            note(f"{request} {holder}: {was} -> {now}; {listed_changes}")
            own = [
                kind
                for kind, caller in listed_changes
                if caller.principal and _holder(caller.principal) == holder
            ]
            everybody = [
                k for k, caller in listed_changes if caller.principal is None
            ]
            opens = any(b and not a for a, b in zip(was, now, strict=True))
            closes = any(a and not b for a, b in zip(was, now, strict=True))
            opening = {*own, *everybody} & {*OPENING}
            assert not opens or opening
            assert not closes or {*own, *everybody} - {*OPENING}
            # Everybody may call a public path: no line names a single caller.
            if not _public(old, request) and not _public(new, request):
                assert bool({*own} & {*OPENING}) == opens
                assert bool({*own} - {*OPENING}) == closes


@MANY
@given(pairs_with_old_callers())
def test_an_exported_model_has_the_old_callers(
    pair: tuple[Estate, Estate],
) -> None:
    """The next run compares with the export as with the Applications."""
    old, new = map(model, pair)
    read_back = load_model(dump_model(old))
    assert diff(read_back, new) == diff(old, new)


@MANY
@given(pairs_with_old_callers())
def test_the_gates_tables_have_the_old_callers(
    pair: tuple[Estate, Estate],
) -> None:
    """The enforced model allows what was meant, to the day."""
    wanted = model(pair[0])
    (found,) = enforced_models(state(pair[0]), wanted)
    assert _by_old_credentials(diff(found, wanted)) == []
    assert _by_old_credentials(diff(wanted, found)) == []


def _by_old_credentials(changes: Iterable[Difference]) -> list[Change]:
    return [
        change
        for change in requests(changes)
        if any(
            caller.principal and caller.principal.by
            for caller in change.callers
        )
    ]
