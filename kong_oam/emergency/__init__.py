"""Opens one path to everybody for a while in an emergency, when `pulumi up` cannot, and closes it.

It needs Kong's Admin API and nothing else: no identity provider, no state, no cluster.

changes        opens, closes and lists
confirmation   asks the gateway what everybody gets afterwards
"""
