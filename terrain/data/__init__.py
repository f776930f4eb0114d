"""The elevation grid and the relay orbits that ship with the package, and the scripts that made them (see PROVENANCE.md)."""
