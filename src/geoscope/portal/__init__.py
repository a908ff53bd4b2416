"""The management half: one Django project, one application a service of its own."""
