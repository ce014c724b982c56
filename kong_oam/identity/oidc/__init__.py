"""Any other OpenID Connect issuer: it exists, and the program makes nothing there."""
