"""Keycloak as a kind of identity provider."""

from kong_oam.identity.common.kind import Kind
from kong_oam.identity.keycloak.description import describe
from kong_oam.identity.keycloak.names import client_resource, grants, in_realm
from kong_oam.identity.keycloak.orphans import find
from kong_oam.identity.keycloak.preflight import inspect

KEYCLOAK = Kind(
    "keycloak",
    describe,
    inspect,
    orphans=find,
    client_id=lambda _, stack, component: in_realm(stack, component),
    client_resource=client_resource,
    grants=grants,
)
