"""Many missions of one fleet side by side, one decision step at a time: `MissionLoop` on the map, for thousands of worlds."""
