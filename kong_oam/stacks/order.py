"""Which stacks of an estate a command runs, by what is recorded of their last runs. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from kong_oam.access.data import Texts
from kong_oam.access.model import Estate
from kong_oam.access.partitions import BaseOutput, calls_into, deployed_by
from kong_oam.access.settings.partitions import Partition
from kong_oam.access.settings.values import Settings
from kong_oam.engine.state import Outputs
from kong_oam.identity.kinds import kind_of
from kong_oam.stacks.fingerprint import (
    digest_of,
    fingerprint,
    in_common,
    of_estate,
)
from kong_oam.stacks.records import Known


@dataclass(frozen=True)
class Estates:
    """An estate, and what each of its stacks is given of it. `configured`: by partition, a digest
    of what its stack's file says besides settings (fingerprint.configuration)."""

    settings: Settings
    whole: Estate
    configured: Mapping[Partition, str] = field(default_factory=dict)
    _given: dict[Partition, tuple[Estate, str]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """By partition, what its stack is given, and a digest of that: found out once."""

    @property
    def partitions(self) -> tuple[Partition, ...]:
        """All stacks of the estate, by partition, the base first."""
        return (None, *self.settings.stack.partitions)

    def given(self, partition: Partition) -> Estate:
        """Return what the stack of a partition is given; None: the base, or all of it where there
        are no partitions."""
        return self._part(partition)[0]

    def _part(self, partition: Partition) -> tuple[Estate, str]:
        if partition not in self._given:
            estate = deployed_by(self.whole, partition)
            self._given[partition] = estate, of_estate(self.settings, estate)
        return self._given[partition]

    def fingerprint(
        self, partition: Partition, known: Known, common: str = ""
    ) -> str:
        """Return the fingerprint of a run of a stack, by what the others have exported until now.
        `common`: what `in_common` gives of the settings, of who knows it already."""
        estate, given = self._part(partition)
        others = {}
        if partition is not None:
            others[""] = digest_of(_of_base(known.base, estate))
            for name in self._callers(estate):
                record = known.records.get(name)
                others[name] = record.ids if record else self.ids({})
        common = common or in_common(self.settings)
        return fingerprint(
            common, given, others, self.configured.get(partition, "")
        )

    def outdated(
        self, known: Known, today: datetime.date
    ) -> Iterator[Partition]:
        """Yield the stacks, by partition, of which a run would change something, as far as is
        recorded; the base first."""
        common = in_common(self.settings)
        for partition in self.partitions:
            record = known.records.get(partition)
            if record is None or not record.is_of(
                self.fingerprint(partition, known, common), today
            ):
                yield partition

    def ids(self, clients: Mapping[str, Texts]) -> str:
        """Return a digest of the client ids that nobody knows before they are made: those of a
        stack's output `clients`, by provider and component, that are not what its kind gives."""
        made_up = []
        for provider, by_component in sorted(clients.items()):
            foreseen = self._foreseen(provider, by_component)
            for key, made in sorted(by_component.items()):
                if made != foreseen[key]:
                    made_up.append((provider, key, made))
        return digest_of(made_up)

    def _foreseen(
        self, provider: str, components: Iterable[str]
    ) -> Mapping[str, str | None]:
        settings = {each.name: each for each in self.settings.providers}.get(
            provider
        )
        if settings is None:
            return dict.fromkeys(components)
        kind = kind_of(settings)
        return {
            key: kind.client_id(settings, self.settings.stack.name, key)
            for key in components
        }

    def _callers(self, estate: Estate) -> set[str]:
        """Return the partitions with callers of this one."""
        callers = set()
        for component in estate.foreign:
            calls = any(
                calls_into(estate, client)
                for client in component.identity.clients
            )
            if calls and component.partition is not None:
                callers.add(component.partition)
        return callers


def _of_base(base: BaseOutput, estate: Estate) -> Any:
    """Return what a partition reads of what its base exported: of what there is by component or
    group, that of its own."""
    groups = set[str]()
    for component in estate.components.values():
        for client in component.identity.clients:
            groups.update(client.groups)
    wanted = {*estate.components, *groups}
    for provider in estate.stack.providers.values():
        wanted.update(map(provider.group, groups))
    providers = {
        name: _narrowed(made, wanted)
        for name, made in (base.get("providers") or {}).items()
    }
    return {"providers": providers, "gateway": base.get("gateway")}


def _narrowed(made: Outputs, wanted: Set[str]) -> Outputs:
    narrowed = dict(made)
    for name, value in made.items():
        if isinstance(value, Mapping):
            narrowed[name] = {key: value[key] for key in wanted & value.keys()}
    return narrowed
