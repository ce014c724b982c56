"""The table's `addresses`, by which admission and the gate decide (`addresses.lua`)."""

from __future__ import annotations

from kong_oam.access.data import JsonObject
from kong_oam.access.model import Component, Rules
from kong_oam.access.paths import written
from kong_oam.kong.at_kong import AddressUse, AtKong
from kong_oam.traits.ip_allow.value import IP_ALLOW, AllowedFrom


def _entries(allowed_from: AllowedFrom, component: Component) -> JsonObject:
    addresses = {}
    for path, by_method in allowed_from.items():
        texts = {}
        for method, networks in by_method.items():
            texts[method] = list(map(str, networks))
        first = next(iter(texts.values()))
        # A method without a rule is denied anyway, so a single entry for all methods is enough.
        every = {*texts} == _listed(component.owned[path])
        same = every and all(networks == first for networks in texts.values())
        addresses[written(path)] = {"*": first} if same else texts
    return {"addresses": addresses}


def _listed(rules: Rules) -> set[str]:
    methods: set[str] = set()
    for rule in rules:
        methods.update(rule.listed)
    return methods


AT_KONG = AtKong(
    IP_ALLOW,
    entries=_entries,
    by_address=AddressUse(
        lambda *_: True,
        use="ip-allow checks",
        forged="an ip-allow trait restricts nobody",
    ),
)
