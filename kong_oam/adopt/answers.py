"""The answer of an old Kong to a request of a caller.

The plugins of the route act in Kong's order on the state of the request: the consumer and its
credential. A plugin that the program does not know makes the answer unknown. The known plugins
still act, and `status` and `destination` are their answer.

Sources: the handlers of Kong's plugins, and kong/runloop/handler.lua; recorded answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from kong_oam.access.data import Names
from kong_oam.adopt.chain import Chains
from kong_oam.adopt.entities import (
    CallerKind,
    OldConsumer,
    OldKong,
    OldPlugin,
    OldRoute,
)
from kong_oam.adopt.path_text import escaped, normalized
from kong_oam.adopt.plugin_kinds import (
    AUTHENTICATION,
    BESIDE,
    CONDITIONS,
    FUNCTIONS,
    LATE_PHASES,
)
from kong_oam.adopt.requests import OldCaller, OldRequest
from kong_oam.adopt.router import Matched, OldRouter, as_bytes, upstream_path
from kong_oam.diagnostics import Position

Outcome = Literal["passes", "denied", "not-found", "unknown"]
_USUAL_PORTS = {"http": 80, "https": 443, "grpc": 80, "grpcs": 443}
# The headers that tell a workload about an authenticated consumer.
_CONSUMER_ID = "X-Consumer-ID"
_CUSTOM_ID = "X-Consumer-Custom-ID"
_USERNAME = "X-Consumer-Username"
_CREDENTIAL = "X-Credential-Identifier"
_ANONYMOUS = "X-Anonymous-Consumer"
_GROUPS = "X-Consumer-Groups"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an answer is unknown, and the place of the entity that causes it."""

    text: str
    position: Position


