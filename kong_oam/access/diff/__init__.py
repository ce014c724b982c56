"""Compares access models: what a change does to access."""
