"""The state of a request while the plugins of its route act on it.

Sources: the handlers of Kong's plugins (kong/plugins/*/handler.lua); recorded answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from kong_oam.access.data import Names
from kong_oam.adopt.entities import CallerKind, OldConsumer, OldKong, OldPlugin
from kong_oam.adopt.fields import is_placeholder
from kong_oam.adopt.plugin_kinds import (
    AUTHENTICATION,
    BESIDE,
    CONDITIONS,
    FUNCTIONS,
    LATE_PHASES,
)
from kong_oam.adopt.requests import OldCaller, OldRequest
from kong_oam.diagnostics import Position

# The headers that tell a workload about an authenticated consumer.
_CONSUMER_ID = "X-Consumer-ID"
_CUSTOM_ID = "X-Consumer-Custom-ID"
_USERNAME = "X-Consumer-Username"
_CREDENTIAL = "X-Credential-Identifier"
_ANONYMOUS = "X-Anonymous-Consumer"
CONSUMER_GROUPS = "X-Consumer-Groups"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an answer is unknown, and the place of the entity that causes it."""

    text: str
    position: Position


class Consumers:
    """The consumers of a Kong, by name, username, custom id and id."""

    def __init__(self, old: OldKong) -> None:
        self._by_name = old.consumer
        self._names: dict[str, str] = {}
        for consumer in old.consumers:
            for name in (consumer.id, consumer.custom_id, consumer.username):
                if name:
                    self._names[name] = consumer.name

    def named(self, name: str) -> OldConsumer | None:
        """Return the consumer with this name, or None."""
        return self._by_name.get(name)

    def name_of(self, reference: str) -> str | None:
        """Return the name of the consumer that a plugin refers to, or None."""
        return self._names.get(reference)


