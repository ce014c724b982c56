"""What this Kong takes for the address of a caller, which rules may ask for, and limits count by:
the settings of its kong.conf.

Recorded on a Kong 3.10: a call from `trusted_ips` has the address that the header `real_ip_header`
says (X-Real-IP unless that is set; of X-Forwarded-For the last, or with `real_ip_recursive` the
last that is not trusted itself), and any other call that of its connection.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kong_oam.access.model import Estate
from kong_oam.access.networks import Network, fewest, network
from kong_oam.errors import InputError
from kong_oam.traits.at_kong import asked_of_kong


def asked_for(estate: Estate) -> bool:
    """Whether a rule of the estate may be called from some networks only, or whether calls that
    reach a workload are counted by address."""
    for component in estate.exposed:
        for trait, value in asked_of_kong(component):
            if trait.by_address(value, component):
                return True
    return False


def trusts_everybody(configuration: Mapping[str, Any]) -> str | None:
    """What says so, if every caller is trusted to say what its address is: then an address says
    nothing."""
    known = list(_networks(_trusted(configuration)))
    found = fewest(known)
    everybody = bool(known) and (not found or any(one.prefixlen == 0 for one in found))
    return ", ".join(_trusted(configuration)) if everybody else None


def in_words(configuration: Mapping[str, Any]) -> str:
    """What counts as a caller's address, in a sentence."""
    trusted = ", ".join(_trusted(configuration))
    said = "the address that ip-allow judges and rate-limit counts by is"
    if trusted:
        headers = [
            *_directives(configuration, "real_ip_header"),
            configuration.get("real_ip_header") or "X-Real-IP",
        ]
        said += (
            f" the one that {headers[0]} says (real_ip_header), where a call comes from {trusted} "
            "(trusted_ips), and else the one that connects to Kong: who calls from there says "
            "their address themselves, so load balancers have to write it"
        )
    else:
        said += (
            " the one that connects to Kong (trusted_ips is empty): behind a load balancer it is "
            "the load balancer's, for all callers the same"
        )
    if configuration.get("role") == "control_plane":
        said += (
            ". This is a control plane: its data planes judge by a kong.conf of their own; "
            "have it say the same"
        )
    return said


def _trusted(configuration: Mapping[str, Any]) -> Iterator[str]:
    """Networks as kong.conf writes them, also those that it injects into nginx by
    `nginx_proxy_set_real_ip_from`."""
    listed = configuration.get("trusted_ips")
    yield from map(str, listed if isinstance(listed, list) else ())
    yield from _directives(configuration, "set_real_ip_from")


def _directives(configuration: Mapping[str, Any], wanted: str) -> Iterator[str]:
    """The values of a directive that kong.conf injects."""
    for name, directives in configuration.items():
        if name.endswith("_directives") and isinstance(directives, list):
            yield from (
                str(one.get("value")) for one in directives if one.get("name") == wanted
            )


def _networks(texts: Iterator[str]) -> Iterator[Network]:
    """Those that can be read: `unix:` is none, nor is a name."""
    for text in texts:
        try:
            yield network(
                text if "/" in text else f"{text}/{128 if ':' in text else 32}"
            )
        except InputError:
            continue
