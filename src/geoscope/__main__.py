"""`python -m geoscope` is the command line."""

from geoscope.cli import main

main()
