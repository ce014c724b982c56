"""Pairs of estates that show whether the fingerprint of a stack leaves a field out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import islice
from typing import Any

import pytest

from kong_oam.access.model import Estate
from kong_oam.oam.position import SourcePosition
from kong_oam.stacks import fingerprint, order
from kong_oam.stacks.order import Estates
from kong_oam.stacks.records import Known, Record
from tests.support.estate_choices import COMMON, PARTITIONS
from tests.support.generated_estates import Choice, ChosenEstate
from tests.support.partition_worlds import (
    ESTATE,
    Deployed,
    InvalidEstateError,
    Made,
    Project,
)
from tests.support.provider_settings import KEYCLOAK, stack

Field = tuple[str, str]
"""A type and a field of it, by their names."""

_SETTINGS = stack(KEYCLOAK)
OF_CLIENTS = (
    "kind",
    "refresh",
    "redirect",
    "grant",
    "rotation",
    "keys",
    "groups",
    "role",
    "provider",
)
IN_ORDER = (None, "shops", "rest", "apis")
"""The base, and partitions in order: clients before called APIs, since a provider may make up
clients' ids."""


@dataclass(frozen=True, slots=True)
class FingerprintInputs:
    """The inputs of the fingerprint of a stack's run; `base`, `ids`: digests of its inputs from
    other stacks."""

    settings: Any
    applications: Any
    foreign: Any
    configured: str
    base: str
    ids: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Pair:
    """A stack before and after an edit that changes its fingerprint, and whether its run has
    another result."""

    edit: Choice
    partition: str | None
    estates: tuple[Estates, Estates]
    known: tuple[Known, Known]
    differs: bool

    def is_missed(self) -> bool:
        """Return whether the command would skip the run by the present fingerprint, although its
        result differs."""
        if not self.differs:
            return False
        first, second = map(
            replace, self.estates
        )  # stacks without a fingerprint
        before, after = self.known
        return first.fingerprint(self.partition, before) == second.fingerprint(
            self.partition, after
        )

    def decisive(self) -> frozenset[Field]:
        """Return the fields that each contain all differences."""
        before, after = (
            fingerprint_inputs(estates, self.partition, known)
            for estates, known in zip(self.estates, self.known, strict=True)
        )
        found = [*_differences(before, after, frozenset())]
        return frozenset.intersection(*found) if found else frozenset()


@contextmanager
def without_field(field: Field) -> Iterator[None]:
    """Leave a field out of all fingerprints."""
    of, name = field
    fields_of, usual = fingerprint._fields, order.fingerprint

    def without(
        common: str, own: str, others: Mapping[str, str], configured: str
    ) -> str:
        kept = {
            item: digest
            for item, digest in others.items()
            if name not in ("base" if not item else "ids",)
        }
        return usual(
            "" if name == "settings" else common,
            own,
            kept,
            "" if name == "configured" else configured,
        )

    def part(self: order.Estates, partition: str | None) -> tuple[Estate, str]:
        estate = order.deployed_by(self.whole, partition)
        seen = (
            replace(estate, **{name: ()})
            if name in ("applications", "foreign")
            else estate
        )
        return estate, order.estate_digest(
            _SETTINGS if name == "settings" else self.settings, seen
        )

    with pytest.MonkeyPatch.context() as patch:
        if of == "FingerprintInputs":
            patch.setattr(order, "fingerprint", without)
            patch.setattr(order.Estates, "_part", part)
        else:

            def wanted(kind: type) -> tuple[str, ...] | None:
                names = fields_of(kind)
                return names and tuple(
                    name for name in names if (kind.__name__, name) != field
                )

            patch.setattr(fingerprint, "_fields", wanted)
        yield


def fingerprint_inputs(
    estates: Estates, partition: str | None, known: Known
) -> FingerprintInputs:
    """Return the inputs of the fingerprint."""
    with pytest.MonkeyPatch.context() as patch:

        def kept(
            _common: str,
            _given: str,
            others: Mapping[str, str],
            configured: str,
        ) -> Any:
            ids = {name: item for name, item in others.items() if name}
            estate = estates.partition_estate(partition)
            return FingerprintInputs(
                estates.settings,
                estate.applications,
                estate.foreign,
                configured,
                others.get("", ""),
                ids,
            )

        patch.setattr(order, "fingerprint", kept)
        found: Any = estates.fingerprint(partition, known)
        return found  # type: ignore[no-any-return]


