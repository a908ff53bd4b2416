"""Under which headings the help lists commands."""

OPERATE = "Run the platform"
USE = "Use the data"
