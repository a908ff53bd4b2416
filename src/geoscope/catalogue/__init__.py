"""The catalogue: a STAC API over everything that the platform holds."""
