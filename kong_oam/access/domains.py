"""Domains: the default domain of hosts, and the suffixes of domains in this environment."""

from __future__ import annotations

from typing import TypedDict

from kong_oam.access.data import Texts
from kong_oam.access.stack import Stack


class DomainsYaml(TypedDict, total=False):
    """The setting `domains`. Its `suffixes` map suffixes in Applications to this environment's."""

    default: str
    suffixes: Texts


def host_of(
    application: str, component: str, domain: str | None, stack: Stack
) -> str | None:
    """Return the host in this environment, in lower case; None without a domain."""
    if domain is None:
        if not stack.domain:
            return None
        return f"{component}-{application}.{stack.domain}".lower()
    return mapped_domain(domain, stack)


def mapped_domain(domain: str, stack: Stack) -> str:
    """Return a domain of an Application in this environment, in lower case."""
    domain = domain.lower()
    # The longest matching suffix wins.
    suffixes = sorted(stack.suffixes.items(), key=lambda pair: -len(pair[0]))
    for suffix, replacement in suffixes:
        if domain == suffix or domain.endswith(f".{suffix}"):
            return domain[: len(domain) - len(suffix)] + replacement.lower()
    return domain
