"""The robot catalogue: one YAML file per robot kind."""
