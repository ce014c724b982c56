"""Classes of callers that an old Kong treats alike: nobody, and consumers with equal rights.

An old Kong tells consumers apart by their groups, by their kinds of credentials, and by plugins for
single consumers. The new side tells consumers apart that it knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kong_oam.access.data import Names
from kong_oam.adopt.entities import CallerKind, OldConsumer, OldKong
from kong_oam.adopt.requests import (
    KEYLESS_TOKEN,
    NOBODY,
    UNKNOWN_TOKEN,
    OldCaller,
)
from kong_oam.diagnostics import some


@dataclass(frozen=True, slots=True)
class CallerClass:
    """Callers with the same answers. `caller` stands for all; `consumers` are their names."""

    name: str
    caller: OldCaller
    consumers: Names = ()


def caller_classes(
    old: OldKong, known: Iterable[str] = ()
) -> tuple[CallerClass, ...]:
    """Return the classes of callers. `known`: consumers that the new side knows one by one."""
    single = {plugin.consumer for plugin in old.plugins} | {*known}
    grouped: dict[tuple[object, ...], list[OldConsumer]] = {}
    for consumer in old.consumers:
        key = (
            consumer.groups,
            consumer.consumer_groups,
            bool(consumer.custom_id),
            bool(consumer.username),
            consumer.kinds,
            consumer.name if consumer.name in single else "",
        )
        grouped.setdefault(key, []).append(consumer)
    classes = [
        CallerClass("nobody", NOBODY),
        CallerClass("unknown token", UNKNOWN_TOKEN),
        CallerClass("token without key id", KEYLESS_TOKEN),
    ]
    if any(plugin.name == "ldap-auth" for plugin in old.plugins):
        user = OldCaller(by="ldap-auth")
        classes.append(CallerClass("user of the directory", user))
    for members in grouped.values():
        classes += _of_consumers(members)
    return tuple(classes)


def _of_consumers(members: list[OldConsumer]) -> list[CallerClass]:
    """Return the classes of equal consumers: by each kind of credential, and by all at once."""
    first = members[0]
    names = tuple(consumer.name for consumer in members)
    shown = some(names)
    kinds: list[CallerKind] = [*first.kinds]
    classes = []
    for kind in kinds:
        caller = OldCaller(first.name, kind)
        classes.append(CallerClass(f"{shown} by {kind}", caller, names))
        if kind == "jwt":
            # Kong finds the key by a claim, so such tokens rarely name it in their header.
            keyless = OldCaller(first.name, kind, is_keyless=True)
            named = f"{shown} by jwt without key id"
            classes.append(CallerClass(named, keyless, names))
    if len(kinds) > 1:
        every = OldCaller(first.name, kinds[0], tuple(kinds[1:]))
        words = " and ".join(kinds)
        classes.append(CallerClass(f"{shown} by {words}", every, names))
    return classes
