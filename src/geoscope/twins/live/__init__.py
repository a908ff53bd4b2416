"""A live twin: a small real atmosphere model runs as a job, and its output becomes a twin like any other."""
