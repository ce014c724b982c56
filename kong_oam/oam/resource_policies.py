"""Translate policies about objects into rules with Pulumi options."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.model import Application, ComponentSpec, Option, Policy, Rule
from kong_oam.oam.position import Fields, SourcePosition, Texts
from kong_oam.oam.rendered import Options, RenderedObject

Found = Rule | Diagnostic
_SEGMENT = re.compile(
    r"""\.?([^.\[\]"'\s]+)|\[(\d+|\*)\]|\[["']?([^\[\]"']+)["']?\]"""
)
_PLAIN_KEY = re.compile(r"[A-Za-z_$][\w$-]*|\*")
_NEVER_DELETED = (
    "Pulumi never deletes this object; delete it by hand after its Application"
)
_OPTIONS: Mapping[str, Option] = {
    "read-only": "read",
    "take-over": "import",
    "shared-resource": "patch",
}


def _selector_values(
    component: ComponentSpec, rendered: RenderedObject
) -> Texts:
    """Return the values of an object that selectors match. Like KubeVela, treat a component's
    further objects as a trait's."""
    if rendered.trait is not None:
        trait = component.traits[rendered.trait].type.partition("@")[0]
    else:
        trait = "AuxiliaryWorkload" if rendered.key else ""
    return {
        "componentNames": component.name,
        "componentTypes": component.type,
        "oamTypes": "TRAIT" if trait else "COMPONENT",
        "traitTypes": trait,
        "resourceTypes": rendered.kind,
        "resourceNames": rendered.name,
    }


def with_rule_options(
    application: Application, component: ComponentSpec, rendered: RenderedObject
) -> RenderedObject:
    """Return a rendered object with the options that the rules of its Application set."""
    if not application.rules:
        return rendered
    return replace(
        rendered,
        options=_options(application, _selector_values(component, rendered)),
    )


def _options(application: Application, seen: Texts) -> Options:
    """Return the options for an object. The first matching rule of each policy applies."""
    matching: dict[str, Rule] = {}
    for rule in application.rules:
        if _matches(rule, seen):
            matching.setdefault(rule.policy, rule)
    paths: dict[Option | None, dict[str, None]] = {}
    for rule in matching.values():
        paths.setdefault(rule.option, {}).update(dict.fromkeys(rule.paths))
    return Options(
        ignore_changes=tuple(paths.get("ignore_changes", ())),
        replace_on_changes=tuple(paths.get("replace_on_changes", ())),
        retain_on_delete="retain_on_delete" in paths,
        read="read" in paths,
        take_over="import" in paths,
        patch="patch" in paths,
    )


def _matches(rule: Rule, seen: Texts) -> bool:
    wanted = rule.selector.items()
    return bool(wanted) and all(seen[name] in values for name, values in wanted)


def rules_of(policy: Policy) -> Iterator[Found]:
    """Yield the rules of a policy, and findings about parts without a Pulumi option."""
    yield from _READERS[policy.type](policy)


def _rules(policy: Policy) -> Iterator[tuple[Fields, SourcePosition]]:
    position = policy.position.at("properties", "rules")
    for number, rule in enumerate(policy.properties.get("rules", ())):
        yield rule, position.at(number)


def _rule(
    policy: Policy,
    fields: Fields,
    option: Option | None,
    position: SourcePosition,
    paths: Iterable[str] = (),
) -> Rule:
    selector = {}
    for name, wanted in fields.get("selector", {}).items():
        if wanted:
            selector[name] = frozenset(wanted)
    return Rule(policy.name, option, selector, tuple(paths), position)


def _simple(policy: Policy) -> Iterator[Found]:
    for fields, position in _rules(policy):
        yield _rule(policy, fields, _OPTIONS[policy.type], position)


def _apply_once(policy: Policy) -> Iterator[Found]:
    """Without rules, the policy stops KubeVela from correcting drift. Kong-OAM never does."""
    for fields, position in (
        _rules(policy) if policy.properties.get("enable") else ()
    ):
        paths, wrong = _paths(fields, "path", position)
        yield from wrong
        affects_nothing = fields["strategy"].get("affect") == "onStateKeep"
        yield _rule(
            policy,
            fields,
            None if affects_nothing else "ignore_changes",
            position,
            paths,
        )


def _garbage_collect(policy: Policy) -> Iterator[Found]:
    position = policy.position.at("properties")
    named = f"garbage-collect '{policy.name}'"
    for fields, here in _rules(policy):
        strategy = fields.get("strategy", "onAppUpdate")
        if (
            fields.get("propagation") == "orphan"
        ):  # KubeVela keeps the object itself, too
            strategy = "never"
        if strategy == "onAppDelete":
            yield Diagnostic(
                "OAM109",
                f"{named}: {_NEVER_DELETED}",
                here.at("strategy"),
                "warning",
            )
        yield _rule(
            policy,
            fields,
            None if strategy == "onAppUpdate" else "retain_on_delete",
            here,
        )
    if policy.properties.get("keepLegacyResource"):
        here = position.key("keepLegacyResource")
        yield Diagnostic(
            "OAM109", f"{named}: {_NEVER_DELETED}", here, "warning"
        )
        yield _rule(
            policy,
            {"selector": {"oamTypes": ["COMPONENT", "TRAIT"]}},
            "retain_on_delete",
            position,
        )


def _resource_update(policy: Policy) -> Iterator[Found]:
    for fields, position in _rules(policy):
        if fields["strategy"].get("op") == "replace":
            message = (
                f"resource-update '{policy.name}': Pulumi cannot replace a "
                "whole object; remove op, or list fields in recreateFields"
            )
            yield Diagnostic("OAM108", message, position.at("strategy", "op"))
        paths, wrong = _paths(fields, "recreateFields", position)
        yield from wrong
        yield _rule(
            policy,
            fields,
            "replace_on_changes" if paths else None,
            position,
            paths,
        )


def _paths(
    fields: Fields, field: str, position: SourcePosition
) -> tuple[list[str], list[Diagnostic]]:
    """Return the paths in a field of a rule's strategy, in Pulumi's format, and findings about
    invalid paths."""
    paths = []
    wrong = []
    for number, text in enumerate(fields["strategy"].get(field, ())):
        if path := _path(text):
            paths.append(path)
        else:
            message = f"'{text}' is no path; write it as spec.a.b[0].c"
            wrong.append(
                Diagnostic(
                    "OAM103", message, position.at("strategy", field, number)
                )
            )
    return paths, wrong


def _path(text: str) -> str | None:
    """Convert a KubeVela path (`a.b[0].c`, `a[b/c]`) to Pulumi's format (`a["b/c"]`). None if it is
    invalid."""
    path = ""
    at = 0
    while at < len(text):
        found = _SEGMENT.match(text, at)
        if not found or (text[at] == "." and not path):
            break
        name, index, key = found.groups()
        if index is not None:
            path += f"[{index}]"
        elif name is not None and _PLAIN_KEY.fullmatch(name):
            path += f".{name}" if path else name
        else:
            path += f"[{json.dumps(name or key)}]"
        at = found.end()
    return path if at == len(text) and path else None


_READERS: Mapping[str, Callable[[Policy], Iterator[Found]]] = {
    **dict.fromkeys(_OPTIONS, _simple),
    "apply-once": _apply_once,
    "garbage-collect": _garbage_collect,
    "resource-update": _resource_update,
}
RULE_POLICIES = frozenset(_READERS)
