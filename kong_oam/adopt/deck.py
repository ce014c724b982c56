"""Read decK files of the formats 1.1 to 3.0, several files as one configuration.

decK appends the lists of its files. Entities are nested (`services[].routes[].plugins[]`) or in
flat lists with references by name or id. Positions have no source text: an excerpt could show a
credential. Source: decK's and Kong's documentation of declarative configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from kong_oam.access.data import JsonFields, Names
from kong_oam.adopt import build
from kong_oam.adopt.deck_entries import (
    NESTED,
    Entry,
    Files,
    collect,
    kept_by_name,
)
from kong_oam.adopt.entities import (
    OldConsumer,
    OldCredential,
    OldKong,
    OldPlugin,
    OldRoute,
    OldService,
    OldTarget,
    OldUpstream,
)
from kong_oam.adopt.fields import (
    CONSUMER,
    CREDENTIALS,
    EntityFields,
)
from kong_oam.diagnostics import (
    Diagnostic,
    Diagnostics,
    Report,
    errors,
    ordered,
    printable,
    suggestion,
)
from kong_oam.oam.document import read
from kong_oam.oam.position import Document, FilePlace

_FORMATS = ("1.1", "2.1", "3.0")
# The reader's messages may quote a number, which may be a credential.
_QUOTED_NUMBER = re.compile(r"number '[^']*'")
_SCOPES: Mapping[str, str] = {
    "route": "route",
    "service": "service",
    "consumer": "consumer",
    "consumer_group": "consumer group",
}


def read_deck(
    files: Iterable[tuple[str, bytes]],
) -> tuple[OldKong | None, Diagnostics]:
    """Read files (name and content) as one configuration, as decK merges them.

    None if the findings have an error. Nothing raises.
    """
    findings: Report = []
    found = Files()
    names = []
    for name, raw in files:
        names.append(name)
        document = _document(name, raw, findings)
        if document is not None:
            collect(document, found, findings)
    if not errors(findings):
        _check_information(names, found, findings)
    if errors(findings):
        return None, ordered(findings)
    old = _Resolution(found, findings).kong(tuple(names))
    if errors(findings):
        return None, ordered(findings)
    return old, ordered(findings)


def _document(name: str, raw: bytes, findings: Report) -> Document | None:
    documents, unreadable = read(name, raw)
    template = _is_template(raw)
    for finding in unreadable:
        findings.append(_without_values(finding, template))
    if unreadable:
        return None
    place = FilePlace(name, 1, 1)
    if not documents:
        why = "the file is empty; leave it out"
    elif len(documents) > 1:
        why = f"the file has {len(documents)} documents; decK reads only the first; split it"
    elif not isinstance(documents[0].data, dict):
        why = "the file is no mapping, as decK files are; check the file's name"
    else:
        return documents[0]
    findings.append(Diagnostic("ADOPT501", why, place))
    return None


def _is_template(raw: bytes) -> bool:
    """Return whether a file has actions of a template language, other than decK's own `${{`."""
    return re.search(rb"(?<!\$)\{\{", raw) is not None


def _without_values(finding: Diagnostic, is_template: bool) -> Diagnostic:
    """Return the reader's finding without texts of the file, which may be credentials."""
    message = _QUOTED_NUMBER.sub("a number", finding.message)
    if is_template:
        message += "; the file has template actions `{{`: render it first"
    place = finding.position
    if place is not None:
        place = FilePlace(place.file, place.line, place.column)
    return Diagnostic("ADOPT501", message, place)


def _check_information(
    names: Iterable[str], found: Files, findings: Report
) -> None:
    """Check the format, and that the files do not contradict each other."""
    for version, place in found.formats.items():
        if version not in _FORMATS:
            message = (
                f"format '{printable(version)}' is unknown; write _format_version "
                f"{', '.join(_FORMATS)}"
            )
            findings.append(Diagnostic("ADOPT502", message, place))
    if not found.formats:
        file = next(iter(names), "")
        message = "no file has a '_format_version'; write _format_version: \"3.0\", or 1.1 or 2.1"
        place = FilePlace(file, 1, 1)
        findings.append(Diagnostic("ADOPT502", message, place))
    for name, values in (
        ("formats", found.formats),
        ("workspaces", found.workspaces),
    ):
        if len(values) > 1:
            *_, (last, place) = values.items()
            first = next(iter(values))
            message = (
                f"the files have different {name}, '{printable(first)}' and '{printable(last)}'; "
                "read them separately"
            )
            findings.append(Diagnostic("ADOPT507", message, place))


