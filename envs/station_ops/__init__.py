"""``moonfleet/StationOps-v0``: the fleet, one masked choice per robot and hour."""
