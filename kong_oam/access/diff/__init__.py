"""Comparison of access models: the effects of a change on access."""
