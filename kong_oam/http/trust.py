"""The certificate authorities that verify every management API."""

from functools import cache
from ssl import SSLContext

import httpx


@cache
def tls_context() -> SSLContext:
    """Return the TLS context with the machine's authorities, or those in SSL_CERT_FILE or
    SSL_CERT_DIR.

    The authorities are read once, because that takes 50 ms (measured).
    """
    return httpx.create_ssl_context()
