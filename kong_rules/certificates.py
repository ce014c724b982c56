"""Certificates on the Admin API, with the names of their SNIs in one list.

Kong stores no `snis` with a certificate: a write creates and removes SNIs, and a read lists their
names in alphabetical order. A certificate is found by its id or by one of these names. A PUT
without `snis` removes all of them. A deletion also removes them, even if it is then rejected
because a service uses the certificate. Both are recorded.

Source: the Admin API documentation of Kong 3.10, recorded exchanges (create-defaults, put-upsert,
snis, delete). Not modelled: keys and certificates that are references to a vault,
`/certificates/.../services`.
"""

from __future__ import annotations

import uuid
from typing import Any

from kong_rules import listing
from kong_rules.entities import UUID, Entity
from kong_rules.errors import AnswerError, absent, schema_violation
from kong_rules.requests import Methods, Query
from kong_rules.store import Store


class Certificates:
    """The endpoints below `/certificates`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collection(self) -> Methods:
        """Return the methods of `/certificates`."""

        def page(query: Query, _: Any) -> tuple[int, Any]:
            rows = [
                self._shown(certificate)
                for certificate in self._store.current.tables[
                    "certificates"
                ].values()
            ]
            return 200, listing.page(
                rows, "/certificates", dict(reversed(query)), nested=False
            )

        def post(_: Query, body: Entity) -> tuple[int, Any]:
            names = self._checked_names(body, None)
            return 201, self._renamed(
                self._store.insert("certificates", body), names
            )

        return {"GET": page, "POST": post}

    def entity(self, key: str) -> Methods:
        """Return the methods of `/certificates/{id or SNI}`."""

        def patch(_: Query, body: Entity) -> tuple[int, Any]:
            old = self._existing(key)
            names = self._checked_names(body, old["id"])
            entity = self._store.update("certificates", old, body)
            return 200, self._renamed(
                entity, names
            ) if "snis" in body else self._shown(entity)

        def put(_: Query, body: Entity) -> tuple[int, Any]:
            certificate = self._find(key)
            own = certificate["id"] if certificate else key
            if not UUID.match(own):
                own = str(uuid.uuid4())
                body = {**body, "snis": [key, *(body.get("snis") or ())]}
            names = self._checked_names(body, own)
            return 200, self._renamed(
                self._store.upsert("certificates", own, body), names
            )

        def delete(*_: Any) -> tuple[int, Any]:
            certificate = self._find(key)
            if certificate is None and not UUID.match(key):
                raise AnswerError(404, {"message": "SNI not found"})
            if certificate is not None:
                self._renamed(certificate, [])
                self._store.delete("certificates", certificate)
            return 204, None

        return {
            "GET": lambda *_: (200, self._shown(self._existing(key))),
            "PATCH": patch,
            "PUT": put,
            "DELETE": delete,
        }

    def _require_name(self, name: str) -> None:
        self._store.checks.require_name("snis", name, nested=False)

    def _find(self, key: str) -> Entity | None:
        if not UUID.match(key):
            self._require_name(key)
        return self._store.current.find("certificates", key)

    def _existing(self, key: str) -> Entity:
        certificate = self._find(key)
        if certificate is None:
            raise (
                absent("certificates", key)
                if UUID.match(key)
                else AnswerError(404, {"message": "SNI not found"})
            )
        return certificate

    def _shown(self, entity: Entity) -> Entity:
        return {
            **entity,
            "snis": sorted(sni["name"] for sni in self._snis(entity)),
        }

    def _snis(self, entity: Entity) -> list[Entity]:
        reference = {"id": entity["id"]}
        return [
            sni
            for sni in self._store.current.tables["snis"].values()
            if sni["certificate"] == reference
        ]

    def _checked_names(self, body: Entity, own: str | None) -> list[str]:
        """Return the names in a body. Raises an error if another certificate has a name. The schema
        rejects values that are no text."""
        snis = body.get("snis")
        names = (
            sorted(sni for sni in snis if isinstance(sni, str))
            if isinstance(snis, list)
            else []
        )
        for name in names:
            if names.count(name) > 1:
                raise schema_violation({"snis": f"{name} is duplicated"})
            self._require_name(name)
            taken = self._store.current.find("snis", name)
            if taken and taken["certificate"]["id"] != own:
                text = (
                    f"{name} already associated with existing certificate "
                    f"'{taken['certificate']['id']}'"
                )
                raise schema_violation({"snis": text})
        return names

    def _renamed(self, entity: Entity, names: list[str]) -> Entity:
        """Return the certificate as it is shown with these SNIs: added SNIs first, then removed
        SNIs."""
        old = self._snis(entity)
        for name in names:
            if name not in [sni["name"] for sni in old]:
                self._store.insert(
                    "snis", {"name": name, "certificate": {"id": entity["id"]}}
                )
        for sni in old:
            if sni["name"] not in names:
                self._store.delete("snis", sni)
        return self._shown(entity)
