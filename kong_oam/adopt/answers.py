"""The answer of an old Kong to a request of a caller.

The router chooses a route, and the plugins of the route act in Kong's order. A plugin that the
program does not know makes the answer unknown. The known plugins still act, and `status` and
`destination` are their answer.

Sources: kong/runloop/handler.lua and kong/runloop/balancer/init.lua; recorded answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from kong_oam.access.data import Names
from kong_oam.adopt.acting import Consumers, Reason, State, texts
from kong_oam.adopt.chain import Chains
from kong_oam.adopt.entities import (
    OldKong,
    OldPlugin,
    OldRoute,
    OldUpstream,
)
from kong_oam.adopt.path_text import escaped, normalized
from kong_oam.adopt.plugin_kinds import BESIDE
from kong_oam.adopt.requests import OldCaller, OldRequest
from kong_oam.adopt.router import Matched, OldRouter, as_bytes, upstream_path

Outcome = Literal["passes", "denied", "not-found", "unknown"]

# A path without templates and escapes.
_PLAIN_PATH = re.compile(r"/[A-Za-z0-9._~/-]*\Z")
_USUAL_PORTS = {"http": 80, "https": 443, "grpc": 80, "grpcs": 443}


@dataclass(frozen=True, slots=True)
class Destination:
    """The address, the path and the Host header of a request at the workload.

    `host` is the service's host: a DNS name, an address, or the name of an upstream (then
    `upstream` is true). `path` is None if a plugin replaces it. `host_header` is None if it differs
    between targets, or if a plugin replaces it.
    """

    protocol: str
    host: str
    port: int | str
    upstream: bool
    path: str | None
    host_header: str | None


@dataclass(frozen=True, slots=True)
class OldAnswer:
    """The answer to a request.

    `outcome`: `passes` to `destination`; `denied` with `status`, by the plugin `by` or by Kong
    itself; `not-found`: no route takes it (404); `unknown` for the `reasons`. An unknown answer has
    the other fields as if the unknown parts did nothing: with `status` 0 the request passes.

    `identity`: names of identity headers that the workload gets. `sends_credential`: the workload
    gets the caller's credential. `networks`: the `ip-restriction` that denies some addresses.
    `conditions`: other plugins that deny some requests. `also`: plugins that act and do not decide,
    in order.
    """

    outcome: Outcome
    status: int = 0
    route: OldRoute | None = None
    destination: Destination | None = None
    identity: Names = ()
    sends_credential: bool = False
    networks: OldPlugin | None = None
    conditions: tuple[OldPlugin, ...] = ()
    also: tuple[OldPlugin, ...] = ()
    by: OldPlugin | None = None
    reasons: tuple[Reason, ...] = ()


_NOT_FOUND = OldAnswer("not-found", 404)


class Answers:
    """An old Kong that answers requests."""

    def __init__(self, old: OldKong) -> None:
        self._old = old
        self._consumers = Consumers(old)
        self.router = OldRouter(old)
        self.chains = Chains(old)

    def answer(
        self,
        request: OldRequest,
        caller: OldCaller,
        *,
        whole_class: bool = False,
    ) -> OldAnswer:
        """Answer a request of a caller. Never raises.

        With `whole_class`, the answer holds for all requests of its class (kong_oam.adopt.classes).
        Then routes with expressions beyond a list of texts are unknown.
        """
        if request.is_rejected:
            # By nginx, before Kong sees the request.
            status = 405 if request.method == "TRACE" else 400
            return OldAnswer("denied", status)
        matches = self.router.match(request, whole_class=whole_class)
        return self.answer_of(matches, request, caller)

    def answer_of(
        self,
        matches: tuple[Matched, ...],
        request: OldRequest,
        caller: OldCaller,
    ) -> OldAnswer:
        """Answer a request for the routes that may take it."""
        if not matches:
            return _NOT_FOUND
        answers = [self._answer_at(match, request, caller) for match in matches]
        if matches[-1].doubts and not matches[-1].is_tie:
            # It is possible that no route takes the request.
            answers.append(_NOT_FOUND)
        return _combined(answers, matches)

    def _answer_at(
        self, match: Matched, request: OldRequest, caller: OldCaller
    ) -> OldAnswer:
        route = match.route
        if route.is_grpc:
            text = f"route '{route.name}' takes gRPC calls"
            reasons = (Reason(text, route.position),)
            return OldAnswer("unknown", route=route, reasons=reasons)
        if request.scheme == "http" and "http" not in route.protocols:
            return OldAnswer("denied", route.redirect_status, route)
        state = State(self._consumers, request, caller)
        for name in route.unknown:
            text = f"route '{route.name}' has the field '{name}'"
            state.doubt(text, route.position)
        self._act(state, route)
        service = route.service
        if service is None:
            # Kong answers in place of the missing service.
            state.status = state.status or 503
        else:
            for name in service.unknown:
                text = f"service '{service.name}' has the field '{name}'"
                state.doubt(text, service.position)
        return self._answered(state, match)

    def _act(self, state: State, route: OldRoute) -> None:
        """Let the plugins act, up to the first answer."""
        for name in self.chains.names:
            self._doubt_groups(state, name)
            plugin = self.chains.instance(name, route, state.consumer)
            if plugin is not None:
                state.act(plugin)
            if state.status:
                return

    def _doubt_groups(self, state: State, name: str) -> None:
        """Note instances for consumer groups, which take the place of others. Limits do not
        decide."""
        consumer = self._consumers.named(state.consumer)
        if consumer is None or not consumer.consumer_groups or name in BESIDE:
            return
        for plugin in self.chains.of_groups(name, consumer.consumer_groups):
            state.doubt(f"{plugin.label} may act", plugin.position)

    def _answered(self, state: State, match: Matched) -> OldAnswer:
        """Return the answer after all plugins have acted."""
        outcome: Outcome = "denied" if state.status else "passes"
        if state.reasons:
            outcome = "unknown"
        answer = OldAnswer(
            outcome,
            state.status,
            match.route,
            networks=state.networks,
            conditions=tuple(state.conditions),
            also=tuple(state.also),
            by=state.by,
            reasons=tuple(state.reasons),
        )
        if state.status:
            return answer
        has_credential = state.credential is not None
        return replace(
            answer,
            destination=self._destination(state, match),
            identity=tuple(sorted(state.identity)),
            sends_credential=has_credential and not state.hides_credential,
        )

    def _destination(self, state: State, match: Matched) -> Destination:
        service = match.route.service
        assert service is not None
        text = normalized(state.request.path)
        joined = upstream_path(match, text, as_bytes(service.path))
        path: str | None = escaped(joined)
        upstream = self._old.upstream.get(service.host)
        if match.route.preserve_host:
            host = state.request.host
        elif upstream is not None:
            host = _host_of_targets(upstream, service.protocol)
        else:
            host = with_port(service.host, service.port, service.protocol)
        replaced = _replaced(state.also)
        if "uri" in replaced:
            path = _path_for_all(state.also)
        return Destination(
            service.protocol,
            service.host,
            service.port,
            upstream is not None,
            path,
            None if "host" in replaced else host,
        )


def answer(old: OldKong, request: OldRequest, caller: OldCaller) -> OldAnswer:
    """Answer a single request; use `Answers` for several."""
    return Answers(old).answer(request, caller)


def with_port(host: str, port: int | str, protocol: str) -> str:
    """Return the Host header that Kong sends to a service."""
    return host if port == _USUAL_PORTS.get(protocol) else f"{host}:{port}"


def _host_of_targets(upstream: OldUpstream, protocol: str) -> str | None:
    """Return the Host header that all targets get, or None if targets get different headers."""
    if upstream.settings.get("use_srv_name"):
        return None
    hosts = set()
    for target in upstream.active_targets:
        host, _, port = target.target.rpartition(":")
        name = upstream.settings.get("host_header") or host
        number = int(port) if port.isdecimal() else port
        hosts.add(with_port(name, number, protocol))
    return hosts.pop() if len(hosts) == 1 else None


def _path_for_all(also: Iterable[OldPlugin]) -> str | None:
    """Return the path to which plugins of a service or route send all its requests, or None if a
    template decides it."""
    for plugin in also:
        if plugin.name == "request-transformer" and not plugin.is_global:
            path = str(plugin.config.get("replace", {}).get("uri"))
            return path if _PLAIN_PATH.match(path) else None
    return None


def only_replaces_path(plugin: OldPlugin) -> bool:
    """Return whether a `request-transformer` changes nothing but the path."""
    if plugin.name != "request-transformer" or plugin.other_config:
        return False
    changed = []
    for kind, parts in plugin.config.items():
        changed += [(kind, part) for part, value in parts.items() if value]
    return changed == [("replace", "uri")]


def _replaced(also: Iterable[OldPlugin]) -> set[str]:
    """Return `uri` and `host` if a `request-transformer` replaces them."""
    replaced = set()
    for plugin in also:
        if plugin.name == "request-transformer":
            parts = plugin.config.get("replace") or {}
            if parts.get("uri") is not None:
                replaced.add("uri")
            replaced.update(map(str.lower, texts(parts.get("headers"))))
    return replaced


def _combined(
    answers: list[OldAnswer], matches: tuple[Matched, ...]
) -> OldAnswer:
    """Return the first answer if all routes that may take the request answer alike.

    Otherwise, the answer is unknown.
    """
    first = answers[0]
    if all(_is_same(first, other) for other in answers[1:]):
        return first
    reasons = list(first.reasons)
    for match in matches:
        for doubt in match.doubts:
            text = f"route '{match.route.name}' is not certain: {doubt}"
            reasons.append(Reason(text, match.route.position))
    # The last route answers if the conditions of the routes before it are not met.
    last = next(answer for answer in reversed(answers) if answer.route)
    return replace(last, outcome="unknown", reasons=tuple(reasons))


def _is_same(first: OldAnswer, other: OldAnswer) -> bool:
    """Return whether two answers of different routes are the same to caller and workload."""
    if first.outcome == "unknown" or other.outcome != first.outcome:
        return False
    if first.outcome in ("denied", "not-found"):
        return first.status == other.status
    return (
        first.destination == other.destination
        and first.identity == other.identity
        and first.networks == other.networks
        and first.conditions == other.conditions
        and first.sends_credential == other.sends_credential
    )
