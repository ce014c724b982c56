"""What an interrupted run made although the state never heard of it. `python -m components.recover --help`."""
