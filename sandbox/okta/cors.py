"""CORS at the token endpoint: pages from the org's trusted origins may read its answers.

The token is issued in any case: without the header the browser hides the answer from the page. Not
modelled: other endpoints that pages may call, and other headers of Okta's preflight answer.

Sources: Okta's guide "Enable CORS"; WHATWG Fetch, section 3.2 (CORS protocol).
"""

from dataclasses import replace

from sandbox.okta.answers import Answer, Request
from sandbox.okta.org import Org

_ASKED = "access-control-request-headers"


def preflight(_org: Org, request: Request) -> Answer:
    """Answer OPTIONS with the allowed methods and headers; `marked` adds the allowed origin."""
    headers = {"Access-Control-Allow-Methods": "POST, OPTIONS"}
    if asked := request.headers.get(_ASKED):
        headers["Access-Control-Allow-Headers"] = asked
    return Answer(200, None, headers)


def marked(org: Org, path: str, origin: str | None, answer: Answer) -> Answer:
    """Return the answer with CORS headers if a page from `origin` may read it (None: no page)."""
    if (
        not path.startswith("/oauth2/")
        or not path.endswith("/v1/token")
        or origin is None
    ):
        return answer
    headers = {"Vary": "Origin"}
    if _trusted(org, origin):
        headers |= {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Credentials": "true",
        }
    return replace(answer, headers={**answer.headers, **headers})


def _trusted(org: Org, origin: str) -> bool:
    """Return whether pages from an origin may call. Inactive origins, and origins for redirects
    only, may not."""
    return any(
        row["origin"] == origin
        and row["status"] == "ACTIVE"
        and {"type": "CORS"} in row["scopes"]
        for row in org.rows("trustedOrigins")
    )
