"""Emergency openings: open a path to everybody for a limited time if `pulumi up` fails, and close
it.

The commands need only Kong's Admin API: no identity provider, no state, no cluster. `changes`
opens, closes and lists. `confirmation` calls the gateway without a token afterwards.
"""
