"""The entities in which two gateways differ, in words: possible reasons for a wrong decision.

Every field that the program sets is compared. Every plugin on our entities is ours or a finding.
Tags identify the owner of an entity and are never a reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from kong_oam.kong import plugins
from kong_oam.kong.effects import (
    HTTP,
    Effect,
    effect_of,
    is_active,
    tells_browsers,
)
from kong_oam.kong.entities import (
    Entities,
    EntitiesOfKind,
    Entity,
    pem_of,
    reference,
    tags_of,
)
from kong_oam.kong.names import stack_in_name
from kong_oam.kong.owners import Owner, OwnerLookup
from kong_oam.verify.repair import (
    PARENTS,
    RepairRequest,
    fields_set,
    is_same,
    parent_of,
    removal,
    repair,
)
from kong_oam.verify.scripts import script_of, scripts_by_phase
from kong_oam.verify.uses import children_of, uses

_SHOWN = 60

# The compared fields by kind. For services and routes, all fields that the program sets are
# compared.
_COMPARED = {"consumer": ("custom_id",), "credential": ("algorithm",)}


# Entities, each with its kind, by label.
_ByLabel = dict[str, tuple[str, Entity]]

_ByTags = dict[frozenset[str], list[Entity]]


@dataclass(frozen=True, slots=True)
class Drift:
    """An entity that differs from the intended entity. `request` repairs it, where a run does not.

    `stack`: another stack that has to act, since it owns the entity or an entity that belongs to
    it; then there is no request. `used_by`: the owners of entities that use an entity to be
    removed, by label.

    `misplaced`: the difference breaks a promise even while it opens nothing. Examples are a changed
    entity of ours, a missing plugin or Upstream, and a plugin of our kinds in another place.
    Further examples are a foreign plugin on our entity and a foreign route to our service. So is a
    foreign plugin that tells browsers which pages may read our answers.
    """

    text: str
    request: RepairRequest | None = None
    misplaced: bool = False
    stack: str = ""
    used_by: Mapping[str, Owner] = field(default_factory=dict)


def drifts(
    live: Entities, intended: Entities, lookup: OwnerLookup
) -> dict[str, Drift]:
    """Return every entity that differs, is missing or is unexpected, by label
    (kong_oam.kong.entities)."""
    comparison = _Comparison(live, intended, lookup)
    existing = _by_label(live)
    by_label = {}
    # Removals come first. The entity may be ours in another place, and `pulumi up` then creates it
    # again.
    for label, (kind, entity) in existing.items():
        if label not in comparison.ours:
            drift = comparison.unexpected(kind, label, entity)
            if drift:
                by_label[label] = drift
    for label, (kind, entity) in comparison.ours.items():
        if label not in existing:
            by_label[label] = comparison.missing(kind, label, entity)
            continue
        changed = comparison.changed(kind, label, existing[label][1], entity)
        if changed:
            by_label[label] = changed
    return by_label


def _by_label(entities: Entities) -> _ByLabel:
    by_label = {}
    for kind, of_kind in entities.by_kind.items():
        for entity in of_kind:
            by_label[entities.labels[kind, entity["id"]]] = (kind, entity)
    return by_label


def with_intended_names(live: Entities, intended: Entities) -> Entities:
    """Return the live entities, with the intended names of our renamed services and routes.

    A renamed entity has the tags of a missing one, and both are unique. A name has no other effect.
    """
    services = _renamed(live.services, intended.services)
    return replace(
        live, services=services, routes=_renamed(live.routes, intended.routes)
    )


def _renamed(live: EntitiesOfKind, intended: EntitiesOfKind) -> EntitiesOfKind:
    missing = _unmatched(intended, live)
    names: dict[str, str] = {}
    for tags, extra in _unmatched(live, intended).items():
        candidates = missing.get(tags, [])
        if not tags or len(extra) > 1 or len(candidates) != 1:
            continue
        name = extra[0]["name"]
        # An entity of ours never has a name that another stack gives.
        if not (name and stack_in_name(name)):
            names[extra[0]["id"]] = candidates[0]["name"]
    return tuple(
        {**entity, "name": names.get(entity["id"], entity["name"])}
        for entity in live
    )


def _unmatched(entities: Iterable[Entity], others: Iterable[Entity]) -> _ByTags:
    """Return the entities without a namesake among the others, by their tags."""
    names = {other["name"] for other in others}
    by_tags: _ByTags = {}
    for entity in entities:
        if entity["name"] not in names:
            by_tags.setdefault(frozenset(tags_of(entity)), []).append(entity)
    return by_tags


_WORDS = {"ours": "is not intended", "foreign": "is not ours"}


@dataclass(frozen=True)
class _Comparison:
    """The entities of a gateway, compared with those that a stack intends."""

    live: Entities
    intended: Entities
    lookup: OwnerLookup

    @cached_property
    def ours(self) -> _ByLabel:
        """The intended entities, each with its kind, by label."""
        return _by_label(self.intended)

    def missing(self, kind: str, label: str, entity: Entity) -> Drift:
        """Return the drift of a missing entity."""
        # Without its Upstream, a service sends calls to the address that DNS has for the name.
        drift = Drift(
            f"{label} is missing", misplaced=kind in ("plugin", "upstream")
        )
        return _for_owner(drift, self.lookup.owner(entity))

    def changed(
        self, kind: str, label: str, actual: Entity, entity: Entity
    ) -> Drift | None:
        """Return the drift of an existing entity, or None if it is as intended."""
        if kind == "plugin":
            changes = list(_changes_of_plugin(actual, entity))
        else:
            changes = list(self._changes(kind, actual, entity))
        if not changes:
            return None
        request = repair(kind, actual, entity, self.live, self.intended)
        text = f"{label}: {'; '.join(changes)}"
        # An empty slot may hold any key of the issuer. The decisions show the effect of another
        # key.
        drift = Drift(text, request, misplaced=kind != "credential")
        owner = self.lookup.owner(actual)
        if owner.kind != "another stack's":
            owner = self.lookup.owner(entity)
        return _for_owner(drift, owner)

    def _changes(
        self, kind: str, entity: Entity, intended: Entity
    ) -> Iterator[str]:
        for name in _COMPARED.get(kind) or fields_set(kind, intended):
            if name in intended and not is_same(name, entity, intended):
                yield _other(name, entity, intended)
        if kind in PARENTS:
            now = parent_of(kind, entity, self.live)
            wanted = parent_of(kind, intended, self.intended)
            verb = "leads" if kind == "route" else "belongs"
            if now != wanted:
                yield f"it {verb} to {now}, not to {wanted}"
        if pem_of(entity) != pem_of(intended):
            yield "its public key is not the issuer's"

    def unexpected(self, kind: str, label: str, entity: Entity) -> Drift | None:
        """Return the drift of an unexpected entity, by owner; None if it cannot be a reason."""
        owner = self.lookup.owner(entity)
        is_ours = owner.kind == "ours"
        words = f"{label} {_WORDS.get(owner.kind) or f'is {owner}'}"
        if kind == "credential":
            consumer = parent_of(kind, entity, self.live)
            words = f"{label} of {consumer} is not the issuer's"
        drift = self._removed(kind, words, entity, then_up=is_ours)
        if drift is None:
            return None
        if kind == "plugin" and not is_ours and not self._touches(entity):
            return None  # the entity that leads to it is the reason
        if owner.kind == "another stack's":
            return replace(drift, request=None, stack=owner.stack)
        if stack := self._stack_of_parents(entity):
            text = f"{drift.text}, and it acts on an entity of stack '{stack}'"
            return replace(drift, text=text, request=None, stack=stack)
        if stack := self._stack_of_children(kind, entity):
            text = f"{drift.text}, and entities of stack '{stack}' belong to it"
            return replace(drift, text=text, request=None, stack=stack)
        used_by = uses(kind, entity, self.live, self.ours, self.lookup)
        return replace(drift, used_by=used_by)

    def _stack_of_parents(self, entity: Entity) -> str:
        """Return the other stack on whose entities alone the entity stands, or an empty text."""
        stack = ""
        for kind in ("service", "route", "consumer"):
            for parent in self.live.by_kind[kind]:
                if parent["id"] != reference(entity, kind):
                    continue
                owner = self.lookup.owner(parent)
                if owner.kind == "ours":
                    return ""
                if owner.kind == "another stack's":
                    stack = stack or owner.stack
        return stack

    def _stack_of_children(self, kind: str, entity: Entity) -> str:
        """Return another stack whose entities belong to the entity, or an empty text."""
        stacks = []
        for _, child in children_of(kind, entity, self.live):
            owner = self.lookup.owner(child)
            if owner.kind == "another stack's":
                stacks.append(owner.stack)
        return min(stacks, default="")

    def _removed(
        self, kind: str, words: str, entity: Entity, *, then_up: bool
    ) -> Drift | None:
        """Return a drift with the request that removes the entity, or None as for `unmeant`.

        `then_up`: a plugin may be ours in another place, and a run creates it again.
        """
        live = self.live
        if kind == "plugin":
            return self._unmeant_plugin(words, entity, then_up=then_up)
        if kind == "consumer":
            return None
        request = removal(kind, entity)
        if kind == "credential":
            # Our gate accepts only the keys of its ring.
            is_in_ring = parent_of(kind, entity, live) in self.ours
            return Drift(words, request, misplaced=True) if is_in_ring else None
        if kind == "target":
            if (
                live.labels["upstream", entity["upstream"]["id"]]
                not in self.ours
            ):
                return None  # Kong deletes it with its Upstream
            return Drift(words, request, misplaced=entity["weight"] > 0)
        if kind == "service" and self._leads_around_gate(entity):
            return Drift(
                f"{words} and leads to upstream '{entity['host']}' around its gate",
                request,
                misplaced=True,
            )
        service = live.labels.get(("service", reference(entity, "service")))
        if kind == "route" and service in self.ours:
            return Drift(
                f"{words} and leads to {service}", request, misplaced=True
            )
        return Drift(words, request)

    def _leads_around_gate(self, service: Entity) -> bool:
        """Return whether a service leads to an Upstream of ours that only a gate may use."""
        return any(
            reference(target, "upstream") == service["host"]
            for target in self.intended.targets
        )

    def _unmeant_plugin(
        self, words: str, plugin: Entity, *, then_up: bool
    ) -> Drift | None:
        request = removal("plugin", plugin, then_up=then_up)
        if plugin["name"] in plugins.GUARDS:
            return Drift(words, request, misplaced=self._touches(plugin))
        breaks = self._is_read_by(plugin) or self._stands_on_ours(plugin)
        if not breaks and effect_of(plugin) is Effect.NONE:
            return None
        return Drift(words, request, misplaced=breaks)

    def _stands_on_ours(self, plugin: Entity) -> bool:
        """Return whether a plugin acts on our entities, or for a group of consumers with unknown
        members.

        It may alter answers or replace a plugin of ours. If a call has several plugins of a kind,
        Kong runs only the plugin with the most specific scope.
        """
        if not is_active(plugin):
            return False
        scopes = self._scopes(plugin, "route", "service", "consumer")
        return bool(
            plugin.get("consumer_group") or scopes.intersection(self.ours)
        )

    def _is_read_by(self, plugin: Entity) -> bool:
        """Return whether a global plugin tells browsers which pages may read our answers, as our
        scripts do."""
        if not plugin["enabled"] or not tells_browsers(plugin):
            return False
        if self._scopes(plugin, "route", "service"):
            return False
        for other in self.live.plugins:
            if other["name"] == "pre-function" and self._touches(other):
                script = script_of(other)
                if script and "cors" in script.table:
                    return True
        return False

    def _touches(self, plugin: Entity) -> bool:
        """Return whether a plugin acts on our services and routes, or on all."""
        scopes = self._scopes(plugin, "route", "service")
        return not scopes or not scopes.isdisjoint(self.ours)

    def _scopes(self, plugin: Entity, *kinds: str) -> set[str]:
        """Return the labels of the entities of these kinds in a plugin's scope. A route adds its
        service."""
        scopes = {(kind, reference(plugin, kind)) for kind in kinds}
        for route in self.live.routes:
            if ("route", route["id"]) in scopes:
                scopes.add(("service", reference(route, "service")))
        labels = self.live.labels
        return {
            labels[kind, identifier]
            for kind, identifier in scopes
            if identifier
        }


def _for_owner(drift: Drift, owner: Owner) -> Drift:
    """Return the drift of an entity. If another stack owns it, that stack must repair it."""
    if owner.kind != "another stack's":
        return drift
    text = f"{drift.text} (it is {owner})"
    return replace(drift, text=text, request=None, stack=owner.stack)


def _other(name: str, entity: Entity, intended: Entity) -> str:
    return f"{name} is {_shown(entity.get(name))}, not {_shown(intended.get(name))}"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _changes_of_plugin(entity: Entity, intended: Entity) -> Iterator[str]:
    if not entity["enabled"]:
        yield "it is disabled"
    if not HTTP.intersection(entity["protocols"]):
        yield f"protocols are {_shown(entity['protocols'])}"
    config = entity["config"]
    wanted = intended["config"]
    if entity["name"] in ("pre-function", "post-function"):
        if scripts_by_phase(config) != scripts_by_phase(wanted):
            yield from _changes_of_scripts(entity, intended)
        return
    for name in {**wanted, **config}:
        if not is_same(name, config, wanted):
            yield _other(name, config, wanted)


def _changes_of_scripts(entity: Entity, intended: Entity) -> Iterator[str]:
    now = script_of(entity)
    ours = script_of(intended)
    if now is None or ours is None or not now.table:
        yield "its script differs from the intended script"
        return
    names = [
        name
        for name in {**ours.table, **now.table}
        if now.table.get(name) != ours.table.get(name)
    ]
    others = [name for name in names if name != "forward"]
    if others:
        yield f"its table differs in {', '.join(others)}"
    yield from _changes_of_forward(
        now.table.get("forward", {}), ours.table.get("forward", {})
    )
    if now.upstream != ours.upstream:
        yield f"it leads to {_address(now.upstream)}, not to {_address(ours.upstream)}"
    elif now.host_header != ours.host_header:
        yield (
            f"it sends {_host_header(now.host_header)}, "
            f"not {_host_header(ours.host_header)}"
        )
    elif not names:
        yield "its script differs from the intended script"


def _changes_of_forward(now: Entity, ours: Entity) -> Iterator[str]:
    """Yield each exposed path with another path at the workload."""
    for path in sorted({**now, **ours}):
        if now.get(path) != ours.get(path):
            yield f"forward of {_other(path, now, ours)}"


def _host_header(header: str | None) -> str:
    return f"Host {_shown(header)}" if header else "its usual Host header"


def _address(upstream: tuple[str, int] | None) -> str:
    return (
        f"{upstream[0]}:{upstream[1]}" if upstream else "an unreadable address"
    )
