"""Provisions one plugin of a Kong service, with its whole configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kong as kong

from kong_oam.kong.plugins import Schema, config_json

Config = Mapping[str, Any] | str | pulumi.Output[Mapping[str, Any] | str]
"""A plugin's configuration; as a text it is given to Kong as it stands."""


@dataclass(frozen=True, slots=True)
class PluginArgs:
    """What a plugin of a service is made from. With a `consumer` it meets only what that asks."""

    kind: str
    config: Config
    schema: Schema
    keeps_records: bool
    service: kong.Service
    tags: Sequence[str]
    consumer: pulumi.Input[str] | None = None


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin, and the configuration that this run means it to have."""

    name: str
    resource: kong.Plugin
    meant: pulumi.Input[str]


def provision_plugin(
    name: str, args: PluginArgs, opts: pulumi.ResourceOptions
) -> Plugin:
    """Make a plugin with its configuration in full: strict matching then sees any change by
    hand."""

    def in_full(config: Mapping[str, Any] | str) -> str:
        if isinstance(config, str):
            return config
        return config_json(
            args.schema, args.kind, config, keeps_records=args.keeps_records
        )

    config = args.config
    # A configuration that is known needs no Output: a preview shows it in any case.
    meant = (
        config.apply(in_full) if isinstance(config, pulumi.Output) else in_full(config)
    )
    resource = kong.Plugin(
        name,
        name=args.kind,
        config_json=meant,
        strict_match=True,
        enabled=True,
        service_id=args.service.id,
        consumer_id=args.consumer,
        tags=list(args.tags),
        opts=opts,
    )
    return Plugin(name, resource, meant)
