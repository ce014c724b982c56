"""The CA certificates of a Kong, and the fields by which stacks are compared."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from kong_oam.access.sites import SitesByPort
from kong_oam.kong import preflight
from kong_oam.kong.account import Account
from kong_oam.kong.preflight import PreflightError
from kong_oam.traits.upstream_tls.at_kong import authorities
from sandbox.kong import Kong
from tests.support.estates import STACK, api, estate
from tests.support.workload_tls import authority


def test_a_ca_is_known_by_what_it_is() -> None:
    """The fingerprint is computed, not read from Kong. Invalid certificates are skipped."""
    ca = authority("ca")
    rows = [
        {"id": "1", "cert": "nothing", "cert_digest": "a"},
        {"id": "2", "cert": ca.certificate, "cert_digest": "b"},
        {"id": "3"},
    ]
    assert authorities(rows) == {ca.fingerprint: "2"}


def test_stacks_are_compared_whatever_they_speak() -> None:
    """A stack with a client certificate and a stack without have the same port of the same
    component."""
    text = api() + "        - {type: upstream-tls, properties: {}}\n"
    names = [
        [
            *SitesByPort(
                estate(text, stack=replace(STACK, upstream_tls=tls))
            ).names()
        ]
        for tls in ("tls", "mtls")
    ]  # type: ignore[arg-type]
    assert names == [["orders/api:8080"], ["orders/api:8080"]]


def test_a_ca_that_kong_lacks_is_said_with_the_command_that_loads_its_file() -> (
    None
):
    """The command names the real file, in words that a shell reads as they are."""
    ca = authority("workloads")
    with Kong() as kong, pytest.raises(PreflightError) as raised:
        preflight.inspect(
            Account(kong.admin_url),
            ca=[ca.fingerprint],
            ca_file="stacks/the workloads' CA.pem",
        )
    message, _, command = str(raised.value).partition("; load it: ")
    assert f"with SHA-256 {ca.fingerprint[:16]}..." in message
    assert shlex.split(command) == [
        *("curl", "-F", "cert=<stacks/the workloads' CA.pem"),
        "$KONG_ADMIN_ADDR/ca_certificates",
    ]
