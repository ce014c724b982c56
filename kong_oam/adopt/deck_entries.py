"""Collect the entities of decK files: nested in each other, or in flat lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from kong_oam.access.data import JsonObject, Names
from kong_oam.adopt import build
from kong_oam.adopt.entities import OldName
from kong_oam.adopt.fields import CREDENTIALS
from kong_oam.diagnostics import Diagnostic, Report, printable
from kong_oam.oam.position import Document, FilePlace, Path

# Lists of entities with a meaning, by the kind of their entries.
_KINDS: Mapping[str, str] = {
    "services": "service",
    "routes": "route",
    "plugins": "plugin",
    "consumers": "consumer",
    "consumer_groups": "consumer group",
    "upstreams": "upstream",
    "targets": "target",
    "acls": "acl",
    **dict.fromkeys(CREDENTIALS, "credential"),
}
# Lists of entities that are kept by name.
_BY_NAME = {
    "certificates": "certificate",
    "ca_certificates": "CA certificate",
    "snis": "SNI",
    "vaults": "vault",
    "keys": "key",
    "key_sets": "key set",
    "licenses": "license",
    "filter_chains": "filter chain",
    "partials": "partial",
}
_INFORMATION = frozenset(
    {
        "_format_version",
        "_transform",
        "_info",
        "_workspace",
        "_comment",
        "_plugin_configs",
        "_konnect",
        "_ignore",
    }
)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entity as a file has it: its fields, its path in the document, and the name of the
    entity around it, by kind."""

    kind: str
    values: JsonObject
    document: Document
    path: Path
    around: Mapping[str, str]
    list_name: str = ""
    is_old_format: bool = False

    def place(self, *more: str | int) -> FilePlace:
        """Return the position of a part, without its source text."""
        position = self.document.position(*self.path, *more)
        return FilePlace(position.file, position.line, position.column)

    @property
    def name(self) -> str:
        """The declared name, or the id; empty if the entity has neither."""
        if self.kind == "consumer":
            return build.named(self.values, "username", "custom_id", "id")
        return build.named(self.values, "name", "id")


@dataclass(slots=True)
class Files:
    """Everything that the files have, before references are resolved."""

    entries: dict[str, list[Entry]] = field(default_factory=dict)
    others: list[OldName] = field(default_factory=list)
    defaults: dict[str, JsonObject] = field(default_factory=dict)
    plugin_configs: dict[str, JsonObject] = field(default_factory=dict)
    select_tags: list[str] = field(default_factory=list)
    # The first position of each value.
    formats: dict[str, FilePlace] = field(default_factory=dict)
    workspaces: dict[str, FilePlace] = field(default_factory=dict)

    def of(self, kind: str) -> list[Entry]:
        return self.entries.get(kind, [])


def collect(document: Document, found: Files, findings: Report) -> None:
    """Add the entities of a document."""
    data: JsonObject = document.data
    version = str(data.get("_format_version") or "")
    root = Entry("file", data, document, (), {})
    if "apis" in data:
        message = (
            "'apis' are of Kong 0.x; convert the file to services and routes "
            "(`deck file convert`, or by hand)"
        )
        findings.append(Diagnostic("ADOPT502", message, root.place("apis")))
        return
    if version:
        found.formats.setdefault(version, root.place("_format_version"))
    workspace = build.named(data, "_workspace")
    if workspace:
        found.workspaces.setdefault(workspace, root.place("_workspace"))
    _collect_information(root, found)
    is_old = version in ("1.1", "2.1")
    for name in data:
        if name in _KINDS:
            kind = _KINDS[name]
            for entry in _listed(root, name, kind, is_old, findings):
                _add(entry, found, findings)
        elif name in _BY_NAME:
            for entry in _listed(root, name, _BY_NAME[name], is_old, findings):
                found.others.append(kept_by_name(entry))
        elif name not in _INFORMATION:
            message = (
                f"'{printable(name)}' is not understood, and left out; check by hand what it "
                "changes"
            )
            place = root.place(name)
            findings.append(Diagnostic("ADOPT506", message, place, "warning"))
            found.others.append(OldName("section", name, place))


def _collect_information(root: Entry, found: Files) -> None:
    information = root.values.get("_info")
    if isinstance(information, dict):
        tags = information.get("select_tags")
        if isinstance(tags, list):
            found.select_tags += map(str, tags)
        defaults = information.get("defaults")
        if isinstance(defaults, dict):
            for kind, values in defaults.items():
                if isinstance(values, dict):
                    found.defaults.setdefault(kind, values)
    configs = root.values.get("_plugin_configs")
    if isinstance(configs, dict):
        for name, values in configs.items():
            if isinstance(values, dict):
                found.plugin_configs.setdefault(name, values)


def _listed(
    parent: Entry, name: str, kind: str, is_old: bool, findings: Report
) -> Iterator[Entry]:
    """Yield the entries of a list. Report a list that is none, and entries that are no mappings.

    A text in place of a mapping is a name: `groups: [sales]`.
    """
    values = parent.values.get(name)
    if values is None:
        return
    if not isinstance(values, list):
        message = f"'{name}' is no list; write a list of entities"
        findings.append(Diagnostic("ADOPT503", message, parent.place(name)))
        return
    around = {parent.kind: parent.name}
    for index, item in enumerate(values):
        path = (*parent.path, name, index)
        if isinstance(item, dict):
            yield Entry(kind, item, parent.document, path, around, name, is_old)
        else:
            message = f"an entry of '{name}' is no mapping; write the fields of the {kind}"
            place = parent.place(name, index)
            findings.append(Diagnostic("ADOPT503", message, place))


# The lists inside the entries of each kind.
NESTED: Mapping[str, Names] = {
    "service": ("routes", "plugins"),
    "route": ("plugins",),
    "consumer": ("plugins", "acls", *CREDENTIALS),
    "consumer group": ("plugins",),
    "upstream": ("targets",),
}


def _add(entry: Entry, found: Files, findings: Report) -> None:
    """Add an entry and the entries in it. An entity without a name gets a name by its place."""
    named = _with_name(entry)
    found.entries.setdefault(entry.kind, []).append(named)
    for name in NESTED.get(entry.kind, ()):
        nested = _listed(
            named, name, _KINDS[name], entry.is_old_format, findings
        )
        for inner in nested:
            _add(inner, found, findings)


def _with_name(entry: Entry) -> Entry:
    if entry.name or entry.kind not in ("service", "route", "upstream"):
        return entry
    number = int(entry.path[-1]) + 1
    above = entry.around.get("service", "")
    name = (
        f"{above}-{entry.kind}-{number}" if above else f"{entry.kind}-{number}"
    )
    return replace(entry, values={**entry.values, "name": name})


def kept_by_name(entry: Entry) -> OldName:
    name = build.named(entry.values, "name", "id", "prefix")
    return OldName(
        entry.kind, name or f"{entry.kind} {entry.path[-1]}", entry.place()
    )
