"""Okta's own API description as JSON Schemas, to check the stand-in's answers.

The description is OpenAPI 3.0, whose schema dialect differs from JSON Schema in two relevant ways:
`nullable` and discriminators. An app is checked as `Application` and as `OpenIdConnectApplication`,
which its discriminator names.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator, FormatChecker

from tests.support.json_object import JsonObject
from tests.support.repository import DATA


def shared(name: str) -> Path:
    """Return a file of the shared data beside the project; skip the test with a reason where it is
    missing."""
    path = DATA / "okta" / name
    if not path.exists():
        pytest.skip(f"no {name} in ../shared/data/okta")
    return path


def _plain(schema: Any) -> Any:
    """Return the schema in JSON Schema draft 4, which OpenAPI 3.0 extends."""
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    plain = {
        name: _plain(part)
        for name, part in schema.items()
        if name not in ("nullable", "discriminator", "example")
    }
    if schema.get("nullable") is True:
        return {"anyOf": [{"type": "null"}, plain]}
    return plain


class Description:
    """The answers that each operation of the description allows."""

    def __init__(self, document: JsonObject) -> None:
        schemas = _plain(document["components"]["schemas"])
        self._components = {
            "schemas": schemas,
            "responses": _plain(document["components"].get("responses", {})),
        }
        self._operations = [
            (
                method.upper(),
                re.compile(re.sub(r"\{\w+\}", "[^/]+", path)),
                operation["responses"],
            )
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
            if method != "parameters"
        ]
        # A literal path such as /groups/rules goes before a path with a parameter in that place.
        self._operations.sort(
            key=lambda operation: operation[1].pattern.count("[^/]+")
        )

    def responses(self, method: str, path: str) -> JsonObject | None:
        """Return the answers of an operation by status, or None if the description lacks
        it."""
        for candidate, pattern, responses in self._operations:
            if candidate == method and pattern.fullmatch(path):
                return dict(responses)
        return None

    def errors(
        self, method: str, path: str, status: int, body: Any
    ) -> list[str]:
        """Return the problems of an answer: its parts that the description does not allow."""
        responses = self.responses(method, path)
        assert responses is not None, (
            f"{method} {path} is not in the description"
        )
        if str(status) not in responses:
            return [f"status {status} is not among {sorted(responses)}"]
        response = responses[str(status)]
        if "$ref" in response:
            response = self._components["responses"][
                response["$ref"].rpartition("/")[2]
            ]
        content = (
            response.get("content", {})
            .get("application/json", {})
            .get("schema")
        )
        if content is None:
            return (
                []
                if body in (None, {})
                else [f"a body where none is described: {body}"]
            )
        found = self._complaints(_plain(content), body)
        for app in body if isinstance(body, list) else [body]:
            if (
                isinstance(app, dict)
                and app.get("signOnMode") == "OPENID_CONNECT"
            ):
                found += self._complaints(
                    {"$ref": "#/components/schemas/OpenIdConnectApplication"},
                    app,
                )
        return found

    def _complaints(self, schema: Any, body: Any) -> list[str]:
        whole = {"allOf": [schema], "components": self._components}
        found = Draft4Validator(
            whole, format_checker=FormatChecker()
        ).iter_errors(body)
        return [
            f"{'/'.join(map(str, error.path))}: {error.message}"
            for error in found
        ]


@cache
def description() -> Description:
    """Return Okta's management API, from ../shared/data/okta/management-api.json."""
    return Description(json.loads(shared("management-api.json").read_text()))
