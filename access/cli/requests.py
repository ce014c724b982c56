"""What questions ask about: a request as it is written on the command line, a client, an estate."""

from __future__ import annotations

import argparse

from access.cli.command import UsageError
from access.cli.estates import add_estate, estate_of, settings_of
from access.decide import Request
from access.model import Client, Estate
from access.principals import Callers, Condition, logical_groups, logical_names
from oam.diagnostics import suggestion


def add_request(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("method", metavar="METHOD", type=str.upper)
    parser.add_argument("url", metavar="URL")
    add_estate(parser)


def asked_request(options: argparse.Namespace) -> Request:
    """The bytes that a client would send: scheme and host apart, everything else as it is written."""
    scheme, separator, rest = options.url.partition("://")
    if separator and scheme not in ("http", "https"):
        raise UsageError(f"'{options.url}' is no URL of the gateway: write https://host/path")
    rest = rest if separator else options.url
    cut = min((rest.index(mark) for mark in "/?#" if mark in rest), default=len(rest))
    host, target = rest[:cut], rest[cut:]
    if not host:
        raise UsageError(f"'{options.url}' names no host: write https://host/path")
    return Request(options.method, host, (target if target.startswith("/") else f"/{target}").encode())


def asked_estate(options: argparse.Namespace) -> Estate:
    return estate_of(options.applications, settings_of(options.stack))


def clients_of(estate: Estate, key: str) -> list[Client]:
    found = [client for client in estate.clients if client.component == key]
    if not found:
        known = {client.component for client in estate.clients}
        raise UsageError(f"no component '{key}' is a client{suggestion(key, known)}")
    return found


def callers_of(estate: Estate) -> Callers:
    return Callers(estate, logical_names(logical_groups(estate)))


def sets(condition: Condition) -> list[list[str]]:
    return sorted(sorted(groups) for groups in condition if groups)
