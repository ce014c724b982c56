"""Entra ID as a kind of identity provider."""

from kong_oam.identity.common.kind import Kind
from kong_oam.identity.entra.assignments import PASSWORD, granted
from kong_oam.identity.entra.description import describe
from kong_oam.identity.entra.names import client_resource
from kong_oam.identity.entra.orphans import find
from kong_oam.identity.entra.preflight import inspect

ENTRA = Kind(
    "entra",
    describe,
    inspect,
    orphans=find,
    client_resource=client_resource,
    grants=granted,
    proofs={PASSWORD: "keyId"},
)