class _Resolution:
    """Make entities from entries: apply defaults, resolve references, find duplicates."""

    def __init__(self, found: Files, findings: Report) -> None:
        self._found = found
        self._findings = findings
        # The name of each entity by kind, and by each name or id that refers to it.
        self._names: dict[str, dict[str, str]] = {}
        for kind in _SCOPES.values():
            self._names[kind] = self._referable(kind)
        self._names["upstream"] = self._referable("upstream")

    def kong(self, sources: Names) -> OldKong:
        found = self._found
        services = tuple(map(self._service, found.of("service")))
        by_name = {service.name: service for service in services}
        routes = []
        for entry in found.of("route"):
            routes.append(self._route(entry, by_name))
        consumers = self._consumers()
        plugins = tuple(map(self._plugin, found.of("plugin")))
        self._check_plugins(plugins)
        groups = [kept_by_name(entry) for entry in found.of("consumer group")]
        return OldKong(
            sources,
            services,
            tuple(routes),
            plugins,
            consumers,
            self._upstreams(),
            (*groups, *found.others),
            next(iter(found.formats), ""),
            tuple(dict.fromkeys(found.select_tags)),
            next(iter(found.workspaces), ""),
        )

    def _referable(self, kind: str) -> dict[str, str]:
        """Return the name of each entity by its name and its id. Report duplicates."""
        names: dict[str, str] = {}
        first: dict[str, FilePlace] = {}
        for entry in self._found.of(kind):
            name = entry.name
            if not name:
                message = f"a {kind} has no name; write a name"
                self._report("ADOPT503", message, entry.place())
                continue
            if name in first:
                self._duplicate(f"{kind} '{name}'", entry.place(), first[name])
                continue
            first[name] = entry.place()
            names[name] = name
            for other in ("id", "custom_id"):
                names.setdefault(build.named(entry.values, other), name)
        names.pop("", None)
        return names

    def _duplicate(
        self, entity: str, place: FilePlace, first: FilePlace
    ) -> None:
        message = f"{printable(entity)} is declared twice, first at {first}; remove or rename one"
        self._report("ADOPT505", message, place)

    def _report(
        self, code: str, message: str, place: FilePlace, *, warn: bool = False
    ) -> None:
        severity: Any = "warning" if warn else "error"
        self._findings.append(Diagnostic(code, message, place, severity))

    def _fields(self, entry: Entry, kind: str = "") -> EntityFields:
        """Return the fields of an entry over the declared defaults of its kind."""
        defaults = self._found.defaults.get(entry.kind, {})
        nested = NESTED.get(entry.kind, ())
        values: JsonFields = {**defaults, **entry.values}
        for name in nested:
            values.pop(name, None)
        return EntityFields(
            kind or entry.kind, values, entry.place, self._findings
        )

    def _warn_unknown(self, entry: Entry, unknown: Names) -> None:
        for name in unknown:
            if name in entry.values and not self._is_reported(entry, name):
                message = (
                    f"field '{printable(name)}' of a {entry.kind} is not understood; check by "
                    "hand what it changes"
                )
                self._report("ADOPT506", message, entry.place(name), warn=True)

    def _is_reported(self, entry: Entry, name: str) -> bool:
        place = entry.place(name)
        return any(finding.position == place for finding in self._findings)

    def _service(self, entry: Entry) -> OldService:
        service = build.service(self._fields(entry), entry.name, entry.place())
        self._warn_unknown(entry, service.unknown)
        return service

    def _route(
        self, entry: Entry, services: Mapping[str, OldService]
    ) -> OldRoute:
        name = self._reference(entry, "service")
        fields = self._fields(entry)
        route = build.route(
            fields,
            entry.name,
            entry.place(),
            services.get(name),
            entry.is_old_format,
        )
        self._warn_unknown(entry, route.unknown)
        return route

    def _reference(self, entry: Entry, scope: str) -> str:
        """Return the name of the entity that an entry belongs to, or an empty text.

        It is the entity around the entry, or a reference: a name, or a mapping with a name or id.
        """
        kind = _SCOPES.get(scope, scope)
        around = entry.around.get(kind)
        if around is not None:
            return around
        value = entry.values.get(scope)
        if value is None:
            return ""
        wanted = (
            build.named(value, "name", "username", "id", "custom_id")
            if isinstance(value, dict)
            else str(value)
        )
        name = self._names[kind].get(wanted)
        if name is not None:
            return name
        hint = suggestion(wanted, self._names[kind])
        message = f"no {kind} has the name '{printable(wanted)}'{hint}"
        self._report("ADOPT504", message, entry.place(scope))
        return ""

    def _plugin(self, entry: Entry) -> OldPlugin:
        scope = {name: self._reference(entry, name) for name in _SCOPES}
        shared = entry.values.get("_config")
        if shared is not None:
            entry = self._with_shared_config(entry, str(shared))
        if not build.named(entry.values, "name"):
            message = "a plugin has no name; write the name of the plugin"
            self._report("ADOPT503", message, entry.place())
        plugin = build.plugin(self._fields(entry), scope, entry.place())
        self._warn_unknown(entry, plugin.unknown)
        return plugin

    def _with_shared_config(self, entry: Entry, name: str) -> Entry:
        """Return a plugin with the settings of `_plugin_configs` below its own settings."""
        shared = self._found.plugin_configs.get(name)
        if shared is None:
            hint = suggestion(name, self._found.plugin_configs)
            message = f"_plugin_configs has no '{printable(name)}'{hint}"
            self._report("ADOPT504", message, entry.place("_config"))
            return entry
        own = entry.values.get("config")
        config = {**shared, **(own if isinstance(own, dict) else {})}
        return replace(entry, values={**entry.values, "config": config})

    def _check_plugins(self, plugins: Iterable[OldPlugin]) -> None:
        """Report plugins of one name with one scope. Kong rejects the second plugin."""
        first: dict[tuple[str, ...], OldPlugin] = {}
        for plugin in plugins:
            key = (
                plugin.name,
                plugin.route,
                plugin.service,
                plugin.consumer,
                plugin.consumer_group,
            )
            other = first.setdefault(key, plugin)
            if other is not plugin:
                assert isinstance(plugin.position, FilePlace)
                assert isinstance(other.position, FilePlace)
                self._duplicate(plugin.label, plugin.position, other.position)

    def _consumers(self) -> tuple[OldConsumer, ...]:
        groups = self._by_consumer("acl", _group)
        credentials = self._by_consumer("credential", _credential)
        of_groups = self._members()
        consumers = []
        for entry in self._found.of("consumer"):
            name = entry.name
            fields = self._fields(entry)
            listed = entry.values.get("groups")
            names = [
                build.named(item, "name")
                if isinstance(item, dict)
                else str(item)
                for item in (listed if isinstance(listed, list) else ())
            ]
            consumers.append(
                OldConsumer(
                    name,
                    fields.text("id"),
                    entry.place(),
                    fields.text("username"),
                    fields.text("custom_id"),
                    tuple(sorted({*groups.get(name, ())} - {""})),
                    tuple(sorted({*names, *of_groups.get(name, ())})),
                    tuple(credentials.get(name, ())),
                    fields.texts("tags"),
                    fields.rest(frozenset({*CONSUMER, "groups"})),
                )
            )
            self._warn_unknown(entry, consumers[-1].unknown)
        return tuple(consumers)

    def _by_consumer(self, kind: str, make: Any) -> dict[str, list[Any]]:
        """Return entities of consumers, by the consumer's name."""
        by_consumer: dict[str, list[Any]] = {}
        for entry in self._found.of(kind):
            consumer = self._reference(entry, "consumer")
            if consumer:
                by_consumer.setdefault(consumer, []).append(make(entry))
        return by_consumer

    def _members(self) -> dict[str, list[str]]:
        """Return the consumer groups that list their consumers, by consumer."""
        members: dict[str, list[str]] = {}
        for entry in self._found.of("consumer group"):
            for consumer in entry.values.get("consumers") or ():
                name = (
                    build.named(consumer, "username", "id")
                    if isinstance(consumer, dict)
                    else str(consumer)
                )
                members.setdefault(name, []).append(entry.name)
        return members

    def _upstreams(self) -> tuple[OldUpstream, ...]:
        targets: dict[str, list[OldTarget]] = {}
        for entry in self._found.of("target"):
            name = self._reference(entry, "upstream")
            target = build.target(self._fields(entry), entry.place())
            targets.setdefault(name, []).append(target)
        upstreams = []
        for entry in self._found.of("upstream"):
            of_upstream = tuple(targets.get(entry.name, ()))
            upstreams.append(
                build.upstream(
                    self._fields(entry), entry.name, entry.place(), of_upstream
                )
            )
        return tuple(upstreams)


def _group(entry: Entry) -> str:
    return build.named(entry.values, "group")


def _credential(entry: Entry) -> OldCredential:
    """Return the kind, the id and the algorithm of a credential. No other field is read."""
    kind = CREDENTIALS[entry.list_name]
    algorithm = ""
    if kind == "jwt":
        algorithm = build.named(entry.values, "algorithm") or "HS256"
    return OldCredential(
        kind, entry.place(), build.named(entry.values, "id"), algorithm
    )
