"""Pairs of estates by which it is found that the fingerprint of a stack leaves a field out."""

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
from tests.support.generated_estates import Choice, Choices
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
"""The base, and partitions with those that call others first: their clients' ids may be made up."""


@dataclass(frozen=True, slots=True)
class FingerprintInputs:
    """Inputs of the fingerprint of a stack's run; `base`, `ids`: digests of its inputs from other
    stacks."""

    settings: Any
    applications: Any
    foreign: Any
    configured: str
    base: str
    ids: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Pair:
    """A stack before and after an edit that changes its fingerprint, and whether its run registers
    other resources."""

    edit: Choice
    partition: str | None
    estates: tuple[Estates, Estates]
    known: tuple[Known, Known]
    differs: bool

    def is_missed(self) -> bool:
        """Return whether the command would skip the run by its current fingerprint although the run
        has changes."""
        if not self.differs:
            return False
        first, second = map(
            replace, self.estates
        )  # which know nothing of any fingerprint yet
        before, after = self.known
        return first.fingerprint(self.partition, before) == second.fingerprint(
            self.partition, after
        )

    def decisive(self) -> frozenset[Field]:
        """Return the fields that each contain all differences."""
        before, after = (
            fingerprint_inputs(item, self.partition, known)
            for item, known in zip(self.estates, self.known, strict=True)
        )
        found = [*_differences(before, after, frozenset())]
        return frozenset.intersection(*found) if found else frozenset()


@contextmanager
def left_out(field: Field) -> Iterator[None]:
    """The fingerprint without a field, wherever it is."""
    of, name = field
    fields_of, usual = fingerprint._fields, order.fingerprint

    def without(
        common: str, inputs: str, others: Mapping[str, str], configured: str
    ) -> str:
        kept = {
            item: digest
            for item, digest in others.items()
            if name not in ("base" if not item else "ids",)
        }
        return usual(
            "" if name == "settings" else common,
            inputs,
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
        return estate, order.of_estate(
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
            estate = estates.given(partition)
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
    """Yield for each difference of two values the fields around it, as the fingerprint reads them."""
    if type(before) is not type(after):
        yield path
    elif isinstance(before, SourcePosition):
        return
    elif is_dataclass(before) and not isinstance(before, type):
        for field in fields(before):
            left, right = (
                getattr(before, field.name),
                getattr(after, field.name),
            )
            yield from _differences(
                left, right, path | {(type(before).__name__, field.name)}
            )
    elif isinstance(before, Mapping) and before.keys() == after.keys():
        for key in before:
            yield from _differences(before[key], after[key], path)
    elif (
        isinstance(before, Sequence)
        and not isinstance(before, str)
        and len(before) == len(after)
    ):
        for left, right in zip(before, after, strict=True):
            yield from _differences(left, right, path)
    elif fingerprint.digest_of(before) != fingerprint.digest_of(after):
        yield path


@dataclass
class Pairs:
    """Pairs of estates at a kind of provider."""

    project: Project
    centre: Choices
    deployed: Deployed

    @staticmethod
    def around(project: Project, centre: Choices) -> Pairs:
        """Those with an estate, once that is deployed."""
        made = Pairs(project, centre, Deployed({}))
        estates = project.estates(centre)
        assert estates is not None
        for partition in (*IN_ORDER, *IN_ORDER):
            made.deployed.run(_stack(partition))
        return made

    def of_each(self, choices: Collection[Choice]) -> Iterator[Pair]:
        """One pair for each of these choices."""
        for choice, before, after in {
            pair[0]: pair for pair in reversed([*self.centre.pairs()])
        }.values():
            if choice in choices:
                yield from self._pairs(choice, before, after)

    def of(self, kind: str, part: int, parts: int) -> Iterator[Pair]:
        """Return a part of the pairs that differ in one choice; for providers other than Okta, only
        choices that differ there."""
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
        self, choice: Choice, before: Choices, after: Choices
    ) -> Iterator[Pair]:
        """Yield pairs of all stacks; for a setting, only of the two stacks with the most settings."""
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
        before: Choices,
        after: Choices,
        stacks: Sequence[str | None],
    ) -> tuple[Estates, Deployed]:
        item, other = self.project.estates(before), self.project.estates(after)
        if item is None or other is None:
            raise InvalidEstateError("does not compile")
        now = deployed.copy()
        for partition in stacks:
            known = _known(item, deployed), _known(other, now)
            if item.fingerprint(partition, known[0]) != other.fingerprint(
                partition, known[1]
            ):
                now.run(_stack(partition))
        return other, now


def registered_by(deployed: Deployed, stack: str) -> Made:
    """Return the registrations of a stack's last run. The base's state at that time is not
    compared."""
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
