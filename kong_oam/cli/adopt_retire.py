"""`adopt retire`: print the removal of old routes that the Applications have replaced."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kong_oam.access.settings.values import Settings
from kong_oam.cli.command import FOUND, OK, UsageError
from kong_oam.cli.console import Console, print_note
from kong_oam.cli.estates import add_estate, read_estate, selected_settings
from kong_oam.kong.account import is_plain
from kong_oam.oam.position import JsonObject

if TYPE_CHECKING:
    from kong_oam.adopt.coverage import Exposed
    from kong_oam.adopt.entities import OldKong
    from kong_oam.adopt.retire import Retirement
    from kong_oam.diagnostics import Diagnostics

RETIRE_DETAILS = """\
Prints how to remove old routes that the Applications have replaced, and services, upstreams and
consumers that only they use. It removes nothing itself. Old entities come from decK files, or from
a running Kong (--admin, GET requests only). Entities of stacks are never listed.

An old route goes if the Applications expose its hosts and paths. Requests that only the old route
takes get 404 afterwards: other methods, other hosts for a route without hosts, and texts that
continue a path (/ordersX of /orders). Each such route is named. --host sets the hosts of routes
without hosts (default: all hosts of the Applications).

--format api (default with --admin): a shell script with calls of the Admin API. It first takes the
routes' services away, waits, and then deletes. So no request passes without its plugins.
--format deck (default with files): a patch of the files for `patch -p0`. Sync after each step, and
run the command again.

A consumer stays until the last day of a client's `before`.

  python -m kong_oam adopt retire kong.yaml --host api.example.com
  python -m kong_oam adopt retire --admin http://localhost:8001 > retire.sh

For a running Kong, KONG_ADMIN_TOKEN and KONG_API_KEY are the credentials.

Exit status: 0 nothing to remove, 1 something to remove, 2 the command failed.
"""


def retire_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `adopt retire`."""
    parser.add_argument(
        "files", nargs="*", metavar="OLD.yaml", help="decK files"
    )
    parser.add_argument(
        "--admin", metavar="URL", help="the Admin API of a running Kong"
    )
    parser.add_argument(
        "--format",
        choices=("deck", "api"),
        help="a patch of decK files, or calls of the Admin API",
    )
    parser.add_argument(
        "--host",
        action="append",
        default=[],
        metavar="HOST",
        help="a host of routes without hosts (default: all hosts of the Applications)",
    )
    add_estate(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run_retire(options: Namespace, console: Console) -> int:
    """Run `adopt retire`, and return the exit status."""
    # Imported here, so that other verbs start faster.
    from kong_oam.adopt.coverage import Exposed
    from kong_oam.adopt.retire import retirement

    if bool(options.files) == bool(options.admin):
        raise UsageError("name either decK files or --admin URL")
    if options.admin and not is_plain(options.admin):
        raise UsageError(
            "--admin is http(s)://HOST[:PORT][/PATH]; credentials belong in KONG_ADMIN_TOKEN"
        )
    if options.admin and options.format == "deck":
        raise UsageError("--format deck needs decK files; name them")
    settings = selected_settings(options)
    estate = read_estate(options.applications, settings)
    files = [(name, _content(name)) for name in options.files]
    there = (
        _read_running(options.admin, settings)
        if options.admin
        else _read_files(files, settings)
    )
    hosts = tuple(host.lower() for host in options.host)
    exposed = Exposed(estate, hosts)
    plan = retirement(
        there.old,
        settings.stack.name,
        exposed,
        {},
        is_shared=there.is_shared,
    )
    if console.json:
        console.print_json(_entries(plan))
    elif options.admin or options.format == "api":
        console.print(*_calls(plan, there.settle, settings))
    else:
        console.print(*_patches(plan, there.old, exposed, files))
    return OK if plan.is_empty else FOUND


@dataclass(frozen=True, slots=True)
class _Old:
    """The old entities. `settle`: seconds until each worker sees a change. `is_shared`: another
    stack accepts old credentials."""

    old: OldKong
    settle: float
    is_shared: bool = False


def _content(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}") from None


def _read_files(files: list[tuple[str, bytes]], settings: Settings) -> _Old:
    from kong_oam.adopt.deck import read_deck
    from kong_oam.kong.preflight import settle_seconds

    seconds = settings.gateway.settle_seconds
    if seconds is None:
        seconds = settle_seconds({})
    return _Old(_readable(*read_deck(files)), seconds)


def _read_running(url: str, settings: Settings) -> _Old:
    from kong_oam.adopt.running import read_running
    from kong_oam.errors import ProductError
    from kong_oam.kong.account import Account
    from kong_oam.kong.admin import AdminApi
    from kong_oam.kong.owners import OwnerLookup
    from kong_oam.kong.preflight import settle

    workspace = settings.gateway.workspace
    account = Account(
        url,
        os.environ.get("KONG_ADMIN_TOKEN"),
        os.environ.get("KONG_API_KEY"),
        workspace,
    )
    lookup = OwnerLookup(settings.stack.name, whole=True)
    try:
        with AdminApi(account) as admin:
            found = read_running(admin, workspace or "")
            seconds = settle(admin, settings.gateway)
            stacks = {
                lookup.owner(plugin).kind
                for plugin in admin.rows("/plugins")
                if plugin["name"] in ("key-auth", "basic-auth")
            }
    except ProductError as error:
        raise UsageError(str(error)) from None
    return _Old(_readable(*found), seconds, "another stack's" in stacks)


def _readable(old: OldKong | None, findings: Diagnostics) -> OldKong:
    from kong_oam.diagnostics import errors

    if old is None:
        raise UsageError("\n".join(map(str, errors(findings))))
    if findings:
        print_note(*findings)
    return old


def _calls(
    plan: Retirement, settle: float, settings: Settings
) -> Iterator[str]:
    from kong_oam.adopt.retire_calls import script

    yield from (f"# {line}" for line in _words(plan))
    yield from script(plan, settle, settings.gateway.workspace)


def _patches(
    plan: Retirement,
    old: OldKong,
    exposed: Exposed,
    files: list[tuple[str, bytes]],
) -> Iterator[str]:
    from kong_oam.adopt.retire_patch import patches

    step = patches(plan, old, exposed, files)
    print_note(*_words(plan), *step.waiting)
    for reason in step.unwritten:
        print_note(f"no patch: {reason}; use --format api")
    if step.is_closing:
        print_note(
            "This step closes the old services. Apply it and sync; then run the command again"
        )
    for diff in step.diffs:
        yield from diff.splitlines()


def _words(plan: Retirement) -> Iterator[str]:
    """Yield a line for each route with its lost requests, and for each entity that stays."""
    for retired in plan.routes:
        lost = ", ".join(retired.left)
        yield f"goes: route '{retired.route.name}'" + (
            f"; then 404: {lost}" if lost else ""
        )
    for staying in plan.staying:
        yield f"stays: {staying.entity} ({staying.position}): {staying.reason}"


def _names(entities: Iterable[Any]) -> list[str]:
    return [entity.name for entity in entities]


def _entries(plan: Retirement) -> JsonObject:
    return {
        "routes": [
            {"name": retired.route.name, "left": [*retired.left]}
            for retired in plan.routes
        ],
        "services": _names(plan.services),
        "upstreams": _names(plan.upstreams),
        "consumers": _names(plan.consumers),
        "staying": [
            {
                "entity": staying.entity,
                "reason": staying.reason,
                "place": str(staying.position),
            }
            for staying in plan.staying
        ],
    }
