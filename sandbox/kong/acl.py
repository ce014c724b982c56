# ruff: noqa: ARG002 - the methods of OtherPlugin share their signatures
"""The plugin `acl`: its configuration only, for deployments without calls."""

from __future__ import annotations

from sandbox.kong.entities import Entity
from sandbox.kong.exchange import Exchange
from sandbox.kong.http import Response
from sandbox.kong.termination import json_response


class Acl:
    """Answers each call with 501."""

    priority = 950

    def access(self, exchange: Exchange, plugin: Entity) -> Response | None:
        message = "stand-in: acl is modelled in the Admin API only"
        return json_response(501, {"message": message})

    def header_filter(self, exchange: Exchange, plugin: Entity) -> None:
        pass

    def log(self, exchange: Exchange, plugin: Entity) -> None:
        pass
