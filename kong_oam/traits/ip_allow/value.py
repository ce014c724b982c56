"""The networks that may call the rules of a component."""

from __future__ import annotations

from collections.abc import Mapping

from kong_oam.access.data import Networks, PathSegments
from kong_oam.traits.key import Key

# By the path of rules, then by method: the only networks that may call them. A missing rule has no
# restriction.
AllowedFrom = Mapping[PathSegments, Mapping[str, Networks]]

# `diff` compares it request by request, so it has no facts.
IP_ALLOW: Key[AllowedFrom] = Key("ip-allow")
