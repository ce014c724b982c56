"""Lints Applications: finds what no rule of the model forbids, and what somebody should look at all
the same."""
