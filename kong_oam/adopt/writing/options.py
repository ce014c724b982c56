"""The answers that a Kong in use cannot give: hosts, dates and names."""

from __future__ import annotations

from dataclasses import dataclass

from kong_oam.access.data import Names


@dataclass(frozen=True, slots=True)
class Options:
    """`hosts`: for routes without a host. `until`: the last day of public rules and old
    credentials. `as_of`: the current day (both YYYY-MM-DD).

    `issuer`: the address of an OpenID Connect issuer; empty: the reader writes the provider.
    `scheme`: of calls to the gateway. `ca`: the certificates that verify https services (PEM);
    empty: the reader adds them.
    `closes`: also expose a path whose exposure closes other routes.
    `deck`: the read decK files, relative to the folder of the written files.
    """

    hosts: Names
    until: str
    as_of: str
    application: str = "kong"
    stack: str = "prod"
    owner: str = "platform"
    issuer: str = ""
    ca: str = ""
    scheme: str = "https"
    admin_url: str = ""
    closes: bool = False
    deck: Names = ()
