"""The client of Kong's Admin API, with a message for each kind of failure.

Sources: the Admin API documentation of Kong 3.10 (pages, statuses); RFC 9110, section 6.6.1 (Date).
"""

from __future__ import annotations

from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Self

import httpx

from kong_oam.access.data import JsonObject
from kong_oam.errors import ManagementApiError, ProductError
from kong_oam.http.addresses import without_secrets
from kong_oam.http.management import Page, Row, are_rows, pages
from kong_oam.http.rates import rate_limit_note, send_with_waits
from kong_oam.http.trust import tls_context
from kong_oam.kong.account import Account
from kong_oam.kong.entities import (
    Entities,
    EntitiesOfKind,
    Entity,
    NodeConfiguration,
)

_PAGE = 1000
_TIMEOUT = httpx.Timeout(10.0)
_LONGEST_ANSWER = 300  # characters of an error answer that a message quotes
_FLAVORS = ("traditional", "traditional_compatible")


class AdminError(ProductError):
    """A request to Kong's Admin API failed. The message names the cause and the remedy."""


class RejectedChangeError(AdminError):
    """The Admin API rejected a change. `answer` is its status and text."""

    def __init__(self, request: str, answer: str) -> None:
        super().__init__(f"{request} answers {answer}")
        self.answer = answer


