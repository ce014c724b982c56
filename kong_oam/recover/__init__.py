"""Recovery after interrupted runs: objects that a product has and the state lacks. See `python -m
kong_oam recover --help`."""
