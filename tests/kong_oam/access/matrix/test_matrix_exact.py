"""The matrix against its oracle: decisions on the tokens that `issue` gives, for each cell."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given, note
from hypothesis import strategies as st

from kong_oam.access.callers import (
    Callers,
    logical_groups,
    logical_names,
    principal_of,
)
from kong_oam.access.data import PathSegments
from kong_oam.access.decide import Request, component_of
from kong_oam.access.issue import User
from kong_oam.access.matrix.matrix import matrix
from kong_oam.access.matrix.table import ANONYMOUS, Matrix, Row
from kong_oam.access.model import Estate
from kong_oam.access.networks import admits
from kong_oam.access.paths import read_text, written
from kong_oam.access.principals import Principal
from kong_oam.access.request_classes import Region
from kong_oam.access.sites import SitesByHost
from tests.support.small_estates import (
    MANY,
    REQUESTS,
    SETS_OF_GROUPS,
    allowed,
    estates,
    lies_in,
    narrowness,
    site_of,
    tokens_of,
)

Groups = frozenset[str]
REQUESTED = st.lists(REQUESTS, min_size=1, max_size=12)


def matrix_of(
    estate: Estate,
    principals: set[str] | None = None,
    components: set[str] | None = None,
) -> Matrix:
    return matrix(
        estate,
        Callers(estate, logical_names(logical_groups(estate))),
        principals,
        components,
    )


def users_of(
    estate: Estate, principal: Principal | None
) -> list[Groups | None]:
    """Return sets of groups in Applications' names; None for a client that calls as itself, or
    without a token."""
    if principal is None or not principal.users:
        return [None]
    return [
        groups for groups in SETS_OF_GROUPS if groups <= logical_groups(estate)
    ]


def meant(
    estate: Estate,
    request: Request,
    principal: Principal | None,
    groups: Groups | None,
) -> bool:
    """Return whether `decide` allows the principal with any of its possible tokens."""
    if principal is None:
        return allowed(estate, request, (None,))
    (client,) = (
        client for client in estate.clients if principal_of(client) == principal
    )
    provider = estate.stack.providers[client.provider]
    user = (
        None
        if groups is None
        else User("user", tuple(map(provider.group, groups)))
    )
    api = component_of(estate, request.host, read_text(request.target))
    return allowed(estate, request, tokens_of(estate, client, user, api))


def cell_allows(
    row: Row, principal: Principal | None, groups: Groups | None
) -> bool:
    """Return whether the cell allows the principal."""
    condition = row.access.principals.get(principal) if principal else None
    return row.access.everybody or any(
        needed <= (groups or frozenset()) for needed in condition or ()
    )


def examples(row: Row, declared: set[PathSegments]) -> Iterator[Request]:
    """Yield a request for each method of the row, at a path of its region, on a host that it
    covers."""
    host = row.host.replace("*.", "any-other.")
    text = written(row.region.subtree.path)
    targets = [f"{text}{ending}".encode() for ending in ("", "/", "/q", "q")]
    target = next(
        target
        for target in targets
        if is_part(row.region, read_text(target), declared)
    )
    yield from (Request(method, host, target) for method in row.methods)


def is_part(
    region: Region, path: PathSegments, declared: set[PathSegments]
) -> bool:
    """Return whether a path is in the region's subtree, and in none of its exceptions."""
    parts = (
        part
        for part in (region.subtree, *region.exceptions)
        if lies_in(part, path, declared)
    )
    return max(parts, key=narrowness, default=None) == region.subtree


def rows_with(estate: Estate, found: Matrix, request: Request) -> list[Row]:
    """Return the rows of the request: in the region's subtree, in none of its exceptions, and from
    an allowed address."""
    site, path = (
        site_of({*estate.by_host}, request.host),
        read_text(request.target),
    )
    declared = set(SitesByHost(estate).declared(site)) if site else set()

    return [
        row
        for row in found.rows
        if row.host == site
        and request.method in row.methods
        and is_part(row.region, path, declared)
        and admits(row.access.networks, request.address or "")
    ]


@MANY
@given(estates())
def test_every_cell_says_what_decide_says(estate: Estate) -> None:
    """For every principal, and users in every set of groups, at the row's path."""
    found = matrix_of(estate)
    assert set(found.principals) == {None, *map(principal_of, estate.clients)}
    for row in found.rows:
        declared = set(SitesByHost(estate).declared(row.host))
        for request in examples(row, declared):
            for principal in found.principals:
                for groups in users_of(estate, principal):
                    note(f"{row} {request} {principal} {groups}")
                    assert cell_allows(row, principal, groups) == meant(
                        estate, request, principal, groups
                    )


@MANY
@given(estates(), REQUESTED, st.data())
def test_any_request_is_in_one_row_or_nobody_may_make_it(
    estate: Estate, requests: list[Request], data: st.DataObject
) -> None:
    """The row has its method, host and path, and no exception for it. Selected principals and
    components narrow the rows."""
    clients, keys = (
        {client.component for client in estate.clients},
        sorted(estate.components),
    )
    principals = data.draw(
        st.none()
        | st.sets(st.sampled_from([*sorted(clients), ANONYMOUS]), min_size=1)
    )
    components = data.draw(
        st.none() | st.sets(st.sampled_from(keys), min_size=1)
    )
    found = matrix_of(estate, principals, components)
    if principals is not None:
        assert {
            principal.client if principal else ANONYMOUS
            for principal in found.principals
        } == principals
        assert all(
            row.access.everybody or row.access.principals for row in found.rows
        )
    assert {row.component for row in found.rows} <= {*(components or keys)}
    for request in requests:
        component = component_of(
            estate, request.host, read_text(request.target)
        )
        chosen = component is not None and (
            components is None or component.key in components
        )
        rows = rows_with(estate, found, request)
        assert len(rows) <= 1
        for principal in found.principals:
            for groups in users_of(estate, principal):
                note(f"{request} {rows} {principal} {groups}")
                may = chosen and meant(estate, request, principal, groups)
                assert (
                    any(cell_allows(row, principal, groups) for row in rows)
                    == may
                )