@dataclass(frozen=True, slots=True)
class Destination:
    """The address, the path and the Host header of a request at the workload.

    `host` is the service's host: a DNS name, an address, or the name of an upstream (then
    `upstream` is true). `path` is None if a plugin replaces it. `host_header` is None if it depends
    on the target, or if a plugin replaces it.
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
    itself; `not-found`: no route takes it (404); `unknown` for the `reasons`. Then the other fields
    are as if the unknown parts did nothing: with `status` 0 the request passes.

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
_REJECTED = OldAnswer("denied", 400)
_METHOD_REJECTED = OldAnswer("denied", 405)


@dataclass(slots=True)
class _State:
    """The state of a request while plugins act. `consumer` is a name; empty for no consumer."""

    consumer: str = ""
    credential: CallerKind | None = None
    is_anonymous: bool = False
    status: int = 0
    by: OldPlugin | None = None
    sends_credential: bool = True
    identity: dict[str, None] = field(default_factory=dict)
    networks: OldPlugin | None = None
    conditions: list[OldPlugin] = field(default_factory=list)
    also: list[OldPlugin] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)

    def deny(self, status: int, plugin: OldPlugin) -> None:
        """Answer the request, if no plugin before has answered it."""
        if not self.status:
            self.status = status
            self.by = plugin

    def doubt(self, text: str, position: Position) -> None:
        self.reasons.append(Reason(text, position))


class Answers:
    """An old Kong that answers requests."""

    def __init__(self, old: OldKong) -> None:
        self._old = old
        self.router = OldRouter(old)
        self.chains = Chains(old)
        self._by_id: dict[str, str] = {}
        for consumer in old.consumers:
            for name in (consumer.id, consumer.custom_id, consumer.username):
                if name:
                    self._by_id[name] = consumer.name

    def answer(
        self,
        request: OldRequest,
        caller: OldCaller,
        *,
        whole_class: bool = False,
    ) -> OldAnswer:
        """Answer a request of a caller. Never raises.

        With `whole_class`, the answer holds for all requests of the same class
        (kong_oam.adopt.classes), so expressions without a finite list of texts are unknown.
        """
        if request.is_rejected:
            is_trace = request.method == "TRACE"
            return _METHOD_REJECTED if is_trace else _REJECTED
        matches = self.router.match(request, whole_class=whole_class)
        if not matches:
            return _NOT_FOUND
        answers = [self.answer_at(match, request, caller) for match in matches]
        if matches[-1].doubts:
            answers.append(_NOT_FOUND)
        return _combined(answers, matches)

    def answer_at(
        self, match: Matched, request: OldRequest, caller: OldCaller
    ) -> OldAnswer:
        """Answer a request that a route takes."""
        route = match.route
        if route.is_grpc:
            reason = Reason(
                f"route '{route.name}' takes gRPC calls", route.position
            )
            return OldAnswer("unknown", route=route, reasons=(reason,))
        if request.scheme == "http" and "http" not in route.protocols:
            return OldAnswer("denied", route.redirect_status, route)
        state = _State()
        for name in route.unknown:
            state.doubt(
                f"route '{route.name}' has the field '{name}'", route.position
            )
        self._act(state, route, request, caller)
        if route.service is None:
            status = state.status or 503
            outcome: Outcome = "unknown" if state.reasons else "denied"
            return OldAnswer(
                outcome,
                status,
                route,
                by=state.by,
                reasons=tuple(state.reasons),
            )
        return self._answered(state, match, request)

    def _answered(
        self, state: _State, match: Matched, request: OldRequest
    ) -> OldAnswer:
        """Return the answer after all plugins have acted."""
        route = match.route
        outcome: Outcome = "denied" if state.status else "passes"
        service = route.service
        assert service is not None
        for name in service.unknown:
            state.doubt(
                f"service '{service.name}' has the field '{name}'",
                service.position,
            )
        if state.reasons:
            outcome = "unknown"
        answer = OldAnswer(
            outcome,
            state.status,
            route,
            networks=state.networks,
            conditions=tuple(state.conditions),
            also=tuple(state.also),
            by=state.by,
            reasons=tuple(state.reasons),
        )
        if state.status:
            return answer
        return replace(
            answer,
            destination=self._destination(state, match, request),
            identity=tuple(sorted(state.identity)),
            sends_credential=state.sends_credential
            and state.credential is not None,
        )

    def _act(
        self,
        state: _State,
        route: OldRoute,
        request: OldRequest,
        caller: OldCaller,
    ) -> None:
        """Let the plugins act, up to the first answer. Later functions cannot undo it."""
        for name in self.chains.names:
            self._doubt_groups(state, name)
            plugin = self.chains.instance(name, route, state.consumer)
            if plugin is None:
                continue
            if name in AUTHENTICATION:
                self._authenticate(state, plugin, request, caller)
            elif name == "acl":
                self._check_groups(state, plugin)
            else:
                _act_beside(state, plugin, request)
            if state.status:
                return

    def _doubt_groups(self, state: _State, name: str) -> None:
        """Instances for consumer groups take the place of others; limits do not decide."""
        consumer = self._old.consumer.get(state.consumer)
        if consumer is None or not consumer.consumer_groups or name in BESIDE:
            return
        for plugin in self.chains.of_groups(name, consumer.consumer_groups):
            state.doubt(f"{plugin.label} may act", plugin.position)

    def _authenticate(
        self,
        state: _State,
        plugin: OldPlugin,
        request: OldRequest,
        caller: OldCaller,
    ) -> None:
        config = plugin.config
        is_preflight = request.method == "OPTIONS"
        if is_preflight and config.get("run_on_preflight") is False:
            return
        anonymous = config.get("anonymous")
        if anonymous and state.credential is not None:
            # Another plugin has authenticated the caller, which is enough.
            return
        for name in plugin.unknown:
            state.doubt(
                f"{plugin.label} has the field '{name}'", plugin.position
            )
        _doubt_authentication(state, plugin, request, caller)
        if plugin.name in (caller.by, *caller.also) and (
            caller.consumer or plugin.name == "ldap-auth"
        ):
            self._accept(state, plugin, caller)
        elif anonymous:
            self._set_anonymous(state, plugin, str(anonymous))
        else:
            state.deny(401, plugin)

    def _accept(
        self, state: _State, plugin: OldPlugin, caller: OldCaller
    ) -> None:
        """Set the consumer of a valid credential."""
        if plugin.config.get("hide_credentials") is True:
            state.sends_credential = False
        state.is_anonymous = False
        if plugin.name == "ldap-auth":
            state.consumer = ""
            state.credential = "ldap-auth"
            state.identity = {_CREDENTIAL: None}
            return
        state.consumer = caller.consumer
        state.credential = caller.by
        state.identity = dict.fromkeys(self._headers_of(caller.consumer))
        state.identity[_CREDENTIAL] = None
        if plugin.name == "oauth2":
            # Only some tokens have a user.
            state.identity["X-Authenticated-Scope"] = None
            state.identity["X-Authenticated-UserId"] = None

    def _headers_of(self, name: str) -> Iterable[str]:
        consumer = self._old.consumer.get(name)
        yield _CONSUMER_ID
        if consumer is None or consumer.custom_id:
            yield _CUSTOM_ID
        if consumer is None or consumer.username:
            yield _USERNAME

    def _set_anonymous(
        self, state: _State, plugin: OldPlugin, anonymous: str
    ) -> None:
        name = self._by_id.get(anonymous)
        if name is None:
            if _is_placeholder_of(anonymous):
                state.doubt(
                    f"{plugin.label} has a placeholder in 'anonymous'",
                    plugin.position,
                )
            # Kong answers 500 without the anonymous consumer.
            state.deny(500, plugin)
            return
        state.consumer = name
        state.credential = None
        state.is_anonymous = True
        state.identity = dict.fromkeys(self._headers_of(name))
        state.identity[_ANONYMOUS] = None

    def _check_groups(self, state: _State, plugin: OldPlugin) -> None:
        """Decide by the ACL groups of the consumer."""
        config = plugin.config
        for name in plugin.unknown:
            state.doubt(
                f"{plugin.label} has the field '{name}'", plugin.position
            )
        if config.get("include_consumer_groups"):
            state.doubt(f"{plugin.label} asks consumer groups", plugin.position)
        denied = _texts(config.get("deny"))
        allowed = _texts(config.get("allow"))
        consumer = self._old.consumer.get(state.consumer)
        groups = consumer.groups if consumer else ()
        if consumer is None or (not groups and not denied):
            state.deny(403 if state.credential else 401, plugin)
            return
        is_member = not {*groups}.isdisjoint(denied or allowed)
        if is_member if denied else not is_member:
            state.deny(403, plugin)
            return
        if config.get("hide_groups_header") is not True:
            state.identity[_GROUPS] = None

    def _destination(
        self, state: _State, match: Matched, request: OldRequest
    ) -> Destination:
        service = match.route.service
        assert service is not None
        text = normalized(request.path)
        path: str | None = escaped(
            upstream_path(match, text, as_bytes(service.path))
        )
        upstream = self._old.upstream.get(service.host)
        if match.route.preserve_host:
            host = request.host
        elif upstream is not None:
            host = upstream.settings.get("host_header")
        else:
            host = _with_port(service.host, service.port, service.protocol)
        for plugin in state.also:
            if plugin.name != "request-transformer":
                continue
            replaced = plugin.config.get("replace") or {}
            if replaced.get("uri") is not None:
                path = None
            if "host" in map(str.lower, _texts(replaced.get("headers"))):
                host = None
        return Destination(
            service.protocol,
            service.host,
            service.port,
            upstream is not None,
            path,
            host,
        )


def answer(old: OldKong, request: OldRequest, caller: OldCaller) -> OldAnswer:
    """Answer a single request; use `Answers` for several."""
    return Answers(old).answer(request, caller)


def _texts(value: object) -> Names:
    if isinstance(value, list | tuple):
        return tuple(map(str, value))
    return ()


def _is_placeholder_of(text: str) -> bool:
    return "${" in text or "{{" in text


def _with_port(host: str, port: int | str, protocol: str) -> str:
    """Return the Host header that Kong sends to a service."""
    return host if port == _USUAL_PORTS.get(protocol) else f"{host}:{port}"


def _doubt_authentication(
    state: _State, plugin: OldPlugin, request: OldRequest, caller: OldCaller
) -> None:
    """Note the callers and paths that nobody but the plugin can judge."""
    if plugin.name == "ldap-auth" and caller.by == "ldap-auth":
        state.doubt(f"{plugin.label} asks a directory", plugin.position)
    if plugin.name == "oauth2":
        path = request.path.removesuffix("/")
        if path.endswith(("/oauth2/token", "/oauth2/authorize")):
            state.doubt(f"{plugin.label} issues tokens here", plugin.position)


def _act_beside(state: _State, plugin: OldPlugin, request: OldRequest) -> None:
    """Let a plugin act that is neither an authentication nor `acl`."""
    name = plugin.name
    if name == "ip-restriction":
        state.networks = plugin
    elif name in CONDITIONS:
        state.conditions.append(plugin)
    elif name == "request-termination":
        if plugin.config.get("trigger"):
            state.conditions.append(plugin)
        else:
            status = plugin.config.get("status_code", 503)
            state.deny(status if isinstance(status, int) else 503, plugin)
    elif name == "redirect":
        status = plugin.config.get("status_code", 301)
        state.deny(status if isinstance(status, int) else 301, plugin)
    elif name in BESIDE or (
        name in FUNCTIONS and LATE_PHASES.issuperset(plugin.other_config)
    ):
        state.also.append(plugin)
        _transform(state, plugin)
        if name == "cors" and _is_answered_preflight(plugin, request):
            state.deny(200, plugin)
        if name == "acme" and request.path.startswith("/.well-known/acme-"):
            state.doubt(f"{plugin.label} may answer", plugin.position)
    else:
        kind = "runs code" if name in FUNCTIONS else "may answer or change it"
        state.doubt(f"{plugin.label} {kind}", plugin.position)


def _is_answered_preflight(plugin: OldPlugin, request: OldRequest) -> bool:
    """Return whether `cors` answers the request in the workload's place."""
    if request.method != "OPTIONS" or request.headers is None:
        return False
    needed = {"origin", "access-control-request-method"}
    is_preflight = needed <= request.headers.keys()
    return is_preflight and plugin.config.get("preflight_continue") is not True


def _transform(state: _State, plugin: OldPlugin) -> None:
    """Remove the identity headers that `request-transformer` removes or renames."""
    if plugin.name != "request-transformer":
        return
    for part in ("remove", "rename"):
        names = _texts((plugin.config.get(part) or {}).get("headers"))
        removed = {name.lower() for name in names}
        for header in tuple(state.identity):
            if header.lower() in removed:
                del state.identity[header]
        if {"authorization", "apikey"} & removed:
            state.sends_credential = False


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
    # The last route is the answer without the conditions of the routes before it.
    chosen = answers[-1] if answers[-1] is not _NOT_FOUND else first
    return replace(chosen, outcome="unknown", reasons=tuple(reasons))


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


def consumers_by_groups(
    consumers: Iterable[OldConsumer],
) -> dict[Names, list[OldConsumer]]:
    """Return consumers by their ACL groups: an `acl` cannot tell consumers of equal groups
    apart."""
    by_groups: dict[Names, list[OldConsumer]] = {}
    for consumer in consumers:
        by_groups.setdefault(consumer.groups, []).append(consumer)
    return by_groups
