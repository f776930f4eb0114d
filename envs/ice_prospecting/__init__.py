"""``moonfleet/IceProspecting-v0``: one rover, ice in permanent shadow, random faults."""
