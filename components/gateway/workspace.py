"""Values of the estate's Kong workspace, from which services are made."""

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
    """An identity provider as the gateway knows it.

    `ring` is the id of the consumer that stands for all who have a token of it. `audiences` are
    those that the provider makes up, and `client_ids` those of this stack and of other partitions
    of the estate, both by component key.
    """

    address: Output[str]
    ring: Output[str]
    audiences: Mapping[str, Output[str]]
    client_ids: Mapping[str, Input[str]]


@dataclass(frozen=True, slots=True)
class Workspace:
    """What an estate has once in its Kong workspace, or finds there.

    `schemas` are those of Kong's plugins, by kind, and `authorities` the ids of its CA
    certificates, by fingerprint. `nobody` is the id of the consumer for calls without a token,
    `nowhere` the name of the Upstream that services lead to. `client_certificate` is the id of what
    is shown to workloads that ask for it. `before_authentication` comes before the plugins that
    verify tokens.
    """

    provider: kong.Provider
    schemas: Mapping[str, Schema]
    authorities: Texts
    nobody: Output[str]
    nowhere: Input[str]
    issuers: Mapping[str, TokenIssuer]
    client_certificate: Output[str] | None = None
    before_authentication: Predecessors = ()
