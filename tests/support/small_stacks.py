"""Settings, Applications and states for tests of an estate's stacks: as little of each as there can be."""

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
"""The settings of a stack, by name; partitions are added."""
APPLICATION = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: {0}, namespace: {0}}}
spec:
  components: [{{name: one, type: worker, properties: {{image: x}}}}]
"""
"""An Application in a namespace, both of the same name."""


def having(*components: str, **outputs: Any) -> StackState:
    """Return the state of a stack that has these components, and exported this."""
    urns = {
        (COMPONENT, key): f"urn:pulumi:x::kong-oam::{COMPONENT}::{key}"
        for key in components
    }
    return StackState(frozenset(urns), {}, outputs=outputs, urns=urns)
