"""`python -m kong_oam.recover`: what an interrupted run made, or deleted, although the state never heard of it.

    python -m kong_oam.recover --stack NAME             lists it
    python -m kong_oam.recover --stack NAME --remove    removes what is certain to be it, and nothing else

With --older-state, after a state of before was put back from a backup, that is all of the stack's in Kong which this
state does not know.

In Kong that is what carries the stack's tags, at identity providers what the state says it was about to make. It never
runs beside another run: one that was interrupted is ended with `pulumi cancel` first, and only what was there before is
looked at. What was deleted is told, and with --remove forgotten by the state, where a refresh would fail on it.

Exit status: 0 nothing is left, 1 something is, 2 nothing was done.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pulumi
from pulumi.runtime.config import set_all_config

from components import settings as config
from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.settings.stack import Settings, read_file
from kong_oam.cli import module as command
from kong_oam.engine.export import StateError, check_at_rest, configuration, forget, read
from kong_oam.errors import EngineError, ProductError, SettingsError
from kong_oam.identity.kinds import find_orphans
from kong_oam.kong import names, preflight
from kong_oam.kubernetes.manifests import Manifest
from kong_oam.kubernetes.placement import objects_of
from kong_oam.oam.application import read_files
from kong_oam.recover import cluster, kong

T = TypeVar("T")

_EXPECTED = (SettingsError, EngineError, ProductError, pulumi.RunError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns the exit status."""
    parser = command.parser("kong_oam.recover", __doc__)
    parser.add_argument("--stack", "-s", required=True, help="the stack whose run was interrupted")
    parser.add_argument("--remove", action="store_true", help="remove what is found (default: only list it)")
    parser.add_argument("--older-state", action="store_true", help="the state was put back from a backup, on purpose")
    options = parser.parse_args(arguments)
    return command.reported(
        lambda: _recover(options.stack, remove=options.remove, older=options.older_state), *_EXPECTED
    )


def _recover(stack: str, *, remove: bool, older: bool) -> int:
    settings = read_file(Path("stacks") / f"Pulumi.{stack}.yaml")
    set_all_config(configuration(stack))
    gateway, workspace = config.kong(settings), settings.gateway.workspace
    edition = settings.gateway.edition
    settle = preflight.inspect(gateway.admin_url, gateway.token, workspace, gateway.api_key, edition).settle
    begun = read(stack)
    with contextlib.ExitStack() as clients:
        admin = clients.enter_context(preflight.client(gateway.admin_url, gateway.token, workspace, gateway.api_key))
        # First what is there, then the state: what was there and is not recorded afterwards belongs to no living run.
        entities, places = (
            kong.entities(admin),
            find_orphans(settings.providers, begun, clients, config.configuration()),
        )
        check_at_rest(stack, begun)
        state = read(stack)
        in_kong = kong.lost(entities, state.ids, names.tags(stack), older=older)
        _show(f"Kong at {gateway.admin_url}", in_kong)
        at_providers = [(one, [found for found in one.objects if found[0].id not in state.ids]) for one in places]
        for place, objects in at_providers:
            _show(place.where, objects)
            if place.gone:
                _show(place.where, place.gone, "deleted that the state still has")
        if remove:
            own = settings.gateway.settle_seconds
            kong.remove(admin, _certain(in_kong), settle if own is None else own)
            for place, objects in at_providers:
                place.remove(_certain(objects))
                for one in _certain(place.gone):
                    forget(stack, one.urn)
    found = (in_kong, *(some for place, objects in at_providers for some in (objects, place.gone)))
    listed = [doubt for some in found for _, doubt in some]
    removed = sum(doubt is None for doubt in listed) if remove else 0
    if listed:
        print(f"{removed} of {len(listed)} removed" + ("" if remove else "; that is what --remove is for"))
    told = [*cluster.commands(state, settings.cluster.context)]
    if older:
        told += cluster.unknown(state, _meant(settings), settings.cluster.context)
    _show_what_is_next(stack, told)
    return 1 if len(listed) > removed else 0


def _certain(found: Iterable[tuple[T, str | None]]) -> list[T]:
    return [one for one, doubt in found if doubt is None]


def _show(
    where: str, found: Sequence[tuple[object, str | None]], what: str = "made that the state does not know"
) -> None:
    print(f"{where}: {len(found)} {what}")
    for one, doubt in found:
        print(f"  {one}" + (f", kept: {doubt}" if doubt else ""))


def _meant(settings: Settings) -> Iterator[Manifest]:
    """The objects of every component of the Applications here. Raises StateError."""
    compiled = compile_estate(read_files([Path("applications")]), settings.stack)
    if compiled.estate is None:
        raise StateError("the Applications here cannot be compiled: see `python -m kong_oam check`")
    return objects_of(compiled.estate, settings)


def _show_what_is_next(stack: str, told: Sequence[str]) -> None:
    if told:
        print("Kubernetes: not looked at. These remove what the state does not know and may be there, and that alone:")
        print("".join(f"  {command}\n" for command in told), end="")
    print(f"Then: pulumi refresh -s {stack} --yes --clear-pending-creates && pulumi up -s {stack}")


if __name__ == "__main__":
    sys.exit(main())
