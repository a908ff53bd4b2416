"""ECMWF's own store of fields, FDB, as a source and a destination of twin data."""
