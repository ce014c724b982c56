"""The address of a caller as Kong sees it, which its kong.conf sets. Rules and limits use it.

Recorded on a Kong 3.10: a call from `trusted_ips` has the address in the header `real_ip_header`.
The default header is X-Real-IP. In X-Forwarded-For the last address counts; with
`real_ip_recursive` the last address that is not trusted. Any other call has the address of its
connection.
"""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.data import Network
from kong_oam.access.model import Estate
from kong_oam.access.networks import fewest, network
from kong_oam.errors import InputError
from kong_oam.kong.entities import NodeConfiguration
from kong_oam.traits.at_kong import AT_KONG, traits_at_kong

# How traits use an address. Messages name traits that decide first.
_BY_ADDRESS = tuple(
    trait.by_address for trait in reversed(AT_KONG) if trait.by_address
)


def uses_caller_address(estate: Estate) -> bool:
    """Return whether some rule allows some networks only, or counts calls by address."""
    for component in estate.exposed:
        for trait, value in traits_at_kong(component):
            by_address = trait.by_address
            if by_address and by_address.asks(value, component):
                return True
    return False


def trusts_everybody(configuration: NodeConfiguration) -> str | None:
    """Return the setting that trusts every caller's header for the caller's address, or None."""
    known = list(_networks(_trusted(configuration)))
    if not known:
        return None
    fewer = fewest(known)
    # All addresses together restrict nothing, so `fewest` leaves none.
    if fewer and all(network.prefixlen for network in fewer):
        return None
    return ", ".join(_trusted(configuration))


def forged() -> str:
    """Return the effect on traits where callers may claim any address, in words."""
    return ", and ".join(by_address.forged for by_address in _BY_ADDRESS)


def in_words(configuration: NodeConfiguration) -> str:
    """Return a sentence about the address that Kong takes for the caller's."""
    trusted = ", ".join(_trusted(configuration))
    uses = " and ".join(by_address.use for by_address in _BY_ADDRESS)
    sentence = f"the address that {uses} is"
    if trusted:
        headers = [
            *_directives(configuration, "real_ip_header"),
            configuration.get("real_ip_header") or "X-Real-IP",
        ]
        sentence += (
            f" {headers[0]} (real_ip_header) of calls from {trusted} (trusted_ips), and the "
            "connection's of other calls. Callers in trusted_ips can choose their address, so load "
            "balancers must set the header"
        )
    else:
        sentence += (
            " the connection's (trusted_ips is empty). Behind a load balancer, all callers have "
            "the load balancer's address"
        )
    if configuration.get("role") == "control_plane":
        sentence += ". This is a control plane; set the same in the kong.conf of its data planes"
    return sentence


def _trusted(configuration: NodeConfiguration) -> Iterator[str]:
    """Yield the trusted networks of kong.conf. Injected `set_real_ip_from` directives of nginx
    count too."""
    listed = configuration.get("trusted_ips")
    if isinstance(listed, list):
        yield from map(str, listed)
    yield from _directives(configuration, "set_real_ip_from")


def _directives(configuration: NodeConfiguration, name: str) -> Iterator[str]:
    """Yield the values of a directive that kong.conf injects."""
    for field, directives in configuration.items():
        if field.endswith("_directives") and isinstance(directives, list):
            for directive in directives:
                if directive.get("name") == name:
                    yield str(directive.get("value"))


def _networks(texts: Iterator[str]) -> Iterator[Network]:
    """Yield the readable networks. `unix:` and names are no networks."""
    for text in texts:
        bits = 128 if ":" in text else 32
        try:
            yield network(text if "/" in text else f"{text}/{bits}")
        except InputError:
            continue
