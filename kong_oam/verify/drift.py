"""The entities in which two gateways differ, in words: possible reasons for a decision that is not
meant.

Every field that the program sets is compared, and every plugin on an entity of ours is one of ours
or a finding. Tags say whose an entity is, and are nobody's reason.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kong_oam.kong import plugins
from kong_oam.kong.entities import Entities, Entity, reference
from kong_oam.kong.names import stack_in_name
from kong_oam.kong.owners import Asking, Owner
from kong_oam.verify import gate
from kong_oam.verify.effects import Effect, effect_of
from kong_oam.verify.repair import (
    HTTP,
    PARENTS,
    RepairRequest,
    alike,
    fields_set,
    parent_of,
    removal,
    repair,
)
from kong_oam.verify.uses import belonging, uses

_OURS = frozenset(
    name for edition in plugins.AUTHENTICATION for name in plugins.guards(edition)
)
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Drift:
    """An entity that is not as it is meant. `request` repairs it, where a run does not.

    `stack`: the stack that has to act, where the entity, or an entity that belongs to it, is not
    ours: then there is no request. `used_by`: the owners of entities that use one that the request
    removes, by the entities' labels. `misplaced`: an entity of ours that is another, a plugin or an
    Upstream that is gone, a plugin of a kind of ours where we have none, a plugin of somebody's on
    an entity of ours, somebody's route to a service of ours, or somebody else's word to browsers
    which pages may read ours. This breaks a promise even while nothing opens.
    """

    text: str
    request: RepairRequest | None = None
    misplaced: bool = False
    stack: str = ""
    used_by: Mapping[str, Owner] = field(default_factory=dict)


def drifts(live: Entities, meant: Entities, asking: Asking) -> dict[str, Drift]:
    """Every entity that differs, is missing or is too much, by its label
    (kong_oam.kong.entities.labels)."""
    existing, intended = _by_label(live), _by_label(meant)
    by_label: dict[str, Drift] = {}
    # First what is to be deleted: it may be one of ours in another place, which `pulumi up` then
    # makes anew.
    for label, (kind, entity) in existing.items():
        if label not in intended and (
            drift := _extra(kind, label, entity, live, intended, asking)
        ):
            by_label[label] = drift
    for label, (kind, entity) in intended.items():
        if label not in existing:
            # Without its Upstream, a service leads to whatever DNS says of the name.
            missing = Drift(
                f"{label} is missing", misplaced=kind in ("plugin", "upstream")
            )
            by_label[label] = _left_to(missing, asking.owner(entity))
        elif changes := list(_changes(kind, existing[label][1], entity, live, meant)):
            actual = existing[label][1]
            request = repair(kind, actual, entity, live, meant)
            # An empty slot may hold any key of the issuer. What another key opens is found by
            # decisions.
            changed = Drift(
                f"{label}: {'; '.join(changes)}",
                request,
                misplaced=kind != "credential",
            )
            found, wanted = asking.owner(actual), asking.owner(entity)
            by_label[label] = _left_to(
                changed, found if found.kind == "another stack's" else wanted
            )
    return by_label


def _left_to(drift: Drift, owner: Owner) -> Drift:
    """The drift of an entity, which another stack repairs if that is the owner."""
    if owner.kind != "another stack's":
        return drift
    return replace(
        drift, text=f"{drift.text} (it is {owner})", request=None, stack=owner.stack
    )


_WORDS = {"ours": "is not meant to be there", "foreign": "is not ours"}


def _extra(
    kind: str,
    label: str,
    entity: Entity,
    live: Entities,
    ours: Collection[str],
    asking: Asking,
) -> Drift | None:
    """A drift for an entity that nobody here means to be there, by its owner; None where it can be
    no reason for anything."""
    owner = asking.owner(entity)
    words = f"{label} {_WORDS.get(owner.kind) or f'is {owner}'}"
    if kind == "credential":
        words = f"{label} of {parent_of(kind, entity, live)} is not the issuer's"
    drift = _unmeant(kind, words, entity, live, ours, then_up=owner.kind == "ours")
    if drift is None:
        return None
    if owner.kind != "ours" and kind == "plugin" and not _touches(entity, live, ours):
        return None  # what leads to it is the reason
    if owner.kind == "another stack's":
        return replace(drift, request=None, stack=owner.stack)
    if holder := _stack_of_parents(entity, live, asking):
        text = f"{drift.text}, and it stands on an entity of stack '{holder}'"
        return replace(drift, text=text, request=None, stack=holder)
    children = (asking.owner(child) for _, child in belonging(kind, entity, live))
    others = sorted(
        {child.stack for child in children if child.kind == "another stack's"}
    )
    if others:
        text = f"{drift.text}, and entities of stack '{others[0]}' belong to it"
        return replace(drift, text=text, request=None, stack=others[0])
    return replace(drift, used_by=uses(kind, entity, live, ours, asking))


def _stack_of_parents(entity: Entity, live: Entities, asking: Asking) -> str:
    """The other stack on whose entities alone this one stands; empty where it stands on none, or
    also on ours."""
    parents = {
        "service": live.services,
        "route": live.routes,
        "consumer": live.consumers,
    }
    owners = [
        asking.owner(parent)
        for kind, of_kind in parents.items()
        for parent in of_kind
        if parent["id"] == reference(entity, kind)
    ]
    if any(owner.kind == "ours" for owner in owners):
        return ""
    return next(
        (owner.stack for owner in owners if owner.kind == "another stack's"), ""
    )


def recognised(live: Entities, meant: Entities) -> Entities:
    """The live entities, with the meant names of services and routes of ours that got another,
    which bears on nothing.

    What has the tags of the only one of ours that is missing, and is the only one that has, is that
    one.
    """
    services = _renamed(live.services, meant.services)
    return replace(live, services=services, routes=_renamed(live.routes, meant.routes))


def _renamed(live: tuple[Entity, ...], meant: tuple[Entity, ...]) -> tuple[Entity, ...]:
    live_names, meant_names = (
        {entity["name"] for entity in live},
        {entity["name"] for entity in meant},
    )
    missing = Counter(
        _tags(entity) for entity in meant if entity["name"] not in live_names
    )
    extra = Counter(
        _tags(entity) for entity in live if entity["name"] not in meant_names
    )
    names = {
        _tags(entity): entity["name"]
        for entity in meant
        if entity["name"] not in live_names
    }
    alone = {
        tags for tags, count in missing.items() if tags and count == 1 == extra[tags]
    }
    return tuple(
        {**entity, "name": names[_tags(entity)]}
        if entity["name"] not in meant_names
        and _tags(entity) in alone
        # A name that a stack gives is no other name of an entity of ours.
        and not stack_in_name(entity["name"])
        else entity
        for entity in live
    )


def _tags(entity: Entity) -> frozenset[str]:
    return frozenset(entity.get("tags") or ())


def _by_label(entities: Entities) -> dict[str, tuple[str, Entity]]:
    kinds = {
        "service": entities.services,
        "route": entities.routes,
        "consumer": entities.consumers,
        "credential": entities.credentials,
        "upstream": entities.upstreams,
        "target": entities.targets,
        "plugin": entities.plugins,
    }
    label_of = entities.labels
    return {
        label_of[kind, entity["id"]]: (kind, entity)
        for kind, of_kind in kinds.items()
        for entity in of_kind
    }


def _changes(
    kind: str, entity: Entity, meant: Entity, live: Entities, intended: Entities
) -> Iterator[str]:
    if kind == "plugin":
        yield from _plugin(entity, meant)
        return
    compared = {"consumer": ("custom_id",), "credential": ("algorithm",)}.get(
        kind
    ) or fields_set(kind, meant)
    for name in compared:
        if name in meant and not alike(name, entity, meant):
            yield _other(name, entity, meant)
    if kind in PARENTS:
        now, wanted = parent_of(kind, entity, live), parent_of(kind, meant, intended)
        verb = "leads" if kind == "route" else "belongs"
        if now != wanted:
            yield f"it {verb} to {now}, not to {wanted}"
    if (entity.get("rsa_public_key") or "").strip() != (
        meant.get("rsa_public_key") or ""
    ).strip():
        yield "its public key is not the issuer's"


def _other(name: str, entity: Mapping[str, Any], meant: Mapping[str, Any]) -> str:
    return f"{name} is {_shown(entity.get(name))}, not {_shown(meant.get(name))}"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _plugin(entity: Entity, meant: Entity) -> Iterator[str]:
    if not entity["enabled"]:
        yield "it is disabled"
    if not HTTP.intersection(entity["protocols"]):
        yield f"protocols are {_shown(entity['protocols'])}"
    config, wanted = entity["config"], meant["config"]
    if entity["name"] in ("pre-function", "post-function"):
        yield from (
            _scripts(entity, meant) if gate.code(config) != gate.code(wanted) else ()
        )
        return
    for name in {**wanted, **config}:
        if not alike(name, config, wanted):
            yield _other(name, config, wanted)


def _scripts(entity: Entity, meant: Entity) -> Iterator[str]:
    now, ours = gate.script_of(entity), gate.script_of(meant)
    if now is None or ours is None or not now.table:
        yield "its script is not the one that is meant"
        return
    names = [
        name
        for name in {**ours.table, **now.table}
        if now.table.get(name) != ours.table.get(name)
    ]
    if names:
        yield f"its table differs in {', '.join(names)}"
    if now.upstream != ours.upstream:
        yield f"it leads to {_address(now.upstream)}, not to {_address(ours.upstream)}"
    elif not names:
        yield "its script is not the one that is meant"


def _address(upstream: tuple[str, int] | None) -> str:
    return f"{upstream[0]}:{upstream[1]}" if upstream else "nothing that it can read"


def _unmeant(
    kind: str,
    words: str,
    entity: Entity,
    live: Entities,
    ours: Collection[str],
    *,
    then_up: bool,
) -> Drift | None:
    """A drift in these words, with the request that removes the entity; None as of `_extra`.

    `then_up`: a plugin may be one of ours in another place, which a run makes anew.
    """
    if kind == "plugin":
        is_guard = entity["name"] in _OURS
        breaks = _is_read_by(entity, live, ours) or _stands_on(entity, live, ours)
        if not is_guard and not breaks and effect_of(entity) is Effect.NONE:
            return None
        request = removal(kind, entity, then_up=then_up)
        return Drift(
            words,
            request,
            misplaced=_touches(entity, live, ours) if is_guard else breaks,
        )
    if kind == "consumer":
        return None
    if kind == "credential":
        # A gate of ours takes the keys of its own ring alone.
        is_in_ring = parent_of(kind, entity, live) in ours
        return (
            Drift(words, removal(kind, entity), misplaced=True) if is_in_ring else None
        )
    if kind == "target":
        if live.labels["upstream", entity["upstream"]["id"]] not in ours:
            return None  # it goes with its Upstream
        return Drift(words, removal(kind, entity), misplaced=entity["weight"] > 0)
    service = live.labels.get(("service", reference(entity, "service") or ""))
    leads = f" and leads to {service}" if kind == "route" and service in ours else ""
    return Drift(f"{words}{leads}", removal(kind, entity), misplaced=bool(leads))


def _stands_on(plugin: Entity, live: Entities, ours: Collection[str]) -> bool:
    """Whether a plugin acts on one of these entities, or for a group of consumers, whose members
    nobody reads.

    It may alter answers, or act in the place of one of ours: of several of a kind that meet a call,
    Kong takes the instance with the most specific scope alone.
    """
    acts = plugin["enabled"] and HTTP.intersection(plugin["protocols"])
    scopes = _scopes(plugin, live, "route", "service", "consumer")
    return bool(acts and (plugin.get("consumer_group") or scopes & set(ours)))


def _is_read_by(plugin: Entity, live: Entities, ours: Collection[str]) -> bool:
    """Whether a plugin on everything tells browsers which pages may read answers of ours, as our
    scripts do."""
    says = plugin["name"] == "cors" or (
        plugin["name"].startswith("response-transformer")
        and "access-control-" in json.dumps(plugin["config"]).lower()
    )
    if not says or not plugin["enabled"] or _scopes(plugin, live, "route", "service"):
        return False
    guards = [
        one
        for one in live.plugins
        if one["name"] == "pre-function" and _touches(one, live, ours)
    ]
    scripts = [gate.script_of(guard) for guard in guards]
    return any(script and "cors" in script.table for script in scripts)


def _touches(plugin: Entity, live: Entities, ours: Collection[str]) -> bool:
    """Whether a plugin stands on one of these services and routes, or on all that there are."""
    scopes = _scopes(plugin, live, "route", "service")
    return not scopes or bool(scopes & set(ours))


def _scopes(plugin: Entity, live: Entities, *kinds: str) -> set[str]:
    """The labels of the entities of these kinds that a plugin stands on. With a route comes its
    service."""
    found = {(kind, reference(plugin, kind)) for kind in kinds}
    found |= {
        ("service", reference(route, "service"))
        for route in live.routes
        if ("route", route["id"]) in found
    }
    return {live.labels[kind, identifier] for kind, identifier in found if identifier}
