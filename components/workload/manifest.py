"""Manifests as resources take them, and the version that is written on them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from kong_oam.objects.pods import Manifest

VERSION = "kong-oam.dev/version"
"""The annotation of objects that says which version of the component they are of."""


def args(manifest: Manifest) -> Manifest:
    """Gives the arguments of the SDK's class of this kind."""
    return {_snake(key): value for key, value in manifest.items() if key not in ("apiVersion", "kind")}


def digest(data: Mapping[str, Any]) -> str:
    """Gives a short text that tells these values from others."""
    return hashlib.sha256(json.dumps(dict(data), sort_keys=True).encode()).hexdigest()[:16]


def of_version(manifest: Manifest, version: str) -> Manifest:
    """Writes on an object, not on its pods, which version of the component it is."""
    metadata = manifest["metadata"]
    return {**manifest, "metadata": {**metadata, "annotations": {**metadata.get("annotations", {}), VERSION: version}}}


def _snake(key: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in key)
