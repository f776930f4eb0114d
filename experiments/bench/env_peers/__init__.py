"""Environments that others made, each in a Python of its own with exact pins (`pins.json`): agent-steps per second of CPU."""
