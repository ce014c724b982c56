"""`python -m review`: what `python -m kong_oam review` does, for one more release."""

import sys

from kong_oam.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["review", *sys.argv[1:]]))
