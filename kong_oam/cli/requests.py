"""Parse requests, clients and estates from the command line."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace

from kong_oam.access.absent import with_absent_clients
from kong_oam.access.callers import Callers, logical_groups, logical_names
from kong_oam.access.decide import Decision, Request
from kong_oam.access.hosts import host_patterns
from kong_oam.access.methods import METHODS, is_call, is_known, tool_of
from kong_oam.access.model import Client, Estate
from kong_oam.access.networks import read_address
from kong_oam.access.paths import written
from kong_oam.cli.command import UsageError, quoted
from kong_oam.cli.console import print_note
from kong_oam.cli.estates import (
    add_estate,
    assumption_notes,
    read_estate,
    selected_settings,
)
from kong_oam.diagnostics import nearest, nearest_typo, suggestion

_METHOD = re.compile(
    r"[A-Z0-9!#$%&'*+.^_`|~-]+\Z"
)  # a token of RFC 9110, 5.6.2
_AUTHORITY = re.compile(r"[^@:]+(:[0-9]{1,5})?\Z")


def add_request(parser: ArgumentParser) -> None:
    parser.add_argument(
        "method",
        metavar="METHOD",
        nargs="?",
        type=_method,
        help="the method, such as GET, or the call of an MCP tool, such as 'call search'",
    )
    parser.add_argument(
        "url",
        metavar="URL",
        nargs="?",
        help="https://host/path, as a client sends it",
    )
    add_address(parser)
    add_estate(parser)


def _method(text: str) -> str:
    """Parse a method in the gateway's format: HTTP methods have capitals, names of tools stay."""
    return text if is_call(text) else text.upper()


def add_address(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--from",
        dest="address",
        type=_address,
        help="the IP address of the caller (default: any allowed address)",
    )


def add_groups(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--user-in",
        dest="groups",
        nargs="*",
        metavar="GROUP",
        help="for a user in exactly these groups (empty: in no group)",
    )


def _address(text: str) -> str:
    """Parse an address in the gateway's format: IPv4 addresses in IPv6 notation become IPv4."""
    address = read_address(text)
    if address is None:
        raise ArgumentTypeError(
            f"invalid IP address {quoted(text)}: write an address such as 192.0.2.7 or "
            "2001:db8::7"
        )
    return str(address)


def request_from(
    method: str, url: str, estate: Estate, address: str | None = None
) -> Request:
    """Return the request of a client: the host apart, and the path and query unchanged. Raises
    UsageError."""
    if is_call(method) and not is_known(method):
        raise UsageError(
            f"invalid name of a tool {quoted(tool_of(method))}: write 'call NAME' with letters, "
            "digits and _./-"
        )
    if not is_call(method) and not _METHOD.match(method):
        raise UsageError(f"invalid HTTP method {quoted(method)}")
    scheme, separator, address_part = url.partition("://")
    if not separator:
        address_part = url
    elif scheme.lower() not in ("http", "https"):
        raise UsageError(f"invalid URL {quoted(url)}: write https://host/path")
    elif scheme.lower() == "http" and estate.stack.scheme == "https":
        raise UsageError(
            f"stack '{estate.stack.name}' allows no plain http: write https"
        )
    host = re.split("[/?#]", address_part, maxsplit=1)[0]
    target = address_part.removeprefix(host)
    if not _AUTHORITY.match(host):
        raise UsageError(
            f"invalid host {quoted(host)}: write https://host/path, with an optional port and "
            "without a user name"
        )
    # A client sends `/` for a URL without a path.
    target = target if target.startswith("/") else f"/{target}"
    return Request(
        method, host, target.encode("utf-8", "surrogateescape"), address
    )


def reason(estate: Estate, request: Request, decision: Decision) -> str:
    """Return the reason of a decision. For an unknown method, host or path, add similar names."""
    if decision.code == "method-unknown":
        return decision.reason + nearest(request.method, METHODS, 1)
    if decision.status != 404 or decision.component:
        return decision.reason
    host = request.host.partition(":")[0]
    for pattern in host_patterns(host):
        if endpoints := estate.by_host.get(pattern):
            paths = sorted(
                {written(endpoint.path) for endpoint, _ in endpoints}
            )
            return (
                f"{decision.reason}; this host has {', '.join(paths[:_LISTED])}"
            )
    return decision.reason + nearest_typo(host, estate.by_host)


_LISTED = 5


def estate_from(options: Namespace) -> Estate:
    """Return the estate for the options of `add_estate`. It includes clients of missing
    Applications (with_absent_clients), and a remark lists these Applications. Raises UsageError."""
    settings = selected_settings(options)
    estate = read_estate(options.applications, settings)
    whole = with_absent_clients(estate)
    print_note(*assumption_notes(whole, whole.unjudged))
    return whole


def clients_of(estate: Estate, key: str, hint: str = "") -> list[Client]:
    """Return the clients of a component. Raises UsageError, with the hint, if none exists."""
    clients = [client for client in estate.clients if client.component == key]
    if not clients:
        names = {client.component for client in estate.clients}
        raise UsageError(
            f"unknown client {quoted(key)}{hint}{suggestion(key, names)}"
        )
    return clients


def groups_of(estate: Estate) -> frozenset[str]:
    """Return the groups of the Applications and of the stack."""
    return logical_groups(estate) | (estate.stack.known_groups or frozenset())


def check_groups(estate: Estate, groups: list[str]) -> list[str]:
    """Return the groups. Raises UsageError if a group is unknown to the estate and the stack."""
    names = groups_of(estate)
    for group in groups:
        if group not in names:
            raise UsageError(
                f"unknown group {quoted(group)}: no role names it{suggestion(group, names)}"
            )
    return groups


def callers_of(estate: Estate) -> Callers:
    return Callers(estate, logical_names(logical_groups(estate)))
