"""The questions that `new` asks on a terminal. A wrong answer is asked for again, and the others stay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kong_oam.access.model import Estate
from kong_oam.access.principals import logical_groups
from kong_oam.cli.answers import PARSERS, Answers, settle, useless_flags
from kong_oam.cli.command import UsageError
from kong_oam.cli.console import complain
from kong_oam.cli.scaffold import CLIENTS, check_clients
from kong_oam.diagnostics import printable
from kong_oam.errors import InputError

_QUESTIONS: Mapping[str, tuple[str, str]] = {
    "app": ("Application", ""),
    "component": ("Component", ""),
    "client": (f"Client: {', '.join(CLIENTS)} (nothing: it calls as itself, or nobody)", ""),
    "type": ("webservice, or worker (nobody calls it)", "webservice"),
    "image": ("Image", ""),
    "owner": ("Team that answers for its access", ""),
    "port": ("Port", "8080"),
    "domain": ("Domain (nothing: the stack gives one)", ""),
    "path": ("Path that it owns of the domain, with all below", "/"),
    "allow_from": ("Networks that it may be called from, such as 192.0.2.0/24 (nothing: anywhere)", ""),
    "rate_limit": (
        "What each client may ask, such as 60/minute, or user:60/minute (nothing: as often as it likes)",
        "",
    ),
    "origin": ("Origins of pages that no client here has, such as https://partner.example (nothing: none)", ""),
    "max_body": ("The largest body of a request, such as 10Mi (nothing: any)", ""),
    "tls_issuer": ("ClusterIssuer of cert-manager, where it speaks TLS to the gateway (nothing: clear text)", ""),
    "secure_headers": ("Headers by which browsers protect callers: yes (nothing: as its workload says)", ""),
    "plugin": ("Plugins of Kong's before it, such as correlation-id (nothing: none)", ""),
    "group": ("Groups whose users may call it, with commas ({groups}nothing: no users)", ""),
    "caller": (
        "Components that may call it: APP/COMPONENT, or APP/COMPONENT:write to change something, too "
        "({clients}nothing: nobody may, until a role of it says who)",
        "",
    ),
    "calls": ("What it calls, as APP/COMPONENT:SCOPE[,SCOPE] ({offers}nothing: it calls nobody)", ""),
    "redirect_uri": ("Where users come back to on their device (com.example.app:/callback)", ""),
    "jwks_uri": ("Where its owner publishes its keys (https://...)", ""),
}
"""By flag: what is asked, and the answer that an empty line stands for."""

_LISTED = 6


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A dialogue about a component of this estate. `answers` are filled in as they are given."""

    answers: Answers
    estate: Estate

    def ask_missing(self) -> None:
        """Asks for what nobody has said and what is of use by what is said until then. Raises UsageError where there
        are no more answers."""
        for flag in _QUESTIONS:
            settle(self.answers)
            if self.answers[flag] is None and flag not in useless_flags(self.answers):
                self._ask(flag)
        settle(self.answers)

    def ask_again(self, flags: Iterable[str]) -> None:
        """Asks for these answers again, or for those that somebody names where there are none, and for what then is
        missing; what then is of no use is dropped. Raises UsageError where there are no more answers."""
        for flag in [*flags] or [self._which()]:
            if flag not in useless_flags(self.answers):
                self._ask(flag)
            if flag == "client":
                self.answers["type"] = None
        settle(self.answers)
        for flag in useless_flags(self.answers):
            self.answers[flag] = None
        self.ask_missing()

    def agrees(self, question: str) -> bool:
        """Whether the answer is yes. Raises UsageError where there is none."""
        return _answer(f"{question} (yes or no)", "no").lower() in ("y", "yes")

    def _which(self) -> str:
        flags = [flag for flag in _QUESTIONS if flag not in useless_flags(self.answers)]
        while (flag := _answer(f"Which answer is to change: {', '.join(flags)}", "").replace("-", "_")) not in flags:
            complain(f"'{flag}' is none of these")
        return flag

    def _ask(self, flag: str) -> None:
        question, default = _QUESTIONS[flag]
        while True:
            try:
                answer = PARSERS[flag](_answer(question.format_map(self._known), default))
                if flag == "caller":
                    check_clients(answer, self.estate)
            except UsageError:
                raise
            except InputError as error:
                complain(error)
            else:
                self.answers[flag] = answer
                return

    @property
    def _known(self) -> Mapping[str, str]:
        estate = self.estate
        scopes = {key: sorted(component.scopes) for key, component in estate.components.items() if component.scopes}
        return {
            "groups": _listed("known", logical_groups(estate) | (estate.stack.known_groups or frozenset())),
            "clients": _listed("clients", {client.component for client in estate.clients}),
            "offers": _listed("offered", [f"{key}:{','.join(names)}" for key, names in scopes.items()]),
        }


def _listed(what: str, names: Iterable[str]) -> str:
    first = sorted(names)
    more = ", ..." if len(first) > _LISTED else ""
    return f"{what}: {', '.join(first[:_LISTED])}{more}; " if first else ""


def _answer(question: str, default: str) -> str:
    try:
        asked = f"{printable(question)} [{default}]: " if default else f"{printable(question)}: "
        return input(asked).strip() or default
    except EOFError:
        print()
        raise UsageError("no more answers; nothing was written") from None
    except KeyboardInterrupt:
        print()
        raise UsageError("interrupted; nothing was written") from None