class AdminApi:
    """The Admin API of one workspace, a context manager that closes its connections.

    Every request raises AdminError. `transport` carries requests; the default is httpx's own.
    """

    def __init__(
        self, account: Account, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._shown = without_secrets(account.admin_url)
        address = account.admin_url.rstrip("/")
        shown = self._shown.rstrip("/")
        self._address = (
            f"{shown}/{account.workspace}" if account.workspace else shown
        )
        credentials = {
            "Kong-Admin-Token": account.token,
            "apikey": account.api_key,
        }
        self._client = httpx.Client(
            base_url=f"{address}/{account.workspace}"
            if account.workspace
            else address,
            headers={
                name: value for name, value in credentials.items() if value
            },
            timeout=_TIMEOUT,
            follow_redirects=False,
            verify=tls_context(),
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    @property
    def address(self) -> str:
        """The address of the workspace, without secrets, for messages and positions."""
        return self._address

    def get(self, path: str) -> JsonObject:
        """Return the JSON object at a path."""
        return self._object(path, self._sent("GET", path))

    def find(self, path: str) -> Entity | None:
        """Return the entity at a path, such as "/services/NAME", or None."""
        answer = self._sent("GET", path)
        return None if answer.status_code == 404 else self._object(path, answer)

    def _object(self, path: str, answer: httpx.Response) -> JsonObject:
        if answer.status_code != 200:
            advice = {
                404: "check gateway.adminUrl, gateway.workspace, and Kong's setting `plugins`",
                429: f"a proxy in front of it limits requests{rate_limit_note(answer)}",
            }.get(answer.status_code, "see Kong's error log")
            raise AdminError(
                f"Kong's Admin API at {self._shown}{path} answers {answer.status_code}; {advice}"
            )
        try:
            body = answer.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise AdminError(
                f"{self._shown}{path} does not answer with a JSON object; is this Kong's Admin API?"
            )
        return body

    def rows(self, path: str) -> EntitiesOfKind:
        """Return all entities of a collection, such as "/plugins". Reads all pages."""

        def ask(query: str) -> Page:
            page = self.get(f"{path}{query}")
            offset = page.get("offset")
            further = (
                f"?{httpx.QueryParams(size=_PAGE, offset=offset)}"
                if offset
                else ""
            )
            return self._listed(path, page), further

        try:
            name = f"Kong's Admin API at {self._shown}{path}"
            return tuple(pages(name, f"?size={_PAGE}", ask))
        except ManagementApiError as error:
            raise AdminError(str(error)) from None

    def _listed(self, path: str, page: Entity) -> list[Row]:
        rows = page.get("data")
        if not are_rows(rows):
            raise AdminError(
                f"{self._shown}{path} does not answer with a list; is this Kong's Admin API?"
            )
        return rows

    def with_custom_id(self, custom_id: str) -> EntitiesOfKind:
        """Return the consumer with this custom id: an empty tuple or one entity."""
        path = f"/consumers?{httpx.QueryParams(custom_id=custom_id)}"
        rows = self._listed(path, self.get(path))
        return tuple(row for row in rows if row.get("custom_id") == custom_id)

    def patch(self, path: str, fields: Entity) -> None:
        """Change fields of the entity at a path. Raises RejectedChangeError."""
        answer = self._sent("PATCH", path, fields)
        if answer.status_code != 200:
            raise RejectedChangeError(f"PATCH {path}", _words(answer))

    def validation_errors(self, path: str, fields: Entity) -> Entity:
        """Return Kong's validation errors of an entity, by field. `path` only validates."""
        answer = self._sent("POST", path, fields)
        if answer.status_code == 400:
            with suppress(ValueError):
                body = answer.json()
                return body.get("fields") or {
                    "@entity": [str(body.get("message"))]
                }
        if answer.status_code not in (200, 201):
            raise AdminError(
                f"Kong's Admin API at {self._shown}{path} answers {_words(answer)}; see Kong's "
                "error log"
            )
        return {}

    def delete(self, path: str) -> None:
        """Delete the entity at a path. A missing entity is no error. Raises RejectedChangeError."""
        answer = self._sent("DELETE", path)
        if answer.status_code not in (204, 404):
            raise RejectedChangeError(f"DELETE {path}", _words(answer))

    def now(self) -> float:
        """Return the seconds since 1970 by Kong's clock."""
        try:
            return parsedate_to_datetime(
                self._sent("GET", "/").headers["date"]
            ).timestamp()
        except (KeyError, ValueError):
            raise AdminError(
                "Kong's Admin API sends no header Date; check gateway.adminUrl"
            ) from None

    def _sent(
        self, method: str, path: str, fields: Entity | None = None
    ) -> httpx.Response:
        try:
            answer = send_with_waits(
                lambda: self._client.request(method, path, json=fields)
            )
        except httpx.HTTPError as error:
            raise AdminError(
                f"Kong's Admin API at {self._shown} does not answer ({type(error).__name__}); "
                "check gateway.adminUrl, or KONG_ADMIN_ADDR, and that Kong is up"
            ) from None
        if answer.status_code in (401, 403):
            raise AdminError(
                f"Kong's Admin API at {self._shown} rejects the credentials "
                f"({answer.status_code}); check the secrets kong:kongAdminToken and "
                "kong:kongApiKey, or KONG_ADMIN_TOKEN and KONG_API_KEY"
            )
        return answer


def _words(answer: httpx.Response) -> str:
    return f"{answer.status_code} {answer.text[:_LONGEST_ANSWER]}"


def require_known_flavor(configuration: NodeConfiguration) -> None:
    """Raise AdminError unless the router matches routes as this project expects."""
    flavor = configuration.get("router_flavor", _FLAVORS[-1])
    if flavor not in _FLAVORS:
        raise AdminError(
            f"Kong's router_flavor '{flavor}' is not supported; set router_flavor="
            f"{_FLAVORS[-1]}, the default, on every node"
        )


def read(admin: AdminApi) -> Entities:
    """Return all entities of the workspace that may affect a decision. Raises AdminError."""
    root = admin.get("/")
    require_known_flavor(root.get("configuration") or {})
    upstreams = admin.rows("/upstreams")
    services = admin.rows("/services")
    targets: list[Entity] = []
    for upstream in upstreams:
        targets += admin.rows(f"/upstreams/{upstream['id']}/targets")
    is_verifying = any(service.get("ca_certificates") for service in services)
    return Entities(
        services=services,
        routes=admin.rows("/routes"),
        plugins=admin.rows("/plugins"),
        consumers=admin.rows("/consumers"),
        credentials=admin.rows("/jwts"),
        upstreams=upstreams,
        targets=tuple(targets),
        authorities=admin.rows("/ca_certificates") if is_verifying else (),
    )
