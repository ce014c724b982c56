"""Recovery after an interrupted run: find objects that the state lacks, or that only the state has.

In Kong, these objects carry the stack's tags. At identity providers, the state lists the
interrupted creations. Recovery never runs beside another run: end an interrupted run with `pulumi
cancel` first. Recovery looks only at objects that existed before it checks for other runs. `remove`
also makes the state forget objects that are gone, because a refresh would fail on some of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from httpx import HTTPError

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.model import Estate
from kong_oam.access.partitions import deployed_by
from kong_oam.access.settings.project import stack_file
from kong_oam.access.settings.stack import read_file
from kong_oam.access.settings.values import Settings
from kong_oam.engine.configuration import Configuration
from kong_oam.engine.export import (
    check_no_active_run,
    configuration,
    delete_from_state,
    read,
)
from kong_oam.engine.pending import ExportedState, RecordedResource
from kong_oam.engine.stacks import existing_stacks, stack_names
from kong_oam.errors import (
    EngineError,
    OperationError,
    ProductError,
    SettingsError,
)
from kong_oam.http.addresses import without_secrets
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
    """Recovery did nothing, or stopped. The message gives the cause and the remedy."""


@dataclass(frozen=True, slots=True)
class SearchedPlace:
    """The findings at Kong or an identity provider, each with a reason to keep it, or None.

    `made`: objects that the product has and the state lacks. `gone`: resources that the state has
    and the product lacks.
    """

    where: str
    made: Sequence[tuple[object, str | None]]
    gone: Sequence[tuple[RecordedResource, str | None]]
    stack: str
    removal: Callable[[list[Any]], None]

    @property
    def removable_count(self) -> int:
        """The number of findings that `remove` resolves."""
        return len(_removable(self.made)) + len(_removable(self.gone))

    def remove(self) -> None:
        """Remove all certainly lost objects, and make the state forget all certainly deleted
        resources."""
        self.removal(_removable(self.made))
        for resource in _removable(self.gone):
            delete_from_state(self.stack, resource.urn)


@dataclass(frozen=True, slots=True)
class Search:
    """The searched places, Kong first. `older`: the state is an older, restored backup."""

    settings: Settings
    state: ExportedState
    places: tuple[SearchedPlace, ...]
    older: bool

    def commands(self) -> list[str]:
        """Return the commands that remove unrecorded objects from the cluster, which is not
        searched."""
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
    """Return the estate that the stack deploys. Raises RecoveryError."""
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
            "the Applications have errors: correct those that `python -m kong_oam check --stack "
            f"{stack.name}` prints"
        )
    return deployed_by(estate, settings.partition)


@contextmanager
def search(stack: str, *, older: bool) -> Iterator[Search]:
    """Search for the leftovers of an interrupted run, with open connections until the block ends.

    Raises RecoveryError, also for errors of products inside the block.
    """
    try:
        with ExitStack() as clients:
            yield _search(stack, clients, older=older)
    except _EXPECTED as error:
        raise RecoveryError(str(error)) from None
    except HTTPError as error:
        raise RecoveryError(
            f"{error.request.url.host} does not answer ({type(error).__name__})"
        ) from None


def _search(stack: str, clients: ExitStack, *, older: bool) -> Search:
    settings = read_file(stack_file(stack))
    values = Configuration(configuration(stack).get)
    gateway = account(settings, values)
    preflight.inspect(gateway, settings.gateway.edition)
    begun = read(stack)
    admin = clients.enter_context(AdminApi(gateway))
    # Kong's entities are read before the state. An entity that is still unrecorded afterwards
    # belongs to no active run.
    entities = kong.entities(admin)
    providers = find_orphans(settings.providers, begun, clients, values)
    check_no_active_run(stack, begun)
    state = read(stack)
    known = state.ids | _known_elsewhere(settings)
    in_kong = kong.lost_entities(
        entities,
        known,
        OwnerLookup(settings.stack.name, settings.partition),
        older=older,
    )
    settle = preflight.settle(admin, settings.gateway)
    places = [
        SearchedPlace(
            f"Kong at {without_secrets(gateway.admin_url)}",
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
    """Return the ids that other stacks of the estate recorded.

    They own these entities whatever their tags say, because a move does not change tags.
    """
    if not settings.stack.partitions:
        return frozenset()
    known: frozenset[str] = frozenset()
    for stack in existing_stacks(stack_names(settings)):
        if stack != settings.engine_stack:
            known |= read(stack).ids
    return known


def _removable(judged: Iterable[tuple[T, str | None]]) -> list[T]:
    return [lost for lost, doubt in judged if doubt is None]
