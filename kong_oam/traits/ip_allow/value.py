"""From where the rules of a component may be called."""

from __future__ import annotations

from collections.abc import Mapping

from kong_oam.access.data import Networks, PathSegments
from kong_oam.traits.key import Key

# By the path of rules, then by method: the networks from which alone these let somebody
# in. What is not there, from anywhere.
AllowedFrom = Mapping[PathSegments, Mapping[str, Networks]]

# It is compared request by request.
IP_ALLOW: Key[AllowedFrom] = Key("ip-allow")
