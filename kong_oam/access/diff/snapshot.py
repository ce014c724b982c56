"""The exported access model of a stack, which the next run compares with.

The export contains everything that decides access and answers, and the owners. It contains no
places, reasons or descriptions, so moving a file or rewording a reason does not change it. Its
facts come from access.diff.facts.

Shape: text. The first line is the version of the format. Then follows a line for the stack and a
line for each component: name, space, compact JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import starmap
from pathlib import Path
from typing import Any

from jsonschema_rs import validator_for

from kong_oam.access.before import By, OldCaller
from kong_oam.access.data import JsonFields, JsonObject, Networks, PathSegments
from kong_oam.access.diff.change import INTERNAL, Subject
from kong_oam.access.diff.model import AccessModel, application_of
from kong_oam.access.endpoint import Endpoint
from kong_oam.access.forward import Forward
from kong_oam.access.internal import Connection
from kong_oam.access.model import (
    Call,
    Client,
    Component,
    Estate,
    Exposure,
    Identity,
    Public,
    Role,
    Rule,
    bare_component,
)
from kong_oam.access.networks import fewest, network
from kong_oam.access.providers import PLAIN, Provider
from kong_oam.access.refusals import Refusals
from kong_oam.access.stack import Stack
from kong_oam.errors import EngineError, InputError
from kong_oam.oam.position import NO_POSITION
from kong_oam.traits.ip_allow.value import IP_ALLOW, AllowedFrom
from kong_oam.traits.key import Traits

VERSION = 1
# The name of the stack's output. The engine prints no differences of such names, which only
# programs read.
OUTPUT = "__model"

_STACK = "stack"


class ModelError(EngineError):
    """The data is not an exported model that this version reads. The message gives the cause."""


def exported_model(outputs: JsonObject) -> Any:
    """Return the model among a stack's outputs, or None."""
    return outputs.get(OUTPUT)


def dump_model(model: AccessModel) -> str:
    """Serialize the model as a stack output. Equal models have equal bytes."""
    lines = [str(VERSION)]
    for name, part in _parts(model):
        text = json.dumps(part, sort_keys=True, separators=(",", ":"))
        lines.append(f"{name} {text}")
    return "\n".join(lines)


def _parts(model: AccessModel) -> Iterator[tuple[str, Any]]:
    """Yield the stack and each component, by name."""
    estate = model.estate
    yield _STACK, _stack(model)
    for key, component in sorted(estate.components.items()):
        is_own = key in estate.own
        has_facts = is_own and Subject(key) in model.facts
        if not (
            component.exposure.endpoints
            or component.identity.clients
            or has_facts
        ):
            continue
        part = _component(component, estate.provider_of(component).per_api)
        if workload := model.workloads.get(key):
            part["workload"] = workload
        if pods := model.pods.get(key):
            part["pods"] = pods
        if is_own:
            facts = part["facts"] = {"": model.facts.get(Subject(key), {})}
            for client in component.identity.clients:
                subject = Subject(key, client.provider)
                facts[client.provider] = model.facts.get(subject, {})
        else:
            # The run receives only a part of a foreign component, so the missing part is no fact.
            part["foreign"] = True
        yield key, part


def _stack(model: AccessModel) -> JsonObject:
    stack = model.estate.stack
    facts = model.facts
    providers = [
        {
            "name": name,
            "audience": provider.audience,
            "perApi": provider.per_api,
            "groups": provider.groups,
            "minutes": model.minutes[name],
            "facts": facts.get(Subject(provider=name), {}),
        }
        for name, provider in stack.providers.items()
    ]
    return {
        "name": stack.name,
        "scheme": stack.scheme,
        "providers": providers,
        "facts": facts.get(Subject(), {}),
    }


def join_models(models: Iterable[Any]) -> str:
    """Join the exported models of an estate's stacks into one model. Each component comes from the
    stack that deploys it.

    Invalid models are joined too: `load_model` rejects them.
    """
    lines = {}
    for text in models:
        for line in str(text).splitlines():
            name, _, part = line.partition(" ")
            if not _is_foreign(part):
                lines[name] = line
    return "\n".join(lines.values())


