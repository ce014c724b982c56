"""The matrix as a value, and its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kong_oam.access.data import Names
from kong_oam.access.diff.wording import (
    forward_text,
    path,
    principal_words,
    users,
)
from kong_oam.access.internal import Connected
from kong_oam.access.model import Public
from kong_oam.access.networks import only_from
from kong_oam.access.principals import ITSELF, Access, Condition, Principal
from kong_oam.access.request_classes import Region
from kong_oam.diagnostics import printable

# The name of callers without a token, in place of a principal's name.
ANONYMOUS = "anonymous"


# An exposed path and the path at the workload, or empty.
ForwardedPath = tuple[str, str] | tuple[()]


@dataclass(frozen=True, slots=True)
class Row:
    """A region of paths on `host` with these methods, which the same principals may call.

    `host` may be a wildcard (`*.example.com`) for the hosts that no more specific host covers.
    `component` is a key. `public` has the reasons of public rules. `forward`: an exposed path and
    the path at the workload, or empty.
    """

    host: str
    region: Region
    methods: Names
    component: str
    access: Access
    public: tuple[Public, ...] = ()
    forward: ForwardedPath = ()

    def condition_of(self, principal: Principal | None) -> Condition | None:
        """Return the condition on which a principal may call with its token; None if it may not."""
        return self.access.principals.get(principal) if principal else None


def caller_words(condition: Condition) -> str:
    """Return in words whether a client calls as itself or for users in groups."""
    return (
        "as itself" if condition == ITSELF else f"users in {users(condition)}"
    )


@dataclass(frozen=True, slots=True)
class Matrix:
    """Principals by endpoints. `principals` are the columns; None is anonymous.

    `owners` has the owners of components, by key. Rows are sorted by component, host, path and
    method. A principal may call the rows that list it, under the row's condition, and all public
    rows. `source` names the files and the program behind the matrix, or is empty. `connections`
    inside the cluster need no token, and no cell has them.
    """

    stack: str
    scheme: str
    principals: tuple[Principal | None, ...]
    rows: tuple[Row, ...]
    owners: Mapping[str, str | None]
    source: str = ""
    connections: tuple[Connected, ...] = ()

    def _last_days(self, principal: Principal) -> str:
        days = {row.access.until.get(principal) for row in self.rows} - {None}
        return " or ".join(sorted(filter(None, days)))

    def names(self) -> Names:
        """Return the columns' names: `shop/web`, or `shop/web at okta` with several identity
        providers. An old credential has its kind and its last days."""
        providers = {
            principal.provider for principal in self.principals if principal
        }
        names = []
        for principal in self.principals:
            name = principal.client if principal else ANONYMOUS
            if principal and len(providers) > 1:
                name += f" at {principal.provider}"
            if principal:
                name += principal_words(principal, self._last_days(principal))
            names.append(printable(name))
        return tuple(names)


def where(row: Row) -> str:
    """Return paths and networks in words.

    For example, `/orders but not /orders/health, from 192.0.2.0/24 only`. A path at the workload
    follows: `/crm, /crm as /`.
    """
    declared = exceptions(row)
    but = f" but not {', '.join(declared)}" if declared else ""
    sent = f", {forward_text(row.forward)}" if row.forward else ""
    source = only_from(row.access.networks, ",")
    return path(row.region.subtree) + but + source + sent


def exceptions(row: Row) -> list[str]:
    """Return the parts of the region that are in other rows or in none.

    Other spellings of paths are denied, and not listed.
    """
    return [
        path(subtree)
        for subtree in row.region.exceptions
        if not subtree.spelled_otherwise
    ]
