"""Learned models of the detectors; PROVENANCE.md names the scripts that made them."""
