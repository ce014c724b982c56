"""Values of the estate's Kong workspace, as inputs of services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi_kong as kong
from pulumi import Input, Output

from kong_oam.kong.plugins import Schema
from kong_oam.oam.position import Texts

from ..graph import Predecessors


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """An identity provider in the gateway.

    `ring` is the id of the consumer for all callers with its tokens. `audiences` are values that
    the provider chooses. `client_ids` are the clients of this stack and of other partitions. Both
    are by component key.
    """

    address: Output[str]
    ring: Output[str]
    audiences: Mapping[str, Output[str]]
    client_ids: Mapping[str, Input[str]]


@dataclass(frozen=True, slots=True)
class Workspace:
    """The shared objects of an estate in its Kong workspace.

    `schemas` describe Kong's plugins, by kind; `authorities` are the ids of its CA certificates, by
    fingerprint. `anonymous` is the id of the consumer for calls without a token. `nowhere` is the
    name of the empty Upstream. `client_certificate` is the id of Kong's certificate for workloads
    that ask for it. `before_authentication` are resources before the plugins that verify tokens.
    """

    provider: kong.Provider
    schemas: Mapping[str, Schema]
    authorities: Texts
    anonymous: Output[str]
    nowhere: Input[str]
    issuers: Mapping[str, TokenIssuer]
    client_certificate: Output[str] | None = None
    before_authentication: Predecessors = ()
