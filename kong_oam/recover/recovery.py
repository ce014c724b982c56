"""Finds what an interrupted run made or deleted although the state never heard of it, and removes
what is certain.

In Kong that is what carries the stack's tags, at identity providers what the state says it was
about to make. It never runs beside another run: one that was interrupted is ended with `pulumi
cancel` first, and only what was there before is looked at. What was deleted is told, and where it
is removed forgotten by the state, where a refresh would fail on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import httpx

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.model import Estate
from kong_oam.access.partitions import deployed_by
from kong_oam.access.settings.project import stack_file
from kong_oam.access.settings.stack import read_file
from kong_oam.access.settings.values import Settings
from kong_oam.engine.configuration import Configuration
from kong_oam.engine.export import check_at_rest, configuration, forget, read
from kong_oam.engine.pending import ExportedState, RecordedResource
from kong_oam.engine.stacks import existing, stacks_of
from kong_oam.errors import (
    EngineError,
    OperationError,
    ProductError,
    SettingsError,
)
from kong_oam.http.addresses import shown
from kong_oam.identity.kinds import find_orphans
from kong_oam.kong import preflight
from kong_oam.kong.account import account
from kong_oam.kong.admin import AdminApi
from kong_oam.kong.owners import OwnerLookup
from kong_oam.kubernetes.estate import clusters_of, objects_of
from kong_oam.recover import cluster, kong
from kong_oam.render.stage import read_applications

T = TypeVar("T")

_EXPECTED = (EngineError, ProductError, SettingsError)


class RecoveryError(OperationError):
    """Recovery did nothing, or nothing more. The message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class SearchedPlace:
    """Kong or an identity provider, searched: what was `made` there that the state does not know,
    and what is `gone` from there that the state still has, each with the reason to keep it or
    None."""

    where: str
    made: Sequence[tuple[object, str | None]]
    gone: Sequence[tuple[RecordedResource, str | None]]
    stack: str
    removal: Callable[[list[Any]], None]

    @property
    def certain(self) -> int:
        """The number of things that `remove` removes."""
        return len(_certain(self.made)) + len(_certain(self.gone))

    def remove(self) -> None:
        """Remove what is certain to be lost, and have the state forget what is certain to be
        gone."""
        self.removal(_certain(self.made))
        for resource in _certain(self.gone):
            forget(self.stack, resource.urn)


@dataclass(frozen=True, slots=True)
class Search:
    """The places that were searched, Kong first. `older`: the state is one of before, put back on
    purpose."""

    settings: Settings
    state: ExportedState
    places: tuple[SearchedPlace, ...]
    older: bool

    def commands(self) -> list[str]:
        """The commands that remove from the cluster, which is not looked at, objects that the state
        does not know."""
        settings = self.settings
        commands = [
            *cluster.removals_of_interrupted(self.state, settings.cluster)
        ]
        if self.older:
            estate = _estate(settings)
            for name in clusters_of(estate):
                meant = objects_of(estate, settings, name)
                commands += cluster.removals_of_unknown(
                    self.state, meant, settings.cluster, name
                )
        return commands


def _estate(settings: Settings) -> Estate:
    """Return what the stack is meant to deploy. Raises RecoveryError."""
    stack = settings.stack
    reading = read_applications(
        settings.applications,
        settings.definitions,
        stack.minor,
        labels=stack.labels,
    )
    estate = compile_estate(reading, stack).estate
    if estate is None:
        raise RecoveryError(
            "the Applications here cannot be compiled: see `python -m kong_oam check "
            f"--stack {stack.name}`"
        )
    return deployed_by(estate, settings.partition)


@contextmanager
def search(stack: str, *, older: bool) -> Iterator[Search]:
    """Search for what an interrupted run of the stack left, and keep its products connected
    meanwhile.

    Raises RecoveryError, also for what fails inside of it.
    """
    try:
        with ExitStack() as clients:
            yield _searched(stack, clients, older=older)
    except _EXPECTED as error:
        raise RecoveryError(str(error)) from None
    except httpx.HTTPError as error:
        raise RecoveryError(
            f"{error.request.url.host} does not answer ({type(error).__name__})"
        ) from None


def _searched(stack: str, clients: ExitStack, *, older: bool) -> Search:
    settings = read_file(stack_file(stack))
    values = Configuration(configuration(stack).get)
    gateway = account(settings, values)
    preflight.inspect(gateway, settings.gateway.edition)
    begun = read(stack)
    admin = clients.enter_context(AdminApi(gateway))
    # First what is there, then the state: what was there and is not recorded afterwards belongs to
    # no living run.
    entities = kong.entities(admin)
    providers = find_orphans(settings.providers, begun, clients, values)
    check_at_rest(stack, begun)
    state = read(stack)
    known = state.ids | _known_elsewhere(settings)
    in_kong = kong.lost(
        entities,
        known,
        OwnerLookup(settings.stack.name, settings.partition),
        older=older,
    )
    settle = preflight.settle(admin, settings.gateway)
    places = [
        SearchedPlace(
            f"Kong at {shown(gateway.admin_url)}",
            in_kong,
            (),
            stack,
            partial(kong.remove, admin, settle=settle),
        )
    ]
    for provider in providers:
        unrecorded = [
            (lost, doubt)
            for lost, doubt in provider.objects
            if lost.id not in state.ids
        ]
        places.append(
            SearchedPlace(
                provider.where,
                unrecorded,
                provider.gone,
                stack,
                provider.remove,
            )
        )
    return Search(settings, state, tuple(places), older)


def _known_elsewhere(settings: Settings) -> frozenset[str]:
    """Return the ids of what the other stacks of the estate have.

    It is theirs, whatever its tags say, since it may have been moved."""
    if not settings.stack.partitions:
        return frozenset()
    known: frozenset[str] = frozenset()
    for stack in existing(stacks_of(settings)):
        if stack != settings.engine_stack:
            known |= read(stack).ids
    return known


def _certain(judged: Iterable[tuple[T, str | None]]) -> list[T]:
    return [lost for lost, doubt in judged if doubt is None]
