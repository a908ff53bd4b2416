"""Dates in English, in the order that most of the world reads."""

DATE_FORMAT = "j F Y"
DATETIME_FORMAT = "j F Y, H:i"
