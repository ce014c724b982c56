"""The edges of the stand-ins: values whose keys a product decides."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
"""An object of JSON as a product's API, token or file has it."""
Manifest = dict[str, Any]
"""A Kubernetes object, or a part of one."""
