"""The entities in which two gateways differ, in words: possible reasons for a decision that is not meant.

Only what may bear on a decision is compared; tags, timeouts and the like are nobody's reason.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kong_oam.kong import plugins
from kong_oam.kong.entities import Entities, Entity, labels, reference
from kong_oam.verify import gate
from kong_oam.verify.effects import Effect, effect_of
from kong_oam.verify.repair import FIELDS, HTTP, RepairRequest, alike, owner, removal, repair

_LOCKS = ("anonymous", "claims_to_verify", "cookie_names", "header_names", "uri_param_names")
"""Fields of `jwt` that say which tokens it takes, from where, and whom it takes a caller without one for."""
_OURS = frozenset(name for edition in plugins.AUTHENTICATION for name in plugins.guards(edition))
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Drift:
    """An entity that is not as it is meant. `request` repairs it, where a run does not.

    `misplaced`: a plugin of a kind of ours where we have none, or none where we have one, somebody's route to a service
    of ours, a `jwt` that takes other tokens than it should, a way to a workload around the gate, or tokens that go on
    to it; this breaks a promise even while nothing opens.
    """

    text: str
    request: RepairRequest | None = None
    misplaced: bool = False


def _forwards(plugin: Entity) -> bool:
    """Whether the plugin runs a script of ours whose table hands callers' tokens on."""
    script = gate.script_of(plugin) if plugin["name"] in ("pre-function", "post-function") else None
    return bool(script and script.table.get("forward_token"))


def drifts(live: Entities, meant: Entities) -> dict[str, Drift]:
    """Every entity that differs, is missing or is too much, by its label (kong_oam.kong.entities.labels)."""
    existing, intended = _by_label(live), _by_label(meant)
    by_label: dict[str, Drift] = {}
    gone = {entity["name"] for label, (kind, entity) in intended.items() if kind == "plugin" and label not in existing}
    # First what is to be deleted: it may be one of ours in another place, which `pulumi up` then makes anew.
    for label, (kind, entity) in existing.items():
        if label not in intended and (drift := _extra(kind, label, entity, live, intended, gone)):
            by_label[label] = drift
    for label, (kind, entity) in intended.items():
        if label not in existing:
            # Without its Upstream, a service leads to whatever DNS says of the name.
            by_label[label] = Drift(f"{label} is missing", misplaced=kind in ("plugin", "upstream"))
        elif changes := list(_changes(kind, existing[label][1], entity, live, meant)):
            actual = existing[label][1]
            unlocked = kind == "plugin" and any(_fields(actual["config"], entity["config"], _LOCKS))
            around = kind == "service" and actual["host"] != entity["host"]
            leaking = kind == "plugin" and _forwards(actual) and not _forwards(entity)
            request = repair(kind, actual, entity, live, meant)
            by_label[label] = Drift(f"{label}: {'; '.join(changes)}", request, misplaced=unlocked or around or leaking)
    return by_label


def recognised(live: Entities, meant: Entities) -> Entities:
    """The live entities, with the meant names of services and routes of ours that got another, which bears on nothing.

    What has the tags of the only one of ours that is missing, and is the only one that has, is that one.
    """
    services = _renamed(live.services, meant.services)
    return replace(live, services=services, routes=_renamed(live.routes, meant.routes))


