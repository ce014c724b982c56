"""`python -m components.gateway.forward`: what `python -m kong_oam forward` does, for one more release."""

import sys

from kong_oam.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["forward", *sys.argv[1:]]))
