"""The networks that may call the rules of a component."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from kong_oam.access.data import Networks, PathSegments, TextList
from kong_oam.traits.key import Key

# Networks for single rules of a trait `ip-allow`. (`from` cannot name a field of a class.)
IpRuleYaml = TypedDict(
    "IpRuleYaml",
    {"paths": TextList, "methods": TextList, "from": TextList},
    total=False,
)
# The properties of a trait `ip-allow`.
IpAllowYaml = TypedDict(
    "IpAllowYaml", {"from": TextList, "rules": list[IpRuleYaml]}, total=False
)

# By the path of rules, then by method: the only networks that may call them. A missing rule has no
# restriction.
AllowedFrom = Mapping[PathSegments, Mapping[str, Networks]]

# `diff` compares it request by request, so it has no facts.
IP_ALLOW: Key[AllowedFrom] = Key("ip-allow")
