"""A Pulumi program without a model: registers each resource of `resources.json`, with inputs as
they stand there. For `benchmarks.flat`, which runs it as the `__main__.py` of a project of its own.

An input that is the id of a resource before it is that resource's id, so that the engine has the
same order to keep.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi

PROVIDERS = "pulumi:providers:"
SECRET = "4dabf18193072939515e22adb298388d"
"""What tells a secret in an exported state; its value is JSON, in `plaintext`."""


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
    """Registers all of them. Those of one provider share it, wherever its stack had one of its
    own."""
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
