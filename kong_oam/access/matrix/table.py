"""The matrix as a value, and its rows: what the same principals may call of one component."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kong_oam.access.data import Names
from kong_oam.access.diff.wording import path, users
from kong_oam.access.model import Public
from kong_oam.access.networks import only_from
from kong_oam.access.principals import ITSELF, Access, Condition, Principal
from kong_oam.access.request_classes import Region
from kong_oam.diagnostics import printable

# Who has no token, in the place of a principal's name.
ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Row:
    """What the same principals may call of one component: a region of paths on `host`, with these
    methods.

    `host` may be a wildcard (`*.example.com`): the hosts that nothing more specific names.
    `component` is a key; `public` says why everybody may, as the rules do.
    """

    host: str
    region: Region
    methods: Names
    component: str
    access: Access
    public: tuple[Public, ...] = ()

    def condition_of(self, principal: Principal | None) -> Condition | None:
        """The condition on which a principal may call by its token; None where it may not."""
        return self.access.principals.get(principal) if principal else None


def as_whom(condition: Condition) -> str:
    """Whom a client calls as, in words."""
    return (
        "as itself" if condition == ITSELF else f"users in {users(condition)}"
    )


@dataclass(frozen=True, slots=True)
class Matrix:
    """Who may call what. `principals` are the columns; None is anonymous. `owners` are those of
    components, by key.

    Rows are sorted by component, host, path and method. A principal may call what its row lists
    under its condition, and what everybody may.
    """

    stack: str
    scheme: str
    principals: tuple[Principal | None, ...]
    rows: tuple[Row, ...]
    owners: Mapping[str, str | None]

    def names(self) -> Names:
        """The columns' names: `shop/web`, or `shop/web at okta` where there are several identity
        providers."""
        providers = {
            principal.provider for principal in self.principals if principal
        }
        names = []
        for principal in self.principals:
            if principal is None:
                names.append(ANONYMOUS)
            elif len(providers) > 1:
                names.append(
                    printable(f"{principal.client} at {principal.provider}")
                )
            else:
                names.append(printable(principal.client))
        return tuple(names)


def where(row: Row) -> str:
    """Paths in words, and where from alone: `/orders but not /orders/health, from 192.0.2.0/24
    only`."""
    declared = exceptions(row)
    but = f" but not {', '.join(declared)}" if declared else ""
    return path(row.region.subtree) + but + only_from(row.access.networks, ",")


def exceptions(row: Row) -> list[str]:
    """The parts of the region that other rows have, or nobody. Other spellings are refused, and not
    listed."""
    return [
        path(subtree)
        for subtree in row.region.exceptions
        if not subtree.spelled_otherwise
    ]
