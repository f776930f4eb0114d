"""The elevation grid that ships with the package, and the script that made it (see PROVENANCE.md)."""
