"""Plan a route and photograph its sheet for the documents: ``python docs/route_picture.py [OUT.png]`` (needs Chromium)."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from moonfleet.experiments.route_page import plan_sheet, write_sheet
from moonfleet.experiments.route_plan import RouteAsk, answer
from moonfleet.experiments.site_options import SiteOptions, recipe_of_options
from moonfleet.terrain.site import build_site

QUIET = ("--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update")
SIZE = "1240,1150"  # [px]


def main() -> None:
    """Plan and photograph."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("images") / "route.png"
    site = build_site(recipe_of_options(SiteOptions(name="connecting-ridge", size="8km", cell_m=40.0, azimuths=180)))
    page = plan_sheet(answer(site, RouteAsk(), lambda *_: None))
    with tempfile.TemporaryDirectory() as folder:
        sheet = write_sheet(page, Path(folder) / "sheet.html")
        browser = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-sync", "--hide-scrollbars"]
        shot = [f"--user-data-dir={folder}/profile", f"--screenshot={out.resolve()}", f"--window-size={SIZE}"]
        subprocess.run(
            [*browser, *QUIET, *shot, sheet.resolve().as_uri()], check=True, capture_output=True, timeout=120
        )


if __name__ == "__main__":
    main()
