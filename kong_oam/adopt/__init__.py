"""Read a Kong that is in use, and answer requests as this Kong does."""
