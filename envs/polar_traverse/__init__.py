"""``moonfleet/PolarTraverse-v0``: one rover, science targets, moving light."""
