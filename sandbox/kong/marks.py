"""The plugins `correlation-id` and `bot-detection`, the latter without Kong's built-in list of
bots.

Source: recorded exchanges of a Kong 3.10 (steps correlation-id and bot-detection), and Kong's
documentation.
"""

from __future__ import annotations

import re
import uuid

from kong_rules.entities import Entity
from sandbox.kong.errors import error_response
from sandbox.kong.exchange import Exchange
from sandbox.kong.http import Response


class CorrelationId:
    """Gives each request a new id, unless the client sends an id."""

    priority = 100_001

    def __init__(self) -> None:
        self._worker = uuid.uuid4()
        self._count = 0

    def access(self, exchange: Exchange, plugin: Entity) -> Response | None:
        if not any(exchange.values(plugin["config"]["header_name"])):
            self._count += 1
            counted = f"{self._worker}#{self._count}"
            pattern = (
                counted
                if plugin["config"]["generator"] == "uuid#counter"
                else str(uuid.uuid4())
            )
            exchange.set_header(plugin["config"]["header_name"], pattern)
        return None

    def header_filter(self, exchange: Exchange, plugin: Entity) -> None:
        config = plugin["config"]
        if config["echo_downstream"]:
            exchange.set_response_header(
                config["header_name"],
                *exchange.values(config["header_name"])[:1],
            )

    def log(self, exchange: Exchange, plugin: Entity) -> None:
        pass


class BotDetection:
    """Denies callers by their User-Agent."""

    priority = 2500

    def access(self, exchange: Exchange, plugin: Entity) -> Response | None:
        agents = exchange.values("user-agent")
        config = plugin["config"]
        accept = exchange.request.header("accept")
        if len(agents) > 1:
            return error_response(
                400,
                "Only one User-Agent header allowed",
                accept,
                exchange.request_id,
            )
        agent = agents[0].strip() if agents else ""
        if not agent or any(
            re.search(pattern, agent) for pattern in config["allow"]
        ):
            return None
        denied = any(re.search(pattern, agent) for pattern in config["deny"])
        return (
            error_response(403, None, accept, exchange.request_id)
            if denied
            else None
        )

    def header_filter(self, exchange: Exchange, plugin: Entity) -> None:
        pass

    def log(self, exchange: Exchange, plugin: Entity) -> None:
        pass
