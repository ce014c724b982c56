"""Which certificate the proxy shows to a client that speaks TLS.

Source: Kong's documentation of SNIs and default certificates, kong/runloop/certificate.lua (the
order in which names are tried). Only HTTP/1.1 is offered, by TLS 1.2 and 1.3. Not modelled: HTTP/2,
client certificates, Kong's cipher suites, alternative certificates for other kinds of keys (they
are stored and never shown).
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from functools import lru_cache

from kong_rules.entities import Entity, Snapshot
from sandbox.kong.http import TlsConnection
from sandbox.kong.pem import load_pair, self_signed


def listening(seen: Callable[[], Snapshot]) -> ssl.SSLContext:
    """Return the context of a listener: each handshake shows a certificate from the entities that
    `seen` returns.

    Without a certificate for the client's name, it shows a self-signed certificate for localhost.
    """
    context = _context(*self_signed("localhost"))

    def choose(
        connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext
    ) -> int | None:
        assert isinstance(connection, TlsConnection)
        connection.server_name = name
        context = certificate(seen(), name)
        if context is None:
            return None
        try:
            connection.context = _known_context(context["cert"], context["key"])
        # A key that OpenSSL finds too weak to serve: Kong, too, breaks the handshake off.
        except ssl.SSLError:
            return int(ssl.ALERT_DESCRIPTION_INTERNAL_ERROR)
        return None

    context.sni_callback = choose
    return context


def certificate(snapshot: Snapshot, name: str | None) -> Entity | None:
    """Return the certificate for the name that a client asks for. None: the default certificate."""
    by_name = {
        candidate["name"]: candidate["certificate"]["id"]
        for candidate in snapshot.tables["snis"].values()
    }
    sni = (
        next(
            (
                by_name[candidate]
                for candidate in _candidates(name)
                if candidate in by_name
            ),
            None,
        )
        if name
        else None
    )
    return snapshot.tables["certificates"].get(sni) if sni else None


def _candidates(name: str) -> Iterator[str]:
    """Yield the SNIs that fit a name: itself, `*` for its first label, `*` for its last, `*` alone.
    A `*` is one label."""
    labels = name.split(".")
    yield name
    if len(labels) > 2:
        yield ".".join(["*", *labels[1:]])
    if len(labels) > 1:
        yield ".".join([*labels[:-1], "*"])
    yield "*"


def _context(shown: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslsocket_class = TlsConnection
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    load_pair(context, shown, key)
    return context


_known_context = lru_cache(maxsize=64)(_context)
