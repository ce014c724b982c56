"""Headers of answers and requests, as a trait `headers` has them."""

from __future__ import annotations

from dataclasses import dataclass, field

from kong_oam.access.data import Names, Texts
from kong_oam.traits.key import Key


@dataclass(frozen=True, slots=True)
class Headers:
    """`set` and `remove` are of answers, `request` is what the workload is told; names as they are
    written, each once.

    `secure`: whether answers have the headers of the preset, too.
    """

    secure: bool = False
    set: Texts = field(default_factory=dict)
    remove: Names = ()
    request: Texts = field(default_factory=dict)


HEADERS: Key[Headers] = Key("headers", "edge.headers")


# What the preset sets in place of what the workload says.
#
# Source: OWASP, HTTP Security Response Headers Cheat Sheet and REST Security Cheat
# Sheet; docs/reference/traits.md says where this differs, and why.
SECURE: Texts = {
    "Cross-Origin-Opener-Policy": "same-origin-allow-popups",
    "Cross-Origin-Resource-Policy": "same-site",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

# What the preset adds: browsers keep to every policy of an answer, so that none of the
# workload's becomes weaker.
ADDED: Texts = {"Content-Security-Policy": "frame-ancestors 'none'"}

# What the preset removes: which software answered.
REMOVED = ("Server", "X-AspNet-Version", "X-AspNetMvc-Version", "X-Powered-By")
