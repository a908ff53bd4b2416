"""Cuts: just the part of a cube that matters, by OGC API - Environmental Data Retrieval 1.1."""
