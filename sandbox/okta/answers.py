"""The results of handlers, and the errors of Okta's management API with their codes.

    ApiError                an errorCode, its HTTP status and errorCauses
      bad_token()           E0000011, 401
      not_found()           E0000007, 404
      invalid()             E0000001, 400

Source: the `Error` schema of management-api.json and Okta's list of error codes
(developer.okta.com, "Okta API error codes").
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.edges import Json
from sandbox.okta.checks import Check


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: status, JSON body (None: no body at all) and additional headers."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """A parsed HTTP request.

    `place` holds the ids in the path, and `query` the last value of each query parameter. `body` is
    the JSON object of a management request, or the form of an OAuth request. Names in `headers` are
    lower-case.
    """

    method: str
    path: str
    place: Mapping[str, str]
    query: Mapping[str, str]
    body: Json
    headers: Mapping[str, str]


class ApiError(Exception):
    """An error of the management API: HTTP status, errorCode, errorSummary and errorCauses."""

    def __init__(
        self, status: int, code: str, summary: str, causes: tuple[str, ...] = ()
    ) -> None:
        super().__init__(f"{code} {summary} {'; '.join(causes)}")
        self.status = status
        self.code = code
        self.summary = summary
        self.causes = causes

    def answer(self) -> Answer:
        """The body as Okta's `Error` schema has it; `errorId` is new each time."""
        body = {
            "errorCode": self.code,
            "errorSummary": self.summary,
            "errorLink": self.code,
            "errorId": f"oae{secrets.token_urlsafe(16)}",
            "errorCauses": [{"errorSummary": cause} for cause in self.causes],
        }
        return Answer(self.status, body)


def bad_token() -> ApiError:
    """The API token is missing or wrong."""
    return ApiError(401, "E0000011", "Invalid token provided")


def not_found(key: str, kind: str) -> ApiError:
    """No object of that id; `kind` is Okta's internal name, which it shows."""
    return ApiError(
        404, "E0000007", f"Not found: Resource not found: {key} ({kind})"
    )


def invalid(*causes: str) -> ApiError:
    """Return the error for an invalid body; each cause is `<field>: <problem>`."""
    where = causes[0].partition(":")[0]
    return ApiError(400, "E0000001", f"Api validation failed: {where}", causes)


def require(check: Check, body: Json) -> None:
    """Raise an error with every complaint of `check` about `body`, if there is any."""
    causes = tuple(check(body, ""))
    if causes:
        raise invalid(*causes)
