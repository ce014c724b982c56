"""Invariants: statements about access that the platform's owners keep in one file."""
