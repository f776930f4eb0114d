"""The command, scenarios, reports and benchmarks."""
