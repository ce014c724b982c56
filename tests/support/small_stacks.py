"""Minimal settings, Applications and states for tests of an estate's stacks."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from kong_oam.engine.state import COMPONENT, StackState

SETTINGS: Mapping[str, Any] = MappingProxyType(
    {
        "cloud": "local",
        "asOf": "2026-01-01",
        "gateway": {"namespace": "kong", "podLabels": {"app": "kong"}},
        "domains": {"default": "example.com"},
        "identityProviders": [{"name": "okta", "type": "okta"}],
    }
)
"""A stack's resources, by name; partitions are added to them."""
APPLICATION = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: {0}, namespace: {0}}}
spec:
  components: [{{name: one, type: worker, properties: {{image: x}}}}]
"""
"""An Application in a namespace; both have this name."""


def state_with(*components: str, **outputs: Any) -> StackState:
    """Return the state of a stack with these components and outputs."""
    urns = {
        (COMPONENT, key): f"urn:pulumi:x::kong-oam::{COMPONENT}::{key}"
        for key in components
    }
    return StackState(frozenset(urns), {}, outputs=outputs, urns=urns)
