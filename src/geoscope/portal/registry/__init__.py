"""The registry: which services there are, and how they are."""
