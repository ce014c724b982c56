"""The name that `python -m kong_oam review` had; it goes with the next release."""
