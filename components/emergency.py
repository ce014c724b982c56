"""`python -m components.emergency`: what `python -m kong_oam emergency` does, for one more release."""

import sys

from kong_oam.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["emergency", *sys.argv[1:]]))
