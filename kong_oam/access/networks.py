"""Networks that a request may come from, and what address is in which of them.

An IPv4 address that is written as an IPv6 one (`::ffff:192.0.2.1`) is the IPv4 one, and a network
of the one kind never holds an address of the other. No network at all stands for anywhere.

Sources: RFC 4632 (prefixes), RFC 4291, 2.2 and 2.5.5.2 (IPv6 addresses, mapped ones).
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
    """Parse `192.0.2.0/24` or `2001:db8::/32`. Raises InputError, which says how to write what may
    be meant."""
    written, _, prefix = text.partition("/")
    address = read_address(written)
    if address is None or not (prefix.isascii() and prefix.isdigit()):
        raise InputError(
            "is no network such as 192.0.2.0/24, 192.0.2.1/32 or 2001:db8::/32"
        )
    try:
        parsed = ip_network(text, strict=False)
    except ValueError:
        raise InputError("has too many bits behind the slash") from None
    if isinstance(parsed, IPv6Network) and isinstance(address, IPv4Address):
        if parsed.prefixlen < _MAPPED.prefixlen:
            raise InputError(
                "holds addresses of IPv4 and others; write those of IPv4 as 192.0.2.0/24"
            )
        parsed = IPv4Network(
            (address, parsed.prefixlen - _MAPPED.prefixlen), strict=False
        )
    if parsed.network_address != address:
        raise InputError(
            f"is an address in a network; write {parsed} for the network"
        )
    return parsed


def read_address(text: str) -> Address | None:
    """The address that a text is, an IPv4 one where it is mapped; None where it is none. Zones
    (`%eth0`) are none."""
    try:
        address = None if "%" in text else ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def fewest(networks: Iterable[Network]) -> Networks:
    """The fewest networks that hold the same addresses; empty where they hold every one."""
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
    """Whether one may call from an address that is let in from these networks alone; never from
    what is no address."""
    read = read_address(address)
    return not networks or (read is not None and _held(read, networks))


def written(networks: Iterable[Network]) -> str:
    """Networks in words: `192.0.2.0/24, 2001:db8::/32`."""
    return ", ".join(map(str, networks))


def only_from(networks: Networks, before: str = "") -> str:
    """Where one may call from, as the end of a sentence: ` from 192.0.2.0/24 only`; empty for
    anywhere."""
    return f"{before} from {written(networks)} only" if networks else ""


@dataclass(frozen=True, slots=True)
class Source:
    """Addresses: those in `networks` (anywhere, where there are none), but for those in `but`."""

    networks: Networks = ()
    but: Networks = ()

    def __str__(self) -> str:
        """In words, empty for anywhere: `192.0.2.0/24 but not 192.0.2.128/25`."""
        if self.but:
            return f"{written(self.networks) or 'anywhere'} but not {written(self.but)}"
        return written(self.networks)

    def example(self) -> Address | None:
        """The first of its addresses; None for anywhere."""
        if self == ANYWHERE:
            return None
        return next(self._beginnings())

    def _beginnings(self) -> Iterator[Address]:
        """Addresses at which a part of it begins: where a network does, or behind one that is left
        out."""
        for entry in self.networks or _EVERYWHERE:
            beginnings: list[Address] = [entry.network_address]
            for excepted in self.but:
                last = excepted.broadcast_address
                if _within(excepted, entry) and last != entry.broadcast_address:
                    beginnings.append(last + 1)
            for address in beginnings:
                if not _held(address, self.but):
                    yield address


ANYWHERE = Source()


def beyond(networks: Networks, others: Networks) -> Source | None:
    """The addresses in `networks` that are in none of the `others`; None where there are none."""
    if not others:
        return None
    more = [
        entry
        for entry in networks or _EVERYWHERE
        if not _is_within(entry, others)
    ]
    but = [other for other in others if _is_within(other, more)]
    return Source(fewest(more), tuple(but)) if more else None


def common(networks: Networks, others: Networks) -> Networks | None:
    """The addresses that are in both; None where there are none."""
    if not networks or not others:
        return networks or others
    inner = [entry for entry in networks if _is_within(entry, others)]
    inner += [other for other in others if _is_within(other, networks)]
    return fewest(inner) if inner else None


def told_apart(networks: Iterable[Network]) -> tuple[Source, ...]:
    """The classes of addresses that these networks tell apart: those that are in none of them, and
    those that are in one of them and in no smaller one. Anywhere, where there are none."""
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
    sources = [beyond((), fewest(every))]
    for entry in every:
        smaller = [
            other for other in every if other != entry and _within(other, entry)
        ]
        source = (
            beyond((entry,), fewest(smaller)) if smaller else Source((entry,))
        )
        sources.append(source)
    return tuple(source for source in sources if source)


def _is_within(entry: Network, others: Iterable[Network]) -> bool:
    """Whether the network is part of one of the others."""
    return any(_within(entry, other) for other in others)


def _within(entry: Network, other: Network) -> bool:
    if isinstance(entry, IPv4Network):
        return isinstance(other, IPv4Network) and entry.subnet_of(other)
    return isinstance(other, IPv6Network) and entry.subnet_of(other)


def _held(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in entry for entry in networks)
