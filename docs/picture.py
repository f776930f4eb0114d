"""Photograph the top of a run's report for the README: ``python docs/picture.py RUN [OUT.png]`` (needs Chromium)."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

QUIET = ("--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update")
SIZE = "1240,1120"  # [px]


def main() -> None:
    """Photograph."""
    report = (Path(sys.argv[1]) / "report.html").resolve()
    out = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).with_name("images") / "report.png"
    with tempfile.TemporaryDirectory() as profile:
        browser = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-sync", "--hide-scrollbars"]
        shot = [f"--user-data-dir={profile}", f"--screenshot={out}", f"--window-size={SIZE}"]
        subprocess.run([*browser, *QUIET, *shot, report.as_uri()], check=True, capture_output=True, timeout=120)


if __name__ == "__main__":
    main()
