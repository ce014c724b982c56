"""`python -m components.recover`: what `python -m kong_oam recover` does, for one more release."""

import sys

from kong_oam.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["recover", *sys.argv[1:]]))
