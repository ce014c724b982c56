"""Kong's and nginx's own answers, in the format that the client asks for.

Source: recorded answers of a Kong 3.10 (steps no-route, https-required, upstream-errors,
bad-request).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from sandbox.kong.http import Header, Response, reason

MESSAGES: Mapping[int, str] = {
    400: "Bad request",
    401: "Unauthorized",
    402: "Payment required",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    408: "Request timeout",
    411: "Length required",
    412: "Precondition failed",
    413: "Payload too large",
    414: "URI too long",
    415: "Unsupported media type",
    417: "Expectation failed",
    429: "Too many requests",
    494: "Request header or cookie too large",
    500: "An unexpected error occurred",
    502: "An invalid response was received from the upstream server",
    503: "The upstream server is currently unavailable",
    504: "The upstream server is timing out",
}
JSON = "application/json"
TEXT = "text/plain"
HTML = "text/html"
XML = "application/xml"
_KINDS = {
    JSON: JSON,
    TEXT: TEXT,
    HTML: HTML,
    XML: XML,
    "*/*": JSON,
    "application/*": JSON,
    "text/*": TEXT,
}
_TEMPLATES = {
    JSON: '{{\n  "message":"{message}",\n  "request_id":"{request_id}"\n}}',
    TEXT: "{message}\nrequest_id: {request_id}\n",
    HTML: """<!doctype html>
<html>
  <head>
    <meta charset="utf-8">
    <title>Error</title>
  </head>
  <body>
    <h1>Error</h1>
    <p>{message}.</p>
    <p>request_id: {request_id}</p>
  </body>
</html>
""",
    XML: """<?xml version="1.0" encoding="UTF-8"?>
<error>
  <message>{message}</message>
  <requestid>{request_id}</requestid>
</error>
""",
}


def _kind(accept: str | None, default: str) -> str:
    """Return the best known media type of an Accept header; JSON if it has none."""
    if accept is None:
        return default
    best = 0.0
    kind = JSON
    for part in accept.split(","):
        name, *parameters = (parameter.strip() for parameter in part.split(";"))
        quality = next(
            (
                float(parameter[2:])
                for parameter in parameters
                if re.fullmatch(r"q=\d*\.?\d+", parameter)
            ),
            1.0,
        )
        if "/" in name and quality > best:
            best = quality
            kind = _KINDS.get(name.lower(), JSON)
    return kind


def error_response(
    status: int,
    message: str | None,
    accept: str | None,
    request_id: str,
    headers: Iterable[Header] = (),
    default: str = JSON,
) -> Response:
    """Return an error as `kong.response.error` does, with Kong's words or `message`."""
    kind = _kind(accept, default)
    text = message or MESSAGES.get(
        status, f"The upstream server responded with {status}"
    )
    body = _TEMPLATES[kind].format(message=text, request_id=request_id)
    shown = 400 if status == 494 else status
    return Response(
        shown,
        (("Content-Type", f"{kind}; charset=utf-8"), *headers),
        body.encode("latin-1", "replace"),
    )


def nginx_error(status: int, accept: str | None, request_id: str) -> Response:
    """Return an error that nginx found: plain text if the client names no format, HTML if Kong has
    no page for it."""
    if status in MESSAGES and status not in (401, 402, 403, 415, 429):
        return error_response(status, None, accept, request_id, default=TEXT)
    return html_page(status)


def html_page(status: int, location: str | None = None) -> Response:
    """nginx's built-in page of a status. nginx uses 497 for plain HTTP on a TLS port, and shows it
    as 400."""
    why = (
        "The plain HTTP request was sent to HTTPS port" if status == 497 else ""
    )
    status = 400 if why else status
    heading = f"{status} {reason(status)}"
    title, line = (
        (f"{status} {why}", f"<center>{why}</center>\r\n")
        if why
        else (heading, "")
    )
    body = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{heading}</h1></center>\r\n{line}</body>\r\n</html>\r\n"
    )
    kind = "text/html" if status in (301, 302) else "text/html; charset=UTF-8"
    headers = (
        ("Content-Type", kind),
        *((("Location", location),) if location else ()),
    )
    return Response(status, headers, body.encode())
