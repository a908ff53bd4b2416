"""Cubes: gridded Earth data as sharded Zarr, the grids under it, and quick reads of a point or a map.

A library that stands alone: it knows nothing of the platform's settings or services.
"""
