"""The verbs of `python -m kong_oam`, a module each: a `Command`, and the small function that runs
it."""
