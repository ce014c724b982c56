"""What an interrupted run made although the state never heard of it. `python -m kong_oam.recover --help`."""
