"""Twins: the output of digital twins, stored as cubes that grow, asked for in ECMWF's vocabulary."""
