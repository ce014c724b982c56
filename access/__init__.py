"""The name that `python -m kong_oam` had; it goes with the next release."""
