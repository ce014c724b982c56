"""Recovery of what an interrupted run made and the state never heard of. `python -m kong_oam
recover --help`."""
