"""Comparison: what a change does to access."""