def _renamed(live: tuple[Entity, ...], meant: tuple[Entity, ...]) -> tuple[Entity, ...]:
    live_names, meant_names = {entity["name"] for entity in live}, {entity["name"] for entity in meant}
    missing = Counter(_tags(entity) for entity in meant if entity["name"] not in live_names)
    extra = Counter(_tags(entity) for entity in live if entity["name"] not in meant_names)
    names = {_tags(entity): entity["name"] for entity in meant if entity["name"] not in live_names}
    alone = {tags for tags, count in missing.items() if tags and count == 1 == extra[tags]}
    return tuple(
        {**entity, "name": names[_tags(entity)]}
        if entity["name"] not in meant_names and _tags(entity) in alone
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
    label_of = labels(entities)
    return {label_of[kind, entity["id"]]: (kind, entity) for kind, of_kind in kinds.items() for entity in of_kind}


def _changes(kind: str, entity: Entity, meant: Entity, live: Entities, intended: Entities) -> Iterator[str]:
    match kind:
        case "service":
            yield from _fields(entity, meant, FIELDS[kind])
        case "route":
            yield from _fields(entity, meant, FIELDS[kind])
            yield from _leads(entity, meant, live, intended)
        case "consumer":
            yield from _fields(entity, meant, ("custom_id",) if "custom_id" in meant else ())
        case "credential":
            yield from _credential(entity, meant, live, intended)
        case "plugin":
            yield from _plugin(entity, meant)


def _fields(entity: Mapping[str, Any], meant: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        if not alike(name, entity, meant):
            yield f"{name} is {_shown(entity.get(name))}, not {_shown(meant.get(name))}"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _leads(entity: Entity, meant: Entity, live: Entities, intended: Entities) -> Iterator[str]:
    now, wanted = owner("service", entity, live), owner("service", meant, intended)
    if now != wanted:
        yield f"it leads to {now}, not to {wanted}"


def _credential(entity: Entity, meant: Entity, live: Entities, intended: Entities) -> Iterator[str]:
    yield from _fields(entity, meant, ("algorithm",))
    now, wanted = owner("consumer", entity, live), owner("consumer", meant, intended)
    if now != wanted:
        yield f"it belongs to {now}, not to {wanted}"
    if (entity.get("rsa_public_key") or "").strip() != (meant.get("rsa_public_key") or "").strip():
        yield "its public key is not the issuer's"


def _plugin(entity: Entity, meant: Entity) -> Iterator[str]:
    if not entity["enabled"]:
        yield "it is disabled"
    if not HTTP.intersection(entity["protocols"]):
        yield f"protocols are {_shown(entity['protocols'])}"
    yield from _configured(entity, meant)


def _configured(entity: Entity, meant: Entity) -> Iterator[str]:
    config, wanted = entity["config"], meant["config"]
    if entity["name"] not in ("pre-function", "post-function"):
        yield from _fields(config, wanted, tuple({**wanted, **config}))
    elif gate.code(config) != gate.code(wanted):
        yield ", and ".join(_scripts(entity, meant))


def _scripts(entity: Entity, meant: Entity) -> Iterator[str]:
    now, ours = gate.script_of(entity), gate.script_of(meant)
    if not now or not ours or not now.table or (now.table == ours.table and now.upstream == ours.upstream):
        yield "its script is not the one that is meant" if gate.code(entity["config"]) else "it runs no script"
        return
    if now.table != ours.table:
        names = (name for name in {**ours.table, **now.table} if now.table.get(name) != ours.table.get(name))
        yield f"its table differs in {', '.join(names)}"
    if now.upstream != ours.upstream:
        yield f"it leads to {_address(now.upstream)}, not to {_address(ours.upstream)}"


def _address(upstream: tuple[str, int] | None) -> str:
    return f"{upstream[0]}:{upstream[1]}" if upstream else "nothing that it can read"


def _extra(
    kind: str, label: str, entity: Entity, live: Entities, ours: Collection[str], gone: Collection[str]
) -> Drift | None:
    """A drift for what nobody meant; None where it can be no reason for anything. `gone`: kinds of missing plugins."""
    if kind == "plugin":
        if entity["name"] not in _OURS and effect_of(entity) is Effect.NONE:
            return None
        request = removal(kind, entity, then_up=entity["name"] in gone)
        return Drift(f"{label} is not ours", request, _misplaced(entity, live, ours))
    if kind == "consumer":
        return None
    if kind == "credential":
        return Drift(f"{label} of {owner('consumer', entity, live)} is not the issuer's", removal(kind, entity))
    if kind == "target":
        if labels(live)["upstream", entity["upstream"]["id"]] not in ours:
            return None  # it goes with its Upstream
        return Drift(f"{label} is not ours", removal(kind, entity), misplaced=entity["weight"] > 0)
    service = labels(live).get(("service", reference(entity, "service") or ""))
    leads = f" and leads to {service}" if kind == "route" and service in ours else ""
    return Drift(f"{label} is not ours{leads}", removal(kind, entity), misplaced=bool(leads))


def _misplaced(plugin: Entity, live: Entities, ours: Collection[str]) -> bool:
    """Whether a plugin of a kind of ours acts, or may come to act, on what is ours."""
    if plugin["name"] not in _OURS:
        return False
    label_of = labels(live)
    scopes = [("route", reference(plugin, "route")), ("service", reference(plugin, "service"))]
    touched = {label_of[kind, identifier] for kind, identifier in scopes if identifier}
    services = (reference(route, "service") for route in live.routes if route["id"] == reference(plugin, "route"))
    touched |= {label_of["service", identifier] for identifier in services if identifier}
    return not touched or bool(touched & set(ours))
