"""What ip-allow comes to: the table's `addresses`, by which admission and the gate decide
(`addresses.lua`)."""

from __future__ import annotations

from kong_oam.access.data import JsonObject
from kong_oam.access.model import METHODS, Component, Rules
from kong_oam.access.paths import written
from kong_oam.kong.at_kong import AtKong, ByAddress
from kong_oam.traits.ip_allow.value import IP_ALLOW, AllowedFrom


def _entries(allowed_from: AllowedFrom, component: Component) -> JsonObject:
    addresses = {}
    for path, by_method in allowed_from.items():
        texts = {}
        for method, networks in by_method.items():
            texts[method] = list(map(str, networks))
        first = next(iter(texts.values()))
        # With a method that no rule lists nobody is let in: one entry for all methods will do.
        every = {*texts} == _listed(component.owned[path])
        same = every and all(networks == first for networks in texts.values())
        addresses[written(path)] = {"*": first} if same else texts
    return {"addresses": addresses}


def _listed(rules: Rules) -> set[str]:
    methods: set[str] = set()
    for rule in rules:
        methods.update(filter(rule.lists, METHODS))
    return methods


AT_KONG = AtKong(
    IP_ALLOW,
    entries=_entries,
    by_address=ByAddress(
        lambda *_: True,
        use="ip-allow judges",
        forged="an ip-allow trait keeps nobody out",
    ),
)
