"""Any other OpenID Connect issuer: it exists, and nothing is made there."""