@dataclass(slots=True)
class State:
    """A request while plugins act. `consumer` is a name; empty for no consumer.

    `status` is 0 until a plugin answers. Then `by` is this plugin.
    """

    consumers: Consumers
    request: OldRequest
    caller: OldCaller
    consumer: str = ""
    credential: CallerKind | None = None
    status: int = 0
    by: OldPlugin | None = None
    hides_credential: bool = False
    identity: dict[str, None] = field(default_factory=dict)
    networks: OldPlugin | None = None
    conditions: list[OldPlugin] = field(default_factory=list)
    also: list[OldPlugin] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)

    def doubt(self, text: str, position: Position) -> None:
        """Add a reason why the answer is unknown."""
        self.reasons.append(Reason(text, position))

    def act(self, plugin: OldPlugin) -> None:
        """Let a plugin act. The plugins before it have not answered."""
        if plugin.name in AUTHENTICATION or plugin.name == "acl":
            for name in plugin.unknown:
                text = f"{plugin.label} has the field '{name}'"
                self.doubt(text, plugin.position)
        if plugin.name in AUTHENTICATION:
            self._authenticate(plugin)
        elif plugin.name == "acl":
            self._check_groups(plugin)
        elif plugin.name == "ip-restriction":
            self.networks = plugin
        elif plugin.name in ("request-termination", "redirect"):
            self._answer(plugin)
        elif plugin.name in CONDITIONS:
            self.conditions.append(plugin)
        elif plugin.name in BESIDE or _acts_late(plugin):
            self._act_beside(plugin)
        else:
            is_code = plugin.name in FUNCTIONS
            effect = "runs code" if is_code else "may answer the request"
            self.doubt(f"{plugin.label} {effect}", plugin.position)

    def _deny(self, status: int, plugin: OldPlugin) -> None:
        self.status = status
        self.by = plugin

    def _authenticate(self, plugin: OldPlugin) -> None:
        """Look for a valid credential.

        A plugin with an anonymous consumer does nothing if another plugin has found a credential.
        """
        config = plugin.config
        is_options = self.request.method == "OPTIONS"
        if is_options and config.get("run_on_preflight") is False:
            return
        anonymous = config.get("anonymous")
        if anonymous and self.credential is not None:
            return
        self._doubt_authentication(plugin)
        is_known = bool(self.caller.consumer) or plugin.name == "ldap-auth"
        if is_known and plugin.name in (self.caller.by, *self.caller.also):
            self._accept(plugin)
        elif anonymous:
            self._become_anonymous(plugin, str(anonymous))
        else:
            self._deny(401, plugin)

    def _doubt_authentication(self, plugin: OldPlugin) -> None:
        """Note callers and paths that only the plugin can judge."""
        if plugin.name == "ldap-auth" and self.caller.by == "ldap-auth":
            self.doubt(f"{plugin.label} asks a directory", plugin.position)
        path = self.request.path.removesuffix("/")
        issues = path.endswith(("/oauth2/token", "/oauth2/authorize"))
        if plugin.name == "oauth2" and issues:
            self.doubt(f"{plugin.label} issues tokens here", plugin.position)

    def _accept(self, plugin: OldPlugin) -> None:
        if plugin.config.get("hide_credentials") is True:
            self.hides_credential = True
        if plugin.name == "ldap-auth":
            # A user of the directory is no consumer.
            self.consumer = ""
            self.credential = "ldap-auth"
            self.identity = {_CREDENTIAL: None}
            return
        self.consumer = self.caller.consumer
        self.credential = self.caller.by
        self.identity = dict.fromkeys(self._headers())
        self.identity[_CREDENTIAL] = None
        if plugin.name == "oauth2":
            self.identity["X-Authenticated-Scope"] = None
            self.identity["X-Authenticated-UserId"] = None

    def _headers(self) -> Iterator[str]:
        """Yield the headers that name the current consumer."""
        consumer = self.consumers.named(self.consumer)
        yield _CONSUMER_ID
        if consumer is None or consumer.custom_id:
            yield _CUSTOM_ID
        if consumer is None or consumer.username:
            yield _USERNAME

    def _become_anonymous(self, plugin: OldPlugin, anonymous: str) -> None:
        name = self.consumers.name_of(anonymous)
        if name is None:
            if is_placeholder(anonymous):
                text = f"{plugin.label} has a placeholder in 'anonymous'"
                self.doubt(text, plugin.position)
            # Kong answers 500 if the anonymous consumer is missing.
            self._deny(500, plugin)
            return
        self.consumer = name
        self.credential = None
        self.identity = dict.fromkeys(self._headers())
        self.identity[_ANONYMOUS] = None

    def _check_groups(self, plugin: OldPlugin) -> None:
        """Decide by the ACL groups of the consumer."""
        config = plugin.config
        if config.get("include_consumer_groups"):
            self.doubt(f"{plugin.label} asks consumer groups", plugin.position)
        denied = texts(config.get("deny"))
        consumer = self.consumers.named(self.consumer)
        groups = consumer.groups if consumer else ()
        if consumer is None or not (groups or denied):
            self._deny(403 if self.credential else 401, plugin)
            return
        listed = denied or texts(config.get("allow"))
        is_member = not {*groups}.isdisjoint(listed)
        if is_member == bool(denied):
            self._deny(403, plugin)
        elif config.get("hide_groups_header") is not True:
            self.identity[CONSUMER_GROUPS] = None

    def _answer(self, plugin: OldPlugin) -> None:
        """Answer in place of the service, always or if the request asks for it."""
        if plugin.config.get("trigger"):
            self.conditions.append(plugin)
            return
        usual = 503 if plugin.name == "request-termination" else 301
        status = plugin.config.get("status_code", usual)
        self._deny(status if isinstance(status, int) else usual, plugin)

    def _act_beside(self, plugin: OldPlugin) -> None:
        self.also.append(plugin)
        if plugin.name == "cors" and self._is_answered_preflight(plugin):
            self._deny(200, plugin)
        if plugin.name == "request-transformer":
            self._remove_headers(plugin)
        is_challenge = self.request.path.startswith("/.well-known/acme-")
        if plugin.name == "acme" and is_challenge:
            self.doubt(f"{plugin.label} may answer", plugin.position)

    def _is_answered_preflight(self, plugin: OldPlugin) -> bool:
        """Return whether `cors` answers in the workload's place. Requests without known headers are
        no preflights."""
        headers = self.request.headers
        if self.request.method != "OPTIONS" or headers is None:
            return False
        needed = {"origin", "access-control-request-method"}
        is_continued = plugin.config.get("preflight_continue") is True
        return needed <= headers.keys() and not is_continued

    def _remove_headers(self, plugin: OldPlugin) -> None:
        """Remove the headers that `request-transformer` removes or renames."""
        for part in ("remove", "rename"):
            names = texts((plugin.config.get(part) or {}).get("headers"))
            removed = {name.lower() for name in names}
            for header in tuple(self.identity):
                if header.lower() in removed:
                    del self.identity[header]
            if {"authorization", "apikey"} & removed:
                self.hides_credential = True


def _acts_late(plugin: OldPlugin) -> bool:
    """Return whether a function has code only for phases after the service's answer."""
    is_function = plugin.name in FUNCTIONS
    return is_function and LATE_PHASES.issuperset(plugin.other_config)


def texts(value: object) -> Names:
    """Return a list of texts in a plugin's settings; empty for other values."""
    if isinstance(value, list | tuple):
        return tuple(map(str, value))
    return ()
