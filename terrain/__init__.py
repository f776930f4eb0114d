"""The Moon: ground, sky, light. Nothing here knows of robots."""
