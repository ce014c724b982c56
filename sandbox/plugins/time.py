# ruff: noqa: ARG002 - the methods of Resource share their signatures
"""The stand-in for pulumiverse's time plugin: `Sleep`, which the settle step needs.

Behaves as terraform-provider-time's `time_sleep`: waits `createDuration` on create and
`destroyDuration` on delete; a changed duration alone updates without waiting; changed `triggers`
replace. Its id is the time of creation (RFC 3339).
"""

import re
import threading
from datetime import UTC, datetime
from importlib import metadata
from typing import Final

from sandbox.plugins.provider import (
    Difference,
    Found,
    Plugin,
    ProviderError,
    Resource,
    run,
)
from sandbox.plugins.values import Properties

_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h))+")


def seconds(duration: str) -> float:
    """Return a Go duration such as "1.5s" or "1m30s", in seconds. Raises ProviderError for anything
    else.

    The provider takes the units ms, s, m and h (terraform-provider-time, schema of
    `create_duration`).
    """
    if not _DURATION.fullmatch(duration):
        raise ProviderError(
            f"{duration!r} is no duration: it must be a number immediately followed by ms, s, m or "
            "h, as in 30s"
        )
    return sum(
        float(number) * _UNITS[unit]
        for number, unit in re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", duration)
    )


class Sleep(Resource):
    """A wait between its dependencies and its dependents."""

    token = "time:index/sleep:Sleep"
    replaces = frozenset({"triggers"})

    def __init__(self, cancelled: threading.Event) -> None:
        self._cancelled = cancelled

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        self._wait(inputs.get("createDuration"))
        return datetime.now(UTC).isoformat(timespec="seconds").replace(
            "+00:00", "Z"
        ), dict(inputs)

    def read(
        self, identifier: str, inputs: Properties, state: Properties
    ) -> Found | None:
        return Found(inputs, state)

    def update(
        self, identifier: str, state: Properties, news: Properties
    ) -> Properties:
        return dict(news)

    def delete(self, identifier: str, state: Properties) -> None:
        self._wait(state.get("destroyDuration"))

    def differences(
        self, state: Properties, old_inputs: Properties, news: Properties
    ) -> Difference:
        for key in ("createDuration", "destroyDuration"):
            if isinstance(news.get(key), str):
                seconds(news[key])
        return super().differences(state, old_inputs, news)

    def _wait(self, duration: str | None) -> None:
        if duration and self._cancelled.wait(seconds(duration)):
            raise ProviderError("the wait was cancelled")


def plugin() -> Plugin:
    """Return the plugin, unconfigured: it takes no configuration."""
    cancelled = threading.Event()
    resources = {Sleep.token: Sleep(cancelled)}
    version = metadata.version("pulumiverse-time")
    return Plugin(
        "time",
        version,
        lambda _: None,
        resources.__getitem__,
        cancelled=cancelled,
    )


def main() -> None:
    """Serve the plugin until the engine ends it."""
    run(plugin())
