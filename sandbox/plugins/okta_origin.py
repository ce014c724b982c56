# ruff: noqa: ARG002 - the methods of Resource share their signatures
"""Trusted origins of Okta.

The recorded official plugin (6.8.0) has another schema of them (`active`, scopes as words). This is
the schema of the installed SDK's version. It follows the source of the provider
(resource_okta_trusted_origin.go). Answers of POST and PUT are the state, nothing is read after
them, and a status is a member of the PUT.
"""

from collections.abc import Iterator
from typing import Any

from sandbox.plugins import sdk
from sandbox.plugins.okta_api import OktaObject, given
from sandbox.plugins.provider import ProviderError
from sandbox.plugins.values import Properties, Value

_ORIGINS = "/api/v1/trustedOrigins"
_OF_THE_SERVER = ("created", "createdBy", "lastUpdated", "lastUpdatedBy")


class Origin(OktaObject):
    """okta:trustedorigin/origin:Origin."""

    token = "okta:trustedorigin/origin:Origin"
    gone_is_deleted = True
    computed = frozenset(_OF_THE_SERVER)
    sticky = frozenset({"name", "status"})

    def problems(self, inputs: Properties) -> Iterator[sdk.Problem]:
        yield from sdk.problems(self.token, inputs)
        if not inputs.get("scopes"):
            yield sdk.Problem(
                "scopes",
                "Attribute scopes list must contain at least 1 elements, got: 0",
            )

    def collection(self, inputs: Properties) -> str:
        return _ORIGINS

    def body(self, inputs: Properties) -> dict[str, Value]:
        scopes = [
            given(
                type=scope.get("type"),
                allowedOktaApps=scope.get("allowedOktaApps"),
            )
            for scope in inputs["scopes"]
        ]
        return {
            "name": inputs.get("name"),
            "origin": inputs["origin"],
            "scopes": scopes,
        }

    def state(self, answer: Any, inputs: Properties) -> Properties:
        scopes = [
            given(
                type=scope["type"], allowedOktaApps=scope.get("allowedOktaApps")
            )
            for scope in answer["scopes"]
        ]
        names = ("name", "origin", "status", *_OF_THE_SERVER)
        return {"scopes": scopes, **{name: answer.get(name) for name in names}}

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        """Create the origin. Okta makes it active, and the provider notices another requested
        status too late."""
        made = self._api.accepted("POST", _ORIGINS, self.body(inputs))
        state = self.state(made, inputs)
        if inputs.get("status", state["status"]) != state["status"]:
            raise ProviderError(
                "Provider produced inconsistent result after apply: .status"
            )
        return str(made["id"]), state

    def update(
        self, identifier: str, state: Properties, news: Properties
    ) -> Properties:
        body = {
            **self.body(news),
            **given(status=news.get("status") or state.get("status")),
        }
        return self.state(
            self._api.accepted("PUT", f"{_ORIGINS}/{identifier}", body), news
        )