def _is_foreign(part: str) -> bool:
    try:
        data = json.loads(part)
    except (ValueError, RecursionError):
        return False
    return isinstance(data, dict) and data.get("foreign") is True


def _component(component: Component, per_api: bool) -> JsonFields:
    """Serialize a component without empty values."""
    data: JsonFields = {
        "provider": component.identity.provider,
        "endpoints": [
            [endpoint.host, endpoint.path, endpoint.port]
            for endpoint in component.exposure.endpoints
        ],
        "apart": dict(_services_apart(component.exposure.endpoints)),
        "rules": [*map(_dumped_rule, component.exposure.rules)],
        "forward": [*map(_dumped_forward, component.exposure.forwards)],
        "roles": [*_dumped_roles(component.identity.roles, per_api)],
        "from": [*_dumped_networks(component.allowed_from)],
        "old": [*map(_dumped_caller, component.identity.old_callers)],
        "clients": [*map(_dumped_client, component.identity.clients)],
        "owner": component.owner,
    }
    return {name: value for name, value in data.items() if value}


def _services_apart(endpoints: Sequence[Endpoint]) -> Iterator[tuple[str, str]]:
    for index, endpoint in enumerate(endpoints):
        if endpoint.apart:
            yield str(index), endpoint.apart


def _dumped_rule(rule: Rule) -> list[Any]:
    needed = "public" if rule.public else rule.scopes
    refusals = rule.refusals
    more = [refusals.exactly, refusals.begins] if refusals else []
    return [rule.path, rule.methods, needed, *more]


def _dumped_forward(forward: Forward) -> list[Any]:
    return [forward.port, forward.path, forward.target]


def _dumped_roles(roles: Iterable[Role], per_api: bool) -> Iterator[list[Any]]:
    for role in roles:
        if role.groups:
            # If tokens do not list roles, the role's name decides nothing.
            name = [role.name] if per_api else []
            yield [role.scopes, role.groups, *name]


def _dumped_networks(allowed_from: AllowedFrom) -> Iterator[list[Any]]:
    for path, by_method in allowed_from.items():
        for method, networks in by_method.items():
            yield [path, method, [*map(str, networks)]]


def _dumped_caller(caller: OldCaller) -> list[Any]:
    return [
        caller.client,
        caller.consumer,
        caller.by,
        caller.until,
        caller.scopes,
    ]


def _dumped_client(client: Client) -> list[Any]:
    calls = [[call.component, call.scopes] for call in client.calls]
    return [client.kind, client.provider, calls, client.groups]


def load_model(data: Any) -> AccessModel:
    """Parse the model that `dump_model` wrote. Raises ModelError."""
    try:
        version, *lines = data.splitlines()
        if version != str(VERSION):
            raise ModelError(
                f"of format {version[:20]}, but this version of the program reads format {VERSION}"
            )
        parts = {}
        for line in lines:
            name, _, text = line.partition(" ")
            parts[name] = json.loads(text)
        _check(parts)
        return _loaded(parts.pop(_STACK), parts)
    except (AttributeError, InputError, RecursionError, ValueError):
        raise ModelError(_NO_MODEL) from None


def _loaded(about: JsonObject, parts: JsonObject) -> AccessModel:
    """Return the model of checked parts: the stack's part and the components' parts."""
    providers = {}
    minutes = {}
    facts = {Subject(): about["facts"]}
    for item in about["providers"]:
        name = item["name"]
        providers[name] = Provider(
            name,
            item["audience"],
            PLAIN,
            groups=item["groups"],
            per_api=item["perApi"],
        )
        minutes[name] = item["minutes"]
        facts[Subject(provider=name)] = item.get("facts", {})
    applications = []
    workloads = {}
    pods = {}
    for key, part in parts.items():
        applications.append(application_of(_component_of(key, part)))
        for name, values in part.get("facts", {}).items():
            facts[Subject(key, name)] = values
        if "workload" in part:
            workloads[key] = part["workload"]
        if "pods" in part:
            pods[key] = part["pods"]
    stack = Stack(about["name"], providers, scheme=about["scheme"])
    estate = Estate(stack, tuple(applications))
    return AccessModel(estate, workloads, minutes, facts, pods)


