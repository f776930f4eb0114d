"""What robots are and do: the batched World, the robots, the Ray fleet, the simulation."""
