"""`what`: everything that a principal may call."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from kong_oam.access.diff.wording import methods, path, users
from kong_oam.access.model import METHODS, Client, Estate
from kong_oam.access.principals import EVERYBODY, Access, principal_of
from kong_oam.access.request_classes import Region, SitesByHost, path_classes_by_site, regions
from kong_oam.cli.command import OK, Command
from kong_oam.cli.console import Console
from kong_oam.cli.estates import add_estate, subtree_entry
from kong_oam.cli.requests import callers_of, clients_of, estate_from, sets

ANONYMOUS = "anonymous"

_DETAILS = """\
Lists every endpoint that a principal may call: a client by its component (application/component), or `anonymous`.

  python -m kong_oam what shop/web
  python -m kong_oam what anonymous
"""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("principal", metavar="PRINCIPAL", help="application/component, or anonymous")
    add_estate(parser)


def _run(options: argparse.Namespace, console: Console) -> int:
    estate = estate_from(options)
    rows = _endpoints(estate, None if options.principal == ANONYMOUS else clients_of(estate, options.principal))
    if console.json:
        console.print_json(
            [
                {
                    "host": site,
                    **subtree_entry(region.subtree),
                    "except": [subtree_entry(part) for part in region.exceptions],
                    "methods": list(listed),
                    "component": key,
                    "everybody": access.everybody,
                    "usersIn": sorted({tuple(groups) for c in access.principals.values() for groups in sets(c)}),
                }
                for site, region, listed, access, key in rows
            ]
        )
        return OK
    scheme = estate.stack.scheme
    table = [
        (
            methods(listed),
            f"{scheme}://{site}{path(region.subtree)}{_exceptions_in_words(region)}",
            _as_whom(access),
            key,
        )
        for site, region, listed, access, key in rows
    ]
    console.print_table(("METHODS", "WHERE", "AS", "COMPONENT"), table)
    return OK


def _exceptions_in_words(region: Region) -> str:
    declared = [path(subtree) for subtree in region.exceptions if not subtree.spelled_otherwise]
    return f" but not {', '.join(declared)}" if declared else ""


def _as_whom(access: Access) -> str:
    if access.everybody:
        return "everybody"
    return " or ".join(f"users in {users(c)}" if p.users else "itself" for p, c in sorted(access.principals.items()))


def _endpoints(
    estate: Estate, clients: Sequence[Client] | None
) -> list[tuple[str, Region, tuple[str, ...], Access, str]]:
    """All that these clients may call, or anybody: host, region, methods, as whom, and the component there."""
    callers, sites = callers_of(estate), SitesByHost(estate)
    principals = {principal_of(client) for client in clients or ()}
    rows = []
    for site, path_classes in path_classes_by_site(sites):
        by_access: dict[str, tuple[Access, str, dict[str, set[int]]]] = {}
        for number, path_class in enumerate(path_classes):
            component = sites.component(site, path_class.path)
            for method, access in callers.at(component, path_class.path).items() if component else ():
                matching = {principal: c for principal, c in access.principals.items() if principal in principals}
                if component and (access.everybody or matching):
                    granted = EVERYBODY if access.everybody else Access(principals=matching)
                    name = f"{component.key} {_as_whom(granted)}"
                    by_access.setdefault(name, (granted, component.key, {}))[2].setdefault(method, set()).add(number)
        for granted, key, by_method in by_access.values():
            rows += [(site, region, listed, granted, key) for region, _, listed in regions(path_classes, by_method)]
    return sorted(rows, key=lambda row: (row[0], row[1].subtree, METHODS.index(row[2][0]), row[4]))


COMMAND = Command("what", "what a principal may call", _DETAILS, _arguments, _run)