_NO_MODEL = "not a model that a stack exports"


@cache
def _validator() -> Any:
    schema = Path(__file__).with_name("snapshot.schema.json").read_text("utf-8")
    return validator_for(json.loads(schema))


def _check(parts: JsonObject) -> None:
    """Check the parts, since somebody may have edited the state. Raises ModelError if a part
    violates the schema or names an unknown provider."""
    if not _validator().is_valid(parts):
        raise ModelError(_NO_MODEL)
    provider_names = {item["name"] for item in parts[_STACK]["providers"]}
    for key, part in parts.items():
        if key == _STACK:
            continue
        used = {
            part["provider"],
            *(client[1] for client in part.get("clients", ())),
        }
        if not used <= provider_names:
            raise ModelError(_NO_MODEL)


def _component_of(key: str, data: JsonObject) -> Component:
    apart = data.get("apart", {})
    endpoints = [
        Endpoint(
            host,
            tuple(path),
            port,
            NO_POSITION,
            apart=apart.get(str(index), ""),
        )
        for index, (host, path, port) in enumerate(data.get("endpoints", ()))
    ]
    rules = tuple(starmap(_rule, data.get("rules", ())))
    forwards = tuple(starmap(_forward, data.get("forward", ())))
    clients = tuple(_client(key, *client) for client in data.get("clients", ()))
    roles = tuple(starmap(_role, data.get("roles", ())))
    facts = data.get("facts", {}).get("", {})
    return replace(
        bare_component(key, data["provider"]),
        owner=data.get("owner"),
        exposure=Exposure(tuple(endpoints), rules=rules, forwards=forwards),
        identity=Identity(
            data["provider"],
            roles=roles,
            clients=clients,
            old_callers=tuple(starmap(_old_caller, data.get("old", ()))),
        ),
        traits=Traits({IP_ALLOW: _allowed_from(data.get("from", ()))}),
        connections=tuple(map(_connection, facts.get(INTERNAL, ()))),
    )


def _connection(name: str) -> Connection:
    """Return the connection with this name, such as `53/UDP peer monitoring`, without its pods."""
    at, _, by = name.partition(" ")
    port = at.removesuffix("/UDP")
    caller = by.removeprefix("peer ")
    return Connection(
        int(port),
        "TCP" if port == at else "UDP",
        caller,
        caller != by,
        (),
        NO_POSITION,
    )


def _role(scopes: list[str], groups: list[str], name: str = "") -> Role:
    return Role(name, tuple(scopes), tuple(groups), (), NO_POSITION)


def _old_caller(
    client: str, consumer: str, by: By, until: str, scopes: list[str]
) -> OldCaller:
    return OldCaller(client, consumer, by, until, tuple(scopes))


def _rule(
    path: list[str],
    methods: list[str],
    needed: Any,
    exactly: list[str] | None = None,
    begins: list[str] | None = None,
) -> Rule:
    public = Public("", None) if needed == "public" else None
    scopes = () if public else tuple(needed)
    refusals = Refusals(tuple(exactly or ()), tuple(begins or ()))
    return Rule(
        tuple(path), tuple(methods), scopes, public, NO_POSITION, refusals
    )


def _forward(port: str, path: list[str], target: str) -> Forward:
    return Forward(port, tuple(path), target, NO_POSITION)


def _allowed_from(
    listed: Iterable[tuple[list[str], str, list[str]]],
) -> AllowedFrom:
    """Return the allowed networks by path and method. Raises InputError for other texts."""
    result: dict[PathSegments, dict[str, Networks]] = {}
    for path, method, networks in listed:
        result.setdefault(tuple(path), {})[method] = fewest(
            map(network, networks)
        )
    return result


def _client(
    key: str,
    kind: Any,
    provider: str,
    calls: list[tuple[str, list[str]]],
    groups: list[str],
) -> Client:
    granted = tuple(
        Call(component, tuple(scopes), (), NO_POSITION)
        for component, scopes in calls
    )
    return Client(
        key, kind, provider, granted, tuple(groups), (), False, NO_POSITION
    )
