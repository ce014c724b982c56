"""What this Kong takes for the address of a caller, which rules may ask for, and traits count by:
the settings of its kong.conf.

Recorded on a Kong 3.10: a call from `trusted_ips` has the address that the header `real_ip_header`
says (X-Real-IP unless that is set; of X-Forwarded-For the last, or with `real_ip_recursive` the
last that is not trusted itself), and any other call that of its connection.
"""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.data import Network
from kong_oam.access.model import Estate
from kong_oam.access.networks import fewest, network
from kong_oam.errors import InputError
from kong_oam.kong.entities import NodeConfiguration
from kong_oam.traits.at_kong import AT_KONG, asked_of_kong

# How traits go by an address; in messages, those that decide come first.
_BY_ADDRESS = tuple(
    trait.by_address for trait in reversed(AT_KONG) if trait.by_address
)


def asked_for(estate: Estate) -> bool:
    """Whether a rule of the estate may be called from some networks only, or whether calls that
    reach a workload are counted by address."""
    for component in estate.exposed:
        for trait, value in asked_of_kong(component):
            by_address = trait.by_address
            if by_address and by_address.asks(value, component):
                return True
    return False


def trusts_everybody(configuration: NodeConfiguration) -> str | None:
    """Return what says that every caller is trusted to say what its address is, so that an address
    says nothing; None where nothing says so."""
    known = list(_networks(_trusted(configuration)))
    if not known:
        return None
    fewer = fewest(known)
    # All addresses together are no restriction: nothing is left of them.
    if fewer and all(network.prefixlen for network in fewer):
        return None
    return ", ".join(_trusted(configuration))


def forged() -> str:
    """Say what traits come to where callers say any address."""
    return ", and ".join(by_address.forged for by_address in _BY_ADDRESS)


def in_words(configuration: NodeConfiguration) -> str:
    """Say what counts as a caller's address, in a sentence."""
    trusted = ", ".join(_trusted(configuration))
    uses = " and ".join(by_address.use for by_address in _BY_ADDRESS)
    sentence = f"the address that {uses} is"
    if trusted:
        headers = [
            *_directives(configuration, "real_ip_header"),
            configuration.get("real_ip_header") or "X-Real-IP",
        ]
        sentence += (
            f" the one that {headers[0]} says (real_ip_header), where a call comes from {trusted} "
            "(trusted_ips), and else the one that connects to Kong: who calls from there says "
            "their address themselves, so load balancers have to write it"
        )
    else:
        sentence += (
            " the one that connects to Kong (trusted_ips is empty): behind a load balancer it is "
            "the load balancer's, for all callers the same"
        )
    if configuration.get("role") == "control_plane":
        sentence += (
            ". This is a control plane: its data planes judge by a kong.conf of their own; "
            "have it say the same"
        )
    return sentence


def _trusted(configuration: NodeConfiguration) -> Iterator[str]:
    """Yield networks as kong.conf writes them, also those that it injects into nginx by
    `nginx_proxy_set_real_ip_from`."""
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
    """Yield those that can be read: `unix:` is none, nor is a name."""
    for text in texts:
        bits = 128 if ":" in text else 32
        try:
            yield network(text if "/" in text else f"{text}/{bits}")
        except InputError:
            continue
