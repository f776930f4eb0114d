"""``moonfleet/HazardLanding-v0``: one lander, a safe place to find before the fuel runs out."""
