"""Asks the gateway what it has of the plugins that Applications ask for by name: the kinds, their
fields, and whether it would take each configuration."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from kong_oam.access.data import JsonObject
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
    """Return plugins, fields and values that the gateway does not have or take. It is asked only
    where a plugin is asked for. Raise admin.AdminError."""
    asked: list[KongPlugin] = []
    for component in estate.exposed:
        asked += component.traits.each(KONG_PLUGIN)
    if not asked:
        return ()
    with AdminApi(account) as admin:
        return tuple(unfit(admin, asked))


def unfit(admin: AdminApi, asked: Iterable[KongPlugin]) -> Findings:
    """Yield what is wrong with each plugin at the gateway, which is asked about each configuration
    once. Raise admin.AdminError."""
    available = (admin.get("/").get("plugins") or {}).get(
        "available_on_server"
    ) or {}
    schemas: dict[str, Schema] = {}
    refused: dict[tuple[str, str], JsonObject] = {}
    for plugin in asked:
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
                f"{name} stands before no single component at this Kong, but before all that it "
                "serves; take it out"
            )
            yield Diagnostic("ENV418", message, plugin.position.at("name"))
            continue
        configured = name, json.dumps(plugin.config, sort_keys=True)
        if configured not in refused:
            body = {"name": name, "config": plugin.config}
            refused[configured] = admin.wrong("/schemas/plugins/validate", body)
        yield from _refused(plugin, refused[configured], ())
        if not refused[configured]:
            yield from _formerly_named(plugin, schema)
        yield from _in_clear(plugin, record_of(schema, name), plugin.config, ())


def _formerly_named(plugin: KongPlugin, schema: Schema) -> Findings:
    """Finds a field by its former name: Kong takes it, and prints the present name."""
    try:
        config_json(schema, plugin.name, plugin.config)
    except SchemaError as error:
        yield Diagnostic("ENV418", str(error), plugin.position.at("config"))


def _refused(plugin: KongPlugin, errors: Any, path: Path) -> Findings:
    """Yield what Kong says of each field, at its place: its errors are nested as the entity is, with
    `@entity` for checks of several fields. What is said of an item is said of its list."""
    if isinstance(errors, Mapping):
        for name, below in errors.items():
            of_entity = name == "@entity"
            yield from _refused(
                plugin, below, path if of_entity else (*path, name)
            )
    elif isinstance(errors, list):
        for below in errors:
            yield from _refused(plugin, below, path)
    elif errors is not None:
        position = plugin.position.at(*path)
        if len(path) < 2 and (
            named := re.search(r"'config\.([\w.]+)'", str(errors))
        ):
            position = plugin.position.at("config", *named[1].split("."))
        field = f"{dotted(path)}: " if path else ""
        message = f"this Kong does not take the configuration of {plugin.name}: {field}{errors}"
        yield Diagnostic("ENV418", message, position)


def _is_bare_address(text: str) -> bool:
    """Whether it is a URL that says where to, and no more."""
    try:
        address = urlsplit(text)
    except ValueError:
        return False
    return (
        bool(address.scheme and address.netloc)
        and "@" not in address.netloc
        and not address.query
    )


def _in_clear(
    plugin: KongPlugin, record: Schema, config: Any, path: Path
) -> Findings:
    """Yield values that Kong would encrypt, and that stand in the Application in clear. An address
    without credentials is none."""
    if record.get("encrypted") and isinstance(config, str):
        if not config.startswith("{vault://") and not _is_bare_address(config):
            message = (
                f"{dotted(('config', *path))} is a secret to Kong, which does not stand in an "
                "Application: write {vault://APPLICATION/NAME}"
            )
            yield Diagnostic(
                "ACC248", message, plugin.position.at("config", *path)
            )
        return
    for step, schema in _below(record, config):
        yield from _in_clear(plugin, schema, config[step], (*path, step))


def _below(record: Schema, config: Any) -> Iterator[tuple[str | int, Schema]]:
    """Yield each step into a configuration, with the schema of what is there."""
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
