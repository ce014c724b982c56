"""The access model of a stack: what is compared, and what the stack exports so that the next run
can compare.

What is exported is all that decides who may call what and what answers, and whom to ask about it.
Nothing else is: no places, no reasons, no descriptions. Moving a file or wording a reason better
leaves it as it is. Its facts are those of access.diff.facts.

Shape: text; the version of the format on the first line, then a line for the stack and one per
component: its name, a space, compact JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from kong_oam.access.diff.change import Facts, Subject
from kong_oam.access.diff.model import AccessModel, application_of
from kong_oam.access.endpoint import Endpoint
from kong_oam.access.model import (
    Call,
    Client,
    Component,
    Estate,
    Public,
    Role,
    Rule,
    bare_component,
)
from kong_oam.access.networks import Networks, fewest, network
from kong_oam.access.paths import PathSegments
from kong_oam.access.providers import PLAIN, Provider
from kong_oam.access.stack import Stack
from kong_oam.errors import EngineError, InputError
from kong_oam.oam.document import NOWHERE

VERSION = 1
OUTPUT = "__model"
"""The stack's output that it is. The engine prints no difference of what is named so: it is for
programs to read."""

_STACK = "stack"


class ModelError(EngineError):
    """The data is no exported model that this version reads. The message says why."""


def exported(outputs: Mapping[str, Any]) -> Any:
    """The model among a stack's outputs, None where it is not there."""
    return outputs.get(OUTPUT)


def dump_model(model: AccessModel) -> str:
    """Serializes the model as a stack output. The same model gives the same bytes."""
    stack = model.estate.stack
    facts = model.facts
    providers = [
        {
            "name": p.name,
            "audience": p.audience,
            "perApi": p.per_api,
            "groups": p.groups,
            "minutes": model.minutes[p.name],
            "facts": facts.get(Subject(provider=p.name), {}),
        }
        for p in stack.providers.values()
    ]
    about = {
        "name": stack.name,
        "scheme": stack.scheme,
        "providers": providers,
        "facts": facts.get(Subject(), {}),
    }
    parts: dict[str, Any] = {_STACK: about}
    for key, component in sorted(model.estate.components.items()):
        has_rights = key in model.estate.own and Subject(key) in facts
        if component.endpoints or component.clients or has_rights:
            per_api = stack.providers[component.provider].per_api
            parts[key] = _component(
                component, per_api, model.workloads.get(key), model.pods.get(key)
            )
            # The run is given no more of it than it needs: that is no fact of it.
            if key not in model.estate.own:
                parts[key]["foreign"] = True
                continue
            names = ("", *(client.provider for client in component.clients))
            parts[key]["facts"] = {
                name: facts.get(Subject(key, name), {}) for name in names
            }
    lines = (
        f"{name} {json.dumps(part, sort_keys=True, separators=(',', ':'))}"
        for name, part in parts.items()
    )
    return "\n".join([str(VERSION), *lines])


def joined(models: Iterable[Any]) -> str:
    """One model of those that the stacks of an estate exported: of each component that of the stack
    that it is in; not what only others know of it, who do not make it. What is none is joined all
    the same, for `load_model` to refuse."""
    lines: dict[str, str] = {}
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


def _component(
    component: Component,
    per_api: bool,
    workload: str | None,
    pods: Mapping[str, str] | None,
) -> dict[str, Any]:
    """Serializes one component. Roles have names only where tokens list them: elsewhere, renaming
    one decides nothing."""
    roles = [
        [role.scopes, role.groups, *([role.name] if per_api else [])]
        for role in component.roles
        if role.groups
    ]
    data: dict[str, Any] = {
        "provider": component.provider,
        "endpoints": [[e.host, e.path, e.port] for e in component.endpoints],
        "apart": {
            str(index): e.apart
            for index, e in enumerate(component.endpoints)
            if e.apart
        },
        "rules": [
            [rule.path, rule.methods, "public" if rule.public else rule.scopes]
            for rule in component.rules
        ],
        "roles": roles,
        "from": [
            [path, method, list(map(str, networks))]
            for path, by_method in component.allowed_from.items()
            for method, networks in by_method.items()
        ],
        "clients": [
            [
                c.kind,
                c.provider,
                [[call.component, call.scopes] for call in c.calls],
                c.groups,
            ]
            for c in component.clients
        ],
        "workload": workload,
        "pods": pods,
        "owner": component.owner,
    }
    return {name: value for name, value in data.items() if value}


