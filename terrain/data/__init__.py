"""Elevation that the package ships, and the script that made it."""
