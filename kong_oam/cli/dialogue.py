"""The questions of `new` on a terminal. After a wrong answer, it asks again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kong_oam.access.model import Estate
from kong_oam.cli.answers import (
    FLAGS,
    REQUIRED,
    FlagValues,
    as_option,
    irrelevant_flags,
    set_default_type,
)
from kong_oam.cli.command import UsageError
from kong_oam.cli.console import print_error
from kong_oam.cli.requests import groups_of
from kong_oam.cli.scaffold import CLIENTS, check_clients
from kong_oam.diagnostics import printable
from kong_oam.errors import InputError
from kong_oam.oam.position import Texts

_QUESTIONS: Mapping[str, tuple[str, str]] = {
    "app": ("Application", ""),
    "component": ("Component", ""),
    "client": (
        f"Client: {', '.join(CLIENTS)} (empty: service if it calls components, else none)",
        "",
    ),
    "type": ("webservice, or worker (without an endpoint)", "webservice"),
    "image": ("Image", ""),
    "owner": ("Team that is responsible for its access", ""),
    "port": ("Port", "8080"),
    "domain": ("Domain (empty: a domain of the stack)", ""),
    "path": ("Path in the domain, with all paths below", "/"),
    "group": (
        "Groups whose users may call it, with commas ({groups}empty: no users)",
        "",
    ),
    "caller": (
        "Components that may call it: APP/COMPONENT to read, APP/COMPONENT:write to change "
        "({clients}empty: none yet)",
        "",
    ),
    "calls": (
        "Calls to other components, as APP/COMPONENT:SCOPE[,SCOPE] ({offers}empty: none)",
        "",
    ),
    "redirect_uri": (
        "Redirect URI on users' devices (com.example.app:/callback)",
        "",
    ),
    "jwks_uri": ("Address of the client's public keys (https://...)", ""),
}
"""By flag: the question, and the default answer."""

_LISTED = 6


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A dialogue about a component of this estate. It adds the answers to `answers`, and the same
    answers as flags to `words`."""

    answers: FlagValues
    estate: Estate
    words: list[str] = field(default_factory=list)

    def ask_missing(self) -> None:
        """Prompt for missing, relevant answers. Raises UsageError at the end of the input."""
        for flag in _QUESTIONS:
            set_default_type(self.answers)
            if self.answers[flag] is None and flag not in irrelevant_flags(
                self.answers
            ):
                self._ask(flag)
        set_default_type(self.answers)

    def _ask(self, name: str) -> None:
        question, default = _QUESTIONS[name]
        separator = FLAGS[name].separator
        while True:
            text = _answer(question.format_map(self._hints), default)
            words = text.split(separator) if separator else [text]
            words = [word.strip() for word in words if word.strip()]
            try:
                self._check(name, words)
            except InputError as error:
                print_error(error)
            else:
                self.answers[name] = words if separator else text
                for word in words:
                    self.words.extend((as_option(name), word))
                return

    def _check(self, name: str, words: list[str]) -> None:
        """Check the words of an answer. Raises InputError."""
        if not words:
            if name in REQUIRED:
                raise InputError("this question needs an answer")
            return
        flag = FLAGS[name]
        answer = flag.read(words if flag.separator else words[0])
        if name == "caller":
            check_clients(answer, self.estate)

    @property
    def _hints(self) -> Texts:
        estate = self.estate
        offers = [
            f"{key}:{','.join(sorted(component.identity.scopes))}"
            for key, component in estate.components.items()
            if component.identity.scopes
        ]
        clients = {client.component for client in estate.clients}
        return {
            "groups": _listed("known", groups_of(estate)),
            "clients": _listed("clients", clients),
            "offers": _listed("offered", offers),
        }


def _listed(label: str, names: Iterable[str]) -> str:
    first = sorted(names)
    more = ", ..." if len(first) > _LISTED else ""
    return f"{label}: {', '.join(first[:_LISTED])}{more}; " if first else ""


def _answer(question: str, default: str) -> str:
    try:
        prompt = (
            f"{printable(question)} [{default}]: "
            if default
            else f"{printable(question)}: "
        )
        return input(prompt).strip() or default
    except (EOFError, KeyboardInterrupt):
        print()
        raise UsageError("no more answers; nothing was written") from None
