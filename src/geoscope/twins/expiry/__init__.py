"""Old versions of twins' cubes: forgotten after a time, so that what only they have is freed."""
