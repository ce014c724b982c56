"""The type of manifests, entities, settings and claims."""

from __future__ import annotations

from typing import Any

JsonObject = dict[str, Any]
