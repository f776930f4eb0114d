"""How a robot thinks: perception, planning, jobs, policies. Only what a robot can know."""
