"""Read the entities of a running Kong by GET requests to its Admin API.

The lists are the same with a database, DB-less and under the Ingress Controller. Everything is read
until two readings in a row are equal, since no list is a snapshot of all lists. Credentials lose
their values while a list is read. Certificates have private keys, so they are not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kong_oam.access.data import JsonObject, Names
from kong_oam.adopt import build
from kong_oam.adopt.entities import (
    AdminPlace,
    CredentialKind,
    OldConsumer,
    OldCredential,
    OldKong,
    OldName,
    OldPlugin,
    OldRoute,
    OldService,
    OldUpstream,
)
from kong_oam.adopt.fields import CONSUMER, EntityFields
from kong_oam.diagnostics import Diagnostic, Diagnostics, Report, ordered
from kong_oam.kong import names
from kong_oam.kong.admin import AdminApi
from kong_oam.kong.entities import Entity, NodeConfiguration, reference, tags_of
from kong_oam.kong.route_order import FLAVOR

# The lists of credentials, by the plugin that has the list.
_CREDENTIALS: Mapping[CredentialKind, str] = {
    "key-auth": "key-auths",
    "basic-auth": "basic-auths",
    "jwt": "jwts",
    "hmac-auth": "hmac-auths",
    "oauth2": "oauth2",
    "mtls-auth": "mtls-auths",
}
# A Kong that changes all the time is read this many times.
_READINGS = 4

_Rows = list[JsonObject]


@dataclass(frozen=True, slots=True)
class _Reading:
    """All lists of a Kong at one time, by name. Credentials have no values."""

    rows: dict[str, _Rows] = field(default_factory=dict)
    flavor: str = FLAVOR

    def of(self, name: str) -> _Rows:
        return self.rows.get(name, [])


def read_running(
    admin: AdminApi, workspace: str = ""
) -> tuple[OldKong | None, Diagnostics]:
    """Return the entities of the workspace, without the entities of this program's stacks.

    None if the Kong changes while it is read. Raises AdminError.
    """
    last = _read(admin)
    for _ in range(_READINGS - 1):
        reading = _read(admin)
        if reading == last:
            findings: Report = []
            old = _Kong(admin.address, reading, findings).old(workspace)
            return old, ordered(findings)
        last = reading
    message = (
        "the Kong changes while it is read; run the command again when nobody "
        "changes it"
    )
    place = AdminPlace(admin.address, "/")
    return None, (Diagnostic("ADOPT511", message, place),)


def _read(admin: AdminApi) -> _Reading:
    root = admin.get("/")
    plugins = root.get("plugins") or {}
    available = plugins.get("available_on_server")
    configuration: NodeConfiguration = root.get("configuration") or {}
    rows: dict[str, _Rows] = {}
    for name in ("services", "routes", "plugins", "consumers", "snis"):
        rows[name] = _sorted(admin.rows(f"/{name}"))
    for kind, path in _CREDENTIALS.items():
        if not isinstance(available, dict) or kind in available:
            listed = map(_without_values, admin.rows(f"/{path}"))
            rows[kind] = _sorted(listed)
    if not isinstance(available, dict) or "acl" in available:
        rows["acl"] = _sorted(map(_group, admin.rows("/acls")))
    rows["upstreams"] = _sorted(admin.rows("/upstreams"))
    for upstream in rows["upstreams"]:
        path = f"/upstreams/{upstream['id']}/targets"
        rows[path] = _sorted(admin.rows(path))
    _read_consumer_groups(admin, rows)
    return _Reading(rows, configuration.get("router_flavor", FLAVOR))


def _read_consumer_groups(admin: AdminApi, rows: dict[str, _Rows]) -> None:
    """Read the consumer groups and their members. Only Kong Enterprise has them."""
    if admin.find("/consumer_groups") is None:
        return
    rows["consumer_groups"] = _sorted(admin.rows("/consumer_groups"))
    for group in rows["consumer_groups"]:
        path = f"/consumer_groups/{group['id']}/consumers"
        answer = admin.find(path) or {}
        members = answer.get("consumers") or answer.get("data") or []
        rows[path] = _sorted({"id": member["id"]} for member in members)


def _sorted(rows: Iterable[Entity]) -> _Rows:
    """Return the rows in a stable order: by name, then by id."""

    def key(row: Entity) -> tuple[str, str]:
        name = build.named(row, "name", "username", "target")
        return name, str(row.get("id", ""))

    return sorted(rows, key=key)


def _without_values(row: Entity) -> JsonObject:
    """Return a credential without its key, secret, user name and password."""
    return {
        "id": row.get("id"),
        "consumer": {"id": reference(row, "consumer")},
        "algorithm": row.get("algorithm"),
    }


def _group(row: Entity) -> JsonObject:
    return {
        "id": row.get("id"),
        "consumer": {"id": reference(row, "consumer")},
        "group": row.get("group"),
    }


def _by_consumer(rows: _Rows) -> dict[str, _Rows]:
    by_consumer: dict[str, _Rows] = {}
    for row in rows:
        by_consumer.setdefault(reference(row, "consumer"), []).append(row)
    return by_consumer


class _Kong:
    """Make the entities of a reading."""

    def __init__(
        self, address: str, reading: _Reading, findings: Report
    ) -> None:
        self._address = address
        self._reading = reading
        self._findings = findings
        # The names of entities by kind and id.
        self._names: dict[str, dict[str, str]] = {}
        for kind in ("services", "routes", "consumers", "consumer_groups"):
            self._names[kind] = {
                row["id"]: build.named(
                    row, "name", "username", "custom_id", "id"
                )
                for row in reading.of(kind)
            }

        # Credentials and groups by kind and by the consumer's id.
        self._owned = {
            kind: _by_consumer(reading.of(kind))
            for kind in ("acl", *_CREDENTIALS)
        }

    def old(self, workspace: str) -> OldKong:
        services = {
            row["id"]: self._service(row) for row in self._rows("services")
        }
        routes = [self._route(row, services) for row in self._rows("routes")]
        groups = self._reading.of("consumer_groups")
        others = [
            *(
                self._named("consumer group", "consumer_groups", row)
                for row in groups
            ),
            *(self._named("SNI", "snis", row) for row in self._rows("snis")),
        ]
        self._check_flavor()
        return OldKong(
            (self._address,),
            tuple(services.values()),
            tuple(routes),
            tuple(map(self._plugin, self._rows("plugins"))),
            tuple(map(self._consumer, self._rows("consumers"))),
            tuple(map(self._upstream, self._rows("upstreams"))),
            tuple(others),
            workspace=workspace,
            router_flavor=self._reading.flavor,
            is_running=True,
        )

    def _rows(self, kind: str) -> list[JsonObject]:
        """Return the rows of a list that no stack of this program owns."""
        rows = self._reading.of(kind)
        return [row for row in rows if not names.stacks_in(tags_of(row))]

    def _check_flavor(self) -> None:
        flavor = self._reading.flavor
        if flavor == FLAVOR:
            return
        message = (
            f"the Kong has the router_flavor '{flavor}'; its order of routes is computed as "
            f"{FLAVOR}, so check routes of equal paths by hand"
        )
        place = AdminPlace(self._address, "/")
        self._findings.append(Diagnostic("ADOPT512", message, place, "warning"))

    def _place(self, kind: str, row: JsonObject) -> AdminPlace:
        return AdminPlace(self._address, f"/{kind}/{row['id']}")

    def _named(self, kind: str, path: str, row: JsonObject) -> OldName:
        name = build.named(row, "name", "id")
        return OldName(kind, name, self._place(path, row))

    def _fields(
        self, kind: str, place: AdminPlace, row: JsonObject
    ) -> EntityFields:
        def here(_: str) -> AdminPlace:
            return place

        return EntityFields(kind, row, here, self._findings)

    def _made(
        self, kind: str, row: JsonObject
    ) -> tuple[EntityFields, str, AdminPlace]:
        """Return the fields, the name and the place of a row."""
        place = self._place(kind, row)
        fields = self._fields(kind.removesuffix("s"), place, row)
        return fields, build.named(row, "name", "id"), place

    def _service(self, row: JsonObject) -> OldService:
        return build.service(*self._made("services", row))

    def _route(
        self, row: JsonObject, services: Mapping[str, OldService]
    ) -> OldRoute:
        fields, name, place = self._made("routes", row)
        service = services.get(reference(row, "service"))
        return build.route(fields, name, place, service, False)

    def _plugin(self, row: JsonObject) -> OldPlugin:
        place = self._place("plugins", row)
        scope = {}
        for name in ("route", "service", "consumer", "consumer_group"):
            identifier = reference(row, name)
            of_kind = self._names[f"{name}s"]
            scope[name] = of_kind.get(identifier, identifier)
        fields = self._fields("plugin", place, row)
        return build.plugin(fields, scope, place)

    def _consumer(self, row: JsonObject) -> OldConsumer:
        place = self._place("consumers", row)
        fields = self._fields("consumer", place, row)
        acls = self._owned["acl"].get(row["id"], ())
        groups = {str(acl["group"]) for acl in acls}
        credentials: list[OldCredential] = []
        for kind in _CREDENTIALS:
            credentials += self._credentials(row, kind)
        return OldConsumer(
            build.named(row, "username", "custom_id", "id"),
            row["id"],
            place,
            fields.text("username"),
            fields.text("custom_id"),
            tuple(sorted(groups)),
            self._consumer_groups(row),
            tuple(credentials),
            fields.texts("tags"),
            fields.rest(frozenset({*CONSUMER, "username_lower", "type"})),
        )

    def _credentials(
        self, consumer: JsonObject, kind: CredentialKind
    ) -> list[OldCredential]:
        path = _CREDENTIALS[kind]
        credentials = []
        for row in self._owned[kind].get(consumer["id"], ()):
            algorithm = str(row.get("algorithm") or "")
            place = self._place(path, row)
            credentials.append(OldCredential(kind, place, row["id"], algorithm))
        return credentials

    def _consumer_groups(self, consumer: JsonObject) -> Names:
        groups = []
        for group in self._reading.of("consumer_groups"):
            members = self._reading.of(
                f"/consumer_groups/{group['id']}/consumers"
            )
            if {"id": consumer["id"]} in members:
                groups.append(build.named(group, "name", "id"))
        return tuple(sorted(groups))

    def _upstream(self, row: JsonObject) -> OldUpstream:
        fields, name, place = self._made("upstreams", row)
        path = f"/upstreams/{row['id']}/targets"
        targets = []
        for target in self._reading.of(path):
            of_target = self._fields("target", place, target)
            where = AdminPlace(self._address, f"{path}/{target['id']}")
            targets.append(build.target(of_target, where))
        return build.upstream(fields, name, place, tuple(targets))
