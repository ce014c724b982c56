"""Selection of an estate's stacks that need a run, from the records of their last runs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import date
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
    estate_digest,
    fingerprint,
    settings_digest,
)
from kong_oam.stacks.records import Known


@dataclass(frozen=True)
class Estates:
    """An estate and its division into stacks. `configured`: by partition, the digest of the stack's
    file (fingerprint.configuration)."""

    settings: Settings
    whole: Estate
    configured: Mapping[Partition, str] = field(default_factory=dict)
    # By partition, the deployed part of the estate and its digest: computed once.
    _parts: dict[Partition, tuple[Estate, str]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def partitions(self) -> tuple[Partition, ...]:
        """All stacks of the estate, by partition, the base first."""
        return (None, *self.settings.stack.partitions)

    def partition_estate(self, partition: Partition) -> Estate:
        """Return the part of the estate that a partition's stack deploys. None: the base, or the
        whole estate without partitions."""
        return self._part(partition)[0]

    def _part(self, partition: Partition) -> tuple[Estate, str]:
        if partition not in self._parts:
            estate = deployed_by(self.whole, partition)
            self._parts[partition] = (
                estate,
                estate_digest(self.settings, estate),
            )
        return self._parts[partition]

    def fingerprint(
        self, partition: Partition, known: Known, common: str = ""
    ) -> str:
        """Return the fingerprint of a run of a stack, with the known outputs of other stacks.
        `common`: the digest from `settings_digest`, if the caller has it already."""
        estate, deployed = self._part(partition)
        others = {}
        if partition is not None:
            others[""] = digest_of(_base_outputs(known.base, estate))
            for name in self._callers(estate):
                record = known.records.get(name)
                others[name] = record.ids if record else self.ids({})
        common = common or settings_digest(self.settings)
        return fingerprint(
            common, deployed, others, self.configured.get(partition, "")
        )

    def outdated(self, known: Known, today: date) -> Iterator[Partition]:
        """Yield the stacks, by partition, that a run would change according to the records; the
        base first."""
        common = settings_digest(self.settings)
        for partition in self.partitions:
            record = known.records.get(partition)
            if record is None or not record.is_of(
                self.fingerprint(partition, known, common), today
            ):
                yield partition

    def ids(self, clients: Mapping[str, Texts]) -> str:
        """Return a digest of the client ids that cannot be predicted.

        `clients` is a stack's output: ids by provider and component. Ids that the provider's kind
        predicts are left out.
        """
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
        """Return the partitions whose clients call this partition."""
        callers = set()
        for component in estate.foreign:
            calls = any(
                calls_into(estate, client)
                for client in component.identity.clients
            )
            if calls and component.partition is not None:
                callers.add(component.partition)
        return callers


def _base_outputs(base: BaseOutput, estate: Estate) -> Any:
    """Return the part of the base's output that a partition reads: only its own components and
    groups."""
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
