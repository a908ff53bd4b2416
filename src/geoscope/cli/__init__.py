"""The command line: thin; each command calls one function elsewhere."""

from geoscope.cli.main import main

__all__ = ["main"]
