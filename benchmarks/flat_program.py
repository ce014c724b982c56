"""A Pulumi program without a model: it registers each resource of `resources.json` with its inputs.
`benchmarks.flat` runs it as the `__main__.py` of a separate project.

An input that equals the id of an earlier resource becomes that resource's output, so the engine
keeps the same order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi

PROVIDERS = "pulumi:providers:"
SECRET = "4dabf18193072939515e22adb298388d"
"""The key that marks a secret in an exported state; its value is JSON, in `plaintext`."""


def value(input_value: Any, ids: Mapping[str, pulumi.Output[str]]) -> Any:
    """An input as the SDK takes it."""
    if isinstance(input_value, dict):
        if SECRET in input_value:
            return pulumi.Output.secret(
                value(json.loads(input_value["plaintext"]), ids)
            )
        return {
            name: value(item, ids)
            for name, item in input_value.items()
            if name != "__defaults"
        }
    if isinstance(input_value, list):
        return [value(item, ids) for item in input_value]
    return (
        ids.get(input_value, input_value)
        if isinstance(input_value, str)
        else input_value
    )


def main() -> None:
    """Register all resources. Resources of the same provider share it across stacks."""
    ids: dict[str, pulumi.Output[str]] = {}
    providers: dict[str, pulumi.ProviderResource] = {}
    for resource in json.loads(Path("resources.json").read_text("utf-8")):
        kind = resource["type"]
        name = resource["urn"].rpartition("::")[2]
        inputs = value(resource.get("inputs") or {}, ids)
        if kind.startswith(PROVIDERS):
            package = kind.removeprefix(PROVIDERS)
            if package not in providers:
                providers[package] = pulumi.ProviderResource(
                    package, name, inputs
                )
            continue
        provider = providers.get(kind.partition(":")[0])
        made = pulumi.CustomResource(
            kind, name, inputs, pulumi.ResourceOptions(provider=provider)
        )
        ids[resource["id"]] = made.id


if __name__ == "__main__":
    main()
