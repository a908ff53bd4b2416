"""A cube that grows: fields are appended to it step by step, while others read it (see `docs/cubes.md`)."""
