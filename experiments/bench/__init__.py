"""Every measured claim of the project: rows of (bar, what, value, unit, target, ok), made by `moonfleet bench`."""
