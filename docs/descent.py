"""Draw docs/images/descent.png, one landing among rocks: ``python docs/descent.py [OUT.png]`` (needs the [viz] extra).

Top: the picture from 2 km with the target and the place of the first scan; the chance of an unsafe stance after the first and the last
scan, with the place chosen. Bottom: the true ground under the lander (pads red, belly yellow), and the way down.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
import matplotlib.pyplot as plt

from moonfleet.agents.descent import Look, to_first_scan
from moonfleet.autonomy.lander_limits import LanderLimits
from moonfleet.experiments.bench.hazards_landing import rocky_ground
from moonfleet.terrain.grid import GeoRef
from moonfleet.terrain.render import shade

SEED, COVER, SUN = 7, 0.13, (60.0, 5.0)


def extent(ref: GeoRef) -> tuple[float, float, float, float]:
    """Return left, right, bottom and top [m]."""
    left, bottom, right, top = ref.bounds
    return left, right, bottom, top


def scan(ax: plt.Axes, look: Look) -> None:
    """Draw what one scan makes of the places, and the one chosen."""
    chance = np.maximum(look.scores.p_unsafe, 1e-4)
    shown = ax.imshow(np.log10(chance), extent=extent(look.scores.ref), cmap="inferno", vmin=-3.0, vmax=0.0)
    ax.plot(look.motion.x, look.motion.y, "o", color="cyan", label="lander")
    ax.plot(look.choice.x, look.choice.y, "+", color="white", markersize=14, markeredgewidth=2, label="chosen")
    ax.set_title(f"scan from {look.height_m:.0f} m: P(unsafe) {look.choice.p_unsafe:.4f} there")
    ax.set_xlabel("on the lander's own map [m]")
    bar = plt.colorbar(shown, ax=ax, ticks=(-3, -2, -1, 0))
    bar.ax.set_yticklabels(["0.001", "0.01", "0.1", "1"])


def main() -> None:
    """Fly and draw."""
    limits = LanderLimits()
    ground = rocky_ground(SEED, cover=COVER)
    landing = to_first_scan(ground, (0.0, 0.0), limits, SEED, sun=SUN).land()
    figure, axes = plt.subplot_mosaic([["picture", "first", "last"], ["ground", "way", "way"]], figsize=(15, 9.5))
    image, ref = landing.picture
    first, last = landing.looks[0], landing.looks[-1]
    top = axes["picture"]
    top.imshow(image, cmap="gray", extent=extent(ref))
    top.plot(0.0, 0.0, "+", color="red", markersize=14, markeredgewidth=2, label="target")
    top.plot(first.motion.x, first.motion.y, "o", color="cyan", label="first scan")
    top.legend()
    top.set_title(f"picture from 2 km, Sun {SUN[1]:g} deg high")
    scan(axes["first"], first)
    scan(axes["last"], last)
    axes["first"].legend()
    patch = ground.patch(landing.x, landing.y, 5.0, 0.05)
    under = axes["ground"]
    under.imshow(shade(patch.elevation_m, 0.05, SUN[0], 20.0), cmap="gray", extent=extent(patch.ref))
    for dx, dy in limits.pads():
        under.add_patch(plt.Circle((landing.x + dx, landing.y + dy), limits.pad_radius_m, color="red", fill=False))
    under.add_patch(plt.Circle((landing.x, landing.y), limits.belly_radius_m, color="yellow", fill=False))
    stance = landing.touchdown.stance
    under.set_title(
        f"{landing.outcome.value}: tilt {stance.tilt_deg:.1f} deg, ground {stance.belly_m:+.2f} m against the belly"
    )
    under.set_xlabel("on the true ground [m]")
    track = landing.track
    away, height = np.hypot(track[:, 0] - landing.x, track[:, 1] - landing.y), track[:, 2] - track[-1, 2]
    way = axes["way"]
    way.plot(away, height, color="black")
    for look in landing.looks:
        way.axhline(look.height_m, color="grey", linewidth=0.8, linestyle=":")
    way.set(
        xscale="symlog",
        yscale="symlog",
        xlim=(0.0, None),
        ylim=(0.0, None),
        xlabel="way to go [m]",
        ylabel="height [m]",
    )
    way.set_title(f"the way down: {landing.time_s:.0f} s, {landing.fuel_kg:.0f} kg left (dotted: lidar scans)")
    figure.tight_layout()
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("images") / "descent.png"
    figure.savefig(out, dpi=60)


if __name__ == "__main__":
    main()
