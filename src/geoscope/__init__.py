"""Geoscope: an open, self-hostable Earth digital-twin platform."""

__version__ = "0.1.0"
