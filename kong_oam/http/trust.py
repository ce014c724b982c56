"""The certificate authorities by which every management API is verified."""

import functools
import ssl

import httpx


@functools.cache
def trusted() -> ssl.SSLContext:
    """The machine's, or those that SSL_CERT_FILE or SSL_CERT_DIR name; read once, since that takes 50 ms (measured)."""
    return httpx.create_ssl_context()
