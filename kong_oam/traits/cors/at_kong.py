"""What the gateway says to browsers of pages of other origins, as the table has it, and as an
answer has it."""

from __future__ import annotations

from kong_oam.access.data import JsonObject, Texts
from kong_oam.access.model import Component, Estate
from kong_oam.access.origins import readers
from kong_oam.access.paths import written
from kong_oam.kong.at_kong import AtKong
from kong_oam.traits.cors.value import CORS, Cors

_SENT = ("Authorization", "Content-Type")

# Headers that pages may send, and read, whatever a trait says: of answers, what the
# gateway itself tells callers.
_EXPOSED = (
    "Retry-After",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "X-Kong-Request-Id",
)


def cors_entry(estate: Estate, component: Component) -> JsonObject:
    """Return the table's entries on whose pages may read which answers, and what these are told;
    nothing where the gateway has no part in it."""
    reading = readers(estate, component)
    if reading is None:
        return {}
    by_origin = {}
    for origin, reach in reading.items():
        by_origin[origin] = {
            written(path): list(methods) for path, methods in reach.items()
        }
    return {"cors": by_origin, "cors_answer": _answer(component)}


def granted(component: Component, origin: str, asked: str | None) -> Texts:
    """Return the headers of an answer that pages of the origin may read. `asked`: the method that a
    preflight asks about, None for an answer to a call."""
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


# The entries are there without the trait as well, for pages of browser clients
# (`cors_entry`).
AT_KONG = AtKong(
    CORS,
    scripts={
        "cors": {
            "access": ("origin", "preflight"),
            "header_filter": ("origin", "cors"),
        }
    },
)
