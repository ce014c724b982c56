"""Time to make the matrix of many components, and to open it in Debian's Chromium.

    python -m benchmarks.matrix [--components 1000] [--rounds 5]

Opening ends when a new browser has loaded the page and laid it out, as a list and as a matrix. The
frame is 1400 by 900. Prints medians. Exits 1 if one of them is more than two seconds.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.compile import APPLICATION, compiled, seconds
from kong_oam.access.callers import Callers, logical_groups, logical_names
from kong_oam.access.matrix.matrix import matrix
from kong_oam.access.matrix.page import page
from kong_oam.access.matrix.sheet import sheet
from kong_oam.access.model import Estate
from kong_oam.access.settings.stack import read_file

LIMIT = 2.0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--components", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    browser = shutil.which("chromium")
    if browser is None:
        print("chromium is not on the PATH: apt-get install chromium")
        return 2
    estate = estate_of(-(-options.components // 3))
    made = matrix(
        estate, Callers(estate, logical_names(logical_groups(estate)))
    )
    written = page(made)
    print(
        f"{len(estate.components)} components: {len(made.rows)} endpoints, {len(made.principals)} "
        "principals"
    )
    print(
        f"{'a page of ' + format(len(written) // 1000) + ' kB:':20} "
        f"{seconds(lambda: page(made)):6.2f} s to write"
    )
    print(
        f"{'CSV of ' + format(len(sheet(made)) // 1000) + ' kB:':20} "
        f"{seconds(lambda: sheet(made)):6.2f} s to write"
    )
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "matrix.html").write_text(written, "utf-8")
        for view in ("list", "matrix"):
            taken = statistics.median(
                opened(browser, Path(folder), view)
                for _ in range(options.rounds)
            )
            slowest = max(slowest, taken)
            print(
                f"{'opened as a ' + view + ':':20} {taken:6.2f} s  (at most {LIMIT:g} s)"
            )
    return 0 if slowest <= LIMIT else 1


FRAME = """\
<!doctype html><title></title><iframe width="1400" height="900"></iframe>
<script>
const frame = document.querySelector("iframe"), start = performance.now();
frame.onload = () => { document.title = `${(performance.now() - start) / 1000} s`; };
frame.src = "matrix.html#view=VIEW";
</script>
"""


def opened(browser: str, folder: Path, view: str) -> float:
    """Return seconds, as measured by a page with the matrix in a frame. The matrix's script ends
    with its layout, and then the frame is loaded."""
    outer = folder / "outer.html"
    outer.write_text(FRAME.replace("VIEW", view), "utf-8")
    command = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={folder}/profile",
    ]
    done = subprocess.run(
        [*command, "--dump-dom", f"file://{outer}"],
        check=True,
        capture_output=True,
        timeout=120,
    )
    measured = re.search(rb"<title>([0-9.]+) s</title>", done.stdout)
    assert measured, "the page was not loaded"
    return float(measured[1])


def estate_of(applications: int) -> Estate:
    texts = (APPLICATION.format(n=number) for number in range(applications))
    return compiled(texts, read_file(Path("stacks/Pulumi.local.yaml")).stack)


if __name__ == "__main__":
    sys.exit(main())
