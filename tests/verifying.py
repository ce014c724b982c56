"""A gateway that was deployed, and what `verify` says of it: for entities as values, and for those in the sandbox's Kong."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass, field, replace

from access.cli.verify import methods
from access.model import Estate
from access.stack import Settings, parse
from components.gateway import names
from components.gateway.keys import SigningKey, Slot
from components.gateway.live.entities import Deployed, Entities, intended
from components.verify import Result, judge
from tests.estates import STACK
from tests.gateway_cases import Issuer

_DATA = {
    "cloud": "local",
    "asOf": "2026-11-25",
    "gateway": {"namespace": "kong", "podLabels": {"app": "kong"}, "scheme": "https", "hstsSeconds": 0},
    "identityProviders": [{"name": "main", "type": "okta"}],
}
SETTINGS: Settings = replace(parse("tests", _DATA), stack=STACK)


def base64url(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8)).rstrip(b"=").decode()


def signing_key(issuer: Issuer) -> SigningKey:
    """The issuer's key as its JWKS has it."""
    numbers = issuer.key.public_key().public_numbers()
    return SigningKey(issuer.kid, base64url(numbers.n), base64url(numbers.e))


@dataclass(frozen=True)
class Deployment:
    """An estate whose services all lead to `<service>.test`, each at its own port."""

    estate: Estate
    issuer: Issuer = field(default_factory=lambda: Issuer(now=time.time()))
    settings: Settings = SETTINGS

    @property
    def deployed(self) -> Deployed:
        provider = self.issuer.provider
        upstreams = {
            names.service("tests", component, port): f"{component.name}.{component.application}.test:{port}"
            for component in self.estate.exposed
            for port in component.ports
        }
        assert provider.issuer is not None
        return Deployed({provider.name: provider.issuer}, {provider.name: (Slot(signing_key(self.issuer)),)}, upstreams)

    @property
    def entities(self) -> Entities:
        """What is meant to be there."""
        return intended(self.settings, self.estate, self.deployed)

    def judged(self, live: Entities) -> Result:
        return judge(self.settings, self.estate, self.deployed, live, lambda _, config: config)


def told(result: Result) -> list[str]:
    """Findings in words: `kind: reasons`, then a line per exposure: `callers | methods | URLs`."""
    lines = []
    for finding, reasons in result.findings:
        lines.append(f"{finding.kind}: {'; '.join(reason.text for reason in reasons)}")
        lines += [f"  {', '.join(e.callers)} | {methods(e)} | {' '.join(e.urls)}" for e in finding.exposures]
    return lines
