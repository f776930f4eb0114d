"""topocalc 0.5.0 as the peer of the horizon bench: how it is built on today's Python, and how it is timed."""
