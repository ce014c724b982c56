"""`adopt retire`: print the removal of old routes that the Applications have replaced."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from kong_oam.access.data import Texts
from kong_oam.access.model import Estate
from kong_oam.access.settings.values import Settings
from kong_oam.cli.command import FOUND, OK, UsageError
from kong_oam.cli.console import Console, print_note
from kong_oam.cli.estates import add_estate, read_estate, selected_settings
from kong_oam.cli.old_kong import account_of, add_old_kong, old_kong

if TYPE_CHECKING:
    from kong_oam.adopt.coverage import Exposed
    from kong_oam.adopt.entities import OldKong
    from kong_oam.adopt.retire import Retirement

RETIRE_DETAILS = """\
Prints how to remove old routes that the Applications have replaced, and services and upstreams that
only they use. It removes nothing itself. Old entities come from decK files, or from a running Kong
(--admin, GET requests only). Entities of stacks are never listed.

An old route goes if the Applications expose its hosts and paths. Requests that only the old route
takes get 404 afterwards: other methods, other hosts for a route without hosts, and texts that
continue a path (/ordersX of /orders). Each such route is named. --host sets the hosts of routes
without hosts (default: all hosts of the Applications).

--format api (default with --admin): a shell script with calls of the Admin API. It first takes the
routes' services away, waits, and then deletes. So no request passes without its plugins.
--format deck (default with files): a patch of the files for `patch -p0`. Sync after each step, and
run the command again.

A consumer stays while a client keeps its credential (`before`), or while old routes or other stacks
may accept it. `adopt compare --retired` shows which calls change.

  python -m kong_oam adopt retire kong.yaml --host api.example.com
  python -m kong_oam adopt retire --admin http://localhost:8001 > retire.sh

For a running Kong, KONG_ADMIN_TOKEN and KONG_API_KEY are the credentials.

Exit status: 0 nothing to remove, 1 something to remove, 2 the command failed.
"""


class RetiredRoute(TypedDict):
    """A route that goes. Nobody answers its lost requests any more."""

    name: str
    lost: list[str]


class StayingEntry(TypedDict):
    """An entity that stays, with the reason."""

    entity: str
    reason: str
    place: str


class RetireAnswer(TypedDict):
    """The entities of the old Kong that go, and entities that stay."""

    routes: list[RetiredRoute]
    services: list[str]
    upstreams: list[str]
    consumers: list[str]
    staying: list[StayingEntry]


def retire_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `adopt retire`."""
    add_old_kong(parser)
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


def run_retire(options: Namespace, console: Console) -> int:
    """Run `adopt retire`, and return the exit status."""
    # Imported here, so that other verbs start faster.
    from kong_oam.adopt.coverage import Exposed
    from kong_oam.adopt.retire import has_other_stack, retirement

    if options.admin and options.format == "deck":
        raise UsageError("--format deck needs decK files; name them")
    old = old_kong(options)
    settings = selected_settings(options)
    estate = read_estate(options.applications, settings)
    exposed = Exposed(estate, tuple(host.lower() for host in options.host))
    stack = settings.stack.name
    plan = retirement(
        old,
        stack,
        exposed,
        _kept_consumers(estate),
        is_shared=has_other_stack(old, stack),
    )
    if console.json:
        console.print_json(_entries(plan))
    elif options.admin or options.format == "api":
        console.print(*_calls(plan, options, settings))
    else:
        files = [(name, Path(name).read_bytes()) for name in options.files]
        console.print(*_patches(plan, old, exposed, files))
    return OK if plan.is_empty else FOUND


def _kept_consumers(estate: Estate) -> Texts:
    """Return the last day of each consumer whose old credential a client keeps."""
    kept: dict[str, str] = {}
    for component in estate.components.values():
        before = component.identity.before
        if before:
            last = kept.get(before.consumer, before.until)
            kept[before.consumer] = max(last, before.until)
    return kept


def _settle(options: Namespace, settings: Settings) -> float:
    """Return the seconds until each worker sees a change, from the stack or from Kong."""
    from kong_oam.kong.admin import AdminApi
    from kong_oam.kong.preflight import settle, settle_seconds

    if settings.gateway.settle_seconds is not None:
        return settings.gateway.settle_seconds
    if not options.admin:
        return settle_seconds({})
    with AdminApi(account_of(options)) as admin:
        return settle(admin, settings.gateway)


def _calls(
    plan: Retirement, options: Namespace, settings: Settings
) -> Iterator[str]:
    from kong_oam.adopt.retire_calls import script

    yield from (f"# {line}" for line in _words(plan))
    if not plan.is_empty:
        settle = _settle(options, settings)
        yield from script(plan, settle, options.workspace)


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


def _entries(plan: Retirement) -> RetireAnswer:
    return {
        "routes": [
            {"name": retired.route.name, "lost": [*retired.left]}
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
