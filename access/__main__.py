"""`python -m access VERB`: what `python -m kong_oam VERB` does, for one more release."""

import sys

from kong_oam.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
