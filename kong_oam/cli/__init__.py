"""The verbs of `python -m kong_oam`. Each module has a `Command` and the function that runs it."""
