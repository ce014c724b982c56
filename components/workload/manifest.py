"""The version that is written on objects."""

from __future__ import annotations

from kong_oam.objects.pods import Manifest

VERSION = "kong-oam.dev/version"
"""The annotation of objects that says which version of the component they are of."""


def of_version(manifest: Manifest, version: str) -> Manifest:
    """Writes on an object, not on its pods, which version of the component it is."""
    metadata = manifest["metadata"]
    return {
        **manifest,
        "metadata": {
            **metadata,
            "annotations": {**metadata.get("annotations", {}), VERSION: version},
        },
    }
