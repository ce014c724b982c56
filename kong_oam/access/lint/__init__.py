"""Lint: what no rule of the model forbids in an Application, and what somebody should look at all the same."""
