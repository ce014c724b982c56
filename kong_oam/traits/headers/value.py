"""Headers of answers and requests, as a trait `headers` has them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypedDict

from kong_oam.access.data import Names, TextList, Texts
from kong_oam.traits.key import Key


class RequestYaml(TypedDict, total=False):
    """Changes to the headers of requests."""

    set: Texts


class ResponseYaml(RequestYaml, total=False):
    """Changes to the headers of answers."""

    remove: TextList


class HeadersYaml(TypedDict, total=False):
    """The properties of a trait `headers`. `preset`: `secure`."""

    preset: str
    response: ResponseYaml
    request: RequestYaml


@dataclass(frozen=True, slots=True)
class Headers:
    """Headers to change, with their names as written, each once.

    `set` and `remove`: of answers. `request`: of requests to the workload. `secure`: whether
    answers get the headers of the preset, too.
    """

    secure: bool = False
    set: Texts = field(default_factory=dict)
    remove: Names = ()
    request: Texts = field(default_factory=dict)


HEADERS: Key[Headers] = Key("headers", "edge.headers")


# Headers that the preset sets, replacing the workload's. Source: OWASP, HTTP Security Response
# Headers Cheat Sheet and REST Security Cheat Sheet; docs/reference/traits.md lists the differences
# and their reasons.
SECURE: Texts = {
    "Cross-Origin-Opener-Policy": "same-origin-allow-popups",
    "Cross-Origin-Resource-Policy": "same-site",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

# Headers that the preset adds. Browsers obey every policy of an answer, so the workload's stay in
# force.
ADDED: Texts = {"Content-Security-Policy": "frame-ancestors 'none'"}

# Headers that the preset removes, since they name the software.
REMOVED = ("Server", "X-AspNet-Version", "X-AspNetMvc-Version", "X-Powered-By")
