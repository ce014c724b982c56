"""Checks the plugins of traits `kong-plugin` at the gateway: kinds, fields, configurations."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from kong_oam.access.model import Estate
from kong_oam.diagnostics import Diagnostic, Diagnostics, Findings, suggestion
from kong_oam.kong.account import Account
from kong_oam.kong.admin import AdminApi
from kong_oam.kong.plugins import (
    Schema,
    SchemaError,
    config_json,
    fields_of,
    record_of,
)
from kong_oam.oam.position import Path
from kong_oam.oam.schema import dotted
from kong_oam.traits.kong_plugin.value import KONG_PLUGIN, KongPlugin


def inspect(account: Account, estate: Estate) -> Diagnostics:
    """Return findings about plugins, fields and values that the gateway lacks or rejects.

    Asks Kong only if an Application adds a plugin. Raises admin.AdminError.
    """
    added: list[KongPlugin] = []
    for component in estate.exposed:
        added += component.traits.each(KONG_PLUGIN)
    if not added:
        return ()
    with AdminApi(account) as admin:
        return tuple(schema_findings(admin, added))


def schema_findings(admin: AdminApi, added: Iterable[KongPlugin]) -> Findings:
    """Yield the problems of each plugin at the gateway. Raises admin.AdminError.

    Equal configurations are checked once.
    """
    available = (admin.get("/").get("plugins") or {}).get(
        "available_on_server"
    ) or {}
    schemas = {}
    refused = {}
    for plugin in added:
        name = plugin.name
        if name not in available:
            message = (
                f"this Kong has no plugin '{name}'{suggestion(name, available)}"
            )
            yield Diagnostic("ENV418", message, plugin.position.at("name"))
            continue
        if name not in schemas:
            schemas[name] = admin.get(f"/schemas/plugins/{name}")
        schema = schemas[name]
        if "eq" in fields_of(schema).get("service", {}):
            message = (
                f"{name} is a global plugin at this Kong and cannot act on a single component; "
                "remove it"
            )
            yield Diagnostic("ENV418", message, plugin.position.at("name"))
            continue
        configured = name, json.dumps(plugin.config, sort_keys=True)
        if configured not in refused:
            body = {"name": name, "config": plugin.config}
            refused[configured] = admin.validation_errors(
                "/schemas/plugins/validate", body
            )
        yield from _kong_errors(plugin, refused[configured], ())
        if not refused[configured]:
            yield from _former_name_findings(plugin, schema)
        yield from _plain_secrets(
            plugin, record_of(schema, name), plugin.config, ()
        )


def _former_name_findings(plugin: KongPlugin, schema: Schema) -> Findings:
    """Yield a finding for a field under a former name. Kong prints the current name."""
    try:
        config_json(schema, plugin.name, plugin.config)
    except SchemaError as error:
        yield Diagnostic("ENV418", str(error), plugin.position.at("config"))


def _kong_errors(plugin: KongPlugin, errors: Any, path: Path) -> Findings:
    """Yield Kong's error for each field, with the field's position.

    Errors are nested like the entity, with `@entity` for checks of several fields. An error of an
    item belongs to its list.
    """
    if isinstance(errors, Mapping):
        for name, below in errors.items():
            of_entity = name == "@entity"
            yield from _kong_errors(
                plugin, below, path if of_entity else (*path, name)
            )
    elif isinstance(errors, list):
        for below in errors:
            yield from _kong_errors(plugin, below, path)
    elif errors is not None:
        position = plugin.position.at(*path)
        if len(path) < 2 and (
            named := re.search(r"'config\.([\w.]+)'", str(errors))
        ):
            position = plugin.position.at("config", *named[1].split("."))
        field = f"{dotted(path)}: " if path else ""
        message = f"this Kong rejects the configuration of {plugin.name}: {field}{errors}"
        yield Diagnostic("ENV418", message, position)


def _is_bare_address(text: str) -> bool:
    """Return whether the text is a URL without credentials and query."""
    try:
        address = urlsplit(text)
    except ValueError:
        return False
    return (
        bool(address.scheme and address.netloc)
        and "@" not in address.netloc
        and not address.query
    )


def _plain_secrets(
    plugin: KongPlugin, record: Schema, config: Any, path: Path
) -> Findings:
    """Yield plain values of fields that Kong encrypts, except addresses without credentials."""
    if record.get("encrypted") and isinstance(config, str):
        if not config.startswith("{vault://") and not _is_bare_address(config):
            message = (
                f"{dotted(('config', *path))} is a secret for Kong and must not be in an "
                "Application; write {vault://APPLICATION/NAME}"
            )
            yield Diagnostic(
                "ACC248", message, plugin.position.at("config", *path)
            )
        return
    for step, schema in _below(record, config):
        yield from _plain_secrets(plugin, schema, config[step], (*path, step))


def _below(record: Schema, config: Any) -> Iterator[tuple[str | int, Schema]]:
    """Yield each step into a configuration, with the schema of the next level."""
    if isinstance(config, list) and "elements" in record:
        for index in range(len(config)):
            yield index, record["elements"]
    if not isinstance(config, Mapping):
        return
    kind = record.get("type")
    if kind == "map":
        for name in config:
            yield name, record["values"]
    elif kind == "record":
        for name, schema in fields_of(record).items():
            if name in config:
                yield name, schema
