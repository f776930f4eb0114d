"""dijkstra3d and pyastar2d as peers of the route bench: how they are asked for one path after another."""
