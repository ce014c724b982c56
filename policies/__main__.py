"""Entry point of `--policy-pack policies`: the pack judges the project around it."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).absolute().parent.parent
os.chdir(ROOT)
sys.path[0] = str(
    ROOT
)  # not this folder: its modules would hide other packages of the same name

from policies.pack import serve  # noqa: E402

serve()
