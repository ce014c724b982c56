"""The table's entries for CORS, and the CORS headers of an answer."""

from __future__ import annotations

from kong_oam.access.data import JsonObject, Texts
from kong_oam.access.model import Component, Estate
from kong_oam.access.origins import readable_requests
from kong_oam.access.paths import written
from kong_oam.kong.at_kong import AtKong
from kong_oam.traits.cors.value import CORS, Cors

_SENT = ("Authorization", "Content-Type")

# Headers that every allowed page may send, and headers of answers that it may read. The gateway
# itself sets the latter.
_EXPOSED = (
    "Retry-After",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "X-Kong-Request-Id",
)


def cors_entry(estate: Estate, component: Component) -> JsonObject:
    """Return the table's entries `cors` and `cors_answer`; nothing if the gateway does not handle
    CORS."""
    reading = readable_requests(estate, component)
    if reading is None:
        return {}
    by_origin = {}
    for origin, reach in reading.items():
        by_origin[origin] = {
            written(path): list(methods) for path, methods in reach.items()
        }
    return {"cors": by_origin, "cors_answer": _answer(component)}


def granted(component: Component, origin: str, asked: str | None) -> Texts:
    """Return the CORS headers of an answer for pages of the origin.

    `asked`: the method of a preflight; None: the answer to a call.
    """
    answer = _answer(component)
    headers = {"Access-Control-Allow-Origin": origin}
    if answer["credentials"]:
        headers["Access-Control-Allow-Credentials"] = "true"
    if asked is None:
        return {**headers, "Access-Control-Expose-Headers": answer["expose"]}
    return {
        **headers,
        "Access-Control-Allow-Methods": asked,
        "Access-Control-Allow-Headers": answer["headers"],
        "Access-Control-Max-Age": str(answer["max_age"]),
    }


def _answer(component: Component) -> JsonObject:
    cors = component.traits.get(CORS) or Cors()
    return {
        "credentials": cors.credentials,
        "expose": ", ".join(dict.fromkeys((*_EXPOSED, *cors.expose_headers))),
        "headers": ", ".join(dict.fromkeys((*_SENT, *cors.headers))),
        "max_age": cors.max_age,
    }


# Components without the trait have the entries too, if a browser client calls them (`cors_entry`).
AT_KONG = AtKong(
    CORS,
    scripts={
        "cors": {
            "access": ("origin", "preflight"),
            "header_filter": ("origin", "cors"),
        }
    },
)