def _differences(
    before: Any, after: Any, path: frozenset[Field]
) -> Iterator[frozenset[Field]]:
    """Yield the fields around each place at which two values differ, as the fingerprint reads them."""
    if type(before) is not type(after):
        yield path
    elif isinstance(before, SourcePosition):
        return
    elif is_dataclass(before) and not isinstance(before, type):
        for field in fields(before):
            old, other = getattr(before, field.name), getattr(after, field.name)
            yield from _differences(
                old, other, path | {(type(before).__name__, field.name)}
            )
    elif isinstance(before, Mapping) and before.keys() == after.keys():
        for key in before:
            yield from _differences(before[key], after[key], path)
    elif (
        isinstance(before, Sequence)
        and not isinstance(before, str)
        and len(before) == len(after)
    ):
        for old, other in zip(before, after, strict=True):
            yield from _differences(old, other, path)
    elif fingerprint.digest_of(before) != fingerprint.digest_of(after):
        yield path


@dataclass
class Pairs:
    """Pairs of estates at a kind of provider."""

    project: Project
    centre: ChosenEstate
    deployed: Deployed

    @staticmethod
    def around(project: Project, centre: ChosenEstate) -> Pairs:
        """Return the pairs around a deployed estate."""
        made = Pairs(project, centre, Deployed({}))
        estates = project.estates(centre)
        assert estates is not None
        for partition in (*IN_ORDER, *IN_ORDER):
            made.deployed.run(_stack(partition))
        return made

    def of_each(self, choices: Collection[Choice]) -> Iterator[Pair]:
        """Yield one pair for each of these choices."""
        for choice, before, after in {
            pair[0]: pair for pair in reversed([*self.centre.pairs()])
        }.values():
            if choice in choices:
                yield from self._pairs(choice, before, after)

    def of(self, kind: str, part: int, parts: int) -> Iterator[Pair]:
        """Yield one part of the pairs that differ in one choice. For providers other than Okta,
        take only choices whose effect may differ there."""
        wanted = (
            pair
            for pair in self.centre.pairs()
            if kind == "okta"
            or (
                pair[0][1] in OF_CLIENTS
                if pair[0][0]
                else pair[0][1] not in COMMON
            )
        )
        for choice, before, after in islice(wanted, part, None, parts):
            with suppress(InvalidEstateError):
                yield from self._pairs(choice, before, after)

    def _pairs(
        self, choice: Choice, before: ChosenEstate, after: ChosenEstate
    ) -> Iterator[Pair]:
        """Yield the pairs of a choice. A setting is compared on the two stacks that depend on most
        settings."""
        stacks = IN_ORDER if choice[0] else (None, "apis")
        first, deployed = self._moved(
            self.deployed, self.centre, before, stacks
        )
        second, then = self._moved(deployed, before, after, stacks)
        for partition in stacks:
            known = _known(first, deployed), _known(second, then)
            if first.fingerprint(partition, known[0]) != second.fingerprint(
                partition, known[1]
            ):
                name = _stack(partition)
                yield Pair(
                    choice,
                    partition,
                    (first, second),
                    known,
                    registered_by(deployed, name) != registered_by(then, name),
                )

    def _moved(
        self,
        deployed: Deployed,
        before: ChosenEstate,
        after: ChosenEstate,
        stacks: Sequence[str | None],
    ) -> tuple[Estates, Deployed]:
        first, other = self.project.estates(before), self.project.estates(after)
        if first is None or other is None:
            raise InvalidEstateError("does not compile")
        now = deployed.copy()
        for partition in stacks:
            known = _known(first, deployed), _known(other, now)
            if first.fingerprint(partition, known[0]) != other.fingerprint(
                partition, known[1]
            ):
                now.run(_stack(partition))
        return other, now


def registered_by(deployed: Deployed, stack: str) -> Made:
    """Return the resources of a stack's last run. The state of the base is not compared."""
    registered, outputs = deployed.made[stack]
    return registered, {
        name: item for name, item in outputs.items() if name != "generation"
    }


def _stack(partition: str | None) -> str:
    return f"{ESTATE}-{partition}" if partition else ESTATE


def _known(estates: Estates, deployed: Deployed) -> Known:
    records = {
        name: Record(
            "",
            "",
            None,
            estates.ids(deployed.made[_stack(name)][1].get("clients") or {}),
        )
        for name in PARTITIONS
    }
    return Known(dict(records), deployed.made[ESTATE][1].get("base") or {})
