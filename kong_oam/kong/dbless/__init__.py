"""A writable Admin API for Kong nodes without a database."""
