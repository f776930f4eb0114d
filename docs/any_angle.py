"""Draw docs/images/any_angle.png, layers and routes over real ground: ``python docs/any_angle.py [OUT.png]`` (needs the [viz] extra).

Left: seconds per metre, the grid's path with string pulling, the any-angle route, and the route after a hazard was found on it. Middle and
right: risk per metre, and why ground is impassable.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import shapely

mpl.use("Agg")
import matplotlib.pyplot as plt

from moonfleet import GeoRef, Hazards, any_angle, repair, robot_spec, traversability
from moonfleet.agents.travel import machine_limits
from moonfleet.autonomy.search import shortest_path
from moonfleet.autonomy.smooth import shorten
from moonfleet.autonomy.traversability import Reason, wheelbase_roughness
from moonfleet.autonomy.traversability_picture import REASONS, layer_picture
from moonfleet.terrain.catalogue import named_place
from moonfleet.terrain.grid import polar_xy
from moonfleet.terrain.rocks import rock_cover
from moonfleet.terrain.site_ground import regional_ground

START, GOAL = (215, 25), (20, 100)  # row, col


def main() -> None:
    """Plan and draw."""
    place = named_place("connecting-ridge")
    ref = GeoRef.centred(*polar_xy(place.lon_deg, place.lat_deg), 5_000.0, 20.0)
    ground, largest = regional_ground(ref, 1)
    slope = ground.slope_deg()
    rover = machine_limits(robot_spec("viper-rover"))
    layers = traversability(
        slope, wheelbase_roughness(ground, rover.wheelbase_m), rock_cover(ref, 1, slope, largest), rover
    )
    cost = layers.time_s_m
    discs = [shapely.Point(ref.xy(*rc)).buffer(radius) for rc, radius in (((150, 62), 130.0), ((95, 128), 220.0))]
    hazards = Hazards(discs)
    route = any_angle(cost, ref, ref.xy(*START), ref.xy(*GOAL), hazards.near(ref.bounds))
    path = shorten(shortest_path(cost, START, GOAL, ref.cell_m, corner_cutting=False).cells, cost, ref)
    at = 0.55 * route.length_m
    found = shapely.LineString(route.xy).interpolate(at).buffer(150.0)
    hazards.add([found])
    mended = repair(cost, ref, route.xy, hazards, at - 400.0)
    left, bottom, right, top = ref.bounds
    figure, axes = plt.subplots(1, 3, figsize=(18, 6.2))
    titles = {"time_s_m": "seconds per metre", "risk_per_m": "chance of loss per metre", "reason": "why impassable"}
    for ax, (name, title) in zip(axes, titles.items(), strict=True):
        picture = layer_picture(layers, name)
        ax.imshow(picture.image, extent=(left, right, bottom, top))
        span = "" if name == "reason" else f", {picture.low:.3g} (pale) to {picture.high:.3g} (dark)"
        ax.set_title(title + span)
        ax.tick_params(labelleft=ax is axes[0])
    first = axes[0]
    for k, disc in enumerate(discs):
        first.fill(
            *disc.exterior.xy, facecolor="none", edgecolor="black", hatch="///", label="keep-out" if k == 0 else None
        )
    first.fill(*found.exterior.xy, facecolor="none", edgecolor="red", hatch="xxx", label="hazard found on the way")
    first.plot(*path.T, ":", color="black", linewidth=1.5, label="8 directions, string pulled, no keep-outs")
    first.plot(*route.xy.T, color="#0072b2", linewidth=2.2, label=f"any angle, {route.cost / 3600.0:.1f} h")
    first.plot(*mended.xy.T, "--", color="#00c2a8", linewidth=2.2, label="mended")
    first.legend(loc="lower right", fontsize=8)
    first.set_xlabel("x and y in the site's frame [m]")
    for reason in Reason:
        if (layers.reason == reason).any():
            colour = np.array(REASONS[reason]) / 255.0
            axes[2].plot(
                [], [], "s", color=colour, markeredgecolor="black", label=reason.name.lower().replace("_", " ")
            )
    axes[2].legend(loc="upper left", fontsize=8)
    figure.tight_layout()
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("images") / "any_angle.png"
    figure.savefig(out, dpi=75)


if __name__ == "__main__":
    main()
