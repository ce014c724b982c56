"""Lint Applications: find configuration that is valid but needs a person's attention."""
