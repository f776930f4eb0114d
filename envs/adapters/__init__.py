"""Thin doors to other libraries, all of the [rl] extra: `sb3` (Stable-Baselines3) and `rllib`. Each loads its library when imported."""
