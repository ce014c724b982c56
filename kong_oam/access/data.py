"""Types that many modules share and that have no module of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Values by name, as JSON or YAML has them, before anything is known of their types.
Data = Mapping[str, Any]

# Several names, in order: of scopes, groups, roles, methods or components.
Names = tuple[str, ...]

# Texts by name.
Texts = Mapping[str, str]
