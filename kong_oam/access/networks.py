"""Networks of callers, and the addresses in them.

An IPv4 address in IPv6 form (`::ffff:192.0.2.1`) counts as IPv4. A network never contains addresses
of the other version. An empty list of networks means anywhere.

Sources: RFC 4632 (prefixes), RFC 4291, 2.2 and 2.5.5.2 (IPv6 addresses, mapped addresses).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    collapse_addresses,
    ip_address,
    ip_network,
)

from kong_oam.access.data import Network, Networks
from kong_oam.errors import InputError

Address = IPv4Address | IPv6Address

_MAPPED = IPv6Network("::ffff:0:0/96")
_EVERYWHERE: Networks = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))


def network(text: str) -> Network:
    """Parse `192.0.2.0/24` or `2001:db8::/32`. Raises InputError with the correct form if it can be
    guessed."""
    written, _, prefix = text.partition("/")
    address = read_address(written)
    if address is None or not (prefix.isascii() and prefix.isdigit()):
        raise InputError(
            "is not a network: write it as 192.0.2.0/24, 192.0.2.1/32 or 2001:db8::/32"
        )
    try:
        parsed = ip_network(text, strict=False)
    except ValueError:
        raise InputError("has too many bits after the slash") from None
    if isinstance(parsed, IPv6Network) and isinstance(address, IPv4Address):
        if parsed.prefixlen < _MAPPED.prefixlen:
            raise InputError(
                "mixes IPv4 and IPv6 addresses: write the IPv4 network as 192.0.2.0/24"
            )
        parsed = IPv4Network(
            (address, parsed.prefixlen - _MAPPED.prefixlen), strict=False
        )
    if parsed.network_address != address:
        raise InputError(
            f"is an address inside a network: write {parsed} for the network"
        )
    return parsed


def read_address(text: str) -> Address | None:
    """Return the address in a text, mapped addresses as IPv4. None for another text, also with a
    zone (`%eth0`)."""
    try:
        address = None if "%" in text else ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def fewest(networks: Iterable[Network]) -> Networks:
    """Return the fewest networks with the same addresses; empty if they contain every address."""
    four = []
    six = []
    for entry in networks:
        if isinstance(entry, IPv4Network):
            four.append(entry)
        else:
            six.append(entry)
    collapsed: Networks = (*collapse_addresses(four), *collapse_addresses(six))
    return () if collapsed == _EVERYWHERE else collapsed


def admits(networks: Networks, address: str) -> bool:
    """Return whether a call from an address is allowed by these networks. An invalid address is in
    no network."""
    read = read_address(address)
    return not networks or (read is not None and _contains(read, networks))


def written(networks: Iterable[Network]) -> str:
    """Return networks as text: `192.0.2.0/24, 2001:db8::/32`."""
    return ", ".join(map(str, networks))


def only_from(networks: Networks, before: str = "") -> str:
    """Return the end of a sentence, ` from 192.0.2.0/24 only`; empty for anywhere."""
    return f"{before} from {written(networks)} only" if networks else ""


@dataclass(frozen=True, slots=True)
class Source:
    """The addresses in `networks` (empty: anywhere) without the addresses in `but`."""

    networks: Networks = ()
    but: Networks = ()

    def __str__(self) -> str:
        """Return the source as text, empty for anywhere: `192.0.2.0/24 but not 192.0.2.128/25`."""
        if self.but:
            return f"{written(self.networks) or 'anywhere'} but not {written(self.but)}"
        return written(self.networks)

    def example(self) -> Address | None:
        """Return the first of the addresses; None for anywhere."""
        if self == ANYWHERE:
            return None
        return next(self._beginnings())

    def _beginnings(self) -> Iterator[Address]:
        """Yield addresses at the beginning of each part: of a network, or after an exception."""
        for entry in self.networks or _EVERYWHERE:
            beginnings = [entry.network_address]
            for excepted in self.but:
                last = excepted.broadcast_address
                if _within(excepted, entry) and last != entry.broadcast_address:
                    beginnings.append(last + 1)
            for address in beginnings:
                if not _contains(address, self.but):
                    yield address


ANYWHERE = Source()


def addresses_outside(networks: Networks, others: Networks) -> Source | None:
    """Return the addresses in `networks` that are in none of the `others`; None: no address."""
    if not others:
        return None
    more = [
        entry
        for entry in networks or _EVERYWHERE
        if not _is_within(entry, others)
    ]
    but = [other for other in others if _is_within(other, more)]
    return Source(fewest(more), tuple(but)) if more else None


def intersection(networks: Networks, others: Networks) -> Networks | None:
    """Return the networks with the addresses in both; None if there are none."""
    if not networks or not others:
        return networks or others
    inner = [entry for entry in networks if _is_within(entry, others)]
    inner += [other for other in others if _is_within(other, networks)]
    return fewest(inner) if inner else None


def address_classes(networks: Iterable[Network]) -> tuple[Source, ...]:
    """Return the classes of addresses that these networks distinguish: addresses outside all, and
    for each network the addresses in no smaller network.

    Without networks the only class is anywhere.
    """
    every = sorted(
        set(networks),
        key=lambda entry: (
            entry.version,
            entry.network_address,
            entry.prefixlen,
        ),
    )
    if not every:
        return (ANYWHERE,)
    sources = [addresses_outside((), fewest(every))]
    for entry in every:
        smaller = [
            other for other in every if other != entry and _within(other, entry)
        ]
        source = (
            addresses_outside((entry,), fewest(smaller))
            if smaller
            else Source((entry,))
        )
        sources.append(source)
    return tuple(source for source in sources if source)


def _is_within(entry: Network, others: Iterable[Network]) -> bool:
    """Return whether the network is part of one of the others."""
    return any(_within(entry, other) for other in others)


def _within(entry: Network, other: Network) -> bool:
    if isinstance(entry, IPv4Network):
        return isinstance(other, IPv4Network) and entry.subnet_of(other)
    return isinstance(other, IPv6Network) and entry.subnet_of(other)


def _contains(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in entry for entry in networks)