def load_model(data: Any) -> AccessModel:
    """Parses the model that `dump_model` wrote. Raises ModelError."""
    try:
        version, *lines = data.splitlines()
        if version != str(VERSION):
            raise ModelError(
                f"written in format {version[:20]}, and read in {VERSION}: versions of this "
                "program differ"
            )
        parts = {
            name: json.loads(text)
            for name, _, text in (line.partition(" ") for line in lines)
        }
        _check(parts)
        about = parts.pop(_STACK)
        providers = {
            p["name"]: Provider(
                p["name"], p["audience"], PLAIN, groups=p["groups"], per_api=p["perApi"]
            )
            for p in about["providers"]
        }
        stack = Stack(about["name"], providers, scheme=about["scheme"])
        return AccessModel(
            Estate(
                stack,
                tuple(
                    application_of(_component_of(key, value))
                    for key, value in parts.items()
                ),
            ),
            {
                key: value["workload"]
                for key, value in parts.items()
                if "workload" in value
            },
            {p["name"]: p["minutes"] for p in about["providers"]},
            _facts(about, parts),
            {key: value["pods"] for key, value in parts.items() if "pods" in value},
        )
    except (AttributeError, InputError, RecursionError, ValueError):
        raise ModelError(_NO_MODEL) from None


def _facts(about: Mapping[str, Any], components: Mapping[str, Any]) -> Facts:
    return {
        Subject(): about["facts"],
        **{Subject(provider=p["name"]): p.get("facts", {}) for p in about["providers"]},
        **{
            Subject(key, name): values
            for key, part in components.items()
            for name, values in part.get("facts", {}).items()
        },
    }


_NO_MODEL = "not what a stack exports as its model"


@cache
def _validator() -> Any:
    schema = Path(__file__).with_name("snapshot.schema.json").read_text("utf-8")
    return jsonschema_rs.validator_for(json.loads(schema))


def _check(parts: Mapping[str, Any]) -> None:
    """Checks the parts, whatever wrote them or edited the state. Raises ModelError where one is not
    as the schema says, or names a provider that is not there."""
    if not _validator().is_valid(parts):
        raise ModelError(_NO_MODEL)
    about, components = (
        parts[_STACK],
        {key: part for key, part in parts.items() if key != _STACK},
    )
    provider_names = {provider["name"] for provider in about["providers"]}
    used = {part["provider"] for part in components.values()}
    used |= {
        client[1] for part in components.values() for client in part.get("clients", ())
    }
    if not used <= provider_names:
        raise ModelError(_NO_MODEL)


def _component_of(key: str, data: Mapping[str, Any]) -> Component:
    apart = data.get("apart", {})
    return replace(
        bare_component(key, data["provider"]),
        endpoints=tuple(
            Endpoint(host, tuple(path), port, NOWHERE, apart=apart.get(str(index), ""))
            for index, (host, path, port) in enumerate(data.get("endpoints", ()))
        ),
        rules=tuple(_rule(*rule) for rule in data.get("rules", ())),
        allowed_from=_allowed_from(data.get("from", ())),
        roles=tuple(
            Role("".join(name), tuple(scopes), tuple(groups), (), NOWHERE)
            for scopes, groups, *name in data.get("roles", ())
        ),
        clients=tuple(_client(key, *client) for client in data.get("clients", ())),
        owner=data.get("owner"),
    )


def _rule(path: list[str], methods: list[str], needed: Any) -> Rule:
    public = Public("", None) if needed == "public" else None
    return Rule(
        tuple(path), tuple(methods), () if public else tuple(needed), public, NOWHERE
    )


def _allowed_from(
    listed: Iterable[tuple[list[str], str, list[str]]],
) -> dict[PathSegments, dict[str, Networks]]:
    """Raises InputError for what is no network."""
    result: dict[PathSegments, dict[str, Networks]] = {}
    for path, method, networks in listed:
        result.setdefault(tuple(path), {})[method] = fewest(map(network, networks))
    return result


def _client(
    key: str,
    kind: Any,
    provider: str,
    calls: list[tuple[str, list[str]]],
    groups: list[str],
) -> Client:
    granted = tuple(
        Call(component, tuple(scopes), (), NOWHERE) for component, scopes in calls
    )
    return Client(key, kind, provider, granted, tuple(groups), (), False, NOWHERE)
