# ruff: noqa: ARG002 - the methods of Resource share their signatures
"""Keycloak's Admin API as the official plugin calls it, and the base of its resources."""

from __future__ import annotations

import os
import time
import urllib.parse

from sandbox.edges import Json
from sandbox.plugins import sdk
from sandbox.plugins.http import Answer, send, send_form
from sandbox.plugins.provider import Found, ProviderError, Resource
from sandbox.plugins.values import Properties, Value, is_empty

_RETRIES = 5  # of 5xx and 429, as in the official plugin's source
_PAUSE = 1.0  # seconds, for a 429 without Retry-After


class AdminApi:
    """The server of the provider. It logs in once a process, and again after 401 and 403, when it
    repeats the request once. 429 and 5xx are retried.

    The login of a client with its secret is modelled. Not modelled: user name and password, signed
    JWTs, TLS settings.
    """

    def __init__(self) -> None:
        self._url = ""
        self._login = ""
        self._token = ""
        self._client: dict[str, str] = {}

    def configure(self, arguments: Properties) -> None:
        """Read url, realm (of the login), clientId and clientSecret, or KEYCLOAK_... from the
        environment. Raises ProviderError."""

        def setting(name: str, variable: str) -> str:
            return str(arguments.get(name) or os.environ.get(variable, ""))

        self._url = setting("url", "KEYCLOAK_URL").rstrip("/")
        self._login = setting("realm", "KEYCLOAK_REALM") or "master"
        secret = setting("clientSecret", "KEYCLOAK_CLIENT_SECRET")
        self._client = {
            "client_id": setting("clientId", "KEYCLOAK_CLIENT_ID"),
            "client_secret": secret,
        }
        self._log_in()
        self.accepted("GET", "/serverinfo", server=True)

    def _log_in(self) -> None:
        form = {**self._client, "grant_type": "client_credentials"}
        answer = send_form(
            self._url,
            f"/realms/{self._login}/protocol/openid-connect/token",
            form,
        )
        if answer.status != 200:
            raise ProviderError(
                f"error initializing keycloak provider: {described(answer)}"
            )
        self._token = answer.body["access_token"]

    def send(
        self,
        method: str,
        path: str,
        body: Value = None,
        *,
        server: bool = False,
    ) -> Answer:
        """Send a request below /admin/realms (`server`: below /admin). Raises OSError if the server
        does not answer."""
        target = f"/admin{path}" if server else f"/admin/realms{path}"
        answer = self._sent(method, target, body)
        if answer.status in (401, 403):
            self._log_in()
            answer = self._sent(method, target, body)
        for _ in range(_RETRIES):
            if answer.status != 429 and answer.status < 500:
                return answer
            time.sleep(_pause(answer))
            answer = self._sent(method, target, body)
        return answer

    def _sent(self, method: str, target: str, body: Value) -> Answer:
        return send(
            self._url,
            method,
            target,
            body,
            {"Authorization": f"Bearer {self._token}"},
        )

    def accepted(
        self,
        method: str,
        path: str,
        body: Value = None,
        *,
        server: bool = False,
    ) -> Value:
        """Send a request that must succeed, and return the answer's JSON. Raises ProviderError."""
        answer = self.send(method, path, body, server=server)
        if answer.status >= 300:
            raise ProviderError(
                f"error sending {method} request to /admin/realms{path}: {described(answer)}"
            )
        return answer.body

    def created(self, path: str, body: Value) -> str:
        """POST, and return the new id: the last part of the Location. Raises ProviderError."""
        answer = self.send("POST", path, body)
        if answer.status >= 300:
            raise ProviderError(
                f"error sending POST request to /admin/realms{path}: {described(answer)}"
            )
        location = {
            name.lower(): value for name, value in answer.headers.items()
        }["location"]
        return urllib.parse.unquote(location.rsplit("/", 1)[1])


def _pause(answer: Answer) -> float:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    try:
        return float(headers["retry-after"])
    except (KeyError, ValueError):
        return _PAUSE


def described(answer: Answer) -> str:
    """Status and Keycloak's own words."""
    return f"{answer.status}. Response body: {answer.text}"


def quoted(name: str) -> str:
    """Return a name as one element of a path."""
    return urllib.parse.quote(name, safe="")


def role_body(role: Json) -> Json:
    """Return a role as the official plugin sends it in a mapping."""
    names = (
        "id",
        "name",
        "description",
        "clientRole",
        "containerId",
        "composite",
    )
    return {
        **{name: role.get(name) for name in names},
        "attributes": role.get("attributes") or {},
    }


class RealmObject(Resource):
    """An object of a realm with its own path: POST + GET, GET, PUT + GET, DELETE. `realmId` is a
    name."""

    def __init__(self, api: AdminApi) -> None:
        self._api = api

    def collection(self, inputs: Properties) -> str:
        """Return the path of all objects of this kind, from inputs or state."""
        raise NotImplementedError

    def body(self, inputs: Properties) -> Json:
        """Return the body that creates the object, and with its id changes it."""
        raise NotImplementedError

    def state(self, answer: Json, inputs: Properties) -> Properties:
        """Return the state for an answer; `inputs` are the inputs or the earlier state."""
        raise NotImplementedError

    def path(self, identifier: str, inputs: Properties) -> str:
        """Return the path of one object."""
        return f"{self.collection(inputs)}/{identifier}"

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        identifier = self._api.created(
            self.collection(inputs), self.body(inputs)
        )
        return identifier, self._read(identifier, inputs)

    def read(
        self, identifier: str, inputs: Properties, state: Properties
    ) -> Found | None:
        """Read the object by its id, or on an import (no state, no inputs) by its import id."""
        known = state or inputs
        if not known:
            identifier, known = self.imported(identifier)
        answer = self._api.send("GET", self.path(identifier, known))
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise ProviderError(
                f"failed to read {self.token}: {described(answer)}"
            )
        now = self.completed(identifier, answer.body, known)
        if not inputs and not state:
            written = {
                key: now[key]
                for key in sdk.inputs_of(self.token).hints
                if not is_empty(now.get(key))
            }
            return Found(written, now, identifier)
        return Found(
            {key: now.get(key, value) for key, value in inputs.items()}, now
        )

    def imported(self, identifier: str) -> tuple[str, Properties]:
        """Return the object's own id, and the inputs that are in the id that it is imported by:
        `REALM/ID`."""
        realm, _, own = identifier.partition("/")
        if not own or "/" in own:
            raise ProviderError(
                f"invalid import {identifier!r}: it is {{{{realmId}}}}/{{{{id}}}}"
            )
        return own, {"realmId": realm}

    def update(
        self, identifier: str, state: Properties, news: Properties
    ) -> Properties:
        self._api.accepted(
            "PUT",
            self.path(identifier, news),
            {"id": identifier, **self.body(news)},
        )
        return self._read(identifier, news)

    def delete(self, identifier: str, state: Properties) -> None:
        answer = self._api.send("DELETE", self.path(identifier, state))
        if answer.status >= 300 and answer.status != 404:
            raise ProviderError(
                f"failed to delete {self.token}: {described(answer)}"
            )

    def completed(
        self, identifier: str, answer: Json, inputs: Properties
    ) -> Properties:
        """Add the parts of the state that need further requests."""
        return self.state(answer, inputs)

    def _read(self, identifier: str, inputs: Properties) -> Properties:
        return self.completed(
            identifier,
            self._api.accepted("GET", self.path(identifier, inputs)),
            inputs,
        )


def text(value: Value) -> str:
    """As Keycloak keeps attributes and settings of mappers: a text, true and false included."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
