"""Okta as a kind of identity provider."""

from kong_oam.identity.common.kind import Kind
from kong_oam.identity.okta.description import describe
from kong_oam.identity.okta.names import client_id, client_resource, grants
from kong_oam.identity.okta.orphans import find
from kong_oam.identity.okta.preflight import inspect

OKTA = Kind(
    "okta",
    describe,
    inspect,
    orphans=find,
    client_id=lambda _, stack, component: client_id(stack, component),
    client_resource=client_resource,
    grants=grants,
)
